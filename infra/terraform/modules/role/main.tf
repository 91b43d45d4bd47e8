# A role of one service whose rights are all written inline, so nothing can widen them by attaching a policy.
# Its name ends with the region because role names are global to an account.

variable "place" {
  description = "Account, partition and region."
  type        = object({ account_id = string, partition = string, region = string })
}

variable "name" {
  description = "Name of the role, without the region."
  type        = string

  validation {
    condition     = length("${var.name}-${var.place.region}") <= 64
    error_message = "${var.name}-${var.place.region}: IAM holds a role name of at most 64 characters."
  }
}

variable "service" {
  description = "The service that may assume it."
  type        = string
}

variable "external_id" {
  description = "External id the service must present, or null."
  type        = string
  default     = null
}

variable "own_account" {
  description = "Whether the service may assume it only on behalf of this account."
  type        = bool
  default     = false
}

variable "source_arn" {
  description = "ARN, with wildcards, of what the service may assume it on behalf of; null for anything."
  type        = string
  default     = null
}

variable "without_resource" {
  description = "Actions for which IAM offers no resource."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for action in var.without_resource : action == "ecr:GetAuthorizationToken"])
    error_message = "without_resource of ${var.name}: only ecr:GetAuthorizationToken, which has no resource, is granted so."
  }
}

variable "policies" {
  description = "Rights by policy name: statements of actions on resources."
  type        = map(list(object({ actions = list(string), resources = list(string) })))

  validation {
    condition = alltrue(flatten([
      for statements in values(var.policies) : [
        for statement in statements : [
          !contains(statement.resources, "*"), alltrue([for action in statement.actions : !strcontains(action, "*")])
        ]
      ]
    ]))
    error_message = "${var.name}: name every action and every resource; a bare * is never granted."
  }
}

locals {
  role_name = "${var.name}-${var.place.region}"
}

resource "aws_iam_role" "this" {
  name = local.role_name

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      merge(
        {
          Action    = "sts:AssumeRole"
          Effect    = "Allow"
          Principal = { Service = var.service }
        },
        var.external_id == null ? {} : { Condition = { StringEquals = { "sts:ExternalId" = var.external_id } } },
        var.own_account && var.source_arn == null ? { Condition = { StringEquals = { "aws:SourceAccount" = var.place.account_id } } } : {},
        var.source_arn == null ? {} : { Condition = {
          StringEquals = { "aws:SourceAccount" = var.place.account_id }
          ArnLike      = { "aws:SourceArn" = var.source_arn }
        } },
      )
    ]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = var.policies

  name = each.key
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for statement in each.value : {
        Action   = statement.actions
        Effect   = "Allow"
        Resource = statement.resources
      }
    ]
  })
}

resource "aws_iam_role_policy" "without_resource" {
  count = length(var.without_resource) > 0 ? 1 : 0

  name = "without-resource"
  role = aws_iam_role.this.name

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Action = var.without_resource, Effect = "Allow", Resource = "*" }]
  })
}

output "arn" {
  description = "ARN of the role, available once its rights are in force."
  value       = "arn:${var.place.partition}:iam::${var.place.account_id}:role/${local.role_name}"
  depends_on  = [aws_iam_role.this, aws_iam_role_policy.this, aws_iam_role_policy.without_resource]
}
