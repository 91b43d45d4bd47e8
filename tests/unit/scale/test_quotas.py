"""The quoted quotas: complete for each region, each with its page."""

import pytest

from scale.quotas import REGIONS, as_of, quotas

NAMES = {
    "active_partition_bytes",
    "firehose_bytes",
    "firehose_records",
    "firehose_requests",
    "lambda_concurrency",
    "lambda_scaling",
    "on_demand_write_bytes",
    "partition_write_units",
    "shard_read_bytes",
    "shard_write_bytes",
    "shard_write_records",
    "shards",
    "table_write_units",
}


@pytest.mark.parametrize("region", REGIONS)
def test_the_table_is_complete(region):
    table = quotas(region)
    assert set(table) == NAMES
    for quota in table.values():
        assert quota.value > 0
        assert quota.unit
        assert quota.source.startswith("https://docs.aws.amazon.com/")


def test_there_are_three_regions_and_a_month():
    assert len(set(REGIONS)) == 3
    assert as_of().startswith("20")


def test_sao_paulo_has_less_than_the_large_regions():
    large, small = quotas("us-east-1"), quotas("sa-east-1")
    assert quotas("eu-west-1") == large
    assert small["shards"].value < large["shards"].value
    assert small["firehose_bytes"].value < large["firehose_bytes"].value
