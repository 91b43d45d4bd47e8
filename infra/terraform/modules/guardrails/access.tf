# Who may do what from outside: analysts, and the pipeline, both without keys.

locals {
  github = "token.actions.githubusercontent.com"
  roles  = var.github_repository == null ? toset([]) : toset(["plan", "deploy"])
  ref    = "refs/heads/${var.access.branch}"

  # What a token must be for: the branch for a plan, the environment with its approval for a deployment.
  contexts = {
    plan   = "ref:${local.ref}"
    deploy = "environment:${var.access.environment}"
  }

  # A token names its repository in one of two forms: repo:owner/name, or, for repositories made, renamed or moved
  # since July 2026, repo:owner@1/name@2 with numbers that are never given again. Both are accepted. With the numbers a
  # role is for that very repository; without them for any of its name, as the claim `repository` says, since a pattern
  # alone would let another name pass.
  repository = coalesce(var.github_repository, "none/none")
  owner      = split("/", local.repository)[0]
  name       = split("/", local.repository)[1]
  pinned     = var.github_owner_id != null && var.github_repository_id != null
  always     = { "${local.github}:aud" = "sts.amazonaws.com", "${local.github}:ref" = local.ref }

  trust = {
    for role, context in local.contexts : role => local.pinned ? jsonencode({
      StringEquals = merge(local.always, {
        "${local.github}:repository_id" = var.github_repository_id
        "${local.github}:sub" = [
          "repo:${local.repository}:${context}",
          "repo:${local.owner}@${var.github_owner_id}/${local.name}@${var.github_repository_id}:${context}",
        ]
      })
      }) : jsonencode({
      StringEquals = merge(local.always, { "${local.github}:repository" = local.repository })
      StringLike = {
        "${local.github}:sub" = [
          "repo:${local.repository}:${context}",
          "repo:${local.owner}@*/${local.name}@*:${context}",
        ]
      }
    })
  }

  create_provider = var.github_repository != null && var.github_provider_arn == null
  provider_arn    = local.create_provider ? one(aws_iam_openid_connect_provider.github[*].arn) : var.github_provider_arn
}

# Read-only, for SQL clients and Power BI: people assume it with rights of their own account.
resource "aws_iam_role" "analyst" {
  name                 = "${var.names.project}-analyst-${var.place.region}"
  description          = "Reads the curated readings through the Athena work group"
  max_session_duration = 43200

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Action    = "sts:AssumeRole"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.place.partition}:iam::${var.place.account_id}:root" }
      }
    ]
  })
}

resource "aws_iam_role_policy" "analyst" {
  name   = "read"
  role   = aws_iam_role.analyst.name
  policy = jsonencode(jsondecode(templatefile("${var.policies_folder}/analyst.json", var.names)))
}

resource "aws_iam_openid_connect_provider" "github" {
  count = local.create_provider ? 1 : 0

  url            = "https://${local.github}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_policy" "plan" {
  count = length(local.roles) > 0 ? 1 : 0

  name        = "${var.names.project}-plan-${var.place.region}"
  description = "Reads how everything of PetroStream is set up, and no data"
  policy      = jsonencode(jsondecode(templatefile("${var.policies_folder}/plan.json", var.names)))
}

# A token must be for AWS, of that branch, and from that branch or environment exactly.
resource "aws_iam_role" "github" {
  for_each = local.roles

  name                 = "${var.names.project}-${each.key}-${var.place.region}"
  max_session_duration = var.access.session_minutes * 60

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Action    = "sts:AssumeRoleWithWebIdentity"
        Condition = jsondecode(local.trust[each.key])
        Effect    = "Allow"
        Principal = { Federated = local.provider_arn }
      }
    ]
  })
}

resource "aws_iam_role_policy_attachment" "plan" {
  for_each = local.roles

  role       = aws_iam_role.github[each.key].name
  policy_arn = one(aws_iam_policy.plan[*].arn)
}

resource "aws_iam_role_policy" "deploy" {
  count = length(local.roles) > 0 ? 1 : 0

  name   = "deploy"
  role   = aws_iam_role.github["deploy"].name
  policy = jsonencode(jsondecode(templatefile("${var.policies_folder}/deploy.json", var.names)))
}

# The rights on the jobs, a policy of its own: the inline policies of a role have no room for all.
resource "aws_iam_policy" "deploy_jobs" {
  count = length(local.roles) > 0 ? 1 : 0

  name        = "${var.names.project}-deploy-jobs-${var.place.region}"
  description = "Deploys the jobs of PetroStream"
  policy      = jsonencode(jsondecode(templatefile("${var.policies_folder}/deploy_jobs.json", var.names)))
}

resource "aws_iam_role_policy_attachment" "deploy_jobs" {
  count = length(local.roles) > 0 ? 1 : 0

  role       = aws_iam_role.github["deploy"].name
  policy_arn = one(aws_iam_policy.deploy_jobs[*].arn)
}

# The rights on the services, policies of their own: one policy has no room for all.
resource "aws_iam_policy" "services" {
  for_each = var.services ? local.roles : toset([])

  name        = "${var.names.project}-${each.key}-services-${var.place.region}"
  description = each.key == "plan" ? "Reads how the services of PetroStream are set up" : "Deploys the services of PetroStream"
  policy      = jsonencode(jsondecode(templatefile("${var.policies_folder}/${each.key}_services.json", var.names)))
}

# Whoever deploys plans first.
resource "aws_iam_role_policy_attachment" "services" {
  for_each = var.services && length(local.roles) > 0 ? { "plan plan" = ["plan", "plan"], "deploy plan" = ["deploy", "plan"], "deploy deploy" = ["deploy", "deploy"] } : {}

  role       = aws_iam_role.github[each.value[0]].name
  policy_arn = aws_iam_policy.services[each.value[1]].arn
}

# The rights on Spark, in the same way.
resource "aws_iam_policy" "spark" {
  for_each = var.spark ? local.roles : toset([])

  name        = "${var.names.project}-${each.key}-spark-${var.place.region}"
  description = each.key == "plan" ? "Reads how Spark of PetroStream is set up" : "Deploys Spark of PetroStream"
  policy      = jsonencode(jsondecode(templatefile("${var.policies_folder}/${each.key}_spark.json", var.names)))
}

resource "aws_iam_role_policy_attachment" "spark" {
  for_each = var.spark && length(local.roles) > 0 ? { "plan plan" = ["plan", "plan"], "deploy plan" = ["deploy", "plan"], "deploy deploy" = ["deploy", "deploy"] } : {}

  role       = aws_iam_role.github[each.value[0]].name
  policy_arn = aws_iam_policy.spark[each.value[1]].arn
}
