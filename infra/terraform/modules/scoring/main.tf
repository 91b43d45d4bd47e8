# Stream records in, scored rows out; state in one table, batches given up on in one queue.

locals {
  here       = "${var.place.region}:${var.place.account_id}"
  stream_arn = "arn:${var.place.partition}:kinesis:${local.here}:stream/${var.stream_name}"
  table_arn  = "arn:${var.place.partition}:dynamodb:${local.here}:table/${var.live.table}"
  topic_arn  = "arn:${var.place.partition}:sns:${local.here}:${var.live.alert_topic}"
  queue_arn  = "arn:${var.place.partition}:sqs:${local.here}:${var.scoring.failure_queue}"
  artifacts  = "arn:${var.place.partition}:s3:::${var.bucket_names["artifacts"]}"

  # The emulator's event source mapping reads streams only. The ARN of a consumer ends with the time of its registration.
  fan_out       = var.scoring.enhanced_fan_out && !var.place.twin
  consumer_arns = "${local.stream_arn}/consumer/${var.scoring.function}:*"

  # Prefix of the model registry in the artifacts bucket.
  models_prefix = "models/"

  # What whoever scores may do, the function or the service, and what it is told.
  rights = {
    stream = [
      {
        actions = [
          "kinesis:DescribeStream",
          "kinesis:DescribeStreamSummary",
          "kinesis:GetRecords",
          "kinesis:GetShardIterator",
          "kinesis:ListShards",
        ]
        resources = [local.stream_arn]
      }
    ]
    delivery = [
      {
        actions = ["firehose:PutRecordBatch"]
        resources = [
          for name in [var.firehose.delivery.name, var.firehose.facility.name, var.firehose.alarms.name, var.firehose.quarantine.name] :
          "arn:${var.place.partition}:firehose:${local.here}:deliverystream/${name}"
        ]
      }
    ]
    # Deleting: the marker of a message that the topic refused. Query and BatchGetItem: shelvings whose time is up.
    state  = [{ actions = ["dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"], resources = [local.table_arn] }]
    alerts = [{ actions = ["sns:Publish"], resources = [local.topic_arn] }]
    models = [
      { actions = ["s3:GetObject"], resources = ["${local.artifacts}/${local.models_prefix}*"] },
      # Without the right to list, S3 answers 403 instead of 404 for a model not yet published.
      { actions = ["s3:ListBucket"], resources = [local.artifacts] },
    ]
  }

  fan_out_rights = [
    for arns in local.fan_out ? [local.consumer_arns] : [] :
    { actions = ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"], resources = [arns] }
  ]

  environment = {
    LIVE_TABLE            = var.live.table
    LIVE_WINDOW_HOURS     = tostring(var.live.window_hours)
    ALERT_TOPIC           = local.topic_arn
    DELIVERY_STREAM       = var.firehose.delivery.name
    FACILITY_STREAM       = var.firehose.facility.name
    FACILITY_JOIN         = var.facility.join
    ALARM_STREAM          = var.firehose.alarms.name
    QUARANTINE_STREAM     = var.firehose.quarantine.name
    ARTIFACTS_BUCKET      = var.bucket_names["artifacts"]
    MODEL_REFRESH_SECONDS = tostring(var.scoring.model_refresh_seconds)
    COMMIT_SECONDS        = tostring(var.scoring.commit_seconds)
    COMMIT_BYTES          = tostring(var.scoring.commit_bytes)
  }
}

# State is rebuilt from the stream and windows from the lake: the table may go with the rest.
resource "aws_dynamodb_table" "live" {
  name         = var.live.table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  dynamic "server_side_encryption" {
    for_each = var.key == null ? [] : [var.key_arn]

    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = var.live.point_in_time_recovery
  }
}

resource "aws_sqs_queue" "failures" {
  name                      = var.scoring.failure_queue
  message_retention_seconds = var.scoring.failure_queue_retention_days * 86400
  sqs_managed_sse_enabled   = var.key == null ? true : null
  kms_master_key_id         = var.key
}

# The emulator speaks plain HTTP, on the loopback interface only.
resource "aws_sqs_queue_policy" "tls_only" {
  count = var.place.twin ? 0 : 1

  queue_url = aws_sqs_queue.failures.url

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

# Changes of alarms and of wells' statuses: docs/reference/live-table.md says what a message holds.
resource "aws_sns_topic" "alerts" {
  name              = var.live.alert_topic
  display_name      = "PetroStream alerts"
  kms_master_key_id = var.key
}

resource "aws_sns_topic_policy" "alerts" {
  count = var.place.twin ? 0 : 1

  arn = aws_sns_topic.alerts.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AllowPublishThroughSSLOnly"
        Action    = "sns:Publish"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
        Effect    = "Deny"
        Principal = "*"
        Resource  = local.topic_arn
      },
    ]
  })
}

module "function" {
  source = "../function"

  place                = var.place
  settings             = var.scoring
  runtime              = var.runtime
  package              = "scoring"
  packages             = var.packages
  reserved_concurrency = var.scoring.reserved_concurrency

  policies = merge(local.rights, { stream = concat(local.rights.stream, local.fan_out_rights), failures = [{ actions = ["sqs:SendMessage"], resources = [local.queue_arn] }] })
  # The emulator's event source mapping ignores a partial answer, so there a batch must raise.
  environment = merge(local.environment, { PARTIAL_BATCH_RESPONSE = var.place.twin ? "false" : "true" })
}

# Kinesis pushes records to it as they arrive, for a price of its own: docs/reference/cost.md.
resource "aws_kinesis_stream_consumer" "scoring" {
  count = local.fan_out ? 1 : 0

  name       = var.scoring.function
  stream_arn = local.stream_arn
}

resource "aws_lambda_event_source_mapping" "stream" {
  function_name    = module.function.name
  event_source_arn = local.fan_out ? aws_kinesis_stream_consumer.scoring[0].arn : local.stream_arn

  # The function or the service reads the stream. Enabled again, it goes on where it stopped.
  enabled = !var.service_reads

  # From the oldest record: readings sent before the first deployment finished are scored too.
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = var.scoring.batch_size
  maximum_batching_window_in_seconds = var.scoring.batching_window_seconds
  bisect_batch_on_function_error     = true
  function_response_types            = ["ReportBatchItemFailures"]
  maximum_retry_attempts             = var.scoring.retry_attempts
  maximum_record_age_in_seconds      = var.scoring.maximum_record_age_seconds

  # State is per facility: two batches of one shard at once would conflict.
  parallelization_factor = 1

  destination_config {
    on_failure {
      destination_arn = local.queue_arn
    }
  }

  depends_on = [aws_dynamodb_table.live, aws_sqs_queue.failures]
}
