variable "place" {
  description = "Account, partition, region, and whether this is the twin."
  type        = object({ twin = bool, account_id = string, partition = string, region = string })
}

variable "settings" {
  description = "Section `lake` of the settings."
  type = object({
    database                      = string
    workgroup                     = string
    athena_scan_limit_bytes       = number
    projection_start              = string
    buckets                       = list(string)
    versioned_buckets             = list(string)
    athena_results_expire_days    = number
    noncurrent_expire_days        = number
    incomplete_upload_expire_days = number
    raw_infrequent_access_days    = number
    raw_glacier_days              = number
  })

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,62}$", var.settings.database))
    error_message = "lake.database = ${var.settings.database}: must be lower-case letters, digits and _, at most 63 characters."
  }

  validation {
    condition     = toset(var.settings.buckets) == toset(["raw", "curated", "quarantine", "athena-results", "artifacts"]) && length(var.settings.buckets) == 5
    error_message = "lake.buckets = ${join(", ", var.settings.buckets)}: must name raw, curated, quarantine, athena-results and artifacts, once each."
  }

  validation {
    condition     = length(setsubtract(var.settings.versioned_buckets, var.settings.buckets)) == 0
    error_message = "lake.versioned_buckets = ${join(", ", var.settings.versioned_buckets)}: must be among lake.buckets."
  }

  validation {
    condition     = var.settings.athena_scan_limit_bytes >= 10000000
    error_message = "lake.athena_scan_limit_bytes = ${var.settings.athena_scan_limit_bytes}: Athena takes 10000000 or more."
  }

  validation {
    condition     = can(formatdate("YYYY", "${var.settings.projection_start}T00:00:00Z"))
    error_message = "lake.projection_start = ${var.settings.projection_start}: must be a date such as 2011-01-01."
  }

  validation {
    condition     = var.settings.raw_infrequent_access_days >= 30
    error_message = "lake.raw_infrequent_access_days = ${var.settings.raw_infrequent_access_days}: S3 moves nothing younger than 30 days."
  }

  validation {
    condition     = var.settings.raw_glacier_days >= var.settings.raw_infrequent_access_days + 30
    error_message = "lake.raw_glacier_days = ${var.settings.raw_glacier_days}: must be at least 30 days after raw_infrequent_access_days."
  }

  validation {
    condition     = min(var.settings.athena_results_expire_days, var.settings.noncurrent_expire_days, var.settings.incomplete_upload_expire_days) >= 1
    error_message = "lake.*_expire_days: must be 1 or more."
  }
}

variable "gold" {
  description = "Section `gold` of the settings."
  type = object({
    keep_days           = number
    settle_hours        = number
    deleted_expire_days = number
  })

  validation {
    condition     = min(var.gold.keep_days, var.gold.deleted_expire_days) >= 1
    error_message = "gold.keep_days and gold.deleted_expire_days must be 1 or more."
  }
}

variable "bucket_names" {
  description = "Bucket names by zone."
  type        = map(string)

  validation {
    condition     = alltrue([for name in values(var.bucket_names) : length(name) <= 63])
    error_message = "S3 holds a bucket name of at most 63 characters: shorten `project` in the settings."
  }
}

variable "schema_folder" {
  description = "Folder of the table schemas."
  type        = string
}

variable "queries_folder" {
  description = "Folder of the queries that analysts find in the work group."
  type        = string
}

variable "key" {
  description = "ARN of the alias of the customer-managed key; null with AWS-owned keys."
  type        = string
  default     = null
}
