variable "place" {
  description = "Account, partition, region, and whether this is the twin."
  type        = object({ twin = bool, account_id = string, partition = string, region = string })
}

variable "scoring" {
  description = "Section `scoring` of the settings."
  type = object({
    function                     = string
    memory_mb                    = number
    timeout_seconds              = number
    reserved_concurrency         = number
    batch_size                   = number
    batching_window_seconds      = number
    enhanced_fan_out             = bool
    retry_attempts               = number
    maximum_record_age_seconds   = number
    failure_queue                = string
    failure_queue_retention_days = number
    model_refresh_seconds        = number
    commit_seconds               = number
    commit_bytes                 = number
  })

  validation {
    condition     = var.scoring.commit_bytes >= 1048576 && var.scoring.commit_bytes <= 268435456
    error_message = "scoring.commit_bytes = ${var.scoring.commit_bytes}: must be from 1048576 to 268435456."
  }

  validation {
    condition     = var.scoring.reserved_concurrency == null || try(var.scoring.reserved_concurrency >= 1, false)
    error_message = "scoring.reserved_concurrency = ${coalesce(var.scoring.reserved_concurrency, -1)}: must be 1 or more, or null for none."
  }

  validation {
    condition     = var.scoring.batch_size >= 1 && var.scoring.batch_size <= 10000
    error_message = "scoring.batch_size = ${var.scoring.batch_size}: Lambda takes 1 to 10000 records."
  }

  validation {
    condition     = var.scoring.batching_window_seconds >= 0 && var.scoring.batching_window_seconds <= 300
    error_message = "scoring.batching_window_seconds = ${var.scoring.batching_window_seconds}: Lambda waits 0 to 300 s."
  }

  validation {
    condition     = var.scoring.maximum_record_age_seconds >= 60 && var.scoring.maximum_record_age_seconds <= var.stream.retention_hours * 3600
    error_message = "scoring.maximum_record_age_seconds = ${var.scoring.maximum_record_age_seconds}: must be 60 or more and not exceed stream.retention_hours (${var.stream.retention_hours} h), or a record would leave the stream before it could reach the failure queue."
  }

  validation {
    condition     = var.scoring.failure_queue_retention_days >= 1 && var.scoring.failure_queue_retention_days <= 14
    error_message = "scoring.failure_queue_retention_days = ${var.scoring.failure_queue_retention_days}: SQS keeps messages for 1 to 14 days."
  }
}

variable "live" {
  description = "Section `live` of the settings."
  type        = object({ table = string, point_in_time_recovery = bool, window_hours = number, alert_topic = string })

  validation {
    condition     = var.live.window_hours >= 0 && var.live.window_hours <= 720
    error_message = "live.window_hours = ${var.live.window_hours}: must be 0 (no minutes are written) to 720."
  }
}

variable "facility" {
  description = "Section `facility` of the settings."
  type        = object({ join = string })

  validation {
    condition     = contains(["tanks", "all", "off"], var.facility.join)
    error_message = "facility.join = ${var.facility.join}: must be tanks, all or off."
  }
}

variable "stream" {
  description = "Section `stream` of the settings."
  type        = object({ retention_hours = number })
}

variable "stream_name" {
  description = "Name of the Kinesis stream it reads."
  type        = string
}

variable "firehose" {
  description = "Section `firehose` of the settings."
  type        = object({ delivery = object({ name = string }), facility = object({ name = string }), alarms = object({ name = string }), quarantine = object({ name = string }) })
}

variable "runtime" {
  description = "Section `runtime` of the settings."
  type        = object({ python = string, architecture = string, log_retention_days = number, log_level = string, system_log_level = string })
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

variable "key_arn" {
  description = "ARN of the customer-managed key; null with AWS-owned keys."
  type        = string
  default     = null
}

variable "service_reads" {
  description = "Whether the scoring service reads the stream; the function's event source mapping is then disabled."
  type        = bool
  default     = false
}
