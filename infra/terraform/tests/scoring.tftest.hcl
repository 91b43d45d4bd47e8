# The scoring function and what it keeps, without an account: what the settings say is what is planned.
# The packages must have been built: make package.

mock_provider "aws" {}

variables {
  place        = { twin = false, account_id = "123456789012", partition = "aws", region = "eu-north-1" }
  scoring      = jsondecode(file("../settings.json")).scoring
  live         = jsondecode(file("../settings.json")).live
  facility     = jsondecode(file("../settings.json")).facility
  stream       = jsondecode(file("../settings.json")).stream
  firehose     = jsondecode(file("../settings.json")).firehose
  runtime      = jsondecode(file("../settings.json")).runtime
  stream_name  = "the-stream"
  bucket_names = { artifacts = "the-artifacts" }
  packages     = "../../build/lambda"
}

run "the_mapping_and_the_table_follow_the_settings" {
  command = plan

  module {
    source = "./modules/scoring"
  }

  variables {
    scoring = merge(jsondecode(file("../settings.json")).scoring, { batch_size = 77, failure_queue_retention_days = 3 })
    live    = merge(jsondecode(file("../settings.json")).live, { point_in_time_recovery = false })
  }

  assert {
    condition     = aws_lambda_event_source_mapping.stream.batch_size == 77 && aws_lambda_event_source_mapping.stream.event_source_arn == "arn:aws:kinesis:eu-north-1:123456789012:stream/the-stream"
    error_message = "The mapping reads the stream in batches of the settings."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.stream.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "A part of a batch may fail."
  }

  assert {
    condition     = aws_sqs_queue.failures.message_retention_seconds == 3 * 86400 && length(aws_sqs_queue_policy.tls_only) == 1
    error_message = "The queue keeps failures for the days of the settings, and refuses plain HTTP."
  }

  assert {
    condition     = aws_dynamodb_table.live.point_in_time_recovery[0].enabled == false && aws_dynamodb_table.live.ttl[0].enabled
    error_message = "Recovery is a setting; what has expired is forgotten."
  }
}

run "with_enhanced_fan_out_the_stream_has_a_consumer" {
  command = plan

  module {
    source = "./modules/scoring"
  }

  variables {
    scoring = merge(jsondecode(file("../settings.json")).scoring, { enhanced_fan_out = true })
  }

  assert {
    condition     = aws_kinesis_stream_consumer.scoring[0].name == "petrostream-scoring" && aws_kinesis_stream_consumer.scoring[0].stream_arn == "arn:aws:kinesis:eu-north-1:123456789012:stream/the-stream"
    error_message = "The consumer has the function's name."
  }
}

run "without_enhanced_fan_out_there_is_no_consumer" {
  command = plan

  module {
    source = "./modules/scoring"
  }

  assert {
    condition     = length(aws_kinesis_stream_consumer.scoring) == 0
    error_message = "A consumer has a price."
  }
}

run "the_twin_has_no_consumer" {
  command = plan

  module {
    source = "./modules/scoring"
  }

  variables {
    place   = { twin = true, account_id = "000000000000", partition = "aws", region = "us-east-1" }
    scoring = merge(jsondecode(file("../settings.json")).scoring, { enhanced_fan_out = true })
  }

  assert {
    condition     = length(aws_kinesis_stream_consumer.scoring) == 0 && aws_lambda_event_source_mapping.stream.event_source_arn == "arn:aws:kinesis:us-east-1:000000000000:stream/the-stream"
    error_message = "The emulator's event source mapping reads streams only."
  }
}

run "the_twin_has_no_tls" {
  command = plan

  module {
    source = "./modules/scoring"
  }

  variables {
    place = { twin = true, account_id = "000000000000", partition = "aws", region = "us-east-1" }
  }

  assert {
    condition     = length(aws_sqs_queue_policy.tls_only) == 0
    error_message = "The emulator speaks plain HTTP."
  }
}

run "a_function_has_the_size_and_concurrency_of_the_settings" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    settings             = { function = "the-function", memory_mb = 2048, timeout_seconds = 30 }
    package              = "scoring"
    reserved_concurrency = 4
    runtime              = merge(jsondecode(file("../settings.json")).runtime, { log_retention_days = 14, architecture = "x86_64", python = "3.12" })
  }

  assert {
    condition     = aws_lambda_function.this.memory_size == 2048 && aws_lambda_function.this.timeout == 30 && aws_lambda_function.this.reserved_concurrent_executions == 4
    error_message = "Sizes come from the settings."
  }

  assert {
    condition     = aws_lambda_function.this.runtime == "python3.12" && aws_lambda_function.this.architectures == tolist(["x86_64"])
    error_message = "Runtime and processor come from the settings."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 14
    error_message = "The log is kept for the days of the settings."
  }
}

run "without_a_reservation_the_account_decides" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    settings = jsondecode(file("../settings.json")).firehose_transform
    package  = "firehose_transform"
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == -1
    error_message = "null means no reservation."
  }
}

run "a_package_that_was_not_built_is_refused" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    settings = jsondecode(file("../settings.json")).firehose_transform
    package  = "no_such_package"
  }

  expect_failures = [aws_lambda_function.this]
}

run "records_must_not_outlive_the_stream" {
  command = plan

  module {
    source = "./modules/scoring"
  }

  variables {
    stream  = merge(jsondecode(file("../settings.json")).stream, { retention_hours = 24 })
    scoring = merge(jsondecode(file("../settings.json")).scoring, { maximum_record_age_seconds = 90000, batch_size = 0 })
  }

  expect_failures = [var.scoring]
}

run "a_right_on_everything_is_refused" {
  command = plan

  module {
    source = "./modules/role"
  }

  variables {
    name     = "too-wide"
    service  = "lambda.amazonaws.com"
    policies = { all = [{ actions = ["s3:*"], resources = ["*"] }] }
  }

  expect_failures = [var.policies]
}
