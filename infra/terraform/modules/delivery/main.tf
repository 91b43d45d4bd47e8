# What the Firehoses have in common: a role, an error log, a place in a bucket.

variable "place" {
  description = "Account, partition and region."
  type        = object({ twin = bool, account_id = string, partition = string, region = string })
}

variable "name" {
  description = "Name of the Firehose."
  type        = string
}

variable "bucket" {
  description = "Bucket it writes to."
  type        = string
}

variable "prefixes" {
  description = "Prefixes of the keys it may write."
  type        = list(string)
}

variable "rights" {
  description = "What it may do beyond writing to its prefixes and its error log."
  type        = map(list(object({ actions = list(string), resources = list(string) })))
  default     = {}
}

variable "log_retention_days" {
  description = "Days its error log is kept."
  type        = number
}

locals {
  bucket_arn = "arn:${var.place.partition}:s3:::${var.bucket}"
  log_group  = "/aws/kinesisfirehose/${var.name}"
  log_stream = "S3Delivery"
  log_arn    = "arn:${var.place.partition}:logs:${var.place.region}:${var.place.account_id}:log-group:${local.log_group}:log-stream:${local.log_stream}"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group
  retention_in_days = var.log_retention_days
}

resource "aws_cloudwatch_log_stream" "this" {
  name           = local.log_stream
  log_group_name = aws_cloudwatch_log_group.this.name
}

module "role" {
  source = "../role"

  place       = var.place
  name        = var.name
  service     = "firehose.amazonaws.com"
  external_id = var.place.account_id

  policies = merge(
    {
      bucket = [
        {
          actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
          resources = [local.bucket_arn]
        },
        {
          actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
          resources = [for prefix in var.prefixes : "${local.bucket_arn}/${prefix}*"]
        },
      ]
      logs = [{ actions = ["logs:PutLogEvents"], resources = [local.log_arn] }]
    },
    var.rights
  )
}

output "role_arn" {
  description = "Role the Firehose acts under."
  value       = module.role.arn
}

output "bucket_arn" {
  description = "ARN of its bucket."
  value       = local.bucket_arn
}

output "log_group" {
  description = "Log group of what it could not deliver."
  value       = aws_cloudwatch_log_group.this.name
}

output "log_stream" {
  description = "Log stream in that group."
  value       = aws_cloudwatch_log_stream.this.name
}
