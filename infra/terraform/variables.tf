variable "target" {
  description = "Where the lake goes: aws, or twin for the emulator on this machine."
  type        = string
  default     = "aws"

  validation {
    condition     = contains(["aws", "twin"], var.target)
    error_message = "target = ${var.target}: must be aws or twin."
  }
}

variable "region" {
  description = "AWS region of every resource."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region = ${var.region}: must be the code of an AWS region, for example us-east-1."
  }
}

variable "account_id" {
  description = "The only account that may be changed; null accepts the account of the credentials."
  type        = string
  default     = null

  validation {
    condition     = var.account_id == null || can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id = ${coalesce(var.account_id, "null")}: must be the twelve digits of an AWS account."
  }
}

variable "settings_file" {
  description = "Settings other than infra/settings.json, for a trial."
  type        = string
  default     = null

  validation {
    condition     = var.settings_file == null || try(fileexists(var.settings_file), false)
    error_message = "settings_file = ${coalesce(var.settings_file, "null")}: there is no such file."
  }

  validation {
    condition     = var.settings_file == null || can(jsondecode(file(var.settings_file)))
    error_message = "settings_file = ${coalesce(var.settings_file, "null")}: is not valid JSON."
  }
}

variable "packages" {
  description = "Folder of the function packages; by default where `python -m toolchain.package` leaves them."
  type        = string
  default     = null
}

variable "architecture" {
  description = "Processor of the functions instead of the settings' one: arm64 or x86_64. The twin needs its own machine's."
  type        = string
  default     = null

  validation {
    condition     = var.architecture == null || contains(["arm64", "x86_64"], coalesce(var.architecture, "arm64"))
    error_message = "architecture = ${coalesce(var.architecture, "null")}: must be arm64 or x86_64."
  }
}
