# Spark for backfills of months, where the settings ask for it. Not on the twin, which has no EMR.

module "spark" {
  source = "./modules/spark"
  count  = local.settings.spark.enabled && !local.twin ? 1 : 0

  place         = local.place
  spark         = local.settings.spark
  runtime       = local.runtime
  names         = local.shared_names
  shared_folder = "${local.repository}/infra"
}

output "SparkApplicationId" {
  description = "Application of EMR Serverless that Spark jobs are started on."
  value       = one(module.spark[*].application)
}

output "SparkRoleArn" {
  description = "Role of Spark jobs."
  value       = one(module.spark[*].role_arn)
}

output "SparkLogGroup" {
  description = "Log group of Spark jobs."
  value       = one(module.spark[*].log_group)
}
