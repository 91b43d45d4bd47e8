# Jobs over stored data: the function that runs them, the state machines that call it, and when they start.

locals {
  here      = "${var.place.region}:${var.place.account_id}"
  topic_arn = "arn:${var.place.partition}:sns:${local.here}:${var.topic}"
  queue_arn = "arn:${var.place.partition}:sqs:${local.here}:${var.batch.undelivered_queue}"

  machines  = { nightly = var.batch.nightly, weekly = var.batch.weekly, backfill = var.batch.backfill }
  arns      = { for key, name in local.machines : key => "arn:${var.place.partition}:states:${local.here}:stateMachine:${name}" }
  schedules = { nightly = var.batch.nightly_schedule, weekly = var.batch.weekly_schedule }

  # A step waits a little longer than the function, whose own time-out then comes first, with its name.
  grace_seconds = 30

  rights = {
    for statement in jsondecode(templatefile("${var.shared_folder}/policies/batch.json", var.names)).Statement :
    statement.Sid => [{ actions = statement.Action, resources = statement.Resource }]
  }

  # A machine with a Distributed Map starts an execution for each day.
  day_rights = {
    for key, name in local.machines : key => {
      days = [
        { actions = ["states:StartExecution"], resources = [local.arns[key]] },
        { actions = ["states:DescribeExecution", "states:StopExecution"], resources = ["arn:${var.place.partition}:states:${local.here}:execution:${name}/EachDay:*"] },
      ]
    } if key != "weekly"
  }
}

# On the twin no other module makes the topic: its alarms have nobody to tell.
resource "aws_sns_topic" "operations" {
  count = var.place.twin ? 1 : 0

  name = var.topic
}

module "function" {
  source = "../function"

  place    = var.place
  settings = var.batch
  runtime  = var.runtime
  package  = "batch"
  packages = var.packages

  # Its libraries are larger than what Lambda takes in a call.
  bucket = var.place.twin ? null : var.bucket_names["artifacts"]

  temporary_mb = var.batch.temporary_mb

  policies = local.rights
  environment = {
    LAKE_DATABASE     = var.names.database
    ATHENA_WORKGROUP  = var.names.workgroup
    RAW_BUCKET        = var.bucket_names["raw"]
    RAW_PREFIX        = var.raw_prefix
    CURATED_BUCKET    = var.bucket_names["curated"]
    QUARANTINE_BUCKET = var.bucket_names["quarantine"]
    ARTIFACTS_BUCKET  = var.bucket_names["artifacts"]
    GOLD_KEEP_DAYS    = tostring(var.gold.keep_days)
    GOLD_SETTLE_HOURS = tostring(var.gold.settle_hours)
  }
}

module "machine_role" {
  source   = "../role"
  for_each = local.machines

  place       = var.place
  name        = each.value
  service     = "states.amazonaws.com"
  own_account = true

  policies = merge(
    {
      function = [{ actions = ["lambda:InvokeFunction"], resources = [module.function.arn] }]
      topic    = [{ actions = ["sns:Publish"], resources = [local.topic_arn] }]
    },
    try(local.day_rights[each.key], {}),
  )
}

# Standard: the history of a run is kept for 90 days, and a step runs once.
resource "aws_sfn_state_machine" "this" {
  for_each = local.machines

  name     = each.value
  type     = "STANDARD"
  role_arn = module.machine_role[each.key].arn

  definition = templatefile("${var.shared_folder}/machines/${each.key}.asl.json.tpl", {
    partition       = var.place.partition
    function_arn    = module.function.arn
    topic_arn       = local.topic_arn
    timeout_seconds = var.batch.timeout_seconds + local.grace_seconds
    concurrency     = var.batch.concurrency
    runbooks        = var.runbooks
  })
}

# Starts that the scheduler gave up on.
resource "aws_sqs_queue" "undelivered" {
  name                      = var.batch.undelivered_queue
  message_retention_seconds = 14 * 86400
  sqs_managed_sse_enabled   = var.key == null ? true : null
  kms_master_key_id         = var.key
}

resource "aws_sqs_queue_policy" "tls_only" {
  count = var.place.twin ? 0 : 1

  queue_url = aws_sqs_queue.undelivered.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Action    = "sqs:*"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Resource  = local.queue_arn
      }
    ]
  })
}

module "schedule_role" {
  source   = "../role"
  for_each = local.schedules

  place       = var.place
  name        = "${local.machines[each.key]}-schedule"
  service     = "scheduler.amazonaws.com"
  own_account = true

  policies = {
    start       = [{ actions = ["states:StartExecution"], resources = [local.arns[each.key]] }]
    undelivered = [{ actions = ["sqs:SendMessage"], resources = [local.queue_arn] }]
  }
}

resource "aws_scheduler_schedule_group" "jobs" {
  name = var.batch.schedule_group
}

resource "aws_scheduler_schedule" "this" {
  for_each = local.schedules

  name                         = local.machines[each.key]
  group_name                   = aws_scheduler_schedule_group.jobs.name
  schedule_expression          = each.value
  schedule_expression_timezone = "UTC"

  # On the twin nothing starts by itself at night.
  state = var.batch.scheduled && !var.place.twin ? "ENABLED" : "DISABLED"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = local.arns[each.key]
    role_arn = module.schedule_role[each.key].arn
    input    = each.key == "nightly" ? jsonencode({ days = var.batch.days }) : "{}"

    retry_policy {
      maximum_retry_attempts       = 5
      maximum_event_age_in_seconds = 3600
    }

    dead_letter_config {
      arn = local.queue_arn
    }
  }

  depends_on = [aws_sfn_state_machine.this, aws_sqs_queue.undelivered]
}
