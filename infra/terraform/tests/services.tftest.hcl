# The services, without an account: what the settings say is what is planned, and too wide an access is refused.

mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-north-1a", "eu-north-1b", "eu-north-1c"] }
  }
}

variables {
  place                = { account_id = "123456789012", partition = "aws", region = "eu-north-1" }
  project              = "petrostream"
  services             = jsondecode(file("../settings.json")).services
  reads_stream         = true
  stream_name          = "the-stream"
  metrics_name         = "the-scoring"
  environment          = { LIVE_TABLE = "the-table", ALARM_STREAM = "the-alarms" }
  rights               = { stream = [{ actions = ["kinesis:GetRecords"], resources = ["arn:aws:kinesis:eu-north-1:123456789012:stream/the-stream"] }], state = [{ actions = ["dynamodb:GetItem"], resources = ["arn:aws:dynamodb:eu-north-1:123456789012:table/the-table"] }] }
  query_rights         = [{ actions = ["athena:StartQueryExecution"], resources = ["arn:aws:athena:eu-north-1:123456789012:workgroup/the-group"] }]
  workgroup            = "the-group"
  database             = "the-database"
  pipeline_rights      = [{ actions = ["sqs:GetQueueAttributes"], resources = ["arn:aws:sqs:eu-north-1:123456789012:the-queue"] }]
  firehoses            = ["the-delivery"]
  cloudwatch_dashboard = "the-board"
  alarm_stream_arn     = "arn:aws:firehose:eu-north-1:123456789012:deliverystream/the-alarms"
  runtime              = jsondecode(file("../settings.json")).runtime
  image_tag            = "1.2.3"
}

run "nobody_reaches_a_consumer_and_nothing_is_paid_for_that" {
  command = plan

  module {
    source = "./modules/services"
  }

  assert {
    condition     = length(aws_lb.this) == 0 && length(aws_vpc_security_group_ingress_rule.balancer) == 0 && length(aws_vpc_security_group_ingress_rule.task) == 0
    error_message = "Without a network in the settings there is no load balancer, and nobody is let in."
  }

  assert {
    condition     = aws_ecs_service.this["scoring"].network_configuration[0].assign_public_ip && length(aws_ecs_service.this) == 1
    error_message = "A public address is the way out; the dashboard is off."
  }

  assert {
    condition     = length(aws_appautoscaling_policy.behind) == 1 && length(aws_appautoscaling_policy.average) == 2
    error_message = "Scaling goes by CPU, memory and how late readings are."
  }
}

run "an_image_that_is_not_there_runs_nothing" {
  command = plan

  module {
    source = "./modules/services"
  }

  variables {
    image_tag = null
  }

  assert {
    condition     = length(aws_ecs_service.this) == 0 && length(aws_ecs_task_definition.this) == 0 && length(aws_ecr_repository.image) == 1
    error_message = "Repositories come first."
  }
}

run "the_api_alone_reads_no_stream" {
  command = plan

  module {
    source = "./modules/services"
  }

  variables {
    reads_stream = false
    services     = merge(jsondecode(file("../settings.json")).services, { capacity = "FARGATE", zones = 3 })
  }

  assert {
    condition     = length(aws_appautoscaling_policy.behind) == 0 && length(aws_subnet.public) == 3
    error_message = "What reads no stream is never behind it."
  }

  assert {
    condition     = one(aws_ecs_service.this["scoring"].capacity_provider_strategy).capacity_provider == "FARGATE"
    error_message = "The capacity is a setting."
  }
}

run "without_a_certificate_nobody_from_the_internet" {
  command = plan

  module {
    source = "./modules/services"
  }

  variables {
    services = merge(jsondecode(file("../settings.json")).services, { access = { allowed_cidrs = ["0.0.0.0/0"], certificate_arn = null, domain = null, sign_in = null } })
  }

  expect_failures = [var.services]
}

run "an_open_dashboard_needs_sign_in" {
  command = plan

  module {
    source = "./modules/services"
  }

  variables {
    services = merge(jsondecode(file("../settings.json")).services, {
      dashboard = merge(jsondecode(file("../settings.json")).services.dashboard, { enabled = true })
      access    = { allowed_cidrs = ["0.0.0.0/0"], certificate_arn = "arn:aws:acm:eu-north-1:123456789012:certificate/1", domain = "lake.example.com", sign_in = null }
    })
  }

  expect_failures = [var.services]
}

run "a_size_that_fargate_does_not_offer_is_refused" {
  command = plan

  module {
    source = "./modules/services"
  }

  variables {
    services = merge(jsondecode(file("../settings.json")).services, { scoring = merge(jsondecode(file("../settings.json")).services.scoring, { cpu = 256, memory_mb = 4096 }) })
  }

  expect_failures = [var.services]
}
