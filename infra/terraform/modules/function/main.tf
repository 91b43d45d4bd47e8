# A Python function with a log group and a role of its own.
# Its handler is lambdas.<package>.handler.handler, its code <package>.zip.

variable "place" {
  description = "Account, partition, region, and whether this is the twin."
  type        = object({ twin = bool, account_id = string, partition = string, region = string })
}

variable "settings" {
  description = "Name and size."
  type        = object({ function = string, memory_mb = number, timeout_seconds = number })

  validation {
    condition     = var.settings.memory_mb >= 128 && var.settings.memory_mb <= 10240
    error_message = "memory_mb of ${var.settings.function} = ${var.settings.memory_mb}: Lambda offers 128 to 10240 MB."
  }

  validation {
    condition     = var.settings.timeout_seconds >= 1 && var.settings.timeout_seconds <= 900
    error_message = "timeout_seconds of ${var.settings.function} = ${var.settings.timeout_seconds}: Lambda allows 1 to 900 s."
  }
}

variable "runtime" {
  description = "What every function shares."
  type        = object({ python = string, architecture = string, log_retention_days = number, log_level = string, system_log_level = string })
}

variable "package" {
  description = "Name of the package."
  type        = string
}

variable "packages" {
  description = "Folder of the packages."
  type        = string
}

variable "policies" {
  description = "Rights besides writing its own log."
  type        = map(list(object({ actions = list(string), resources = list(string) })))
  default     = {}
}

variable "environment" {
  description = "Environment variables of its own."
  type        = map(string)
  default     = {}
}

variable "reserved_concurrency" {
  description = "Reserved concurrent executions, or null."
  type        = number
  default     = null
}

variable "temporary_mb" {
  description = "Disk below /tmp."
  type        = number
  default     = 512
}

variable "bucket" {
  description = "Bucket through which the package goes to Lambda, which takes no more than 50 MB in a call; null sends it in the call."
  type        = string
  default     = null
}

locals {
  zip       = "${var.packages}/${var.package}.zip"
  log_group = "/aws/lambda/${var.settings.function}"
  arn       = "arn:${var.place.partition}:lambda:${var.place.region}:${var.place.account_id}:function:${var.settings.function}"
  log_arn   = "arn:${var.place.partition}:logs:${var.place.region}:${var.place.account_id}:log-group:${local.log_group}:*"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group
  retention_in_days = var.runtime.log_retention_days
}

module "role" {
  source = "../role"

  place   = var.place
  name    = var.settings.function
  service = "lambda.amazonaws.com"

  policies = merge(
    { logs = [{ actions = ["logs:CreateLogStream", "logs:PutLogEvents"], resources = [local.log_arn] }] },
    var.policies
  )
}

resource "aws_s3_object" "package" {
  count = var.bucket == null ? 0 : 1

  bucket = var.bucket
  key    = "functions/${var.package}.zip"
  source = local.zip

  # An entity tag is no digest where the bucket is encrypted by KMS.
  source_hash = filebase64sha256(local.zip)
}

resource "aws_lambda_function" "this" {
  function_name                  = var.settings.function
  runtime                        = "python${var.runtime.python}"
  architectures                  = [var.runtime.architecture]
  handler                        = "lambdas.${var.package}.handler.handler"
  filename                       = var.bucket == null ? local.zip : null
  s3_bucket                      = one(aws_s3_object.package[*].bucket)
  s3_key                         = one(aws_s3_object.package[*].key)
  s3_object_version              = one(aws_s3_object.package[*].version_id)
  source_code_hash               = filebase64sha256(local.zip)
  memory_size                    = var.settings.memory_mb
  timeout                        = var.settings.timeout_seconds
  reserved_concurrent_executions = coalesce(var.reserved_concurrency, -1)
  role                           = module.role.arn

  ephemeral_storage {
    size = var.temporary_mb
  }

  environment {
    variables = merge(
      {
        LOG_LEVEL                    = var.runtime.log_level
        POWERTOOLS_SERVICE_NAME      = var.settings.function
        POWERTOOLS_METRICS_NAMESPACE = "PetroStream"
      },
      var.environment
    )
  }

  logging_config {
    log_format       = "JSON"
    system_log_level = var.runtime.system_log_level
    log_group        = aws_cloudwatch_log_group.this.name

    # Lambda takes a line without a level, as metrics are, for INFO: the functions themselves leave out what is below
    # their own level.
    application_log_level = var.runtime.log_level == "DEBUG" ? "DEBUG" : "INFO"
  }

  lifecycle {
    precondition {
      condition     = fileexists(local.zip)
      error_message = "${local.zip} is missing: build it with `python -m toolchain.package --target ${var.place.twin ? "twin" : "aws"}`."
    }
  }
}

output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "ARN of the function, given once it exists."
  value       = local.arn
  depends_on  = [aws_lambda_function.this]
}
