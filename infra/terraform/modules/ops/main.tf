# Alarms on the lake, their topic and the dashboard; each alarm names its runbook.

locals {
  alarms = {
    for key, alarm in jsondecode(templatefile("${var.shared_folder}/alarms.json", var.names)) : key => {
      # Most of these metrics have data points only while there is something to count.
      missing = try(alarm.missing, "notBreaching")

      name        = "${var.names.project}-${replace(key, "_", "-")}"
      description = "${alarm.summary}. Runbook: ${var.ops.runbooks}/${replace(key, "_", "-")}.md"
      unit        = alarm.unit
      expression  = try(alarm.expression, null)
      settings    = var.alarms[key]

      # The function and the service measure some things by metrics of their own.
      metrics = merge(alarm.metrics, var.service_reads ? try(alarm.by_service, {}) : {})
    } if try(contains(var.parts, alarm.part), true)
  }

  here      = "${var.place.region}:${var.place.account_id}"
  topic_arn = "arn:${var.place.partition}:sns:${local.here}:${var.ops.topic}"
}

resource "aws_sns_topic" "alarms" {
  name              = var.ops.topic
  display_name      = "PetroStream alarms"
  kms_master_key_id = var.key
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AllowPublishThroughSSLOnly"
        Action    = "sns:Publish"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
        Effect    = "Deny"
        Principal = "*"
        Resource  = local.topic_arn
      },
      {
        Sid       = "AlarmsOfThisAccount"
        Action    = "sns:Publish"
        Condition = { StringEquals = { "aws:SourceAccount" = var.place.account_id } }
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Resource  = local.topic_arn
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "email" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alert_email
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = local.alarms

  alarm_name          = each.value.name
  alarm_description   = each.value.description
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.settings.threshold
  evaluation_periods  = each.value.settings.periods
  datapoints_to_alarm = each.value.settings.datapoints

  treat_missing_data = each.value.missing

  alarm_actions = [local.topic_arn]
  ok_actions    = [local.topic_arn]

  # One metric stands for itself; several need an expression.
  namespace   = each.value.expression == null ? one(values(each.value.metrics)).namespace : null
  metric_name = each.value.expression == null ? one(values(each.value.metrics)).name : null
  statistic   = each.value.expression == null ? one(values(each.value.metrics)).statistic : null
  dimensions  = each.value.expression == null ? one(values(each.value.metrics)).dimensions : null
  period      = each.value.expression == null ? each.value.settings.period_seconds : null

  dynamic "metric_query" {
    for_each = each.value.expression == null ? [] : [each.value]

    content {
      id          = "answer"
      expression  = metric_query.value.expression
      label       = metric_query.value.unit
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = each.value.expression == null ? {} : each.value.metrics

    content {
      id          = metric_query.key
      return_data = false

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        stat        = metric_query.value.statistic
        period      = each.value.settings.period_seconds
      }
    }
  }
}

resource "aws_cloudwatch_dashboard" "lake" {
  dashboard_name = var.ops.dashboard

  dashboard_body = jsonencode(jsondecode(templatefile("${var.shared_folder}/dashboard.json.tpl", merge(
    var.names,
    { for key, alarm in local.alarms : "threshold_${key}" => alarm.settings.threshold },
    {
      runbooks   = var.ops.runbooks
      alarm_arns = jsonencode([for alarm in local.alarms : "arn:${var.place.partition}:cloudwatch:${local.here}:alarm:${alarm.name}"])
    },
  ))))
}
