"""The settings of the steps to a million readings a second: the largest is synthesised, and planned."""

import json

from scale.steps import PARALLELIZATION, document
from tests.support.terraform import ACCOUNT_VARIABLES, planned

LARGEST = document("1m")


def test_cdk_makes_the_largest_step(synth):
    app = synth("aws", lambda raw: raw.update(LARGEST))
    assert app.one("AWS::Kinesis::Stream")["ShardCount"] == LARGEST["stream"]["shards"]
    function = app.one("AWS::Lambda::Function", FunctionName=LARGEST["scoring"]["function"])
    assert function["MemorySize"] == LARGEST["scoring"]["memory_mb"]
    source = app.one(
        "AWS::Lambda::EventSourceMapping",
        MaximumBatchingWindowInSeconds=LARGEST["scoring"]["batching_window_seconds"],
    )
    assert source["BatchSize"] == LARGEST["scoring"]["batch_size"]
    assert source["ParallelizationFactor"] == PARALLELIZATION


def test_terraform_plans_the_largest_step(terraform_copy, tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(LARGEST))
    plan = terraform_copy.plan(f"-var=settings_file={path}", *ACCOUNT_VARIABLES)
    resources = list(planned(plan, ("module.stream", "module.scoring")))
    (stream,) = (one["values"] for one in resources if one["type"] == "aws_kinesis_stream")
    assert stream["shard_count"] == LARGEST["stream"]["shards"]
    (source,) = (
        one["values"]
        for one in resources
        if one["type"] == "aws_lambda_event_source_mapping"
        and one["values"]["batch_size"] == LARGEST["scoring"]["batch_size"]
        and one["values"]["maximum_batching_window_in_seconds"]
        == LARGEST["scoring"]["batching_window_seconds"]
    )
    assert source["parallelization_factor"] == PARALLELIZATION
