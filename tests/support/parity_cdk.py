"""A CDK template in plain words: what it makes, by kind and name, in the words both definitions share."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from toolchain.twin import ACCOUNT, REGION

Facts = dict[tuple[str, str], dict[str, Any]]

_NAMES = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::Kinesis::Stream": "Name",
    "AWS::Kinesis::StreamConsumer": "ConsumerName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::LogStream": "LogStreamName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::Athena::WorkGroup": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
    "AWS::Scheduler::ScheduleGroup": "Name",
}
_PSEUDO = {"AWS::AccountId": ACCOUNT, "AWS::Region": REGION, "AWS::Partition": "aws"}
_HERE = f"{REGION}:{ACCOUNT}"
_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::Kinesis::Stream": f"arn:aws:kinesis:{_HERE}:stream/{{name}}",
    # Without the name of its stream and the time of its registration.
    "AWS::Kinesis::StreamConsumer": "consumer/{name}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{_HERE}:function:{{name}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{name}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{_HERE}:log-group:{{name}}:*",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{_HERE}:table/{{name}}",
    "AWS::SNS::Topic": f"arn:aws:sns:{_HERE}:{{name}}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{_HERE}:{{name}}",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{_HERE}:stateMachine:{{name}}",
}

_ARN_ATTRIBUTES = {"AWS::Kinesis::StreamConsumer": "ConsumerARN"}


def facts(templates: Mapping[str, Mapping[str, Any]]) -> Facts:
    """What the templates make; each must be of a kind this module knows.

    Raises:
        KeyError: a resource is of a kind that no rule describes.
    """
    resources = {
        logical: row for template in templates.values() for logical, row in template["Resources"].items()
    }
    found: Facts = {}
    for row in resources.values():
        if row["Type"] == "AWS::CDK::Metadata":
            continue
        properties = _resolve(row["Properties"], resources)
        for kind, name, values in _KINDS[row["Type"]](properties):
            found.setdefault((kind, name), {}).update(values)
    return found


def _resolve(value: Any, resources: Mapping[str, Any]) -> Any:
    """`value` with references replaced by the names and ARNs they will have."""
    if isinstance(value, list):
        return [_resolve(item, resources) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        logical = value["Ref"]
        if resources.get(logical, {}).get("Type") == "AWS::SNS::Topic":
            return _ARNS["AWS::SNS::Topic"].format(name=resources[logical]["Properties"]["TopicName"])
        return _PSEUDO[logical] if logical in _PSEUDO else _name(resources[logical], resources)
    if set(value) == {"Fn::GetAtt"}:
        logical, attribute = value["Fn::GetAtt"]
        row = resources[logical]
        assert attribute == _ARN_ATTRIBUTES.get(row["Type"], "Arn"), value
        return _ARNS[row["Type"]].format(name=_name(row, resources))
    if set(value) == {"Fn::Join"}:
        separator, parts = value["Fn::Join"]
        return separator.join(_resolve(part, resources) for part in parts)
    return {key: _resolve(item, resources) for key, item in value.items()}


def _name(row: Mapping[str, Any], resources: Mapping[str, Any]) -> str:
    return str(_resolve(row["Properties"][_NAMES[row["Type"]]], resources))


def statements(document: Mapping[str, Any]) -> set[tuple[str, str, frozenset[str], frozenset[str], str]]:
    """Policy statements so that order and single items in lists make no difference."""
    return {
        (
            row["Effect"],
            json.dumps(row.get("Principal"), sort_keys=True),
            frozenset(_listed(row["Action"])),
            frozenset(_listed(row.get("Resource", []))),
            json.dumps(row.get("Condition"), sort_keys=True),
        )
        for row in document["Statement"]
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _tags(properties: Mapping[str, Any]) -> dict[str, str]:
    rows = properties.get("Tags", [])
    return dict(rows) if isinstance(rows, dict) else {row["Key"]: row["Value"] for row in rows}


Rows = Iterator[tuple[str, str, dict[str, Any]]]


def _bucket(row: Mapping[str, Any]) -> Rows:
    (encryption,) = row["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (owner,) = row["OwnershipControls"]["Rules"]
    yield (
        "bucket",
        row["BucketName"],
        {
            "encryption": encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"],
            "owner": owner["ObjectOwnership"],
            "public access blocked": set(row["PublicAccessBlockConfiguration"].values()),
            "versioned": row.get("VersioningConfiguration", {}).get("Status") == "Enabled",
            "rules": {rule["Id"]: _rule(rule) for rule in row["LifecycleConfiguration"]["Rules"]},
            "tags": _tags(row),
        },
    )


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "on": rule["Status"] == "Enabled",
        "incomplete": rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        "noncurrent": rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
        "marker": rule.get("ExpiredObjectDeleteMarker", False),
        "expire": rule.get("ExpirationInDays"),
        "move": {(move["TransitionInDays"], move["StorageClass"]) for move in rule.get("Transitions", [])},
    }


def _bucket_policy(row: Mapping[str, Any]) -> Rows:
    yield "bucket", row["Bucket"], {"policy": statements(row["PolicyDocument"])}


def _database(row: Mapping[str, Any]) -> Rows:
    database = row["DatabaseInput"]
    yield "database", database["Name"], {"description": database["Description"]}


def _table(row: Mapping[str, Any]) -> Rows:
    table = row["TableInput"]
    storage = table["StorageDescriptor"]
    yield (
        "table",
        f"{row['DatabaseName']}.{table['Name']}",
        {
            "description": table["Description"],
            "type": table["TableType"],
            "parameters": table["Parameters"],
            "partitions": _columns(table["PartitionKeys"]),
            "columns": _columns(storage["Columns"]),
            "location": storage["Location"],
            "formats": (storage["InputFormat"], storage["OutputFormat"]),
            "serde": (storage["SerdeInfo"]["SerializationLibrary"], storage["SerdeInfo"]["Parameters"]),
        },
    )


def _columns(rows: list[Mapping[str, str]]) -> list[tuple[str, str, str]]:
    return [(row["Name"], row["Type"], row["Comment"]) for row in rows]


def _workgroup(row: Mapping[str, Any]) -> Rows:
    settings = row["WorkGroupConfiguration"]
    results = settings["ResultConfiguration"]
    yield (
        "workgroup",
        row["Name"],
        {
            "description": row["Description"],
            "state": row["State"],
            "goes with its history": row["RecursiveDeleteOption"],
            "enforced": settings["EnforceWorkGroupConfiguration"],
            "metrics": settings["PublishCloudWatchMetricsEnabled"],
            "scan limit": settings["BytesScannedCutoffPerQuery"],
            "requester pays": settings["RequesterPaysEnabled"],
            "engine": settings["EngineVersion"]["SelectedEngineVersion"],
            "results": results["OutputLocation"],
            "encryption": results["EncryptionConfiguration"]["EncryptionOption"],
            "tags": _tags(row),
        },
    )


def _query(row: Mapping[str, Any]) -> Rows:
    values = {
        "sql": row["QueryString"],
        "description": row["Description"],
        "where": (row["Database"], row["WorkGroup"]),
    }
    yield "query", row["Name"], values


def _stream(row: Mapping[str, Any]) -> Rows:
    encryption = row["StreamEncryption"]
    values = {
        "mode": row["StreamModeDetails"]["StreamMode"],
        "shards": row.get("ShardCount"),
        "retention": row["RetentionPeriodHours"],
        "encryption": (encryption["EncryptionType"], encryption["KeyId"]),
        "tags": _tags(row),
    }
    yield "stream", row["Name"], values


def _consumer(row: Mapping[str, Any]) -> Rows:
    yield "consumer", row["ConsumerName"], {"stream": row["StreamARN"]}


def _firehose(row: Mapping[str, Any]) -> Rows:
    s3 = row["ExtendedS3DestinationConfiguration"]
    source = row.get("KinesisStreamSourceConfiguration", {})
    logs = s3["CloudWatchLoggingOptions"]
    processing = s3.get("ProcessingConfiguration", {})
    yield (
        "firehose",
        row["DeliveryStreamName"],
        {
            "source": (source.get("KinesisStreamARN"), source.get("RoleARN")),
            "key": row.get("DeliveryStreamEncryptionConfigurationInput", {}).get("KeyType"),
            "bucket": s3["BucketARN"],
            "role": s3["RoleARN"],
            "prefix": s3["Prefix"],
            "errors": s3["ErrorOutputPrefix"],
            "compression": (s3["CompressionFormat"], s3.get("FileExtension")),
            "buffer": (s3["BufferingHints"]["SizeInMBs"], s3["BufferingHints"]["IntervalInSeconds"]),
            "log": (logs["Enabled"], logs["LogGroupName"], logs["LogStreamName"]),
            "processors": {
                processor["Type"]: _parameters(processor, s3["RoleARN"])
                for processor in processing.get("Processors", [])
            },
            "partitioning": _partitioning(s3.get("DynamicPartitioningConfiguration")),
            "conversion": _conversion(s3.get("DataFormatConversionConfiguration")),
            "tags": _tags(row),
        },
    )


FIREHOSE_DEFAULTS = {"NumberOfRetries": "3", "BufferSizeInMBs": "1", "BufferIntervalInSeconds": "60"}
"""What Firehose takes for a parameter of a Lambda processor that is left out, besides its own role."""


def _parameters(processor: Mapping[str, Any], role: str) -> dict[str, str]:
    given = {row["ParameterName"]: row["ParameterValue"] for row in processor["Parameters"]}
    return given if processor["Type"] != "Lambda" else {**FIREHOSE_DEFAULTS, "RoleArn": role, **given}


def _partitioning(row: Mapping[str, Any] | None) -> tuple[Any, ...] | None:
    return None if row is None else (row["Enabled"], row["RetryOptions"]["DurationInSeconds"])


def _conversion(row: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    table = row["SchemaConfiguration"]
    reader = row["InputFormatConfiguration"]["Deserializer"]["OpenXJsonSerDe"]
    writer = row["OutputFormatConfiguration"]["Serializer"]["ParquetSerDe"]
    return {
        "enabled": row["Enabled"],
        "table": (table["CatalogId"], table["Region"], table["DatabaseName"], table["TableName"]),
        "version": table["VersionId"],
        "role": table["RoleARN"],
        "reader": (reader["CaseInsensitive"], reader["ConvertDotsInJsonKeysToUnderscores"]),
        "writer": (writer["Compression"], writer["EnableDictionaryCompression"], writer["WriterVersion"]),
    }


def _log_group(row: Mapping[str, Any]) -> Rows:
    yield "log group", row["LogGroupName"], {"days": row["RetentionInDays"], "tags": _tags(row)}


def _log_stream(row: Mapping[str, Any]) -> Rows:
    yield "log stream", f"{row['LogGroupName']}:{row['LogStreamName']}", {}


def _role(row: Mapping[str, Any]) -> Rows:
    values = {
        "trust": statements(row["AssumeRolePolicyDocument"]),
        "rights": {
            policy["PolicyName"]: statements(policy["PolicyDocument"]) for policy in row.get("Policies", [])
        },
        "attached": set(row.get("ManagedPolicyArns", [])),
        "tags": _tags(row),
    }
    yield "role", row["RoleName"], values


def _function(row: Mapping[str, Any]) -> Rows:
    values = {
        "handler": row["Handler"],
        "runtime": row["Runtime"],
        "architecture": row["Architectures"],
        "memory": row["MemorySize"],
        "timeout": row["Timeout"],
        "reserved": row.get("ReservedConcurrentExecutions"),
        "temporary": row.get("EphemeralStorage", {}).get("Size", 512),
        "role": row["Role"],
        "log": row["LoggingConfig"]["LogGroup"],
        "log levels": tuple(
            row["LoggingConfig"][key] for key in ("LogFormat", "SystemLogLevel", "ApplicationLogLevel")
        ),
        "environment": row["Environment"]["Variables"],
        "tags": _tags(row),
    }
    yield "function", row["FunctionName"], values


def _dynamodb(row: Mapping[str, Any]) -> Rows:
    values = {
        "billing": row["BillingMode"],
        "keys": [(key["AttributeName"], key["KeyType"]) for key in row["KeySchema"]],
        "types": {(key["AttributeName"], key["AttributeType"]) for key in row["AttributeDefinitions"]},
        "expires": tuple(row["TimeToLiveSpecification"].values()),
        "recovery": row["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
        "customer key": row.get("SSESpecification", {}).get("SSEEnabled", False),
        "tags": _tags(row),
    }
    yield "live table", row["TableName"], values


def _queue(row: Mapping[str, Any]) -> Rows:
    retention, key = row["MessageRetentionPeriod"], row["SqsManagedSseEnabled"]
    yield "queue", row["QueueName"], {"retention": retention, "encrypted": key, "tags": _tags(row)}


def _queue_policy(row: Mapping[str, Any]) -> Rows:
    for name in row["Queues"]:
        yield "queue", name, {"policy": statements(row["PolicyDocument"])}


def _topic(row: Mapping[str, Any]) -> Rows:
    yield (
        "topic",
        row["TopicName"],
        {"title": row["DisplayName"], "key": row.get("KmsMasterKeyId"), "tags": _tags(row)},
    )


def _topic_policy(row: Mapping[str, Any]) -> Rows:
    for topic in row["Topics"]:
        yield "topic", topic.rsplit(":", 1)[-1], {"policy": statements(row["PolicyDocument"])}


def _mapping(row: Mapping[str, Any]) -> Rows:
    values = {
        "source": row["EventSourceArn"],
        "enabled": row.get("Enabled", True),
        "start": row["StartingPosition"],
        "batch": (row["BatchSize"], row["MaximumBatchingWindowInSeconds"]),
        "bisect": row.get("BisectBatchOnFunctionError", False),
        "answers": row.get("FunctionResponseTypes", []),
        "attempts": row["MaximumRetryAttempts"],
        "age": row["MaximumRecordAgeInSeconds"],
        "parallel": row["ParallelizationFactor"],
        "failures": row.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"),
        "tags": _tags(row),
    }
    yield "mapping", row["FunctionName"], values


def _machine(row: Mapping[str, Any]) -> Rows:
    yield (
        "state machine",
        row["StateMachineName"],
        {
            "type": row["StateMachineType"],
            "role": row["RoleArn"],
            "definition": json.loads(row["DefinitionString"]),
            "tags": _tags(row),
        },
    )


def _schedule_group(row: Mapping[str, Any]) -> Rows:
    yield "schedule group", row["Name"], {"tags": _tags(row)}


def _schedule(row: Mapping[str, Any]) -> Rows:
    target = row["Target"]
    values = {
        "group": row["GroupName"],
        "when": (row["ScheduleExpression"], row["ScheduleExpressionTimezone"], row["State"]),
        "window": row["FlexibleTimeWindow"]["Mode"],
        "target": (target["Arn"], target["RoleArn"], target["Input"]),
        "retries": tuple(
            target["RetryPolicy"][key] for key in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
        ),
        "undelivered": target["DeadLetterConfig"]["Arn"],
    }
    yield "schedule", row["Name"], values


def _spark(row: Mapping[str, Any]) -> Rows:
    most = row["MaximumCapacity"]
    values = {
        "type": row["Type"],
        "release": row["ReleaseLabel"],
        "architecture": row["Architecture"],
        "starts": row["AutoStartConfiguration"]["Enabled"],
        "stops": (
            row["AutoStopConfiguration"]["Enabled"],
            row["AutoStopConfiguration"]["IdleTimeoutMinutes"],
        ),
        "most": (most["Cpu"], most["Memory"], most["Disk"]),
        "kept ready": row.get("InitialCapacity", []),
        "tags": _tags(row),
    }
    yield "spark", row["Name"], values


_KINDS: Mapping[str, Callable[[Mapping[str, Any]], Rows]] = {
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::Glue::Database": _database,
    "AWS::Glue::Table": _table,
    "AWS::Athena::WorkGroup": _workgroup,
    "AWS::Athena::NamedQuery": _query,
    "AWS::Kinesis::Stream": _stream,
    "AWS::Kinesis::StreamConsumer": _consumer,
    "AWS::KinesisFirehose::DeliveryStream": _firehose,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::LogStream": _log_stream,
    "AWS::IAM::Role": _role,
    "AWS::Lambda::Function": _function,
    "AWS::DynamoDB::Table": _dynamodb,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SNS::Topic": _topic,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::StepFunctions::StateMachine": _machine,
    "AWS::Scheduler::ScheduleGroup": _schedule_group,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::EMRServerless::Application": _spark,
}
