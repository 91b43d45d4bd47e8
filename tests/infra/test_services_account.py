"""The services as Terraform creates them in an account of moto's: wired together, within the rights, gone.

Moto starts no container: what a service would do is not seen here.
"""

import base64
import json
from collections.abc import Mapping
from urllib.parse import unquote_plus

import boto3
import pytest

from infra import watch
from infra.settings import SETTINGS_FILE, load_settings
from tests.support import account_calls
from tests.support.depth import deep_only
from tests.support.moto_account import moto_account
from tests.support.services import OIDC, TAG, everything
from tests.support.terraform import ACCOUNT_VARIABLES, Terraform, planned_changes
from tests.support.terraform_provider import serving
from toolchain.twin import ACCOUNT, REGION

pytestmark = deep_only

TARGET = "-target=module.services"
FORGOTTEN: Mapping[str, str] = {
    "availability_zone_rebalancing": "availabilityZoneRebalancing",
    "capacity_provider_strategy": "capacityProviderStrategy",
    "health_check_grace_period_seconds": "healthCheckGracePeriodSeconds",
}
"""Attributes of a service that moto takes and does not return, with the names that ECS has for them."""

GAPS: Mapping[tuple[str, str], str] = {
    **{("aws_ecs_service", name): "moto does not return it" for name in FORGOTTEN},
    ("aws_ecs_service", "deployment_controller"): "ECS's own default, planned anew with a replacement",
    ("aws_ecs_service", "tags"): "none, and none: planned anew with a replacement",
    ("aws_appautoscaling_target", "tags_all"): "moto cannot list the tags of a target (moto_account.py)",
    ("aws_vpc_security_group_egress_rule", "description"): "moto drops it where the peer is a group",
    ("aws_vpc_security_group_ingress_rule", "description"): "moto drops it where the peer is a group",
    ("aws_kinesis_stream", "tags_all"): "moto drops the tags of CreateStream",
}
"""What a second plan on moto still wants to change, by resource type and attribute, with the reason."""

SERVICES = ("application-autoscaling", "ec2", "ecr", "ecs", "elasticloadbalancing", "secretsmanager")
"""Whose calls are compared with the policies here; those of other services are in test_account."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with moto_account(tmp_path_factory.mktemp("moto-services")) as found:
        yield found


@pytest.fixture(scope="module")
def client(server):
    def of(service):
        return boto3.client(
            service,
            endpoint_url=server.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    return of


@pytest.fixture(scope="module")
def settings(tmp_path_factory, client):
    raw = json.loads(SETTINGS_FILE.read_text())
    everything(OIDC)(raw)
    requested = client("acm").request_certificate(DomainName="lake.example.com")
    raw["services"]["access"]["certificate_arn"] = requested["CertificateArn"]
    path = tmp_path_factory.mktemp("settings") / "settings.json"
    path.write_text(json.dumps(raw))
    return path


@pytest.fixture(scope="module")
def account(terraform_ready, server, client, settings, tmp_path_factory):
    """Terraform with the services created."""
    client("secretsmanager").create_secret(Name=OIDC["client_secret"], SecretString="the-secret")
    environment = {**terraform_ready.environment, **server.environment}
    log = tmp_path_factory.mktemp("provider") / "log"
    with serving(terraform_ready.workspace, environment, log) as attached:
        copy = Terraform(terraform_ready.folder, terraform_ready.workspace, attached)
        run(copy, "apply", settings)
        yield copy


def arguments(settings, *more):
    variables = (f"-var=settings_file={settings}", f"-var=image_tag={TAG}", *ACCOUNT_VARIABLES)
    return (TARGET, f"-state={settings.with_name('state')}", *variables, *more)


def run(terraform, command, settings):
    words = ("-auto-approve", "-no-color", "-input=false", "-lock=false")
    result = terraform.run(command, *words, *arguments(settings))
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr


@pytest.fixture(scope="module")
def second(account, settings, server):
    """A second plan, and its calls."""
    before = len(server.calls())
    plan = account.plan(*arguments(settings))
    return plan, server.calls()[before:]


def actions(calls):
    """The actions of the calls to the services compared here."""
    found = set()
    for call in calls:
        service, operation, _ = account_calls.described(call)
        if service in SERVICES:
            found.add(f"{service}:{operation}")
    return found


def allowed(*names):
    place = watch.AccountRegion(account=ACCOUNT, region=REGION, partition="aws")
    rows = [row for name in names for row in watch.policy(name, load_settings(), place)["Statement"]]
    return {action for row in rows for action in row["Action"]}


def test_each_service_is_behind_its_target_group_and_its_own_security_group(account, client):
    ecs, elb, ec2 = client("ecs"), client("elbv2"), client("ec2")
    names = ["petrostream-dashboard", "petrostream-scoring-service"]
    services = ecs.describe_services(cluster="petrostream-services", services=names)["services"]
    assert sorted(one["serviceName"] for one in services) == names
    groups = {one["TargetGroupArn"]: one for one in elb.describe_target_groups()["TargetGroups"]}
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    for service in services:
        (attached,) = service["loadBalancers"]
        target = groups[attached["targetGroupArn"]]
        assert target["TargetGroupName"] == service["serviceName"]
        assert target["Port"] == attached["containerPort"]
        (group,) = service["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"]
        (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
        assert found["GroupName"] == service["serviceName"]
        # The load balancer and nobody else.
        (entry,) = found["IpPermissions"]
        assert entry["IpRanges"] == []
        assert [pair["GroupId"] for pair in entry["UserIdGroupPairs"]] == balancer["SecurityGroups"]
        assert entry["FromPort"] == entry["ToPort"] == target["Port"]
        zones = {one["SubnetId"] for one in balancer["AvailabilityZones"]}
        assert set(service["networkConfiguration"]["awsvpcConfiguration"]["subnets"]) == zones


def test_paths_lead_to_the_service_they_are_for(account, client):
    elb = client("elbv2")
    groups = {
        one["TargetGroupArn"]: one["TargetGroupName"] for one in elb.describe_target_groups()["TargetGroups"]
    }
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    listeners = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    (https,) = [one for one in listeners if one["Port"] == 443]
    rules = elb.describe_rules(ListenerArn=https["ListenerArn"])["Rules"]
    led = {
        rule["Priority"]: [
            groups.get(action.get("TargetGroupArn"), action["Type"]) for action in rule["Actions"]
        ]
        for rule in rules
        if not rule["IsDefault"]
    }
    assert led == {
        "10": ["petrostream-scoring-service"],
        "20": ["authenticate-oidc", "petrostream-dashboard"],
    }


def test_tasks_have_the_roles_that_are_theirs(account, client):
    for family in ("petrostream-dashboard", "petrostream-scoring-service"):
        task = client("ecs").describe_task_definition(taskDefinition=family)["taskDefinition"]
        assert task["taskRoleArn"].endswith(f"role/{family}-{REGION}")
        assert task["executionRoleArn"].endswith(f"role/{family}-start-{REGION}")
        (container,) = task["containerDefinitions"]
        assert container["image"] == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{repository(family)}:{TAG}"


def repository(family):
    return family.removesuffix("-service")


def test_the_way_out_is_the_internet_gateway_and_two_endpoints(account, client):
    ec2 = client("ec2")
    (gateway,) = ec2.describe_internet_gateways(Filters=[{"Name": "tag:project", "Values": ["petrostream"]}])[
        "InternetGateways"
    ]
    tables = ec2.describe_route_tables(Filters=[{"Name": "tag:project", "Values": ["petrostream"]}])[
        "RouteTables"
    ]
    (table,) = tables
    routes = {route.get("DestinationCidrBlock"): route.get("GatewayId") for route in table["Routes"]}
    assert routes["0.0.0.0/0"] == gateway["InternetGatewayId"]
    assert len([one for one in table["Associations"] if one.get("SubnetId")]) == 2
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    assert {one["ServiceName"].rpartition(".")[2] for one in endpoints} == {"dynamodb", "s3"}
    assert {one["VpcEndpointType"] for one in endpoints} == {"Gateway"}
    assert ec2.describe_nat_gateways()["NatGateways"] == []
    assert ec2.describe_addresses()["Addresses"] == []


def test_a_second_plan_changes_nothing_but_what_moto_forgets(second):
    plan, _ = second
    found = planned_changes(plan, replaced={"aws_ecs_service": "capacity_provider_strategy"})
    assert found == set(GAPS)


def test_what_moto_forgets_of_a_service_was_sent_to_it(account, server, client):
    sent = [
        json.loads(base64.b64decode(call["body"]))
        for call in server.calls()
        if call["target"].endswith(".CreateService")
    ]
    assert len(sent) == 2
    for service in sent:
        assert service["capacityProviderStrategy"] == [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
        assert service["availabilityZoneRebalancing"] == "ENABLED"
        assert service["healthCheckGracePeriodSeconds"] == 90
        assert "launchType" not in service
        (shown,) = client("ecs").describe_services(
            cluster="petrostream-services", services=[service["serviceName"]]
        )["services"]
        assert {name for name in FORGOTTEN.values() if shown.get(name)} == set()


def test_what_moto_forgets_of_a_rule_was_sent_to_it(account, server):
    bodies = [unquote_plus(base64.b64decode(call["body"]).decode("latin-1")) for call in server.calls()]
    described = [body for body in bodies if ".Groups.1.Description=" in body]
    assert {body.partition("Action=")[2].partition("&")[0] for body in described} == {
        "AuthorizeSecurityGroupEgress",
        "AuthorizeSecurityGroupIngress",
    }
    tagged = [call for call in server.calls() if call["target"].endswith(".RegisterScalableTarget")]
    assert all("Tags" in json.loads(base64.b64decode(call["body"])) for call in tagged)


def test_a_plan_asks_nothing_that_its_role_may_not(second):
    _, calls = second
    asked = actions(calls)
    assert len(asked) > 20
    assert asked - allowed("plan", "plan_services") == set()


def test_a_deployment_does_nothing_that_its_role_may_not(account, server, second):
    done = actions(server.calls())
    assert {"ecs:CreateService", "ec2:CreateVpc", "elasticloadbalancing:CreateRule"} <= done
    # Made by the test itself, in place of a person.
    done -= {"secretsmanager:CreateSecret"}
    assert done - allowed("plan", "deploy", "plan_services", "deploy_services") == READ_BY_TESTS & done


MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
READ_BY_TESTS = {"ec2:DescribeNatGateways"}


def test_after_a_removal_nothing_is_left(account, settings, server, client, second):
    digest = client("ecr").put_image(
        repositoryName="petrostream-scoring",
        imageManifest=json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": {}, "layers": []}),
        imageManifestMediaType=MANIFEST,
        imageTag=TAG,
    )
    assert digest["image"]["repositoryName"] == "petrostream-scoring"
    before = len(server.calls())
    run(account, "destroy", settings)
    done = actions(server.calls()[before:])
    assert {"ecr:DeleteRepository", "ecs:DeleteService", "ec2:DeleteVpc"} <= done
    assert done - allowed("plan", "deploy", "plan_services", "deploy_services") == set()
    assert client("ecr").describe_repositories()["repositories"] == []
    assert client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert client("elbv2").describe_target_groups()["TargetGroups"] == []
    left = client("ec2").describe_vpcs(Filters=[{"Name": "tag:project", "Values": ["petrostream"]}])["Vpcs"]
    assert left == []
    clusters = client("ecs").describe_clusters(clusters=["petrostream-services"])["clusters"]
    assert [one for one in clusters if one["status"] == "ACTIVE"] == []
    targets = client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")
    assert targets["ScalableTargets"] == []
