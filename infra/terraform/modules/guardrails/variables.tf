variable "place" {
  description = "Account, partition, region, and whether this is the twin."
  type        = object({ twin = bool, account_id = string, partition = string, region = string })
}

variable "budget" {
  description = "Section `budget` of the settings."
  type = object({
    monthly_limit_usd  = number
    first_alert_usd    = number
    alert_percent      = list(number)
    hard_stop_usd      = number
    hard_stop_approval = string
    hard_stop_roles    = list(string)
    scope              = string
    anomaly_usd        = number
  })

  validation {
    condition     = var.budget.monthly_limit_usd != null
    error_message = "budget.monthly_limit_usd is null, the computed bill with room: give it as -var=monthly_limit_usd=$(python -m cost.limit)."
  }

  validation {
    condition     = try(var.budget.monthly_limit_usd > 0, true)
    error_message = "budget.monthly_limit_usd = ${coalesce(var.budget.monthly_limit_usd, 0)}: must be over 0."
  }

  validation {
    condition     = try(var.budget.first_alert_usd > 0, true)
    error_message = "budget.first_alert_usd = ${coalesce(var.budget.first_alert_usd, 0)}: must be over 0, or null."
  }

  validation {
    condition     = length(var.budget.alert_percent) + (var.budget.first_alert_usd == null ? 0 : 1) <= 5
    error_message = "budget.first_alert_usd and budget.alert_percent: a budget has at most five alerts together."
  }

  validation {
    condition     = length(var.budget.alert_percent) >= 1 && length(var.budget.alert_percent) <= 5 && alltrue([for percent in var.budget.alert_percent : percent >= 1 && percent <= 100])
    error_message = "budget.alert_percent = ${join(", ", var.budget.alert_percent)}: must be one to five shares from 1 to 100."
  }

  validation {
    condition     = try(var.budget.hard_stop_usd > var.budget.monthly_limit_usd, true)
    error_message = "budget.hard_stop_usd = ${var.budget.hard_stop_usd}: must be over monthly_limit_usd (${coalesce(var.budget.monthly_limit_usd, 0)}): warnings come before the stop."
  }

  validation {
    condition     = contains(["AUTOMATIC", "MANUAL"], var.budget.hard_stop_approval)
    error_message = "budget.hard_stop_approval = ${var.budget.hard_stop_approval}: must be AUTOMATIC or MANUAL."
  }

  validation {
    condition     = contains(["account", "project"], var.budget.scope)
    error_message = "budget.scope = ${var.budget.scope}: must be account or project."
  }

  validation {
    condition     = try(var.budget.anomaly_usd > 0, true)
    error_message = "budget.anomaly_usd = ${coalesce(var.budget.anomaly_usd, 0)}: must be over 0, or null."
  }
}

variable "access" {
  description = "Section `access` of the settings."
  type        = object({ branch = string, environment = string, session_minutes = number })

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$", var.access.branch)) && can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", var.access.environment))
    error_message = "access.branch = ${var.access.branch}, access.environment = ${var.access.environment}: must be names, without wildcards."
  }

  validation {
    condition     = var.access.session_minutes >= 60 && var.access.session_minutes <= 720
    error_message = "access.session_minutes = ${var.access.session_minutes}: IAM allows 60 to 720."
  }
}

variable "names" {
  description = "What names in the policies stand for."
  type        = map(string)
}

variable "project_tag" {
  description = "Value of the tag `project`, by which costs are allocated."
  type        = string
}

variable "services" {
  description = "Whether there are services: the roles for GitHub then have their rights as well."
  type        = bool
  default     = false
}

variable "spark" {
  description = "Whether there is Spark: the roles for GitHub then have their rights on it as well."
  type        = bool
  default     = false
}

variable "containers" {
  description = "Names of the services, whose roles the hard stop reaches."
  type        = list(string)
  default     = []
}

variable "policies_folder" {
  description = "Folder of the policy documents."
  type        = string
}

variable "alert_email" {
  description = "E-mail address that budget alerts go to."
  type        = string
}

variable "github_repository" {
  description = "The GitHub repository that may deploy, as owner/name, or null."
  type        = string
}

variable "github_owner_id" {
  description = "GitHub's number of the owner, or null."
  type        = string
}

variable "github_repository_id" {
  description = "GitHub's number of the repository, or null."
  type        = string
}

variable "anomaly_monitor_arn" {
  description = "ARN of the account's anomaly monitor by service if it has one, or null."
  type        = string
}

variable "github_provider_arn" {
  description = "ARN of GitHub's OIDC provider if the account has it, or null."
  type        = string
}
