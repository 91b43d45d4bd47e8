variable "place" {
  description = "Account, partition, region, and whether this is the twin."
  type        = object({ twin = bool, account_id = string, partition = string, region = string })
}

variable "ops" {
  description = "Section `ops` of the settings."
  type        = object({ topic = string, dashboard = string, runbooks = string })
}

variable "alarms" {
  description = "Section `alarms` of the settings: when each alarm fires."
  type = map(object({
    threshold      = number
    period_seconds = number
    periods        = number
    datapoints     = number
  }))

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : alarm.threshold > 0])
    error_message = "alarms: every threshold must be over 0; found ${join(", ", [for key, alarm in var.alarms : "${key} = ${alarm.threshold}" if alarm.threshold <= 0])}."
  }

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : alarm.period_seconds >= 60 && alarm.period_seconds % 60 == 0])
    error_message = "alarms: period_seconds must be a multiple of 60; found ${join(", ", [for key, alarm in var.alarms : "${key} = ${alarm.period_seconds}" if alarm.period_seconds < 60 || alarm.period_seconds % 60 != 0])}."
  }

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : alarm.datapoints >= 1 && alarm.datapoints <= alarm.periods])
    error_message = "alarms: datapoints must be 1 or more and not exceed periods; see ${join(", ", [for key, alarm in var.alarms : key if alarm.datapoints < 1 || alarm.datapoints > alarm.periods])}."
  }

  validation {
    condition     = alltrue([for alarm in values(var.alarms) : alarm.period_seconds * alarm.periods <= 86400])
    error_message = "alarms: period_seconds times periods must not exceed a day; see ${join(", ", [for key, alarm in var.alarms : key if alarm.period_seconds * alarm.periods > 86400])}."
  }
}

variable "names" {
  description = "What names in the shared files stand for."
  type        = map(string)
}

variable "shared_folder" {
  description = "Folder of alarms.json and dashboard.json.tpl."
  type        = string
}

variable "alert_email" {
  description = "E-mail address that alarms go to."
  type        = string
}

variable "key" {
  description = "Alias of the customer-managed key; null with AWS-owned keys."
  type        = string
  default     = null
}

variable "service_reads" {
  description = "Whether the scoring service reads the stream instead of the function."
  type        = bool
  default     = false
}

variable "parts" {
  description = "Services that run: scoring, dashboard. Those that do not have no alarm."
  type        = list(string)
  default     = []
}
