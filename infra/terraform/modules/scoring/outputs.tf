output "live_table" {
  description = "Name of the table of state and live status."
  value       = aws_dynamodb_table.live.name
}

output "alert_topic_arn" {
  description = "ARN of the topic that alarms and statuses are published to."
  value       = aws_sns_topic.alerts.arn
}

output "function" {
  description = "Name of the scoring function."
  value       = module.function.name
}

output "failure_queue_url" {
  description = "URL of the queue of batches given up on."
  value       = aws_sqs_queue.failures.url
}

output "failure_queue_arn" {
  description = "ARN of the same queue."
  value       = local.queue_arn
  depends_on  = [aws_sqs_queue.failures]
}

output "rights" {
  description = "What whoever scores may do, by policy name."
  value       = local.rights
  depends_on  = [aws_dynamodb_table.live, aws_sns_topic.alerts]
}

output "environment" {
  description = "Environment of whoever scores."
  value       = local.environment
}
