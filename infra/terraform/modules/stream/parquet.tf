# Firehoses that land the rows of a table as Parquet, by the date of their `ts`.

locals {
  glue_arn = "arn:${var.place.partition}:glue:${var.place.region}:${var.place.account_id}"

  parquet = {
    delivery = { table = "scored_readings", settings = var.firehose.delivery }
    facility = { table = "facility_readings", settings = var.firehose.facility }
    alarms   = { table = "alarms", settings = var.firehose.alarms }
  }

  schemas = { for key, row in local.parquet : key => jsondecode(file("${var.schema_folder}/${row.table}.json")) }

  # The provider forgets parameters that are equal to Firehose's own defaults, and would then plan to set them
  # in every run; left out, they have the same value.
  firehose_defaults = { NumberOfRetries = "3", BufferSizeInMBs = "1", BufferIntervalInSeconds = "60" }
  transformations = {
    for key, row in local.parquet : key => {
      for name, value in {
        LambdaArn               = "${module.transform.arn}:$LATEST"
        NumberOfRetries         = tostring(row.settings.transform_retries)
        BufferSizeInMBs         = tostring(row.settings.transform_buffer_mb)
        BufferIntervalInSeconds = tostring(row.settings.transform_buffer_seconds)
      } : name => value if value != lookup(local.firehose_defaults, name, null)
    }
  }
}

module "parquet" {
  source   = "../delivery"
  for_each = local.parquet

  place              = var.place
  name               = each.value.settings.name
  bucket             = var.bucket_names["curated"]
  prefixes           = [local.schemas[each.key].prefix, var.firehose.error_prefix]
  log_retention_days = var.runtime.log_retention_days

  rights = {
    schema = [
      {
        actions = ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"]
        resources = [
          "${local.glue_arn}:catalog",
          "${local.glue_arn}:database/${var.database}",
          "${local.glue_arn}:table/${var.database}/${var.tables[each.value.table]}",
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

resource "aws_kinesis_firehose_delivery_stream" "parquet" {
  for_each = local.parquet

  name        = each.value.settings.name
  destination = "extended_s3"

  server_side_encryption {
    enabled  = true
    key_type = "AWS_OWNED_CMK"
  }

  extended_s3_configuration {
    bucket_arn          = module.parquet[each.key].bucket_arn
    role_arn            = module.parquet[each.key].role_arn
    prefix              = "${local.schemas[each.key].prefix}${local.event_date}"
    error_output_prefix = local.error_prefix[each.key]
    buffering_size      = each.value.settings.buffer_mb
    buffering_interval  = each.value.settings.buffer_seconds

    # Parquet compresses inside; Firehose refuses both at once.
    compression_format = "UNCOMPRESSED"

    dynamic_partitioning_configuration {
      enabled        = true
      retry_duration = each.value.settings.partition_retry_seconds
    }

    processing_configuration {
      enabled = true

      processors {
        type = "Lambda"

        dynamic "parameters" {
          for_each = local.transformations[each.key]

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
        table_name    = var.tables[each.value.table]
        region        = var.place.region
        role_arn      = module.parquet[each.key].role_arn
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
      log_group_name  = module.parquet[each.key].log_group
      log_stream_name = module.parquet[each.key].log_stream
    }
  }
}
