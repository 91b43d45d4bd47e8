# Where batch/spark.py runs: an application of EMR Serverless without capacity of its own. It starts with a job, stops
# when it has been idle, and costs nothing in between.

locals {
  rights = {
    for statement in jsondecode(templatefile("${var.shared_folder}/policies/spark.json", var.names)).Statement :
    statement.Sid => [{ actions = statement.Action, resources = statement.Resource }]
  }
}

resource "aws_emrserverless_application" "this" {
  name          = var.spark.name
  type          = "spark"
  release_label = var.spark.release
  architecture  = "ARM64"

  auto_start_configuration {
    enabled = true
  }

  auto_stop_configuration {
    enabled              = true
    idle_timeout_minutes = var.spark.idle_minutes
  }

  maximum_capacity {
    cpu    = "${var.spark.max_vcpu} vCPU"
    memory = "${var.spark.max_memory_gb} GB"
    disk   = "${var.spark.max_disk_gb} GB"
  }
}

# Jobs are started with this group: an application of this kind has none of its own.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/emr-serverless/${var.spark.name}"
  retention_in_days = var.runtime.log_retention_days
}

module "role" {
  source = "../role"

  place       = var.place
  name        = var.spark.name
  service     = "emr-serverless.amazonaws.com"
  own_account = true
  source_arn  = "arn:${var.place.partition}:emr-serverless:${var.place.region}:${var.place.account_id}:/applications/*"
  policies    = local.rights
}
