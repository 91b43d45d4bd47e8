# Buckets, catalogue and work group, without an account: what the settings say is what is planned.

mock_provider "aws" {}

variables {
  place          = { twin = false, account_id = "123456789012", partition = "aws", region = "eu-north-1" }
  settings       = jsondecode(file("../settings.json")).lake
  gold           = jsondecode(file("../settings.json")).gold
  bucket_names   = { for zone in jsondecode(file("../settings.json")).lake.buckets : zone => "the-${zone}" }
  schema_folder  = "../../petrostream/schema"
  queries_folder = "../../sql/queries"
}

run "the_settings_decide_how_long_things_are_kept" {
  command = plan

  module {
    source = "./modules/lake"
  }

  variables {
    settings = merge(jsondecode(file("../settings.json")).lake, {
      athena_results_expire_days = 3
      raw_infrequent_access_days = 60
      raw_glacier_days           = 120
      athena_scan_limit_bytes    = 20000000
      versioned_buckets          = ["artifacts"]
    })
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.zone["athena-results"].rule : rule.expiration[0].days if rule.id == "results"] == [3]
    error_message = "Query results expire."
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.zone["raw"].rule :
      toset([for transition in rule.transition : transition.days]) if rule.id == "cooler-classes"
    ] == [toset([60, 120])]
    error_message = "Raw data moves to cooler classes."
  }

  assert {
    condition     = aws_athena_workgroup.lake.configuration[0].bytes_scanned_cutoff_per_query == 20000000
    error_message = "A query may scan what the settings say."
  }

  assert {
    condition     = keys(aws_s3_bucket_versioning.zone) == ["artifacts"]
    error_message = "Old versions are kept where the settings say."
  }

  assert {
    condition     = length(aws_s3_bucket_policy.tls_only) == 5 && length(aws_s3_bucket_public_access_block.zone) == 5
    error_message = "Every bucket is private and refuses plain HTTP."
  }
}

run "the_twin_has_no_tls" {
  command = plan

  module {
    source = "./modules/lake"
  }

  variables {
    place = { twin = true, account_id = "000000000000", partition = "aws", region = "us-east-1" }
  }

  assert {
    condition     = length(aws_s3_bucket_policy.tls_only) == 0 && length(aws_s3_bucket_public_access_block.zone) == 5
    error_message = "The emulator speaks plain HTTP; all else is as on AWS."
  }
}

run "an_included_schema_gives_its_columns_in_its_place" {
  command = plan

  module {
    source = "./modules/lake"
  }

  assert {
    condition     = length([for column in aws_glue_catalog_table.table["scored_readings"].storage_descriptor[0].columns : column.name if column.name == "p_tpt"]) == 1
    error_message = "The sensors are columns."
  }

  assert {
    condition = (
      [for column in aws_glue_catalog_table.table["well_data_gold"].storage_descriptor[0].columns : column.name] ==
      [for column in aws_glue_catalog_table.table["scored_readings"].storage_descriptor[0].columns : column.name]
    )
    error_message = "Gold has the columns of the curated readings, those that they include as well."
  }
}

run "partitions_of_gold_are_registered_and_what_jobs_delete_goes" {
  command = plan

  module {
    source = "./modules/lake"
  }

  variables {
    gold = { keep_days = 7, settle_hours = 6, deleted_expire_days = 2 }
  }

  assert {
    condition     = !contains(keys(aws_glue_catalog_table.table["well_data_gold"].parameters), "projection.enabled")
    error_message = "Where a day is read from is in the catalogue, so that it can be changed at once."
  }

  assert {
    condition     = aws_glue_catalog_table.table["scored_readings"].parameters["projection.enabled"] == "true"
    error_message = "Firehose registers no partitions."
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.zone["curated"].rule :
      [rule.filter[0].prefix, rule.noncurrent_version_expiration[0].noncurrent_days] if rule.id == "replaced-gold"
    ] == [["gold/", 2]]
    error_message = "Deleted runs expire, and nothing else of the zone sooner than before."
  }
}

run "a_grace_of_no_days_is_refused" {
  command = plan

  module {
    source = "./modules/lake"
  }

  variables {
    gold = { keep_days = 0, settle_hours = 6, deleted_expire_days = 1 }
  }

  expect_failures = [var.gold]
}

run "settings_that_s3_would_refuse_are_refused" {
  command = plan

  module {
    source = "./modules/lake"
  }

  variables {
    settings = merge(jsondecode(file("../settings.json")).lake, { raw_infrequent_access_days = 10, raw_glacier_days = 20 })
  }

  expect_failures = [var.settings]
}

run "a_zone_too_few_is_refused" {
  command = plan

  module {
    source = "./modules/lake"
  }

  variables {
    settings = merge(jsondecode(file("../settings.json")).lake, { buckets = ["raw", "curated"], projection_start = "yesterday" })
  }

  expect_failures = [var.settings]
}

run "a_bucket_name_too_long_is_refused" {
  command = plan

  module {
    source = "./modules/lake"
  }

  variables {
    bucket_names = { for zone in jsondecode(file("../settings.json")).lake.buckets : zone => "a-name-that-is-much-longer-than-any-bucket-may-have-in-the-world-${zone}" }
  }

  expect_failures = [var.bucket_names]
}
