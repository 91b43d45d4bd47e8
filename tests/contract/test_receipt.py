"""Whether the receipt sees what is there, and what is not: each service says "absent" in its own words."""

import io
import zipfile

import pytest

from deploy import remains
from deploy.names import Names
from deploy.place import Place
from infra.settings import load_settings

KINDS = ["Firehose", "catalogue", "function", "queue", "stream", "table", "work group"]


@pytest.fixture
def names(emulated):
    identity = emulated.client("sts").get_caller_identity()
    return Names(load_settings(), Place(identity["Account"], "us-east-1", identity["Arn"]))


def made(emulated, names):
    """Create one resource of every kind that has a check."""
    settings = names.settings
    hose, function = next(iter(names.deliveries)), next(iter(names.functions.values()))
    role = emulated.client("iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    destination = {"RoleARN": role, "BucketARN": f"arn:aws:s3:::{emulated.bucket({})}"}
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "def handler(event, context): pass")
    emulated.client("kinesis").create_stream(StreamName=settings.stream.name, ShardCount=1)
    emulated.client("dynamodb").create_table(
        TableName=settings.live.table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    emulated.client("sqs").create_queue(QueueName=settings.scoring.failure_queue)
    emulated.client("athena").create_work_group(Name=settings.lake.workgroup)
    emulated.client("glue").create_database(DatabaseInput={"Name": settings.lake.database})
    emulated.client("firehose").create_delivery_stream(
        DeliveryStreamName=hose, ExtendedS3DestinationConfiguration=destination
    )
    emulated.client("lambda").create_function(
        FunctionName=function,
        Runtime="python3.13",
        Role=role,
        Handler="handler.handler",
        Code={"ZipFile": code.getvalue()},
    )


def test_what_is_there_is_seen_and_nothing_else(emulated, names):
    # Athena refuses the name of a work group it does not have; moto has an empty answer for it.
    unsure = {"work group"} if emulated.name == "moto" else set()
    assert {one.what for one in remains.present(names)} == unsure
    assert list(remains.shared(names)) == []
    made(emulated, names)
    found = {one.what: one for one in remains.present(names)}
    assert sorted(found) == KINDS
    assert found["stream"].monthly > 10
    assert found["table"].monthly == found["catalogue"].monthly == 0
