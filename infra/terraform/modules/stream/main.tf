# The data stream, and the Firehoses that land it: raw as received, rejected lines as NDJSON; those of rows as
# Parquet are in parquet.tf.

locals {
  stream_arn = "arn:${var.place.partition}:kinesis:${var.place.region}:${var.place.account_id}:stream/${var.stream.name}"

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

module "raw" {
  source = "../delivery"

  place              = var.place
  name               = var.firehose.raw.name
  bucket             = var.bucket_names["raw"]
  prefixes           = [var.firehose.raw.prefix, var.firehose.error_prefix]
  log_retention_days = var.runtime.log_retention_days

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
  }
}

resource "aws_kinesis_firehose_delivery_stream" "raw" {
  name        = var.firehose.raw.name
  destination = "extended_s3"

  kinesis_source_configuration {
    kinesis_stream_arn = local.stream_arn
    role_arn           = module.raw.role_arn
  }

  extended_s3_configuration {
    bucket_arn          = module.raw.bucket_arn
    role_arn            = module.raw.role_arn
    prefix              = "${var.firehose.raw.prefix}${local.arrival_date}"
    error_output_prefix = local.error_prefix.raw
    compression_format  = var.firehose.raw.compression
    buffering_size      = var.firehose.raw.buffer_mb
    buffering_interval  = var.firehose.raw.buffer_seconds

    # A producer may leave out the last newline of a block; two blocks must not share a line.
    processing_configuration {
      enabled = true

      processors {
        type = "AppendDelimiterToRecord"

        parameters {
          parameter_name  = "Delimiter"
          parameter_value = "\\n"
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
