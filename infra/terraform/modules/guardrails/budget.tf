# What a month may cost. Two budgets that act, and any that only write, are free of charge.

locals {
  alerts = toset([for percent in var.budget.alert_percent : tostring(percent)])
  stopped = concat(
    ["${var.names.scoring}-${var.place.region}", "${var.names.raw_copy}-${var.place.region}", aws_iam_role.analyst.name],
    [for service in var.containers : "${service}-${var.place.region}"],
    var.budget.hard_stop_roles,
  )
}

resource "aws_budgets_budget" "monthly" {
  name         = "${var.names.project}-monthly"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.budget.monthly_limit_usd)
  limit_unit   = "USD"

  dynamic "cost_filter" {
    for_each = var.budget.scope == "project" ? [1] : []

    content {
      name   = "TagKeyValue"
      values = [format("user:project$%s", var.project_tag)]
    }
  }

  dynamic "notification" {
    for_each = var.budget.first_alert_usd == null ? [] : [var.budget.first_alert_usd]

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = "ACTUAL"
      threshold                  = notification.value
      threshold_type             = "ABSOLUTE_VALUE"
      subscriber_email_addresses = [var.alert_email]
    }
  }

  dynamic "notification" {
    for_each = local.alerts

    content {
      comparison_operator        = "GREATER_THAN"
      notification_type          = "ACTUAL"
      threshold                  = tonumber(notification.value)
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = [var.alert_email]
    }
  }
}

resource "aws_budgets_budget" "hard_stop" {
  name         = "${var.names.project}-hard-stop"
  budget_type  = "COST"
  time_unit    = "MONTHLY"
  limit_amount = tostring(var.budget.hard_stop_usd)
  limit_unit   = "USD"

  dynamic "cost_filter" {
    for_each = var.budget.scope == "project" ? [1] : []

    content {
      name   = "TagKeyValue"
      values = [format("user:project$%s", var.project_tag)]
    }
  }
}

resource "aws_iam_policy" "hard_stop" {
  name        = "${var.names.project}-hard-stop-${var.place.region}"
  description = "Attached by the budget action at the hard stop: nothing goes in, nothing is read"
  policy      = jsonencode(jsondecode(templatefile("${var.policies_folder}/hard_stop.json", var.names)))
}

# What AWS Budgets acts as: it may attach and detach that one policy, on those roles.
resource "aws_iam_role" "hard_stop" {
  name = "${var.names.project}-hard-stop-${var.place.region}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "aws:SourceAccount" = var.place.account_id } }
        Effect    = "Allow"
        Principal = { Service = "budgets.amazonaws.com" }
      }
    ]
  })
}

resource "aws_iam_role_policy" "hard_stop" {
  name = "attach"
  role = aws_iam_role.hard_stop.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Action    = ["iam:AttachRolePolicy", "iam:DetachRolePolicy"]
        Condition = { ArnEquals = { "iam:PolicyARN" = aws_iam_policy.hard_stop.arn } }
        Effect    = "Allow"
        Resource  = [for name in local.stopped : "arn:${var.place.partition}:iam::${var.place.account_id}:role/${name}"]
      }
    ]
  })
}

resource "aws_budgets_budget_action" "hard_stop" {
  budget_name        = aws_budgets_budget.hard_stop.name
  action_type        = "APPLY_IAM_POLICY"
  approval_model     = var.budget.hard_stop_approval
  notification_type  = "ACTUAL"
  execution_role_arn = aws_iam_role.hard_stop.arn

  action_threshold {
    action_threshold_type  = "PERCENTAGE"
    action_threshold_value = 100
  }

  definition {
    iam_action_definition {
      policy_arn = aws_iam_policy.hard_stop.arn
      roles      = local.stopped
    }
  }

  subscriber {
    subscription_type = "EMAIL"
    address           = var.alert_email
  }

  depends_on = [aws_iam_role_policy.hard_stop]
}

# The monitor by service: the account's, or one of its own where it has none, as an account can have one of these. A
# monitor by tag would see the lake alone, but exists in management accounts only (AWS Cost Management User Guide,
# "Getting started with AWS Cost Anomaly Detection").
resource "aws_ce_anomaly_monitor" "services" {
  count = var.budget.anomaly_usd != null && var.anomaly_monitor_arn == null ? 1 : 0

  name              = var.names.project
  monitor_type      = "DIMENSIONAL"
  monitor_dimension = "SERVICE"
}

resource "aws_ce_anomaly_subscription" "project" {
  count = var.budget.anomaly_usd == null ? 0 : 1

  name             = var.names.project
  frequency        = "DAILY"
  monitor_arn_list = [coalesce(var.anomaly_monitor_arn, one(aws_ce_anomaly_monitor.services[*].arn))]

  subscriber {
    type    = "EMAIL"
    address = var.alert_email
  }

  threshold_expression {
    dimension {
      key           = "ANOMALY_TOTAL_IMPACT_ABSOLUTE"
      match_options = ["GREATER_THAN_OR_EQUAL"]
      values        = [tostring(var.budget.anomaly_usd)]
    }
  }
}
