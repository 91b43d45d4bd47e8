# The Glue catalogue: tables as petrostream/schema describes them. Partitions are projected, or registered by jobs.

locals {
  # Schemas of the lake's tables: those that name a zone.
  every_schema = { for file in fileset(var.schema_folder, "*.json") : trimsuffix(file, ".json") => jsondecode(file("${var.schema_folder}/${file}")) }
  schemas      = { for name, schema in local.every_schema : name => schema if can(schema.zone) }

  # An entry `{"include": "sensors"}` stands for the fields of that schema, which may include another.
  included = {
    for name, schema in local.every_schema : name => flatten([
      for entry in schema.fields : can(entry.include) ? local.every_schema[entry.include].fields : [entry]
    ])
  }
  fields = {
    for name, schema in local.schemas : name => flatten([
      for entry in local.included[name] : can(entry.include) ? local.every_schema[entry.include].fields : [entry]
    ])
  }

  locations = { for name, schema in local.schemas : name => "s3://${var.bucket_names[schema.zone]}/${schema.prefix}" }

  formats = {
    parquet = {
      input  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
      output = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
      serde  = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }
    json = {
      input  = "org.apache.hadoop.mapred.TextInputFormat"
      output = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
      serde  = "org.openx.data.jsonserde.JsonSerDe"
    }
  }
}

resource "aws_glue_catalog_database" "lake" {
  name        = var.settings.database
  description = "Readings of wells, scored, and what was rejected"
}

resource "aws_glue_catalog_table" "table" {
  for_each = local.schemas

  database_name = aws_glue_catalog_database.lake.name
  name          = each.value.name
  description   = each.value.description
  table_type    = "EXTERNAL_TABLE"

  parameters = merge(
    {
      "EXTERNAL"       = "TRUE"
      "classification" = each.value.format
    },
    try(each.value.partitioning, "projected") == "projected" ? {
      "projection.enabled"       = "true"
      "projection.date.type"     = "date"
      "projection.date.format"   = "yyyy-MM-dd"
      "projection.date.interval" = "1"

      # A reading may lie up to an hour ahead of the clock, hence one day past NOW.
      "projection.date.range"         = "${var.settings.projection_start},NOW+1DAYS"
      "projection.date.interval.unit" = "DAYS"
      "storage.location.template"     = "${local.locations[each.key]}date=$${date}/"
    } : {}
  )

  dynamic "partition_keys" {
    for_each = each.value.partitions

    content {
      name    = partition_keys.value.name
      type    = partition_keys.value.type
      comment = substr(partition_keys.value.description, 0, 255)
    }
  }

  storage_descriptor {
    location      = local.locations[each.key]
    input_format  = local.formats[each.value.format].input
    output_format = local.formats[each.value.format].output

    ser_de_info {
      serialization_library = local.formats[each.value.format].serde
      parameters            = { "serialization.format" = "1" }
    }

    dynamic "columns" {
      for_each = local.fields[each.key]

      content {
        name = columns.value.name
        type = columns.value.type

        # Glue holds a comment of at most 255 characters.
        comment = substr(try("${columns.value.description} [${columns.value.unit}]", columns.value.description), 0, 255)
      }
    }
  }
}
