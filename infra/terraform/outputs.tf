# The same names as the CDK stacks' outputs: scripts and dashboards read either.

output "RawBucket" {
  description = "Bucket of the stream as received."
  value       = module.lake.bucket_names["raw"]
}

output "CuratedBucket" {
  description = "Bucket of the scored readings."
  value       = module.lake.bucket_names["curated"]
}

output "QuarantineBucket" {
  description = "Bucket of the rejected lines."
  value       = module.lake.bucket_names["quarantine"]
}

output "AthenaResultsBucket" {
  description = "Bucket of query results."
  value       = module.lake.bucket_names["athena-results"]
}

output "ArtifactsBucket" {
  description = "Bucket of the models."
  value       = module.lake.bucket_names["artifacts"]
}

output "WorkGroup" {
  description = "Athena work group."
  value       = module.lake.workgroup
}

output "Database" {
  description = "Glue database."
  value       = module.lake.database
}

output "StreamName" {
  description = "Kinesis stream that producers write to."
  value       = module.stream.stream_name
}

output "RawStreamName" {
  description = "Firehose of the raw zone."
  value       = module.stream.raw_name
}

output "DeliveryStreamName" {
  description = "Firehose of the scored readings."
  value       = module.stream.delivery_name
}

output "FacilityStreamName" {
  description = "Firehose of the readings joined with tanks."
  value       = module.stream.facility_name
}

output "AlarmStreamName" {
  description = "Firehose of the transitions of alarms."
  value       = module.stream.alarms_name
}

output "QuarantineStreamName" {
  description = "Firehose of the rejected lines."
  value       = module.stream.quarantine_name
}

output "RawCopyFunctionName" {
  description = "Function that copies the stream to the raw zone."
  value       = module.stream.raw_copy_function
}

output "TransformFunctionName" {
  description = "Function that returns the date of each block."
  value       = module.stream.transform_function
}

output "LiveTableName" {
  description = "DynamoDB table of state and live status."
  value       = module.scoring.live_table
}

output "AlertTopicArn" {
  description = "Topic that alarms and statuses are published to."
  value       = module.scoring.alert_topic_arn
}

output "ScoringFunctionName" {
  description = "Function that scores readings."
  value       = module.scoring.function
}

output "FailureQueueUrl" {
  description = "Queue of the batches that scoring gave up on."
  value       = module.scoring.failure_queue_url
}

output "BatchFunctionName" {
  description = "Function of the jobs over stored data."
  value       = module.jobs.function
}

output "NightlyMachineArn" {
  description = "State machine of the nightly run."
  value       = module.jobs.machine_arns["nightly"]
}

output "WeeklyMachineArn" {
  description = "State machine of the weekly evaluation."
  value       = module.jobs.machine_arns["weekly"]
}

output "BackfillMachineArn" {
  description = "State machine that scores stored days again."
  value       = module.jobs.machine_arns["backfill"]
}

output "UndeliveredQueueUrl" {
  description = "Queue of the starts that the scheduler gave up on."
  value       = module.jobs.undelivered_queue_url
}
