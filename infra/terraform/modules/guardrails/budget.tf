# What a month may cost. Two budgets that act, and any that only write, are free of charge.

locals {
  alerts = toset([for percent in var.budget.alert_percent : tostring(percent)])
  stopped = concat(
    ["${var.names.scoring}-${var.place.region}", "${var.names.raw}-${var.place.region}", aws_iam_role.analyst.name],
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

# By the project's tag: an account may have one monitor by service only, and may have it already.
resource "aws_ce_anomaly_monitor" "project" {
  name         = var.names.project
  monitor_type = "CUSTOM"

  # The provider compares the whole expression, empty parts included.
  monitor_specification = jsonencode({
    And            = null
    CostCategories = null
    Dimensions     = null
    Not            = null
    Or             = null
    Tags           = { Key = "project", MatchOptions = null, Values = [var.project_tag] }
  })
}

resource "aws_ce_anomaly_subscription" "project" {
  name             = var.names.project
  frequency        = "DAILY"
  monitor_arn_list = [aws_ce_anomaly_monitor.project.arn]

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
