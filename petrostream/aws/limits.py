"""Limits of the AWS services that the path uses, each stated once; sources: docs/reference/aws-limits.md.

These are the default quotas of an account. The code keeps within each; the tests' fakes and the local twin
refuse what is over.
"""

KIB, MIB = 1024, 1024 * 1024

SNS_BATCH_ENTRIES = 10
"""Messages in one PublishBatch call."""

SNS_BATCH_BYTES = 256 * KIB
"""Bodies and attributes of one PublishBatch call together; also the largest single message."""

DYNAMODB_ITEM_BYTES = 400 * KIB
"""Names and values of an item."""
