# The stream and its deliveries, without an account: what the settings say is what is planned.
# The packages must have been built: make package.

mock_provider "aws" {}

variables {
  place         = { twin = false, account_id = "123456789012", partition = "aws", region = "eu-north-1" }
  stream        = jsondecode(file("../settings.json")).stream
  firehose      = jsondecode(file("../settings.json")).firehose
  raw_copy      = jsondecode(file("../settings.json")).raw_copy
  transform     = jsondecode(file("../settings.json")).firehose_transform
  runtime       = jsondecode(file("../settings.json")).runtime
  database      = "lake"
  tables        = { scored_readings = "scored", facility_readings = "pairs", alarms = "bells", quarantine = "rejected" }
  bucket_names  = { raw = "the-raw", curated = "the-curated", quarantine = "the-quarantine" }
  schema_folder = "../../petrostream/schema"
  packages      = "../../build/lambda"
}

run "shards_are_those_of_the_settings" {
  command = plan

  module {
    source = "./modules/stream"
  }

  variables {
    stream = merge(jsondecode(file("../settings.json")).stream, { mode = "PROVISIONED", shards = 3, retention_hours = 48 })
  }

  assert {
    condition     = aws_kinesis_stream.ingest.shard_count == 3 && aws_kinesis_stream.ingest.stream_mode_details[0].stream_mode == "PROVISIONED"
    error_message = "A provisioned stream has the shards of the settings."
  }

  assert {
    condition     = aws_kinesis_stream.ingest.retention_period == 48 && aws_kinesis_stream.ingest.encryption_type == "KMS"
    error_message = "Retention comes from the settings; the stream is encrypted."
  }
}

run "an_on_demand_stream_has_no_shards_to_count" {
  command = plan

  module {
    source = "./modules/stream"
  }

  variables {
    stream  = merge(jsondecode(file("../settings.json")).stream, { mode = "ON_DEMAND" })
    runtime = merge(jsondecode(file("../settings.json")).runtime, { log_retention_days = 30, architecture = "x86_64" })
    firehose = merge(jsondecode(file("../settings.json")).firehose, {
      delivery = merge(jsondecode(file("../settings.json")).firehose.delivery, { buffer_mb = 128, transform_retries = 5, transform_buffer_mb = 1.5 })
    })
  }

  assert {
    condition     = aws_kinesis_stream.ingest.shard_count == null && aws_kinesis_stream.ingest.stream_mode_details[0].stream_mode == "ON_DEMAND"
    error_message = "Kinesis refuses a shard count for an on-demand stream."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.parquet["delivery"].extended_s3_configuration[0].buffering_size == 128
    error_message = "Buffers come from the settings."
  }

  assert {
    condition = {
      for parameter in one(aws_kinesis_firehose_delivery_stream.parquet["delivery"].extended_s3_configuration[0].processing_configuration[0].processors).parameters :
      parameter.parameter_name => parameter.parameter_value
      } == {
      LambdaArn               = "arn:aws:lambda:eu-north-1:123456789012:function:${var.transform.function}:$LATEST"
      NumberOfRetries         = "5"
      BufferSizeInMBs         = "1.5"
      BufferIntervalInSeconds = tostring(var.firehose.delivery.transform_buffer_seconds)
    }
    error_message = "What differs from Firehose's own defaults is set."
  }

  assert {
    condition     = aws_kinesis_firehose_delivery_stream.parquet["delivery"].extended_s3_configuration[0].data_format_conversion_configuration[0].schema_configuration[0].table_name == "scored"
    error_message = "Parquet has the columns of the table."
  }
}

run "parameters_equal_to_the_defaults_are_left_out" {
  command = plan

  module {
    source = "./modules/stream"
  }

  variables {
    firehose = merge(jsondecode(file("../settings.json")).firehose, {
      delivery = merge(jsondecode(file("../settings.json")).firehose.delivery, { transform_retries = 3, transform_buffer_mb = 1, transform_buffer_seconds = 60 })
    })
  }

  assert {
    condition     = [for parameter in one(aws_kinesis_firehose_delivery_stream.parquet["delivery"].extended_s3_configuration[0].processing_configuration[0].processors).parameters : parameter.parameter_name] == ["LambdaArn"]
    error_message = "The provider would plan to set them for ever."
  }
}

run "a_mode_that_kinesis_has_not_is_refused" {
  command = plan

  module {
    source = "./modules/stream"
  }

  variables {
    stream = merge(jsondecode(file("../settings.json")).stream, { mode = "SERVERLESS", shards = 0, retention_hours = 12 })
  }

  expect_failures = [var.stream]
}

run "a_buffer_too_small_for_parquet_is_refused" {
  command = plan

  module {
    source = "./modules/stream"
  }

  variables {
    firehose = merge(jsondecode(file("../settings.json")).firehose, {
      delivery = merge(jsondecode(file("../settings.json")).firehose.delivery, { buffer_mb = 5, buffer_seconds = 10 })
    })
  }

  expect_failures = [var.firehose]
}

run "a_retention_that_cloudwatch_has_not_is_refused" {
  command = plan

  module {
    source = "./modules/stream"
  }

  variables {
    runtime = merge(jsondecode(file("../settings.json")).runtime, { log_retention_days = 2 })
  }

  expect_failures = [var.runtime]
}
