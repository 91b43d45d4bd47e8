"""Limits of the AWS services that the path uses, each stated once; sources: docs/reference/aws-limits.md.

These are the default quotas of an account. The code keeps within each; the tests' fakes and the local twin
refuse what is over.
"""

KIB, MIB = 1024, 1024 * 1024

KINESIS_RECORD_BYTES = MIB
"""Data and partition key of one record, unless a stream asks for more."""

KINESIS_CALL_RECORDS = 500
"""Records in one PutRecords call."""

KINESIS_CALL_BYTES = 5 * MIB
"""Data and partition keys of one PutRecords call."""

EVENT_SOURCE_RECORDS = 10_000
"""Largest batch size of an event source mapping on a stream."""

EVENT_SOURCE_WINDOW_SECONDS = 300
"""Longest batching window of an event source mapping."""

LAMBDA_PAYLOAD_BYTES = 6 * MIB
"""A synchronous request, and its response: a batch from the stream, an answer of the transform."""

LAMBDA_SECONDS = 900
"""Longest time-out of a function."""

LAMBDA_UNPACKED_BYTES = 250 * MIB
"""A function's package, unpacked."""

FIREHOSE_ENTRY_BYTES = 1000 * KIB
"""One entry, before base64."""

FIREHOSE_CALL_ENTRIES = 500
"""Entries in one PutRecordBatch call."""

FIREHOSE_CALL_BYTES = 4 * MIB
"""Data of one PutRecordBatch call."""

FIREHOSE_ACTIVE_PARTITIONS = 500
"""Dates that one Firehose holds in its buffer at a time; what is over goes to the error prefix."""

FIREHOSE_TRANSFORM_MB = 3
"""Largest buffer in front of a transform."""

FIREHOSE_TRANSFORM_SECONDS = 300
"""Longest that Firehose waits for a transform."""

DYNAMODB_ITEM_BYTES = 400 * KIB
"""Names and values of an item."""

DYNAMODB_BATCH_KEYS = 100
"""Keys in one BatchGetItem call."""

DYNAMODB_PARTITION_WRITES = 1_000
"""Write units a second of one partition, 1 KB each."""

SNS_BATCH_ENTRIES = 10
"""Messages in one PublishBatch call."""

SNS_BATCH_BYTES = 256 * KIB
"""Bodies and attributes of one PublishBatch call together; also the largest single message."""

S3_KEY_BYTES = 1024
"""Key of an object, in UTF-8."""

ATHENA_QUERY_BYTES = 262_144
"""Text of a query, in UTF-8."""

ATHENA_PAGE_ROWS = 1_000
"""Rows of one GetQueryResults page."""
