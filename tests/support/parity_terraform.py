"""A Terraform plan in plain words: what it makes, by kind and name, in the words both definitions share."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.support.parity_cdk import FIREHOSE_DEFAULTS, Facts, Rows, statements


def facts(resources: Iterable[Mapping[str, Any]]) -> Facts:
    """What the planned resources make; each must be of a type this module knows.

    Raises:
        KeyError: a resource is of a type that no rule describes.
    """
    found: Facts = {}
    for row in resources:
        for kind, name, values in _TYPES[row["type"]](row["values"]):
            known = found.setdefault((kind, name), {})
            for key, value in values.items():
                # The policies of a role, each a resource of its own, come together.
                known[key] = {**known[key], **value} if key == "rights" and key in known else value
    for (kind, _), values in found.items():
        for key, value in _UNSAID.get(kind, {}).items():
            values.setdefault(key, value)
    return found


_UNSAID: Mapping[str, Mapping[str, Any]] = {
    "bucket": {"versioned": False},
    "role": {"rights": {}, "attached": set()},
}
"""What is so when no resource says anything else."""


def _one(rows: list[Any] | None) -> Any:
    """The block of which there is at most one."""
    return rows[0] if rows else {}


def _bucket(row: Mapping[str, Any]) -> Rows:
    yield "bucket", row["bucket"], {"tags": row["tags_all"]}


def _public_access(row: Mapping[str, Any]) -> Rows:
    names = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
    yield "bucket", row["bucket"], {"public access blocked": {row[name] for name in names}}


def _ownership(row: Mapping[str, Any]) -> Rows:
    yield "bucket", row["bucket"], {"owner": _one(row["rule"])["object_ownership"]}


def _encryption(row: Mapping[str, Any]) -> Rows:
    (rule,) = row["rule"]
    default = _one(rule["apply_server_side_encryption_by_default"])
    yield "bucket", row["bucket"], {"encryption": default["sse_algorithm"]}


def _versioning(row: Mapping[str, Any]) -> Rows:
    yield "bucket", row["bucket"], {"versioned": _one(row["versioning_configuration"])["status"] == "Enabled"}


def _lifecycle(row: Mapping[str, Any]) -> Rows:
    yield "bucket", row["bucket"], {"rules": {rule["id"]: _rule(rule) for rule in row["rule"]}}


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    expiration = _one(rule["expiration"])
    return {
        "on": rule["status"] == "Enabled",
        "incomplete": _one(rule["abort_incomplete_multipart_upload"]).get("days_after_initiation"),
        "noncurrent": _one(rule["noncurrent_version_expiration"]).get("noncurrent_days"),
        "marker": expiration.get("expired_object_delete_marker") or False,
        "expire": expiration.get("days") or None,
        "move": {(move["days"], move["storage_class"]) for move in rule["transition"]},
    }


def _bucket_policy(row: Mapping[str, Any]) -> Rows:
    yield "bucket", row["bucket"], {"policy": statements(json.loads(row["policy"]))}


def _database(row: Mapping[str, Any]) -> Rows:
    yield "database", row["name"], {"description": row["description"]}


def _table(row: Mapping[str, Any]) -> Rows:
    storage = _one(row["storage_descriptor"])
    serde = _one(storage["ser_de_info"])
    yield (
        "table",
        f"{row['database_name']}.{row['name']}",
        {
            "description": row["description"],
            "type": row["table_type"],
            "parameters": row["parameters"],
            "partitions": _columns(row["partition_keys"]),
            "columns": _columns(storage["columns"]),
            "location": storage["location"],
            "formats": (storage["input_format"], storage["output_format"]),
            "serde": (serde["serialization_library"], serde["parameters"]),
        },
    )


def _columns(rows: list[Mapping[str, str]]) -> list[tuple[str, str, str]]:
    return [(row["name"], row["type"], row["comment"]) for row in rows]


def _workgroup(row: Mapping[str, Any]) -> Rows:
    settings = _one(row["configuration"])
    results = _one(settings["result_configuration"])
    yield (
        "workgroup",
        row["name"],
        {
            "description": row["description"],
            "state": row["state"],
            "goes with its history": row["force_destroy"],
            "enforced": settings["enforce_workgroup_configuration"],
            "metrics": settings["publish_cloudwatch_metrics_enabled"],
            "scan limit": settings["bytes_scanned_cutoff_per_query"],
            "requester pays": settings["requester_pays_enabled"],
            "engine": _one(settings["engine_version"])["selected_engine_version"],
            "results": results["output_location"],
            "encryption": _one(results["encryption_configuration"])["encryption_option"],
            "tags": row["tags_all"],
        },
    )


def _query(row: Mapping[str, Any]) -> Rows:
    values = {
        "sql": row["query"],
        "description": row["description"],
        "where": (row["database"], row["workgroup"]),
    }
    yield "query", row["name"], values


def _stream(row: Mapping[str, Any]) -> Rows:
    values = {
        "mode": _one(row["stream_mode_details"])["stream_mode"],
        "shards": row["shard_count"],
        "retention": row["retention_period"],
        "encryption": (row["encryption_type"], row["kms_key_id"]),
        "tags": row["tags_all"],
    }
    yield "stream", row["name"], values


def _consumer(row: Mapping[str, Any]) -> Rows:
    # Its ARN, and with it the source of the mapping, is AWS's choice.
    yield "consumer", row["name"], {"stream": row["stream_arn"]}


def _firehose(row: Mapping[str, Any]) -> Rows:
    s3 = _one(row["extended_s3_configuration"])
    source = _one(row["kinesis_source_configuration"])
    logs = _one(s3["cloudwatch_logging_options"])
    processing = _one(s3["processing_configuration"])
    yield (
        "firehose",
        row["name"],
        {
            "source": (source.get("kinesis_stream_arn"), source.get("role_arn")),
            "key": _one(row["server_side_encryption"]).get("key_type"),
            "bucket": s3["bucket_arn"],
            "role": s3["role_arn"],
            "prefix": s3["prefix"],
            "errors": s3["error_output_prefix"],
            "compression": (s3["compression_format"], s3["file_extension"]),
            "buffer": (s3["buffering_size"], s3["buffering_interval"]),
            "log": (logs["enabled"], logs["log_group_name"], logs["log_stream_name"]),
            "processors": {
                processor["type"]: _parameters(processor, s3["role_arn"])
                for processor in processing.get("processors", [])
            },
            "partitioning": _partitioning(_one(s3["dynamic_partitioning_configuration"])),
            "conversion": _conversion(_one(s3["data_format_conversion_configuration"])),
            "tags": row["tags_all"],
        },
    )


def _parameters(processor: Mapping[str, Any], role: str) -> dict[str, str]:
    given = {row["parameter_name"]: row["parameter_value"] for row in processor["parameters"]}
    return given if processor["type"] != "Lambda" else {**FIREHOSE_DEFAULTS, "RoleArn": role, **given}


def _partitioning(row: Mapping[str, Any]) -> tuple[Any, ...] | None:
    return (row["enabled"], row["retry_duration"]) if row else None


def _conversion(row: Mapping[str, Any]) -> dict[str, Any] | None:
    if not row:
        return None
    table = _one(row["schema_configuration"])
    reader = _one(_one(_one(row["input_format_configuration"])["deserializer"])["open_x_json_ser_de"])
    writer = _one(_one(_one(row["output_format_configuration"])["serializer"])["parquet_ser_de"])
    return {
        "enabled": row["enabled"],
        "table": (table["catalog_id"], table["region"], table["database_name"], table["table_name"]),
        "version": table["version_id"],
        "role": table["role_arn"],
        "reader": (reader["case_insensitive"], reader["convert_dots_in_json_keys_to_underscores"]),
        "writer": (writer["compression"], writer["enable_dictionary_compression"], writer["writer_version"]),
    }


def _log_group(row: Mapping[str, Any]) -> Rows:
    yield "log group", row["name"], {"days": row["retention_in_days"], "tags": row["tags_all"]}


def _log_stream(row: Mapping[str, Any]) -> Rows:
    yield "log stream", f"{row['log_group_name']}:{row['name']}", {}


def _role(row: Mapping[str, Any]) -> Rows:
    trust = statements(json.loads(row["assume_role_policy"]))
    yield "role", row["name"], {"trust": trust, "tags": row["tags_all"]}


def _role_policy(row: Mapping[str, Any]) -> Rows:
    yield "role", row["role"], {"rights": {row["name"]: statements(json.loads(row["policy"]))}}


def _function(row: Mapping[str, Any]) -> Rows:
    reserved = row["reserved_concurrent_executions"]
    values = {
        "handler": row["handler"],
        "runtime": row["runtime"],
        "architecture": row["architectures"],
        "memory": row["memory_size"],
        "timeout": row["timeout"],
        "reserved": None if reserved == -1 else reserved,
        "temporary": _one(row["ephemeral_storage"]).get("size", 512),
        "role": row["role"],
        "log": _one(row["logging_config"])["log_group"],
        "log levels": tuple(
            _one(row["logging_config"])[key]
            for key in ("log_format", "system_log_level", "application_log_level")
        ),
        "environment": _one(row["environment"])["variables"],
        "tags": row["tags_all"],
    }
    yield "function", row["function_name"], values


def _dynamodb(row: Mapping[str, Any]) -> Rows:
    ttl = _one(row["ttl"])
    values = {
        "billing": row["billing_mode"],
        "keys": [(row["hash_key"], "HASH"), (row["range_key"], "RANGE")],
        "types": {(key["name"], key["type"]) for key in row["attribute"]},
        "expires": (ttl["attribute_name"], ttl["enabled"]),
        "recovery": _one(row["point_in_time_recovery"])["enabled"],
        "customer key": _one(row.get("server_side_encryption")).get("enabled", False),
        "tags": row["tags_all"],
    }
    yield "live table", row["name"], values


def _queue(row: Mapping[str, Any]) -> Rows:
    retention, key = row["message_retention_seconds"], row["sqs_managed_sse_enabled"]
    yield "queue", row["name"], {"retention": retention, "encrypted": key, "tags": row["tags_all"]}


def _queue_policy(row: Mapping[str, Any]) -> Rows:
    policy = json.loads(row["policy"])
    # The queue's URL is not known before it exists; the policy names the queue it is for.
    (queue,) = {statement["Resource"].rsplit(":", 1)[-1] for statement in policy["Statement"]}
    yield "queue", queue, {"policy": statements(policy)}


def _topic(row: Mapping[str, Any]) -> Rows:
    yield (
        "topic",
        row["name"],
        {"title": row["display_name"], "key": row.get("kms_master_key_id"), "tags": row["tags_all"]},
    )


def _topic_policy(row: Mapping[str, Any]) -> Rows:
    policy = json.loads(row["policy"])
    (topic,) = {statement["Resource"].rsplit(":", 1)[-1] for statement in policy["Statement"]}
    yield "topic", topic, {"policy": statements(policy)}


def _mapping(row: Mapping[str, Any]) -> Rows:
    failures = _one(_one(row["destination_config"]).get("on_failure"))
    values = {
        # That of a consumer is known once AWS has registered it.
        "source": row.get("event_source_arn", "a consumer"),
        "enabled": row["enabled"],
        "start": row["starting_position"],
        "batch": (row["batch_size"], row["maximum_batching_window_in_seconds"]),
        "bisect": row["bisect_batch_on_function_error"] or False,
        "answers": row["function_response_types"] or [],
        "attempts": row["maximum_retry_attempts"],
        "age": row["maximum_record_age_in_seconds"],
        "parallel": row["parallelization_factor"],
        "failures": failures.get("destination_arn"),
        "tags": row["tags_all"],
    }
    yield "mapping", row["function_name"], values


def _machine(row: Mapping[str, Any]) -> Rows:
    values = {
        "type": row["type"],
        "role": row["role_arn"],
        "definition": json.loads(row["definition"]),
        "tags": row["tags_all"],
    }
    yield "state machine", row["name"], values


def _schedule_group(row: Mapping[str, Any]) -> Rows:
    yield "schedule group", row["name"], {"tags": row["tags_all"]}


def _schedule(row: Mapping[str, Any]) -> Rows:
    target = _one(row["target"])
    retries = _one(target["retry_policy"])
    values = {
        "group": row["group_name"],
        "when": (row["schedule_expression"], row["schedule_expression_timezone"], row["state"]),
        "window": _one(row["flexible_time_window"])["mode"],
        "target": (target["arn"], target["role_arn"], target["input"]),
        "retries": (retries["maximum_retry_attempts"], retries["maximum_event_age_in_seconds"]),
        "undelivered": _one(target["dead_letter_config"])["arn"],
    }
    yield "schedule", row["name"], values


def _spark(row: Mapping[str, Any]) -> Rows:
    stops, most = _one(row["auto_stop_configuration"]), _one(row["maximum_capacity"])
    values = {
        "type": row["type"].upper(),  # the provider writes it small
        "release": row["release_label"],
        "architecture": row["architecture"],
        "starts": _one(row["auto_start_configuration"])["enabled"],
        "stops": (stops["enabled"], stops["idle_timeout_minutes"]),
        "most": (most["cpu"], most["memory"], most["disk"]),
        "kept ready": row["initial_capacity"],
        "tags": row["tags_all"],
    }
    yield "spark", row["name"], values


_TYPES: Mapping[str, Callable[[Mapping[str, Any]], Rows]] = {
    "aws_sfn_state_machine": _machine,
    "aws_scheduler_schedule_group": _schedule_group,
    "aws_scheduler_schedule": _schedule,
    "aws_s3_object": lambda _: iter(()),  # what the CDK does before its stacks, with a bucket of its own
    "aws_s3_bucket": _bucket,
    "aws_emrserverless_application": _spark,
    "aws_s3_bucket_public_access_block": _public_access,
    "aws_s3_bucket_ownership_controls": _ownership,
    "aws_s3_bucket_server_side_encryption_configuration": _encryption,
    "aws_s3_bucket_versioning": _versioning,
    "aws_s3_bucket_lifecycle_configuration": _lifecycle,
    "aws_s3_bucket_policy": _bucket_policy,
    "aws_glue_catalog_database": _database,
    "aws_glue_catalog_table": _table,
    "aws_athena_workgroup": _workgroup,
    "aws_athena_named_query": _query,
    "aws_kinesis_stream": _stream,
    "aws_kinesis_stream_consumer": _consumer,
    "aws_kinesis_firehose_delivery_stream": _firehose,
    "aws_cloudwatch_log_group": _log_group,
    "aws_cloudwatch_log_stream": _log_stream,
    "aws_iam_role": _role,
    "aws_iam_role_policy": _role_policy,
    "aws_lambda_function": _function,
    "aws_dynamodb_table": _dynamodb,
    "aws_sqs_queue": _queue,
    "aws_sqs_queue_policy": _queue_policy,
    "aws_sns_topic": _topic,
    "aws_sns_topic_policy": _topic_policy,
    "aws_lambda_event_source_mapping": _mapping,
}
