# The data stream, and the Firehoses that land it: raw as received, rejected lines as NDJSON; those of rows as
# Parquet are in parquet.tf.

locals {
  stream_arn   = "arn:${var.place.partition}:kinesis:${var.place.region}:${var.place.account_id}:stream/${var.stream.name}"
  firehose_arn = "arn:${var.place.partition}:firehose:${var.place.region}:${var.place.account_id}:deliverystream"

  read_stream = [
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

  quarantine = jsondecode(file("${var.schema_folder}/quarantine.json"))

  # The UTC date on which a record reached Firehose; or that of the reading, as the transform function found it.
  arrival_date = "date=!{timestamp:yyyy-MM-dd}/"
  event_date   = "date=!{partitionKeyFromLambda:date}/"

  error_prefix = {
    for key, firehose in { raw = var.firehose.raw, delivery = var.firehose.delivery, facility = var.firehose.facility, alarms = var.firehose.alarms, quarantine = var.firehose.quarantine } :
    key => "${var.firehose.error_prefix}${firehose.name}/!{firehose:error-output-type}/${local.arrival_date}"
  }
}

resource "aws_kinesis_stream" "ingest" {
  name             = var.stream.name
  shard_count      = var.stream.mode == "PROVISIONED" ? var.stream.shards : null
  retention_period = var.stream.retention_hours
  encryption_type  = "KMS"
  kms_key_id       = coalesce(var.key, "alias/aws/kinesis")

  stream_mode_details {
    stream_mode = var.stream.mode
  }
}

module "transform" {
  source = "../function"

  place    = var.place
  settings = var.transform
  runtime  = var.runtime
  package  = "firehose_transform"
  packages = var.packages
}

# Copies the stream as it is, for the Firehose of the raw zone, which counts each record as a multiple of 5 KB: one a
# minute instead of several a second. It is no part of scoring, and copies what scoring cannot read.
module "raw_copy" {
  source = "../function"

  place    = var.place
  settings = var.raw_copy
  runtime  = var.runtime
  package  = "raw_copy"
  packages = var.packages

  policies = {
    stream   = local.read_stream
    delivery = [{ actions = ["firehose:PutRecordBatch"], resources = ["${local.firehose_arn}/${var.firehose.raw.name}"] }]
  }

  environment = { RAW_STREAM = var.firehose.raw.name }
}

# Not on the twin, whose Firehose reads the stream at no price, and has a record before the sender has the answer.
resource "aws_lambda_event_source_mapping" "raw_copy" {
  count = var.place.twin ? 0 : 1

  function_name                      = module.raw_copy.name
  event_source_arn                   = local.stream_arn
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = var.raw_copy.batch_size
  maximum_batching_window_in_seconds = var.raw_copy.batching_window_seconds

  # It never looks at what is in a record: a batch that fails is tried until it succeeds, or leaves the stream.
  maximum_retry_attempts        = -1
  maximum_record_age_in_seconds = -1
  parallelization_factor        = 1

  depends_on = [aws_kinesis_stream.ingest, aws_kinesis_firehose_delivery_stream.raw]
}

module "raw" {
  source = "../delivery"

  place              = var.place
  name               = var.firehose.raw.name
  bucket             = var.bucket_names["raw"]
  prefixes           = [var.firehose.raw.prefix, var.firehose.error_prefix]
  log_retention_days = var.runtime.log_retention_days

  rights = { for name, statements in { stream = local.read_stream } : name => statements if var.place.twin }
}

resource "aws_kinesis_firehose_delivery_stream" "raw" {
  name        = var.firehose.raw.name
  destination = "extended_s3"

  dynamic "kinesis_source_configuration" {
    for_each = var.place.twin ? [local.stream_arn] : []

    content {
      kinesis_stream_arn = kinesis_source_configuration.value
      role_arn           = module.raw.role_arn
    }
  }

  # Firehose refuses a key of its own where it reads a stream.
  dynamic "server_side_encryption" {
    for_each = var.place.twin ? [] : ["AWS_OWNED_CMK"]

    content {
      enabled  = true
      key_type = server_side_encryption.value
    }
  }

  extended_s3_configuration {
    bucket_arn          = module.raw.bucket_arn
    role_arn            = module.raw.role_arn
    prefix              = "${var.firehose.raw.prefix}${local.arrival_date}"
    error_output_prefix = local.error_prefix.raw
    # The function that copies the stream compresses what it sends, which costs less.
    compression_format = var.place.twin ? var.firehose.raw.compression : "UNCOMPRESSED"
    file_extension     = var.place.twin ? null : ".gz"
    buffering_size     = var.firehose.raw.buffer_mb
    buffering_interval = var.firehose.raw.buffer_seconds

    # A producer may leave out the last newline of a block; two blocks must not share a line. The function that copies
    # the stream sees to that itself.
    dynamic "processing_configuration" {
      for_each = var.place.twin ? ["\\n"] : []

      content {
        enabled = true

        processors {
          type = "AppendDelimiterToRecord"

          parameters {
            parameter_name  = "Delimiter"
            parameter_value = processing_configuration.value
          }
        }
      }
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = module.raw.log_group
      log_stream_name = module.raw.log_stream
    }
  }

  depends_on = [aws_kinesis_stream.ingest]
}

module "quarantine" {
  source = "../delivery"

  place              = var.place
  name               = var.firehose.quarantine.name
  bucket             = var.bucket_names["quarantine"]
  prefixes           = [local.quarantine.prefix, var.firehose.error_prefix]
  log_retention_days = var.runtime.log_retention_days
}

resource "aws_kinesis_firehose_delivery_stream" "quarantine" {
  name        = var.firehose.quarantine.name
  destination = "extended_s3"

  server_side_encryption {
    enabled  = true
    key_type = "AWS_OWNED_CMK"
  }

  extended_s3_configuration {
    bucket_arn          = module.quarantine.bucket_arn
    role_arn            = module.quarantine.role_arn
    prefix              = "${local.quarantine.prefix}${local.arrival_date}"
    error_output_prefix = local.error_prefix.quarantine
    compression_format  = var.firehose.quarantine.compression
    buffering_size      = var.firehose.quarantine.buffer_mb
    buffering_interval  = var.firehose.quarantine.buffer_seconds

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = module.quarantine.log_group
      log_stream_name = module.quarantine.log_stream
    }
  }
}
