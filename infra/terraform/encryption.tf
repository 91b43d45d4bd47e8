# A customer-managed key for what the lake stores, where the settings ask for it (`encryption`: `kms`). Who may use
# it is written in the key's own policy, role by role: the policies of the roles stay as they are.

locals {
  own_key   = local.settings.encryption == "kms" && !local.twin
  key       = one(aws_kms_alias.lake[*].name)
  key_alias = local.own_key ? "arn:${local.place.partition}:kms:${local.place.region}:${local.place.account_id}:${local.key}" : null

  # Buckets and query results take the alias by its ARN, known before the key exists; DynamoDB answers with the
  # key's own ARN, and would differ in every plan.

  # The roles that read or write what the key protects.
  key_users = [
    for name in concat(
      [local.settings.scoring.function, local.settings.raw_copy.function],
      [for name in ["function", "nightly", "weekly", "backfill"] : local.settings.batch[name]],
      [for name in ["nightly", "weekly"] : "${local.settings.batch[name]}-schedule"],
      local.settings.services.enabled ? [local.settings.services.scoring.service] : [],
      local.settings.services.enabled && local.settings.services.dashboard.enabled ? [local.settings.services.dashboard.service] : [],
      local.settings.spark.enabled ? [local.settings.spark.name] : [],
      [for firehose in values(local.settings.firehose) : firehose.name if can(firehose.name)],
      ["${local.settings.project}-analyst", "${local.settings.project}-deploy"],
    ) : "arn:${local.place.partition}:iam::${local.place.account_id}:role/${name}-${local.place.region}"
  ]
}

resource "aws_kms_key" "lake" {
  count = local.own_key ? 1 : 0

  description         = "PetroStream: readings, state, models, alarms"
  enable_key_rotation = true

  # Until this time has passed a deletion can be cancelled, and the key costs nothing.
  deletion_window_in_days = 30

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Action    = "kms:*"
        Effect    = "Allow"
        Principal = { AWS = "arn:${local.place.partition}:iam::${local.place.account_id}:root" }
        Resource  = "*"
      },
      {
        Sid       = "RolesOfTheLake"
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"]
        Condition = { StringEquals = { "kms:CallerAccount" = local.place.account_id, "aws:PrincipalArn" = local.key_users } }
        Effect    = "Allow"
        Principal = { AWS = "*" }
        Resource  = "*"
      },
      {
        Sid       = "AlarmsToTheTopic"
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Condition = { StringEquals = { "aws:SourceAccount" = local.place.account_id } }
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Resource  = "*"
      },
    ]
  })
}

resource "aws_kms_alias" "lake" {
  count = local.own_key ? 1 : 0

  name          = "alias/${local.settings.project}"
  target_key_id = aws_kms_key.lake[0].key_id
}
