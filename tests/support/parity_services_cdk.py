"""A template of the services in plain words."""

import json
from collections.abc import Mapping
from typing import Any

from tests.support import parity_cdk
from tests.support.parity_cdk import Facts
from tests.support.services_words import SHARED, WIRING, containers, group_rule, plain
from toolchain.twin import ACCOUNT, REGION

_GIVEN = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
_NAMED = {
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::IAM::Role": "RoleName",
    "AWS::ECS::Service": "ServiceName",
}


def of_cdk(template: Mapping[str, Any]) -> Facts:
    """What the template makes.

    Raises:
        KeyError: a resource is of a type that no rule describes.
    """
    resources = template["Resources"]
    shared = {name: row for name, row in resources.items() if row["Type"] in SHARED}
    found = parity_cdk.facts({"services": {"Resources": shared}})
    for name, row in resources.items():
        if row["Type"] not in SHARED | WIRING | {"AWS::CDK::Metadata"}:
            made = _resolve(row["Properties"], resources)
            kind, label, values = _CDK[row["Type"]](made)
            key = (kind, label)
            assert key not in found, (name, key)
            found[key] = values
    return found


def _resolve(value: Any, resources: Mapping[str, Any]) -> Any:
    """`value` with names in place of references; what has no name of its own is `<logical id>`."""
    if isinstance(value, list):
        return [_resolve(item, resources) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": str(name)} if name in _GIVEN:
            return _GIVEN[name]
        case {"Ref": str(name)}:
            row = resources[name]
            named = _NAMED.get(row["Type"])
            return _resolve(row["Properties"][named], resources) if named else f"<{name}>"
        case {"Fn::GetAtt": [name, "Arn"]} if resources[name]["Type"] == "AWS::IAM::Role":
            named = _resolve(resources[name]["Properties"]["RoleName"], resources)
            return f"arn:aws:iam::{ACCOUNT}:role/{named}"
        case {"Fn::GetAtt": [name, "Name"]}:
            return resources[name]["Properties"]["ServiceName"]
        case {"Fn::GetAtt": [name, _]}:
            return f"<{name}>"
        case {"Fn::Select": [index, {"Fn::GetAZs": _}]}:
            return f"{REGION}{'abc'[index]}"
        case {"Fn::Join": [between, parts]}:
            return between.join(_resolve(part, resources) for part in parts)
    return {key: _resolve(item, resources) for key, item in value.items()}


def _cdk_rule(way: str) -> Any:
    def rule(row: Mapping[str, Any]) -> Any:
        text = row["Description"]
        # A group knows whom it lets in by its own name, which a plan does not know.
        text = f"{text} {row['ToPort']}" if "load balancer" in text else text
        out = "SourceSecurityGroupId" if way == "in" else "DestinationSecurityGroupId"
        assert ("CidrIp" in row) != (out in row)
        if row["Description"] == "AWS, over TLS":
            text = f"{text} {row['GroupId'].strip('<>').removesuffix('Group').lower()}"
        return group_rule(way, row.get("CidrIp"), (text, row["FromPort"], row["ToPort"], row["IpProtocol"]))

    return rule


def _lower(value: Any) -> Any:
    """CloudFormation's names as the API spells them."""
    if isinstance(value, list):
        return [_lower(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key if "-" in key else key[0].lower() + key[1:]: _lower(item) for key, item in value.items()}


def _cdk_task(row: Mapping[str, Any]) -> Any:
    platform = row["RuntimePlatform"]
    values = {
        "containers": containers(_lower(row["ContainerDefinitions"])),
        "size": (row["Cpu"], row["Memory"]),
        "platform": (platform["CpuArchitecture"], platform["OperatingSystemFamily"]),
        "where": (row["RequiresCompatibilities"], row["NetworkMode"]),
        "roles": (row["TaskRoleArn"], row["ExecutionRoleArn"]),
    }
    return "task", row["Family"], values


def _cdk_service(row: Mapping[str, Any]) -> Any:
    how = row["DeploymentConfiguration"]
    values = {
        "between": (how["MinimumHealthyPercent"], how["MaximumPercent"]),
        "breaker": tuple(how["DeploymentCircuitBreaker"].values()),
        "capacity": [(one["CapacityProvider"], one["Weight"]) for one in row["CapacityProviderStrategy"]],
        "public": row["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "ENABLED",
        "balancer": [(one["ContainerName"], one["ContainerPort"]) for one in row.get("LoadBalancers", [])],
        "grace": row.get("HealthCheckGracePeriodSeconds"),
        "shell": row["EnableExecuteCommand"],
        "zones": row["AvailabilityZoneRebalancing"],
        "tags from": row["PropagateTags"],
    }
    return "service", row["ServiceName"], values


def _cdk_action(row: Mapping[str, Any]) -> dict[str, Any]:
    details = {}
    for config, values in row.items():
        if config.endswith("Config"):
            details = {key[0].lower() + key[1:]: value for key, value in values.items()}
    return {"type": row["Type"], "order": row.get("Order"), "details": plain(details)}


def _cdk_listener(row: Mapping[str, Any]) -> Any:
    values = {
        "protocol": row["Protocol"],
        "policy": row.get("SslPolicy"),
        "certificate": [one["CertificateArn"] for one in row.get("Certificates", [])],
        "otherwise": [_cdk_action(one) for one in row["DefaultActions"]],
    }
    return "listener", str(row["Port"]), values


def _cdk_listener_rule(row: Mapping[str, Any]) -> Any:
    (condition,) = row["Conditions"]
    actions = [_cdk_action(one) for one in row["Actions"]]
    values = {"paths": set(condition["PathPatternConfig"]["Values"]), "actions": actions}
    return "listener rule", str(row["Priority"]), values


def _cdk_targets(row: Mapping[str, Any]) -> Any:
    attributes = {one["Key"]: one["Value"] for one in row["TargetGroupAttributes"]}
    stick = attributes.get("stickiness.lb_cookie.duration_seconds")
    values = {
        "to": (row["TargetType"], row["Port"], row["Protocol"]),
        "check": (row["HealthCheckPath"], row["Matcher"]["HttpCode"]),
        "times": (row["HealthCheckIntervalSeconds"], row["HealthCheckTimeoutSeconds"]),
        "counts": (row["HealthyThresholdCount"], row["UnhealthyThresholdCount"]),
        "delay": attributes["deregistration_delay.timeout_seconds"],
        "session": (attributes["stickiness.type"], int(stick)) if stick else None,
    }
    return "targets", row["Name"], values


def _cdk_balancer(row: Mapping[str, Any]) -> Any:
    attributes = {one["Key"]: one["Value"] for one in row["LoadBalancerAttributes"]}
    values = {
        "kind": (row["Type"], row["Scheme"] == "internet-facing"),
        "kept": attributes["deletion_protection.enabled"] == "true",
        "desync": attributes["routing.http.desync_mitigation_mode"],
        "drops": attributes["routing.http.drop_invalid_header_fields.enabled"] == "true",
    }
    return "balancer", row["Name"], values


def _cdk_policy(row: Mapping[str, Any]) -> Any:
    average = row.get("TargetTrackingScalingPolicyConfiguration")
    if average:
        values = {
            "kind": row["PolicyType"],
            "aim": (average["PredefinedMetricSpecification"]["PredefinedMetricType"], average["TargetValue"]),
            "pauses": (average["ScaleOutCooldown"], average["ScaleInCooldown"]),
        }
    else:
        step = row["StepScalingPolicyConfiguration"]
        values = {
            "kind": row["PolicyType"],
            "by": (step["AdjustmentType"], step["MetricAggregationType"], step["Cooldown"]),
            "steps": [
                (float(one["MetricIntervalLowerBound"]), one["ScalingAdjustment"])
                for one in step["StepAdjustments"]
            ],
        }
    return "policy", row["PolicyName"], values


def _cdk_alarm(row: Mapping[str, Any]) -> Any:
    values = {
        "text": row["AlarmDescription"],
        "metric": (row["Namespace"], row["MetricName"], row["Statistic"]),
        "dimensions": {one["Name"]: one["Value"] for one in row["Dimensions"]},
        "when": (row["Threshold"], row["Period"], row["EvaluationPeriods"], row["DatapointsToAlarm"]),
        "how": (row["ComparisonOperator"], row["TreatMissingData"]),
    }
    return "alarm", row["AlarmName"], values


def _settings(row: Mapping[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in row["ClusterSettings"]}


_CDK: Mapping[str, Any] = {
    "AWS::EC2::VPC": lambda row: (
        "network",
        row["CidrBlock"],
        {"dns": (row["EnableDnsSupport"], row["EnableDnsHostnames"])},
    ),
    "AWS::EC2::Subnet": lambda row: (
        "subnet",
        row["CidrBlock"],
        {"zone": row["AvailabilityZone"], "public by itself": row["MapPublicIpOnLaunch"]},
    ),
    "AWS::EC2::SubnetRouteTableAssociation": lambda row: ("association", row["SubnetId"][-2:-1], {}),
    "AWS::EC2::Route": lambda row: ("route", row["DestinationCidrBlock"], {}),
    "AWS::EC2::VPCEndpoint": lambda row: ("endpoint", row["ServiceName"], {"kind": row["VpcEndpointType"]}),
    "AWS::EC2::SecurityGroup": lambda row: ("group", row["GroupName"], {"text": row["GroupDescription"]}),
    "AWS::EC2::SecurityGroupIngress": _cdk_rule("in"),
    "AWS::EC2::SecurityGroupEgress": _cdk_rule("out"),
    "AWS::ECR::Repository": lambda row: (
        "repository",
        row["RepositoryName"],
        {
            "tags": row["ImageTagMutability"],
            "emptied": row["EmptyOnDelete"],
            "scanned": row["ImageScanningConfiguration"]["ScanOnPush"],
            "key": row["EncryptionConfiguration"]["EncryptionType"],
            "rules": json.loads(row["LifecyclePolicy"]["LifecyclePolicyText"]),
        },
    ),
    "AWS::ECS::Cluster": lambda row: (
        "cluster",
        row["ClusterName"],
        {
            "settings": _settings(row),
            "capacity": row["CapacityProviders"],
            "usual": [
                (one["CapacityProvider"], one["Weight"]) for one in row["DefaultCapacityProviderStrategy"]
            ],
        },
    ),
    "AWS::ECS::TaskDefinition": _cdk_task,
    "AWS::ECS::Service": _cdk_service,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _cdk_balancer,
    "AWS::ElasticLoadBalancingV2::Listener": _cdk_listener,
    "AWS::ElasticLoadBalancingV2::ListenerRule": _cdk_listener_rule,
    "AWS::ElasticLoadBalancingV2::TargetGroup": _cdk_targets,
    "AWS::ApplicationAutoScaling::ScalableTarget": lambda row: (
        "scaled",
        row["ResourceId"],
        {"between": (row["MinCapacity"], row["MaxCapacity"]), "what": row["ScalableDimension"]},
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": _cdk_policy,
    "AWS::CloudWatch::Alarm": _cdk_alarm,
}
