# What a month may cost, and who may do what from outside. Not on the twin, which has no bill.
# To be applied by a person: the role of the pipeline is in here, and cannot change itself.

variable "github_repository" {
  description = "The GitHub repository that may deploy, as owner/name; null makes no roles for GitHub."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository == null || can(regex("^[A-Za-z0-9](-?[A-Za-z0-9]){0,38}/[A-Za-z0-9._-]{1,100}$", var.github_repository))
    error_message = "github_repository = ${coalesce(var.github_repository, "null")}: must be owner/name, without wildcards."
  }
}

variable "github_owner_id" {
  description = "GitHub's number of the repository's owner, which binds the roles to that very repository; null if unknown."
  type        = string
  default     = null

  validation {
    condition     = var.github_owner_id == null || can(regex("^[0-9]{1,20}$", var.github_owner_id))
    error_message = "github_owner_id = ${coalesce(var.github_owner_id, "null")}: must be a number, or null."
  }

  validation {
    condition     = (var.github_owner_id == null) == (var.github_repository_id == null)
    error_message = "github_owner_id and github_repository_id: give both numbers, or neither."
  }
}

variable "github_repository_id" {
  description = "GitHub's number of the repository; null if unknown."
  type        = string
  default     = null

  validation {
    condition     = var.github_repository_id == null || can(regex("^[0-9]{1,20}$", var.github_repository_id))
    error_message = "github_repository_id = ${coalesce(var.github_repository_id, "null")}: must be a number, or null."
  }
}

variable "monthly_limit_usd" {
  description = "Limit of the monthly budget where budget.monthly_limit_usd of the settings is null: `python -m cost.limit`."
  type        = number
  default     = null
}

variable "anomaly_monitor_arn" {
  description = "ARN of the account's cost anomaly monitor by service if it has one; null creates it."
  type        = string
  default     = null

  validation {
    condition     = var.anomaly_monitor_arn == null || can(regex("^arn:aws[a-z-]*:ce::[0-9]{12}:anomalymonitor/[a-zA-Z0-9-]+$", var.anomaly_monitor_arn))
    error_message = "anomaly_monitor_arn = ${coalesce(var.anomaly_monitor_arn, "null")}: must be the ARN of an anomaly monitor, or null."
  }
}

variable "github_provider_arn" {
  description = "ARN of GitHub's OIDC provider if the account has it already; null creates it."
  type        = string
  default     = null

  validation {
    condition     = var.github_provider_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.github_provider_arn))
    error_message = "github_provider_arn = ${coalesce(var.github_provider_arn, "null")}: must be the ARN of GitHub's OIDC provider, or null."
  }
}

module "guardrails" {
  source = "./modules/guardrails"
  count  = local.twin ? 0 : 1

  place                = local.place
  budget               = merge(local.settings.budget, { monthly_limit_usd = try(coalesce(local.settings.budget.monthly_limit_usd, var.monthly_limit_usd), null) })
  access               = local.settings.access
  names                = local.shared_names
  project_tag          = local.settings.tags.project
  services             = local.settings.services.enabled
  spark                = local.settings.spark.enabled
  containers           = !local.settings.services.enabled ? [] : concat([local.settings.services.scoring.service], local.settings.services.dashboard.enabled ? [local.settings.services.dashboard.service] : [])
  policies_folder      = "${local.repository}/infra/policies"
  alert_email          = var.alert_email
  github_repository    = var.github_repository
  github_owner_id      = var.github_owner_id
  github_repository_id = var.github_repository_id
  github_provider_arn  = var.github_provider_arn
  anomaly_monitor_arn  = var.anomaly_monitor_arn

  # Depends on no other module: `destroy -target` removes what depends on its target too, and the pipeline, which
  # removes everything but the guardrails, would remove them as well. They name roles by their names.
}

output "AnalystRoleArn" {
  description = "Role for SQL clients and Power BI."
  value       = one(module.guardrails[*].analyst_role_arn)
}

output "PlanRoleArn" {
  description = "Role under which GitHub plans."
  value       = one(module.guardrails[*].plan_role_arn)
}

output "DeployRoleArn" {
  description = "Role under which GitHub deploys."
  value       = one(module.guardrails[*].deploy_role_arn)
}
