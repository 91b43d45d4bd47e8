output "function" {
  description = "Name of the function of the jobs."
  value       = module.function.name
}

output "machine_arns" {
  description = "ARN of each state machine."
  value       = local.arns
  depends_on  = [aws_sfn_state_machine.this]
}

output "undelivered_queue_url" {
  description = "URL of the queue of starts that the scheduler gave up on."
  value       = aws_sqs_queue.undelivered.url
}
