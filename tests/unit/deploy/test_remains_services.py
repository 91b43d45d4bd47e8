"""What the receipt finds of the services: each part with its price, and nothing where there is nothing."""

from fractions import Fraction

import boto3
import pytest
from botocore.validate import ParamValidator

from deploy import receipt, remains
from deploy.names import Names
from deploy.place import Place
from deploy.remains_services import services, task_month
from infra.settings import Settings, load_settings
from tests.support.services import everything

ACCOUNT, REGION = "123456789012", "eu-west-1"
BALANCER = f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/app/petrostream-services/1"
ANSWERS = {
    "describe_clusters": {"clusters": [{"status": "ACTIVE"}]},
    "describe_services": {
        "services": [
            {
                "serviceName": "petrostream-scoring-service",
                "status": "ACTIVE",
                "runningCount": 2,
                "pendingCount": 1,
            },
            {
                "serviceName": "petrostream-dashboard",
                "status": "INACTIVE",
                "runningCount": 0,
                "pendingCount": 0,
            },
        ]
    },
    "describe_repositories": {"repositories": [{}]},
    "describe_images": {"imageDetails": [{"imageSizeInBytes": 1024**3}, {"imageSizeInBytes": 1024**3}]},
    "describe_load_balancers": {
        "LoadBalancers": [{"LoadBalancerArn": BALANCER, "AvailabilityZones": [{}, {}]}]
    },
    "describe_addresses": {"Addresses": [{"AllocationId": "eipalloc-1"}]},
}


@pytest.fixture
def names():
    raw = load_settings().model_dump()
    everything()(raw)
    return Names(Settings.model_validate(raw), Place(account=ACCOUNT, region=REGION, caller="x"))


def asking(answers):
    """Answers, once the arguments have been checked against the service's own model."""

    def ask(service, operation, arguments):
        client = boto3.client(service, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
        model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
        report = ParamValidator().validate(arguments, model.input_shape)
        assert not report.has_errors(), report.generate_report()
        return answers.get(operation)

    return ask


def test_each_part_is_found_with_its_price(names):
    found = {arn: (what, cost) for arn, what, cost in services(names, asking(ANSWERS))}
    hour = Fraction(730)
    tasks = found[names.arn("ecs", "service/petrostream-services/petrostream-scoring-service")]
    # A quarter of a vCPU, a GB, and an address each.
    each = hour * (Fraction("0.03238") / 4 + Fraction("0.00356") + Fraction("0.005"))
    assert tasks == ("service, 3 tasks", 3 * each)
    assert found[BALANCER][1] == hour * (Fraction("0.0225") + 2 * Fraction("0.005"))
    assert found[names.arn("ec2", "elastic-ip/eipalloc-1")][1] == hour * Fraction("0.005")
    images = found[names.arn("ecr", "repository/petrostream-dashboard")]
    assert images == ("repository, 2 images, 2,147.5 MB", Fraction("0.2"))
    assert names.arn("ecs", "service/petrostream-services/petrostream-dashboard") not in found
    assert len(found) == 6


def test_nothing_is_found_where_nothing_is(names):
    gone = {
        "describe_clusters": {"clusters": [{"status": "INACTIVE"}]},
        "describe_addresses": {"Addresses": []},
    }
    assert list(services(names, asking(gone))) == []
    assert list(services(names, asking({}))) == []


def test_nothing_is_asked_where_the_settings_have_no_services():
    off = Names(load_settings(), Place(account=ACCOUNT, region=REGION, caller="x"))

    def never(*_):
        raise AssertionError("asked")

    assert list(services(off, never)) == []
    assert not remains.named(off, off.arn("ecs", "cluster/petrostream-services"))


def test_what_is_still_tagged_though_gone_is_stale_and_parts_that_cost_nothing_are_free(names):
    cluster = names.arn("ecs", "cluster/petrostream-services")
    task = names.arn("ecs", "task-definition/petrostream-dashboard:3")
    vpc, address = names.arn("ec2", "vpc/vpc-1"), names.arn("ec2", "natgateway/nat-1")
    found = receipt.assemble(names, [], [cluster, BALANCER, task, vpc, address], [])
    assert set(found.stale) == {cluster, BALANCER}
    costs = {one.arn: one.monthly for one in found.left}
    assert costs == {task: 0, vpc: 0, address: None}


def test_an_x86_task_has_the_price_of_its_processor(names):
    scoring = names.settings.services.scoring
    assert task_month(scoring, "x86_64") > task_month(scoring, "arm64")
