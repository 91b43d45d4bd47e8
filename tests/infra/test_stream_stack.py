"""The stream and its deliveries: what Firehose on AWS accepts, and what the lake's layout needs."""

import json

import pytest

from infra.settings import load_settings
from petrostream.schema.sensors import schema

SETTINGS = load_settings()
DELIVERIES = {
    "raw": "ingest/",
    "delivery": "scored_readings/",
    "facility": "facility_readings/",
    "alarms": "alarms/",
    "quarantine": "quarantine/",
}
PARQUET = {"delivery": "scored_readings", "facility": "facility_readings", "alarms": "alarms"}


def _destination(templates, name):
    stream = templates.one("AWS::KinesisFirehose::DeliveryStream", DeliveryStreamName=name)
    return stream["ExtendedS3DestinationConfiguration"]


def _parameters(processor):
    return {item["ParameterName"]: item["ParameterValue"] for item in processor["Parameters"]}


def test_the_stream_has_the_size_and_encryption_of_the_settings(aws):
    stream = aws.one("AWS::Kinesis::Stream")
    assert stream["Name"] == SETTINGS.stream.name
    assert stream["ShardCount"] == SETTINGS.stream.shards
    assert stream["RetentionPeriodHours"] == SETTINGS.stream.retention_hours
    assert stream["StreamEncryption"]["EncryptionType"] == "KMS"


@pytest.mark.parametrize("which", DELIVERIES)
def test_buffers_and_prefixes_are_those_of_the_settings(aws, which):
    settings = getattr(SETTINGS.firehose, which)
    destination = _destination(aws, settings.name)
    assert destination["BufferingHints"] == {
        "SizeInMBs": settings.buffer_mb,
        "IntervalInSeconds": settings.buffer_seconds,
    }
    assert destination["Prefix"].startswith(f"{DELIVERIES[which]}date=")
    assert destination["ErrorOutputPrefix"].startswith(
        f"errors/{settings.name}/!{{firehose:error-output-type}}/"
    )


def test_rows_land_by_event_date_and_everything_else_by_arrival(aws):
    firehose = SETTINGS.firehose
    for which, table in PARQUET.items():
        prefix = _destination(aws, getattr(firehose, which).name)["Prefix"]
        assert prefix == f"{table}/date=!{{partitionKeyFromLambda:date}}/"
    for settings in (firehose.raw, firehose.quarantine):
        assert _destination(aws, settings.name)["Prefix"].endswith("date=!{timestamp:yyyy-MM-dd}/")


def test_errors_lie_outside_every_table(aws):
    for which in ("delivery", "facility", "alarms", "quarantine"):
        error_prefix = _destination(aws, getattr(SETTINGS.firehose, which).name)["ErrorOutputPrefix"]
        assert not any(
            error_prefix.startswith(str(schema(t).prefix))
            for t in ("scored_readings", "facility_readings", "alarms", "quarantine")
        )


def test_on_aws_a_function_copies_the_stream_in_few_large_entries(aws):
    settings = SETTINGS.raw_copy
    name = SETTINGS.firehose.raw.name
    stream = aws.one("AWS::KinesisFirehose::DeliveryStream", DeliveryStreamName=name)
    assert stream["DeliveryStreamType"] == "DirectPut"
    assert stream["DeliveryStreamEncryptionConfigurationInput"] == {"KeyType": "AWS_OWNED_CMK"}
    destination = stream["ExtendedS3DestinationConfiguration"]
    assert "ProcessingConfiguration" not in destination
    # It sends gzip members, which one after another are a gzip file.
    assert (destination["CompressionFormat"], destination["FileExtension"]) == ("UNCOMPRESSED", ".gz")
    function = aws.one("AWS::Lambda::Function", FunctionName=settings.function)
    assert function["Handler"] == "lambdas.raw_copy.handler.handler"
    assert (function["MemorySize"], function["Timeout"]) == (settings.memory_mb, settings.timeout_seconds)
    assert function["Environment"]["Variables"]["RAW_STREAM"] == name
    (mapping,) = (
        row["Properties"]
        for key, row in aws.resources("AWS::Lambda::EventSourceMapping").items()
        if key == "RawMapping"
    )
    assert mapping["BatchSize"] == settings.batch_size
    assert mapping["MaximumBatchingWindowInSeconds"] == settings.batching_window_seconds
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    # Never given up on, and never cut into halves: it does not look at what is in a record.
    assert (mapping["MaximumRetryAttempts"], mapping["MaximumRecordAgeInSeconds"]) == (-1, -1)
    assert not {"BisectBatchOnFunctionError", "DestinationConfig"} & mapping.keys()


def test_on_the_twin_the_firehose_of_the_raw_zone_reads_the_stream(twin):
    stream = twin.one("AWS::KinesisFirehose::DeliveryStream", DeliveryStreamName=SETTINGS.firehose.raw.name)
    assert stream["DeliveryStreamType"] == "KinesisStreamAsSource"
    assert "DeliveryStreamEncryptionConfigurationInput" not in stream  # refused by Firehose for such a source
    processors = stream["ExtendedS3DestinationConfiguration"]["ProcessingConfiguration"]["Processors"]
    assert [processor["Type"] for processor in processors] == ["AppendDelimiterToRecord"]
    assert "RawMapping" not in twin.resources("AWS::Lambda::EventSourceMapping")


def test_lambda_itself_logs_failures_only(aws, synth):
    for function in aws.resources("AWS::Lambda::Function").values():
        logging = function["Properties"]["LoggingConfig"]
        assert (logging["LogFormat"], logging["SystemLogLevel"]) == ("JSON", "WARN")
        # Metrics are lines without a level, which Lambda takes for INFO.
        assert logging["ApplicationLogLevel"] == "INFO"
    quiet = synth("aws", lambda s: s["runtime"].update(log_level="ERROR", system_log_level="INFO"))
    (logging,) = {
        json.dumps({k: v for k, v in row["Properties"]["LoggingConfig"].items() if k != "LogGroup"})
        for row in quiet.resources("AWS::Lambda::Function").values()
    }
    assert json.loads(logging) == {
        "LogFormat": "JSON",
        "SystemLogLevel": "INFO",
        "ApplicationLogLevel": "INFO",
    }


@pytest.mark.parametrize("which", PARQUET)
def test_rows_become_parquet_by_the_schema_of_their_table(aws, which):
    destination = _destination(aws, getattr(SETTINGS.firehose, which).name)
    # Firehose refuses a smaller buffer, or compression around Parquet.
    assert destination["BufferingHints"]["SizeInMBs"] >= 64
    assert destination["CompressionFormat"] == "UNCOMPRESSED"
    assert destination["DynamicPartitioningConfiguration"]["Enabled"] is True
    conversion = destination["DataFormatConversionConfiguration"]
    assert conversion["Enabled"] is True
    assert "OpenXJsonSerDe" in conversion["InputFormatConfiguration"]["Deserializer"]
    assert "ParquetSerDe" in conversion["OutputFormatConfiguration"]["Serializer"]
    table = conversion["SchemaConfiguration"]
    assert (table["DatabaseName"], table["TableName"]) == (SETTINGS.lake.database, PARQUET[which])
    assert table["Region"] == {"Ref": "AWS::Region"}
    assert table["RoleARN"] == destination["RoleARN"]


@pytest.mark.parametrize("which", PARQUET)
def test_the_transform_runs_before_the_conversion_with_the_settings_limits(aws, which):
    settings = getattr(SETTINGS.firehose, which)
    destination = _destination(aws, settings.name)
    (processor,) = destination["ProcessingConfiguration"]["Processors"]
    assert processor["Type"] == "Lambda"
    parameters = _parameters(processor)
    assert float(parameters["BufferSizeInMBs"]) == settings.transform_buffer_mb
    assert int(parameters["BufferIntervalInSeconds"]) == settings.transform_buffer_seconds
    assert int(parameters["NumberOfRetries"]) == settings.transform_retries
    function = aws.one("AWS::Lambda::Function", FunctionName=SETTINGS.firehose_transform.function)
    assert function["Handler"] == "lambdas.firehose_transform.handler.handler"
    assert function["MemorySize"] == SETTINGS.firehose_transform.memory_mb
    assert function["Timeout"] == SETTINGS.firehose_transform.timeout_seconds


def test_on_demand_mode_leaves_the_shards_to_aws(synth):
    templates = synth("aws", lambda s: s["stream"].update(mode="ON_DEMAND"))
    stream = templates.one("AWS::Kinesis::Stream")
    assert stream["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert "ShardCount" not in stream
