# Containers on ECS, where the settings ask for them. Not on the twin, whose ECS runs nothing.

variable "image_tag" {
  description = "Tag of the images in the services' repositories; null makes room for them and runs nothing."
  type        = string
  default     = null

  validation {
    condition     = var.image_tag == null || can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag))
    error_message = "image_tag = ${coalesce(var.image_tag, "null")}: must be a tag of an image, such as 1.4.0 or a commit."
  }
}

locals {
  services_on = local.settings.services.enabled && !local.twin

  # Only once the service can run: until its image is there, the function goes on.
  service_reads = local.services_on && local.settings.scoring.consumer == "service" && var.image_tag != null
}

module "services" {
  source = "./modules/services"
  count  = local.services_on ? 1 : 0

  place            = local.place
  project          = local.settings.project
  services         = local.settings.services
  reads_stream     = local.settings.scoring.consumer == "service"
  stream_name      = module.stream.stream_name
  metrics_name     = local.settings.scoring.function
  environment      = module.scoring.environment
  rights           = module.scoring.rights
  workgroup        = local.settings.lake.workgroup
  database         = local.settings.lake.database
  alarm_stream_arn = "arn:${local.place.partition}:firehose:${local.place.region}:${local.place.account_id}:deliverystream/${local.settings.firehose.alarms.name}"
  runtime          = local.runtime
  image_tag        = var.image_tag

  # What an analyst may do but to list every catalogue.
  query_rights = [
    for statement in jsondecode(templatefile("${local.repository}/infra/policies/analyst.json", local.shared_names)).Statement :
    { actions = statement.Action, resources = statement.Resource } if statement.Resource != ["*"]
  ]

  # What the page about the pipeline asks beyond that.
  pipeline_rights = [
    for statement in jsondecode(templatefile("${local.repository}/infra/policies/dashboard.json", local.shared_names)).Statement :
    { actions = statement.Action, resources = statement.Resource }
  ]
  firehoses            = [for name in ["raw", "delivery", "facility", "alarms", "quarantine"] : local.settings.firehose[name].name]
  cloudwatch_dashboard = local.settings.ops.dashboard
}

output "ScoringRepositoryUrl" {
  description = "Repository of the scoring service's image."
  value       = try(module.services[0].repository_urls["scoring"], null)
}

output "DashboardRepositoryUrl" {
  description = "Repository of the dashboard's image."
  value       = try(module.services[0].repository_urls["dashboard"], null)
}

output "ServicesCluster" {
  description = "ECS cluster of the services."
  value       = one(module.services[*].cluster)
}

output "ServicesNames" {
  description = "Names of the services that run, separated by commas; none without an image."
  value       = one([for services in module.services : join(",", services.names) if length(services.names) > 0])
}

output "ServicesUrl" {
  description = "Address of the services; none where no network may connect."
  value       = one(module.services[*].url)
}

output "ServicesBalancer" {
  description = "Name of the load balancer, which the domain of the certificate must point at."
  value       = one(module.services[*].balancer)
}

output "ServicesImageTag" {
  description = "Tag of the images that run."
  value       = local.services_on ? var.image_tag : null
}
