# Alarms, their topic and the dashboard. Not on the twin, where nobody receives them.

variable "alert_email" {
  description = "E-mail address that alarms and budget alerts go to. Never stored in a file: set TF_VAR_alert_email."
  type        = string
  default     = null

  validation {
    condition     = var.target == "twin" || var.alert_email != null
    error_message = "alert_email: give the address that alarms and budget alerts go to, for example TF_VAR_alert_email=operations@example.com."
  }

  validation {
    condition     = var.alert_email == null || can(regex("^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*\\.[A-Za-z]{2,24}$", var.alert_email))
    error_message = "alert_email = ${coalesce(var.alert_email, "null")}: must be an e-mail address, for example operations@example.com."
  }
}

locals {
  # What ${names} in infra/alarms.json, infra/dashboard.json.tpl and infra/policies stand for.
  shared_names = {
    project       = local.settings.project
    account       = local.place.account_id
    region        = local.place.region
    partition     = local.place.partition
    database      = local.settings.lake.database
    workgroup     = local.settings.lake.workgroup
    stream        = local.settings.stream.name
    raw           = local.settings.firehose.raw.name
    raw_copy      = local.settings.raw_copy.function
    delivery      = local.settings.firehose.delivery.name
    facility      = local.settings.firehose.facility.name
    alarms        = local.settings.firehose.alarms.name
    quarantine    = local.settings.firehose.quarantine.name
    live_table    = local.settings.live.table
    scoring       = local.settings.scoring.function
    failure_queue = local.settings.scoring.failure_queue
    transform     = local.settings.firehose_transform.function
    batch         = local.settings.batch.function
    nightly       = local.settings.batch.nightly
    weekly        = local.settings.batch.weekly
    backfill      = local.settings.batch.backfill
    dashboard     = local.settings.ops.dashboard

    schedule_group    = local.settings.batch.schedule_group
    project_tag       = local.settings.tags.project
    services          = local.settings.services.name
    scoring_service   = local.settings.services.scoring.service
    dashboard_service = local.settings.services.dashboard.service
    spark             = local.settings.spark.name
    client_secret     = try(local.settings.services.access.sign_in.client_secret, "${local.settings.project}-none")
  }
}

module "ops" {
  source = "./modules/ops"
  count  = local.twin ? 0 : 1

  place         = local.place
  ops           = local.settings.ops
  alarms        = local.settings.alarms
  names         = local.shared_names
  service_reads = local.service_reads
  parts         = !local.services_on || var.image_tag == null ? [] : concat(["scoring"], local.settings.services.dashboard.enabled ? ["dashboard"] : [])
  shared_folder = "${local.repository}/infra"
  alert_email   = var.alert_email
  key           = local.key
}

output "AlarmTopicArn" {
  description = "Topic that every alarm reports to."
  value       = one(module.ops[*].topic_arn)
}

output "DashboardName" {
  description = "CloudWatch dashboard."
  value       = one(module.ops[*].dashboard)
}
