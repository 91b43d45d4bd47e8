# The work group through which all SQL runs, and its saved queries.

resource "aws_athena_workgroup" "lake" {
  name        = var.settings.workgroup
  description = "Analysts, dashboards and jobs: encrypted results, a limit on what a query may scan"
  state       = "ENABLED"

  # Only the history of queries goes with it; results are in their bucket.
  force_destroy = true

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.settings.athena_scan_limit_bytes
    requester_pays_enabled             = false

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }

    result_configuration {
      output_location = "s3://${var.bucket_names["athena-results"]}/results/"

      encryption_configuration {
        encryption_option = var.key == null ? "SSE_S3" : "SSE_KMS"
        kms_key_arn       = var.key
      }
    }
  }

  depends_on = [aws_s3_bucket.zone]
}

locals {
  queries = { for name in fileset(var.queries_folder, "*.sql") : trimsuffix(name, ".sql") => file("${var.queries_folder}/${name}") }
}

resource "aws_athena_named_query" "query" {
  for_each = local.queries

  name      = each.key
  database  = aws_glue_catalog_database.lake.name
  workgroup = aws_athena_workgroup.lake.name
  query     = each.value

  # The comment lines a query begins with, as one line; Athena keeps 1024 characters.
  description = substr(trimspace(replace(replace(regex("^(?:--[^\n]*\n)*", each.value), "/(?m)^--/", ""), "/\\s+/", " ")), 0, 1024)
}
