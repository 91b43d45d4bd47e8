variable "place" {
  description = "Account, partition and region."
  type        = object({ account_id = string, partition = string, region = string })
}

variable "project" {
  description = "Name of the project."
  type        = string
}

variable "services" {
  description = "Section `services` of the settings."
  type = object({
    name           = string
    network        = string
    zones          = number
    capacity       = string
    images_kept    = number
    cpu_percent    = number
    memory_percent = number
    behind_seconds = number
    scoring = object({
      service     = string
      repository  = string
      cpu         = number
      memory_mb   = number
      least_tasks = number
      most_tasks  = number
      most_shards = number
      key_digests = string
      callers     = list(string)
    })
    dashboard = object({
      enabled     = bool
      service     = string
      repository  = string
      cpu         = number
      memory_mb   = number
      least_tasks = number
      most_tasks  = number
    })
    access = object({
      allowed_cidrs   = list(string)
      certificate_arn = string
      domain          = string
      sign_in         = any
    })
  })

  validation {
    condition     = can(cidrnetmask(var.services.network)) && tonumber(split("/", var.services.network)[1]) >= 16 && tonumber(split("/", var.services.network)[1]) <= 25
    error_message = "services.network = ${var.services.network}: must be an IPv4 network, /16 to /25."
  }

  validation {
    condition     = contains(["FARGATE_SPOT", "FARGATE"], var.services.capacity)
    error_message = "services.capacity = ${var.services.capacity}: must be FARGATE_SPOT or FARGATE."
  }

  validation {
    condition = alltrue([
      for task in [var.services.scoring, var.services.dashboard] :
      contains(lookup({
        "256"  = [512, 1024, 2048]
        "512"  = range(1024, 4097, 1024)
        "1024" = range(2048, 8193, 1024)
        "2048" = range(4096, 16385, 1024)
        "4096" = range(8192, 30721, 1024)
      }, tostring(task.cpu), []), task.memory_mb)
    ])
    error_message = "services: Fargate does not offer cpu ${var.services.scoring.cpu} with memory_mb ${var.services.scoring.memory_mb} (scoring), or cpu ${var.services.dashboard.cpu} with memory_mb ${var.services.dashboard.memory_mb} (dashboard)."
  }

  validation {
    condition     = alltrue([for task in [var.services.scoring, var.services.dashboard] : task.least_tasks >= 1 && task.most_tasks >= task.least_tasks])
    error_message = "services: least_tasks must be 1 or more, and not over most_tasks."
  }

  validation {
    condition     = alltrue([for cidr in var.services.access.allowed_cidrs : can(cidrnetmask(cidr))])
    error_message = "services.access.allowed_cidrs: every network must be IPv4, such as 203.0.113.0/24."
  }

  validation {
    condition     = (var.services.access.certificate_arn == null) == (var.services.access.domain == null)
    error_message = "services.access: give certificate_arn and domain together: the certificate is for that name."
  }

  validation {
    condition     = var.services.access.sign_in == null || var.services.access.certificate_arn != null
    error_message = "services.access.sign_in needs certificate_arn: a load balancer signs in over HTTPS only."
  }

  validation {
    condition     = var.services.access.certificate_arn != null || alltrue([for cidr in var.services.access.allowed_cidrs : try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "services.access.allowed_cidrs: a network wider than /8 needs certificate_arn, or keys and readings would cross the internet unencrypted."
  }

  validation {
    condition     = !var.services.dashboard.enabled || var.services.access.sign_in != null || alltrue([for cidr in var.services.access.allowed_cidrs : try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "services.access.sign_in is required with dashboard.enabled where allowed_cidrs are open: anybody could act on alarms."
  }

  validation {
    condition     = !var.services.dashboard.enabled || length(var.services.access.allowed_cidrs) > 0
    error_message = "services.dashboard.enabled needs access.allowed_cidrs: nobody could open the dashboard."
  }
}

variable "reads_stream" {
  description = "Whether the scoring service reads the stream; otherwise it serves the API alone."
  type        = bool
}

variable "stream_name" {
  description = "Name of the Kinesis stream."
  type        = string
}

variable "metrics_name" {
  description = "Name under which scoring counts, whoever does it: the function's."
  type        = string
}

variable "environment" {
  description = "Environment of whoever scores."
  type        = map(string)
}

variable "rights" {
  description = "What whoever scores may do, by policy name."
  type        = map(list(object({ actions = list(string), resources = list(string) })))
}

variable "query_rights" {
  description = "What an analyst may do: the dashboard runs the same queries."
  type        = list(object({ actions = list(string), resources = list(string) }))
}

variable "pipeline_rights" {
  description = "What the dashboard's page about the pipeline asks beyond that."
  type        = list(object({ actions = list(string), resources = list(string) }))
}

variable "firehoses" {
  description = "Names of the Firehoses whose error prefixes the dashboard looks at."
  type        = list(string)
}

variable "cloudwatch_dashboard" {
  description = "Name of the dashboard in CloudWatch, to which the other one links."
  type        = string
}

variable "workgroup" {
  description = "Athena work group of the dashboard's queries."
  type        = string
}

variable "database" {
  description = "Glue database of the dashboard's queries."
  type        = string
}

variable "alarm_stream_arn" {
  description = "ARN of the Firehose of the transitions of alarms."
  type        = string
}

variable "runtime" {
  description = "Section `runtime` of the settings."
  type        = object({ architecture = string, log_retention_days = number, log_level = string })
}

variable "image_tag" {
  description = "Tag of the images; null makes room for them and runs nothing."
  type        = string
  default     = null
}
