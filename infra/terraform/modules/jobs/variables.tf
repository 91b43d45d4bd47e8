variable "place" {
  description = "Account, partition, region, and whether this is the twin."
  type        = object({ twin = bool, account_id = string, partition = string, region = string })
}

variable "batch" {
  description = "Section `batch` of the settings."
  type = object({
    function          = string
    memory_mb         = number
    timeout_seconds   = number
    temporary_mb      = number
    nightly           = string
    weekly            = string
    backfill          = string
    scheduled         = bool
    nightly_schedule  = string
    weekly_schedule   = string
    schedule_group    = string
    days              = number
    concurrency       = number
    undelivered_queue = string
  })

  validation {
    condition     = alltrue([for one in [var.batch.nightly_schedule, var.batch.weekly_schedule] : can(regex("^(cron|rate)\\([^()]+\\)$", one))])
    error_message = "batch: nightly_schedule and weekly_schedule must be like cron(30 6 * * ? *), in UTC; found ${var.batch.nightly_schedule} and ${var.batch.weekly_schedule}."
  }

  validation {
    condition     = var.batch.concurrency >= 1 && var.batch.concurrency <= 100
    error_message = "batch.concurrency = ${var.batch.concurrency}: must be 1 to 100 days at once."
  }

  validation {
    condition     = var.batch.days >= 1 && var.batch.days <= 366
    error_message = "batch.days = ${var.batch.days}: must be 1 to 366."
  }
}

variable "gold" {
  description = "Section `gold` of the settings."
  type        = object({ keep_days = number, settle_hours = number })
}

variable "raw_prefix" {
  description = "Prefix of the raw zone."
  type        = string
}

variable "topic" {
  description = "Name of the operations topic, which failures are published to."
  type        = string
}

variable "runbooks" {
  description = "Folder of the runbooks."
  type        = string
}

variable "runtime" {
  description = "Section `runtime` of the settings."
  type        = object({ python = string, architecture = string, log_retention_days = number, log_level = string, system_log_level = string })
}

variable "names" {
  description = "What names in the shared files stand for."
  type        = map(string)
}

variable "shared_folder" {
  description = "Folder of `machines` and `policies`."
  type        = string
}

variable "bucket_names" {
  description = "Bucket names by zone."
  type        = map(string)
}

variable "packages" {
  description = "Folder of the function packages."
  type        = string
}

variable "key" {
  description = "Alias of the customer-managed key; null with AWS-owned keys."
  type        = string
  default     = null
}
