output "repository_urls" {
  description = "URL of the repository of each image."
  value       = { for key in local.on : key => "${local.registry}/${aws_ecr_repository.image[key].name}" }
}

output "cluster" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.this.name
}

output "names" {
  description = "Names of the services that run."
  value       = [for key in sort(local.placed) : aws_ecs_service.this[key].name]
}

output "url" {
  description = "Address of the load balancer; null where no network may connect."
  value       = !local.reached ? null : local.secure ? "https://${local.access.domain}" : "http://${aws_lb.this[0].dns_name}"
}

output "balancer" {
  description = "Name of the load balancer, which the domain of the certificate must point at; null where no network may connect."
  value       = local.reached ? aws_lb.this[0].dns_name : null
}
