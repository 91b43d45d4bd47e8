"""The lake as CloudFormation will make it: catalogue, work group, life of the objects."""

import json

import pytest

from infra.queries import QUERIES, description
from infra.settings import load_settings
from petrostream.schema.sensors import GOLD_TABLES, STREAMED_TABLES, TABLES, schema

SETTINGS = load_settings()


def _table(templates, name):
    tables = templates.resources("AWS::Glue::Table").values()
    return next(
        t["Properties"]["TableInput"] for t in tables if t["Properties"]["TableInput"]["Name"] == name
    )


def test_the_catalogue_has_exactly_the_tables_of_the_schema(aws):
    names = {t["Properties"]["TableInput"]["Name"] for t in aws.resources("AWS::Glue::Table").values()}
    assert names == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_every_column_of_the_schema_is_in_the_table_with_its_type(aws, name):
    columns = _table(aws, name)["StorageDescriptor"]["Columns"]
    assert [(c["Name"], c["Type"]) for c in columns] == [(f.name, f.type) for f in schema(name).fields]
    assert all(c["Comment"] for c in columns)


@pytest.mark.parametrize("name", STREAMED_TABLES)
def test_partitions_are_projected_so_no_crawler_is_needed(aws, name):
    table = _table(aws, name)
    assert [(c["Name"], c["Type"]) for c in table["PartitionKeys"]] == [("date", "date")]
    parameters = table["Parameters"]
    assert parameters["projection.enabled"] == "true"
    assert parameters["projection.date.type"] == "date"
    assert parameters["projection.date.format"] == "yyyy-MM-dd"
    assert parameters["projection.date.range"] == f"{SETTINGS.lake.projection_start},NOW+1DAYS"
    assert json.dumps(parameters["storage.location.template"]).endswith(f'/{name}/date=${{date}}/"]]}}')


@pytest.mark.parametrize("name", GOLD_TABLES)
def test_partitions_of_gold_are_registered_so_that_a_day_can_be_replaced_at_once(aws, name):
    table = _table(aws, name)
    assert [key["Name"] for key in table["PartitionKeys"]] == [key.name for key in schema(name).partitions]
    assert table["Parameters"] == {"EXTERNAL": "TRUE", "classification": "parquet"}
    assert json.dumps(table["StorageDescriptor"]["Location"]).endswith(f'/{schema(name).prefix}"]]}}')


def test_formats_are_those_the_delivery_streams_write(aws):
    serde = {
        name: _table(aws, name)["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"]
        for name in STREAMED_TABLES
    }
    assert serde == {
        "scored_readings": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "facility_readings": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "alarms": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        "quarantine": "org.openx.data.jsonserde.JsonSerDe",
    }


def test_the_work_group_limits_scans_and_fixes_encrypted_results(aws):
    configuration = aws.one("AWS::Athena::WorkGroup")["WorkGroupConfiguration"]
    assert configuration["EnforceWorkGroupConfiguration"] is True
    assert configuration["BytesScannedCutoffPerQuery"] == SETTINGS.lake.athena_scan_limit_bytes
    result = configuration["ResultConfiguration"]
    assert result["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}
    assert "athena-results" in json.dumps(result["OutputLocation"]) or "AthenaResults" in json.dumps(result)


def test_each_query_file_is_a_named_query_on_aws(aws, twin):
    named = {
        query["Properties"]["Name"]: query["Properties"]
        for query in aws.resources("AWS::Athena::NamedQuery").values()
    }
    files = {path.stem: path.read_text() for path in QUERIES.glob("*.sql")}
    assert {name: query["QueryString"] for name, query in named.items()} == files
    assert all(query["WorkGroup"] == SETTINGS.lake.workgroup for query in named.values())
    assert twin.resources("AWS::Athena::NamedQuery") == {}  # the emulator's CloudFormation lacks the type


def test_the_description_of_a_query_is_its_leading_comment():
    assert (
        description("-- Anomalies by well\n--  and day.\nSELECT 1 -- one\n") == "Anomalies by well and day."
    )
    assert description("SELECT 1") == ""


def _rules(templates, zone):
    for bucket in templates.resources("AWS::S3::Bucket").values():
        if f"-{zone}-" in json.dumps(bucket["Properties"]["BucketName"]):
            return {rule["Id"]: rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"]}
    raise AssertionError(f"no bucket {zone}")


def test_query_results_expire_and_the_raw_zone_cools_down(aws):
    lake = SETTINGS.lake
    assert _rules(aws, "athena-results")["results"]["ExpirationInDays"] == lake.athena_results_expire_days
    moves = _rules(aws, "raw")["cooler-classes"]["Transitions"]
    assert [(move["StorageClass"], move["TransitionInDays"]) for move in moves] == [
        ("STANDARD_IA", lake.raw_infrequent_access_days),
        ("GLACIER_IR", lake.raw_glacier_days),
    ]


def test_no_data_expires_outside_the_query_results(aws):
    for zone in ("raw", "curated", "quarantine", "artifacts"):
        rules = _rules(aws, zone).values()
        assert not any("ExpirationInDays" in rule for rule in rules)
        versions = [
            rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
            for rule in rules
            if "NoncurrentVersionExpiration" in rule and "Prefix" not in rule
        ]
        assert versions == [SETTINGS.lake.noncurrent_expire_days]


def test_what_jobs_delete_of_gold_goes_and_nothing_else_of_the_zone(aws):
    rule = _rules(aws, "curated")["replaced-gold"]
    assert rule["Prefix"] == "gold/"
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == SETTINGS.gold.deleted_expire_days
    assert "ExpirationInDays" not in rule
