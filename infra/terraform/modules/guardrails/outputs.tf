output "analyst_role_arn" {
  description = "ARN of the analysts' role."
  value       = aws_iam_role.analyst.arn
}

output "plan_role_arn" {
  description = "ARN of the role under which GitHub plans, or null."
  value       = try(aws_iam_role.github["plan"].arn, null)
}

output "deploy_role_arn" {
  description = "ARN of the role under which GitHub deploys, or null."
  value       = try(aws_iam_role.github["deploy"].arn, null)
}
