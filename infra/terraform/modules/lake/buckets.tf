# One bucket for each zone: private, encrypted, refusing anything but TLS 1.2 and newer.

resource "aws_s3_bucket" "zone" {
  for_each = var.bucket_names

  bucket = each.value

  # S3 refuses to delete a bucket that holds anything, so a destroy removes empty buckets only.
  force_destroy = false
}

resource "aws_s3_bucket_public_access_block" "zone" {
  for_each = aws_s3_bucket.zone

  bucket                  = each.value.bucket
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "zone" {
  for_each = aws_s3_bucket.zone

  bucket = each.value.bucket

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "zone" {
  for_each = aws_s3_bucket.zone

  bucket = each.value.bucket

  rule {
    # One request to KMS for many objects: without a bucket key each costs one.
    bucket_key_enabled = var.key == null ? null : true

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.key == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.key
    }
  }
}

resource "aws_s3_bucket_versioning" "zone" {
  for_each = toset(var.settings.versioned_buckets)

  bucket = aws_s3_bucket.zone[each.key].bucket

  versioning_configuration {
    status = "Enabled"
  }
}

# The emulator keeps such rules and never acts on them, while the provider waits a minute to see them settle.
resource "aws_s3_bucket_lifecycle_configuration" "zone" {
  for_each = var.place.twin ? {} : aws_s3_bucket.zone

  bucket = each.value.bucket

  rule {
    id     = "incomplete-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = var.settings.incomplete_upload_expire_days
    }
  }

  dynamic "rule" {
    for_each = contains(var.settings.versioned_buckets, each.key) ? [1] : []

    content {
      id     = "noncurrent-versions"
      status = "Enabled"

      filter {}

      expiration {
        expired_object_delete_marker = true
      }

      noncurrent_version_expiration {
        noncurrent_days = var.settings.noncurrent_expire_days
      }
    }
  }

  dynamic "rule" {
    for_each = each.key == "athena-results" ? [1] : []

    content {
      id     = "results"
      status = "Enabled"

      filter {}

      expiration {
        days = var.settings.athena_results_expire_days
      }
    }
  }

  dynamic "rule" {
    for_each = each.key == "raw" ? [1] : []

    content {
      id     = "cooler-classes"
      status = "Enabled"

      filter {}

      transition {
        days          = var.settings.raw_infrequent_access_days
        storage_class = "STANDARD_IA"
      }

      transition {
        days          = var.settings.raw_glacier_days
        storage_class = "GLACIER_IR"
      }
    }
  }

  # Jobs delete a replaced run after its days of grace; what they delete can be made again.
  dynamic "rule" {
    for_each = each.key == "curated" ? [1] : []

    content {
      id     = "replaced-gold"
      status = "Enabled"

      filter {
        prefix = "gold/"
      }

      noncurrent_version_expiration {
        noncurrent_days = var.gold.deleted_expire_days
      }
    }
  }

  # Rules for old versions need a bucket that keeps them.
  depends_on = [aws_s3_bucket_versioning.zone]
}

# The emulator speaks plain HTTP, on the loopback interface only: there this policy would lock everyone out.
resource "aws_s3_bucket_policy" "tls_only" {
  for_each = var.place.twin ? {} : aws_s3_bucket.zone

  bucket = each.value.bucket

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Action    = "s3:*"
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Resource  = local.both[each.key]
      },
      {
        Action    = "s3:*"
        Condition = { NumericLessThan = { "s3:TlsVersion" = 1.2 } }
        Effect    = "Deny"
        Principal = { AWS = "*" }
        Resource  = local.both[each.key]
      },
    ]
  })

  # S3 takes one change of a bucket's access at a time.
  depends_on = [aws_s3_bucket_public_access_block.zone]
}

locals {
  # A bucket, and everything in it.
  both = {
    for zone, name in var.bucket_names :
    zone => ["arn:${var.place.partition}:s3:::${name}", "arn:${var.place.partition}:s3:::${name}/*"]
  }
}
