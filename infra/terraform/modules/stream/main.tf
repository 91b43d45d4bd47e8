# The data stream, and the Firehoses that land it: raw as received, scored rows as Parquet by the date of the
# reading, rejected lines as NDJSON.

locals {
  stream_arn = "arn:${var.place.partition}:kinesis:${var.place.region}:${var.place.account_id}:stream/${var.stream.name}"
  glue_arn   = "arn:${var.place.partition}:glue:${var.place.region}:${var.place.account_id}"

  scored     = jsondecode(file("${var.schema_folder}/scored_readings.json"))
  quarantine = jsondecode(file("${var.schema_folder}/quarantine.json"))

  # The UTC date on which a record reached Firehose; or that of the reading, as the transform function found it.
  arrival_date = "date=!{timestamp:yyyy-MM-dd}/"
  event_date   = "date=!{partitionKeyFromLambda:date}/"

  error_prefix = {
    for key in ["raw", "delivery", "quarantine"] :
    key => "${var.firehose.error_prefix}${var.firehose[key].name}/!{firehose:error-output-type}/${local.arrival_date}"
  }

  # The provider forgets parameters that are equal to Firehose's own defaults, and would then plan to set them
  # again for ever; left out, they have the same value.
  firehose_defaults = { NumberOfRetries = "3", BufferSizeInMBs = "1", BufferIntervalInSeconds = "60" }
  transformation = {
    LambdaArn               = "${module.transform.arn}:$LATEST"
    NumberOfRetries         = tostring(var.firehose.delivery.transform_retries)
    BufferSizeInMBs         = tostring(var.firehose.delivery.transform_buffer_mb)
    BufferIntervalInSeconds = tostring(var.firehose.delivery.transform_buffer_seconds)
  }
}

resource "aws_kinesis_stream" "ingest" {
  name             = var.stream.name
  shard_count      = var.stream.mode == "PROVISIONED" ? var.stream.shards : null
  retention_period = var.stream.retention_hours
  encryption_type  = "KMS"
  kms_key_id       = "alias/aws/kinesis"

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

module "delivery" {
  source = "../delivery"

  place              = var.place
  name               = var.firehose.delivery.name
  bucket             = var.bucket_names["curated"]
  prefixes           = [local.scored.prefix, var.firehose.error_prefix]
  log_retention_days = var.runtime.log_retention_days

  rights = {
    schema = [
      {
        actions = ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"]
        resources = [
          "${local.glue_arn}:catalog",
          "${local.glue_arn}:database/${var.database}",
          "${local.glue_arn}:table/${var.database}/${var.tables["scored_readings"]}",
        ]
      }
    ]
    transform = [
      {
        actions   = ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"]
        resources = [module.transform.arn, "${module.transform.arn}:$LATEST"]
      }
    ]
  }
}

resource "aws_kinesis_firehose_delivery_stream" "delivery" {
  name        = var.firehose.delivery.name
  destination = "extended_s3"

  server_side_encryption {
    enabled  = true
    key_type = "AWS_OWNED_CMK"
  }

  extended_s3_configuration {
    bucket_arn          = module.delivery.bucket_arn
    role_arn            = module.delivery.role_arn
    prefix              = "${local.scored.prefix}${local.event_date}"
    error_output_prefix = local.error_prefix.delivery
    buffering_size      = var.firehose.delivery.buffer_mb
    buffering_interval  = var.firehose.delivery.buffer_seconds

    # Parquet compresses inside; Firehose refuses both at once.
    compression_format = "UNCOMPRESSED"

    dynamic_partitioning_configuration {
      enabled        = true
      retry_duration = var.firehose.delivery.partition_retry_seconds
    }

    processing_configuration {
      enabled = true

      processors {
        type = "Lambda"

        dynamic "parameters" {
          for_each = { for name, value in local.transformation : name => value if value != lookup(local.firehose_defaults, name, null) }

          content {
            parameter_name  = parameters.key
            parameter_value = parameters.value
          }
        }
      }
    }

    data_format_conversion_configuration {
      enabled = true

      schema_configuration {
        catalog_id    = var.place.account_id
        database_name = var.database
        table_name    = var.tables["scored_readings"]
        region        = var.place.region
        role_arn      = module.delivery.role_arn
        version_id    = "LATEST"
      }

      input_format_configuration {
        deserializer {
          open_x_json_ser_de {
            case_insensitive                         = true
            convert_dots_in_json_keys_to_underscores = false
          }
        }
      }

      output_format_configuration {
        serializer {
          parquet_ser_de {
            compression                   = "SNAPPY"
            enable_dictionary_compression = true
            writer_version                = "V1"
          }
        }
      }
    }

    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = module.delivery.log_group
      log_stream_name = module.delivery.log_stream
    }
  }
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
