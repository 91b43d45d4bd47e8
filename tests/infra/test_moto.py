"""Definitions of the CDK app as moto takes them: an implementation of AWS's APIs that nobody here wrote.

Every property goes to the service's own API, whose names and types botocore checks, and is read back.
"""

import json

import pytest

from infra.settings import load_settings
from petrostream.schema.sensors import TABLES, schema
from tests.support.emulators import REGION, moto_services
from tests.support.terraform import MONTHLY_LIMIT

SETTINGS = load_settings()
ACCOUNT = "123456789012"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "GitHubRepository": "owner/lake",
}


def resolved(value, topics=()):
    """A template's value with its functions evaluated; another resource is an ARN with its logical id.

    Of two cases the first.

    Args:
        value: the value.
        topics: logical ids of SNS topics, whose Ref is an ARN and not a name.
    """
    if isinstance(value, list):
        return [resolved(one, topics) for one in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": name} if name in topics:
            return f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"
        case {"Ref": name}:
            return PSEUDO.get(name, name)
        case {"Fn::GetAtt": [name, "Arn"]}:
            return f"arn:aws:any:{REGION}:{ACCOUNT}:role/{name}"
        case {"Fn::GetAtt": [name, *_]}:
            return f"arn:aws:any:{REGION}:{ACCOUNT}:{name}"
        case {"Fn::ImportValue": name}:
            return f"arn:aws:any:{REGION}:{ACCOUNT}:{resolved(name, topics)}"
        case {"Fn::If": [_, chosen, _]}:
            return resolved(chosen, topics)
        case {"Fn::Select": [index, {"Fn::Split": [at, text]}]}:
            return resolved(text, topics).split(at)[int(index)]
        case {"Fn::Join": [between, parts]}:
            return between.join(resolved(part, topics) for part in parts)
    return {name: resolved(one, topics) for name, one in value.items()}


def properties(templates, kind):
    """Resolved properties of every resource of a type, by logical id."""
    topics = tuple(templates.resources("AWS::SNS::Topic"))
    return {name: resolved(one["Properties"], topics) for name, one in templates.resources(kind).items()}


@pytest.fixture
def moto(monkeypatch):
    def change(name, value):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)

    with moto_services(change) as services:
        yield services


def test_every_table_of_the_catalogue_is_accepted_with_its_columns(aws, moto):
    glue = moto.client("glue")
    (database,) = properties(aws, "AWS::Glue::Database").values()
    glue.create_database(DatabaseInput=database["DatabaseInput"])
    name = SETTINGS.lake.database
    for table in properties(aws, "AWS::Glue::Table").values():
        glue.create_table(DatabaseName=name, TableInput=table["TableInput"])
    found = {table["Name"]: table for table in glue.get_tables(DatabaseName=name)["TableList"]}
    assert sorted(found) == sorted(TABLES)
    for table in TABLES:
        columns = found[table]["StorageDescriptor"]["Columns"]
        assert [(one["Name"], one["Type"]) for one in columns] == [
            (f.name, f.type) for f in schema(table).fields
        ]
        assert found[table]["PartitionKeys"][0]["Name"] == "date"


def test_every_delivery_stream_is_accepted_as_it_is_defined(aws, moto):
    firehose = moto.client("firehose")
    streams = properties(aws, "AWS::KinesisFirehose::DeliveryStream")
    for stream in streams.values():
        firehose.create_delivery_stream(**stream)
    names = {stream["DeliveryStreamName"] for stream in streams.values()}
    hoses = SETTINGS.firehose
    defined = (hoses.raw, hoses.delivery, hoses.facility, hoses.alarms, hoses.quarantine)
    assert names == {hose.name for hose in defined}
    assert set(firehose.list_delivery_streams(Limit=10)["DeliveryStreamNames"]) == names


def test_stream_and_live_table_are_accepted_as_they_are_defined(aws, moto):
    (stream,) = properties(aws, "AWS::Kinesis::Stream").values()
    moto.client("kinesis").create_stream(StreamName=stream["Name"], ShardCount=stream["ShardCount"])
    shown = moto.client("kinesis").describe_stream_summary(StreamName=SETTINGS.stream.name)
    assert shown["StreamDescriptionSummary"]["OpenShardCount"] == SETTINGS.stream.shards
    (table,) = properties(aws, "AWS::DynamoDB::Table").values()
    taken = ("TableName", "KeySchema", "AttributeDefinitions", "BillingMode")
    moto.client("dynamodb").create_table(**{name: table[name] for name in taken})
    lived = table["TimeToLiveSpecification"]
    moto.client("dynamodb").update_time_to_live(TableName=table["TableName"], TimeToLiveSpecification=lived)
    ttl = moto.client("dynamodb").describe_time_to_live(TableName=SETTINGS.live.table)
    assert ttl["TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_every_role_and_policy_is_accepted_by_the_grammar_of_iam(aws, guardrails, moto):
    iam = moto.client("iam")
    accepted = 0
    for templates in (aws, guardrails):
        for name, role in properties(templates, "AWS::IAM::Role").items():
            document = json.dumps(role["AssumeRolePolicyDocument"])
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
            for policy in role.get("Policies", []):
                accepted += put(iam, name, policy)
        for policy in properties(templates, "AWS::IAM::Policy").values():
            for role in policy["Roles"]:
                accepted += put(iam, role, policy)
        for policy in properties(templates, "AWS::IAM::ManagedPolicy").values():
            iam.create_policy(
                PolicyName=policy["ManagedPolicyName"], PolicyDocument=json.dumps(policy["PolicyDocument"])
            )
            accepted += 1
    assert accepted >= 6


def put(iam, role, policy):
    document = policy["PolicyDocument"]
    iam.put_role_policy(RoleName=role, PolicyName=policy["PolicyName"], PolicyDocument=json.dumps(document))
    held = iam.get_role_policy(RoleName=role, PolicyName=policy["PolicyName"])["PolicyDocument"]
    assert held == document
    return 1


def test_every_budget_is_accepted_with_its_limit_and_its_alerts(guardrails, moto):
    budgets = moto.client("budgets")
    defined = properties(guardrails, "AWS::Budgets::Budget")
    for one in defined.values():
        limit = one["Budget"]["BudgetLimit"]
        budget = one["Budget"] | {"BudgetLimit": limit | {"Amount": str(limit["Amount"])}}
        budgets.create_budget(
            AccountId=ACCOUNT,
            Budget=budget,
            NotificationsWithSubscribers=one.get("NotificationsWithSubscribers", []),
        )
    found = budgets.describe_budgets(AccountId=ACCOUNT)["Budgets"]
    limits = sorted(float(budget["BudgetLimit"]["Amount"]) for budget in found)
    assert limits == sorted([MONTHLY_LIMIT, SETTINGS.budget.hard_stop_usd])
    monthly = min(found, key=lambda budget: float(budget["BudgetLimit"]["Amount"]))
    alerts = budgets.describe_notifications_for_budget(AccountId=ACCOUNT, BudgetName=monthly["BudgetName"])
    thresholds = {alert["Threshold"] for alert in alerts["Notifications"]}
    assert thresholds == {SETTINGS.budget.first_alert_usd, *SETTINGS.budget.alert_percent}


def test_the_alert_topic_is_accepted_with_its_policy(aws, moto):
    sns = moto.client("sns")
    (topic,) = [
        one
        for one in properties(aws, "AWS::SNS::Topic").values()
        if one["TopicName"] == SETTINGS.live.alert_topic
    ]
    arn = sns.create_topic(Name=topic["TopicName"])["TopicArn"]
    policies = properties(aws, "AWS::SNS::TopicPolicy").values()
    for policy in policies:
        document = json.dumps(policy["PolicyDocument"])
        sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=document)
        assert (
            json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
            == policy["PolicyDocument"]
        )
    assert len(policies) == 1
