output "topic_arn" {
  description = "ARN of the topic that every alarm reports to."
  value       = local.topic_arn
  depends_on  = [aws_sns_topic_policy.alarms]
}

output "dashboard" {
  description = "Name of the dashboard."
  value       = aws_cloudwatch_dashboard.lake.dashboard_name
}
