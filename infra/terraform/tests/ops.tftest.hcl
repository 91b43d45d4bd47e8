# Alarms and dashboard, without an account: what the settings say is what is planned.

mock_provider "aws" {}

variables {
  place         = { twin = false, account_id = "123456789012", partition = "aws", region = "eu-north-1" }
  ops           = jsondecode(file("../settings.json")).ops
  alarms        = jsondecode(file("../settings.json")).alarms
  shared_folder = ".."
  alert_email   = "operations@example.com"
  names = {
    project    = "petrostream", account = "123456789012", region = "eu-north-1", partition = "aws"
    database   = "lake", workgroup = "group", stream = "the-stream", raw = "the-raw", delivery = "the-delivery"
    quarantine = "the-quarantine", live_table = "the-table", scoring = "the-scoring", failure_queue = "the-queue"
    transform  = "the-transform", raw_copy = "the-raw-copy", facility = "the-facility", alarms = "the-alarms", dashboard = "petrostream"
    batch      = "the-batch", nightly = "the-nightly", weekly = "the-weekly", backfill = "the-backfill", schedule_group = "the-group"
    services   = "the-services", scoring_service = "the-service", dashboard_service = "the-dashboard-service"
  }
}

run "every_alarm_reports_and_names_its_runbook" {
  command = plan

  module {
    source = "./modules/ops"
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.alarm)) == setsubtract(keys(var.alarms), ["service_down", "dashboard_down"])
    error_message = "infra/alarms.json and the section alarms of the settings must name the same alarms."
  }

  assert {
    condition = alltrue([
      for key, alarm in aws_cloudwatch_metric_alarm.alarm :
      alarm.alarm_actions == toset(["arn:aws:sns:eu-north-1:123456789012:${var.ops.topic}"]) && endswith(alarm.alarm_description, "${replace(key, "_", "-")}.md")
    ])
    error_message = "An alarm must report to the topic and name its runbook."
  }

  assert {
    condition     = alltrue([for key, alarm in aws_cloudwatch_metric_alarm.alarm : alarm.threshold == var.alarms[key].threshold && alarm.treat_missing_data == "notBreaching"])
    error_message = "Thresholds come from the settings."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.alarm["scoring_behind"].dimensions == tomap({ FunctionName = "the-scoring" })
    error_message = "Metrics are those of the resources named."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.alarm["quarantined_share"].metric_query) == 3
    error_message = "A computed alarm has its expression and two metrics."
  }

  assert {
    condition     = strcontains(aws_sns_topic_policy.alarms.policy, "aws:SecureTransport")
    error_message = "The topic refuses plain HTTP."
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.lake.dashboard_body).widgets) > 10
    error_message = "The dashboard has its widgets."
  }
}

run "alarms_follow_whoever_scores" {
  command = plan

  module {
    source = "./modules/ops"
  }

  variables {
    service_reads = true
    parts         = ["scoring", "dashboard"]
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.alarm)) == toset(keys(var.alarms))
    error_message = "infra/alarms.json and the section alarms of the settings must name the same alarms."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.alarm["scoring_behind"].metric_name == "BehindMilliseconds" && aws_cloudwatch_metric_alarm.alarm["scoring_behind"].dimensions == tomap({ service = "the-scoring" })
    error_message = "How late readings are is what the service says."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.alarm["service_down"].treat_missing_data == "breaching"
    error_message = "Without a task there is no data: that is the alarm."
  }
}

run "more_datapoints_than_periods_are_refused" {
  command = plan

  module {
    source = "./modules/ops"
  }

  variables {
    alarms = merge(jsondecode(file("../settings.json")).alarms, { raw_late = { threshold = 1200, period_seconds = 300, periods = 1, datapoints = 2 } })
  }

  expect_failures = [var.alarms]
}
