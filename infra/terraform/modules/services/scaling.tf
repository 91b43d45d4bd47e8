# How many tasks: what they use on average, and how far behind the stream they are.

resource "aws_appautoscaling_target" "tasks" {
  for_each = local.placed

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this[each.key].name}"
  min_capacity       = local.all[each.key].settings.least_tasks
  max_capacity       = local.all[each.key].settings.most_tasks
}

locals {
  targets = {
    cpu    = { metric = "ECSServiceAverageCPUUtilization", percent = var.services.cpu_percent }
    memory = { metric = "ECSServiceAverageMemoryUtilization", percent = var.services.memory_percent }
  }
}

resource "aws_appautoscaling_policy" "average" {
  for_each = { for pair in setproduct(local.placed, keys(local.targets)) : "${pair[0]} ${pair[1]}" => { key = pair[0], target = pair[1] } }

  name               = "${local.all[each.value.key].settings.service}-${each.value.target}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.tasks[each.value.key].service_namespace
  scalable_dimension = aws_appautoscaling_target.tasks[each.value.key].scalable_dimension
  resource_id        = aws_appautoscaling_target.tasks[each.value.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = local.targets[each.value.target].percent
    scale_out_cooldown = 60
    scale_in_cooldown  = 300

    predefined_metric_specification {
      predefined_metric_type = local.targets[each.value.target].metric
    }
  }
}

# A task more shares the shards. Never fewer by this: how late readings are does not say that a task is idle.
resource "aws_appautoscaling_policy" "behind" {
  count = local.running && var.reads_stream ? 1 : 0

  name               = "${var.services.scoring.service}-behind"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.tasks["scoring"].service_namespace
  scalable_dimension = aws_appautoscaling_target.tasks["scoring"].scalable_dimension
  resource_id        = aws_appautoscaling_target.tasks["scoring"].resource_id

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = 180
    metric_aggregation_type = "Maximum"

    step_adjustment {
      metric_interval_lower_bound = "0"
      scaling_adjustment          = 1
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "behind" {
  count = local.running && var.reads_stream ? 1 : 0

  alarm_name          = "${var.project}-scaling-behind"
  alarm_description   = "Adds a task to ${var.services.scoring.service}; calls nobody"
  namespace           = "PetroStream"
  metric_name         = "BehindMilliseconds"
  dimensions          = { service = var.metrics_name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  threshold           = var.services.behind_seconds * 1000
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.behind[0].arn]
}
