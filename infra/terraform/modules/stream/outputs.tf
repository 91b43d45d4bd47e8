output "stream_name" {
  description = "Name of the Kinesis stream."
  value       = aws_kinesis_stream.ingest.name
}

output "raw_name" {
  description = "Name of the Firehose of the raw zone."
  value       = aws_kinesis_firehose_delivery_stream.raw.name
}

output "delivery_name" {
  description = "Name of the Firehose of the scored readings."
  value       = aws_kinesis_firehose_delivery_stream.parquet["delivery"].name
}

output "facility_name" {
  description = "Name of the Firehose of the readings joined with tanks."
  value       = aws_kinesis_firehose_delivery_stream.parquet["facility"].name
}

output "alarms_name" {
  description = "Name of the Firehose of the alarms."
  value       = aws_kinesis_firehose_delivery_stream.parquet["alarms"].name
}

output "quarantine_name" {
  description = "Name of the Firehose of the rejected lines."
  value       = aws_kinesis_firehose_delivery_stream.quarantine.name
}

output "raw_copy_function" {
  description = "Name of the function that copies the stream to the raw zone."
  value       = module.raw_copy.name
}

output "transform_function" {
  description = "Name of the transform function."
  value       = module.transform.name
}
