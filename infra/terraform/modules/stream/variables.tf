variable "place" {
  description = "Account, partition, region, and whether this is the twin."
  type        = object({ twin = bool, account_id = string, partition = string, region = string })
}

variable "stream" {
  description = "Section `stream` of the settings."
  type = object({
    name            = string
    mode            = string
    shards          = number
    retention_hours = number
  })

  validation {
    condition     = contains(["PROVISIONED", "ON_DEMAND"], var.stream.mode)
    error_message = "stream.mode = ${var.stream.mode}: must be PROVISIONED or ON_DEMAND."
  }

  validation {
    condition     = var.stream.shards >= 1 && var.stream.shards <= 20000 && floor(var.stream.shards) == var.stream.shards
    error_message = "stream.shards = ${var.stream.shards}: must be a whole number from 1 to 20000."
  }

  validation {
    condition     = var.stream.retention_hours >= 24 && var.stream.retention_hours <= 8760
    error_message = "stream.retention_hours = ${var.stream.retention_hours}: Kinesis keeps records for 24 to 8760 hours."
  }
}

variable "firehose" {
  description = "Section `firehose` of the settings."
  type = object({
    raw = object({
      name           = string
      prefix         = string
      compression    = string
      buffer_mb      = number
      buffer_seconds = number
    })
    delivery = object({
      name                     = string
      buffer_mb                = number
      buffer_seconds           = number
      partition_retry_seconds  = number
      transform_buffer_mb      = number
      transform_buffer_seconds = number
      transform_retries        = number
    })
    facility = object({
      name                     = string
      buffer_mb                = number
      buffer_seconds           = number
      partition_retry_seconds  = number
      transform_buffer_mb      = number
      transform_buffer_seconds = number
      transform_retries        = number
    })
    alarms = object({
      name                     = string
      buffer_mb                = number
      buffer_seconds           = number
      partition_retry_seconds  = number
      transform_buffer_mb      = number
      transform_buffer_seconds = number
      transform_retries        = number
    })
    quarantine = object({
      name           = string
      compression    = string
      buffer_mb      = number
      buffer_seconds = number
    })
    error_prefix = string
  })

  validation {
    condition     = alltrue([for row in [var.firehose.delivery, var.firehose.facility, var.firehose.alarms] : row.buffer_mb >= 64 && row.buffer_mb <= 128])
    error_message = "firehose.*.buffer_mb = ${var.firehose.delivery.buffer_mb} (delivery), ${var.firehose.facility.buffer_mb} (facility), ${var.firehose.alarms.buffer_mb} (alarms): Parquet conversion takes 64 to 128 MB."
  }

  validation {
    condition     = alltrue([for row in [var.firehose.delivery, var.firehose.facility, var.firehose.alarms] : row.buffer_seconds >= 60 && row.buffer_seconds <= 900])
    error_message = "firehose.*.buffer_seconds = ${var.firehose.delivery.buffer_seconds} (delivery), ${var.firehose.facility.buffer_seconds} (facility), ${var.firehose.alarms.buffer_seconds} (alarms): dynamic partitioning takes 60 to 900 s."
  }

  validation {
    condition     = alltrue([for row in [var.firehose.delivery, var.firehose.facility, var.firehose.alarms] : row.transform_buffer_mb >= 0.2 && row.transform_buffer_mb <= 3])
    error_message = "firehose.*.transform_buffer_mb = ${var.firehose.delivery.transform_buffer_mb} (delivery), ${var.firehose.facility.transform_buffer_mb} (facility), ${var.firehose.alarms.transform_buffer_mb} (alarms): Firehose takes 0.2 to 3 MB."
  }

  validation {
    condition = alltrue([
      for delivery in [var.firehose.raw, var.firehose.quarantine] :
      contains(["UNCOMPRESSED", "GZIP"], delivery.compression) && delivery.buffer_mb >= 1 && delivery.buffer_mb <= 128 && delivery.buffer_seconds >= 0 && delivery.buffer_seconds <= 900
    ])
    error_message = "firehose.raw and firehose.quarantine: compression must be UNCOMPRESSED or GZIP, buffer_mb 1 to 128, buffer_seconds 0 to 900."
  }

  validation {
    condition     = alltrue([for prefix in [var.firehose.raw.prefix, var.firehose.error_prefix] : can(regex("^[a-z][a-z0-9_-]*/$", prefix))])
    error_message = "firehose.raw.prefix and firehose.error_prefix: must be one folder name in lower case that ends with /."
  }
}

variable "transform" {
  description = "Section `firehose_transform` of the settings."
  type        = object({ function = string, memory_mb = number, timeout_seconds = number })
}

variable "raw_copy" {
  description = "Section `raw_copy` of the settings."
  type = object({
    function                = string
    memory_mb               = number
    timeout_seconds         = number
    batch_size              = number
    batching_window_seconds = number
  })

  validation {
    condition     = var.raw_copy.batch_size >= 1 && var.raw_copy.batch_size <= 10000
    error_message = "raw_copy.batch_size = ${var.raw_copy.batch_size}: Lambda takes 1 to 10000 records."
  }

  validation {
    condition     = var.raw_copy.batching_window_seconds >= 0 && var.raw_copy.batching_window_seconds <= 300
    error_message = "raw_copy.batching_window_seconds = ${var.raw_copy.batching_window_seconds}: Lambda gathers for 0 to 300 s."
  }
}

variable "runtime" {
  description = "Section `runtime` of the settings."
  type        = object({ python = string, architecture = string, log_retention_days = number, log_level = string, system_log_level = string })

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653], var.runtime.log_retention_days)
    error_message = "runtime.log_retention_days = ${var.runtime.log_retention_days}: CloudWatch offers 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827 and 3653 days."
  }

  validation {
    condition     = contains(["arm64", "x86_64"], var.runtime.architecture)
    error_message = "runtime.architecture = ${var.runtime.architecture}: must be arm64 or x86_64."
  }

  validation {
    condition     = can(regex("^3\\.1[2-9]$", var.runtime.python))
    error_message = "runtime.python = ${var.runtime.python}: must be 3.12 or newer."
  }

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.runtime.log_level)
    error_message = "runtime.log_level = ${var.runtime.log_level}: must be DEBUG, INFO, WARNING or ERROR."
  }

  validation {
    condition     = contains(["DEBUG", "INFO", "WARN"], var.runtime.system_log_level)
    error_message = "runtime.system_log_level = ${var.runtime.system_log_level}: must be DEBUG, INFO or WARN."
  }
}

variable "database" {
  description = "Glue database of the tables."
  type        = string
}

variable "tables" {
  description = "Names of the Glue tables by name of their schema."
  type        = map(string)
}

variable "bucket_names" {
  description = "Bucket names by zone."
  type        = map(string)
}

variable "schema_folder" {
  description = "Folder of the table schemas."
  type        = string
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
