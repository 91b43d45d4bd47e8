output "application" {
  description = "Id of the application."
  value       = aws_emrserverless_application.this.id
}

output "role_arn" {
  description = "ARN of the role of its jobs."
  value       = module.role.arn
}

output "log_group" {
  description = "Name of the log group of its jobs."
  value       = aws_cloudwatch_log_group.this.name
}
