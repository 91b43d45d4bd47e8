provider "aws" {
  region = var.region

  # The emulator, whose address is AWS_ENDPOINT_URL, answers at once or not at all, and knows buckets by path
  # only. It closes idle connections, which a second attempt survives.
  max_retries                = local.twin ? 3 : null
  s3_use_path_style          = local.twin
  skip_requesting_account_id = false

  # An account is billed for what is created in it: the wrong one is refused before anything is.
  allowed_account_ids = var.account_id == null ? null : [var.account_id]

  default_tags {
    tags = local.tags
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}
