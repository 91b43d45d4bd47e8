# The lake: the modules lake, stream, scoring and jobs here, services, spark, ops and guardrails in the files of their names.

locals {
  twin          = var.target == "twin"
  repository    = abspath("${path.root}/../..")
  settings_file = coalesce(var.settings_file, "${local.repository}/infra/settings.json")
  settings      = jsondecode(file(local.settings_file))
  packages      = coalesce(var.packages, "${local.repository}/build/${local.twin ? "lambda-local" : "lambda"}")
  runtime       = merge(local.settings.runtime, var.architecture == null ? {} : { architecture = var.architecture })
  tags          = merge(local.settings.tags, { environment = local.settings.environment })

  # What every module needs to know about the deployment. ARNs are built from names, as in the CDK: a plan then shows
  # every policy in full before anything exists.
  place = {
    twin       = local.twin
    account_id = data.aws_caller_identity.current.account_id
    partition  = data.aws_partition.current.partition
    region     = var.region
  }

  bucket_names = {
    for zone in local.settings.lake.buckets :
    zone => "${local.settings.project}-${zone}-${local.place.account_id}-${local.place.region}"
  }
}

module "lake" {
  source = "./modules/lake"

  place          = local.place
  settings       = local.settings.lake
  gold           = local.settings.gold
  bucket_names   = local.bucket_names
  schema_folder  = "${local.repository}/petrostream/schema"
  queries_folder = "${local.repository}/sql/queries"
  key            = local.key_alias
}

module "stream" {
  source = "./modules/stream"

  place         = local.place
  stream        = local.settings.stream
  firehose      = local.settings.firehose
  raw_copy      = local.settings.raw_copy
  transform     = local.settings.firehose_transform
  runtime       = local.runtime
  schema_folder = "${local.repository}/petrostream/schema"
  packages      = local.packages

  # From the lake itself, since Firehose checks its bucket and its table when it is created.
  database     = module.lake.database
  tables       = module.lake.tables
  bucket_names = module.lake.bucket_names
  key          = local.key
}

module "scoring" {
  source = "./modules/scoring"

  place        = local.place
  scoring      = local.settings.scoring
  live         = local.settings.live
  facility     = local.settings.facility
  stream       = local.settings.stream
  firehose     = local.settings.firehose
  runtime      = local.runtime
  bucket_names = module.lake.bucket_names
  packages     = local.packages
  key          = local.key
  key_arn      = one(aws_kms_key.lake[*].arn)

  service_reads = local.service_reads

  # From the stream module, since the event source mapping checks that its stream is there.
  stream_name = module.stream.stream_name
}

module "jobs" {
  source = "./modules/jobs"

  place         = local.place
  batch         = local.settings.batch
  gold          = local.settings.gold
  raw_prefix    = local.settings.firehose.raw.prefix
  topic         = local.settings.ops.topic
  runbooks      = local.settings.ops.runbooks
  runtime       = local.runtime
  names         = local.shared_names
  shared_folder = "${local.repository}/infra"
  bucket_names  = module.lake.bucket_names
  packages      = local.packages
  key           = local.key
}
