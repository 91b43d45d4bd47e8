output "bucket_names" {
  description = "Bucket names by zone."
  value       = { for zone, bucket in aws_s3_bucket.zone : zone => bucket.bucket }
}

output "database" {
  description = "Name of the Glue database."
  value       = aws_glue_catalog_database.lake.name
}

output "tables" {
  description = "Names of the Glue tables by name of their schema."
  value       = { for key, table in aws_glue_catalog_table.table : key => table.name }
}

output "workgroup" {
  description = "Name of the Athena work group."
  value       = aws_athena_workgroup.lake.name
}
