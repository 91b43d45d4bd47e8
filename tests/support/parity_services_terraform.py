"""A plan of the services in plain words.

It cannot know which resource refers to which: the account of moto's shows that.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tests.support import parity_terraform
from tests.support.parity_cdk import Facts
from tests.support.services_words import SHARED, WIRING, containers, group_rule, plain


def of_terraform(rows: Iterable[Mapping[str, Any]]) -> Facts:
    """What the planned resources make.

    Raises:
        KeyError: a resource is of a type that no rule describes.
    """
    rows = list(rows)
    found = parity_terraform.facts(row for row in rows if row["type"] in SHARED)
    for row in rows:
        if row["type"] in SHARED | WIRING:
            continue
        # The index of a resource says which of several it is.
        for kind, label, values in _TERRAFORM[row["type"]]({**row["values"], "key": _key(row)}):
            known = found.setdefault((kind, label), {})
            assert not known.keys() & values.keys(), row["address"]
            known.update(values)
    return found


def _key(row: Mapping[str, Any]) -> str:
    """The index of a resource; counted ones begin at 1."""
    index = row.get("index")
    return str(index + 1) if isinstance(index, int) else str(index)


def _one(rows: list[Any]) -> Any:
    (row,) = rows
    return row


def _terraform_rule(way: str) -> Any:
    def rule(row: Mapping[str, Any]) -> Any:
        text = row["description"]
        text = f"{text} {row['to_port']}" if "load balancer" in text else text
        if row["description"] == "AWS, over TLS":
            text = f"{text} {row['key']}"
        yield group_rule(
            way, row.get("cidr_ipv4"), (text, row["from_port"], row["to_port"], row["ip_protocol"])
        )

    return rule


def _terraform_task(row: Mapping[str, Any]) -> Any:
    platform = _one(row["runtime_platform"])
    values = {
        "containers": containers(json.loads(row["container_definitions"])),
        "size": (row["cpu"], row["memory"]),
        "platform": (platform["cpu_architecture"], platform["operating_system_family"]),
        "where": (row["requires_compatibilities"], row["network_mode"]),
        "roles": (row["task_role_arn"], row["execution_role_arn"]),
    }
    yield "task", row["family"], values


def _terraform_service(row: Mapping[str, Any]) -> Any:
    breaker = _one(row["deployment_circuit_breaker"])
    values = {
        "between": (row["deployment_minimum_healthy_percent"], row["deployment_maximum_percent"]),
        "breaker": (breaker["enable"], breaker["rollback"]),
        "capacity": [(one["capacity_provider"], one["weight"]) for one in row["capacity_provider_strategy"]],
        "public": _one(row["network_configuration"])["assign_public_ip"],
        "balancer": [(one["container_name"], one["container_port"]) for one in row["load_balancer"]],
        "grace": row["health_check_grace_period_seconds"],
        "shell": row["enable_execute_command"],
        "zones": row["availability_zone_rebalancing"],
        "tags from": row["propagate_tags"],
    }
    yield "service", row["name"], values


def _terraform_action(row: Mapping[str, Any]) -> dict[str, Any]:
    name = row["type"].replace("-", "_")
    blocks = row.get(name) or [{}]
    details = {
        "".join(part if not i else part.capitalize() for i, part in enumerate(key.split("_"))): value
        for key, value in _one(blocks).items()
    }
    return {"type": row["type"], "order": row.get("order"), "details": plain(details)}


def _terraform_listener(row: Mapping[str, Any]) -> Any:
    actions = [{**_terraform_action(one), "order": None} for one in row["default_action"]]
    values = {
        "protocol": row["protocol"],
        "policy": row.get("ssl_policy"),
        "certificate": [row["certificate_arn"]] if row.get("certificate_arn") else [],
        "otherwise": actions,
    }
    yield "listener", str(row["port"]), values


def _terraform_listener_rule(row: Mapping[str, Any]) -> Any:
    paths = _one(_one(row["condition"])["path_pattern"])["values"]
    actions = [_terraform_action(one) for one in row["action"]]
    yield "listener rule", str(row["priority"]), {"paths": set(paths), "actions": actions}


def _terraform_targets(row: Mapping[str, Any]) -> Any:
    check = _one(row["health_check"])
    stick = [(one["type"], one["cookie_duration"]) for one in row.get("stickiness") or []]
    values = {
        "to": (row["target_type"], row["port"], row["protocol"]),
        "check": (check["path"], check["matcher"]),
        "times": (check["interval"], check["timeout"]),
        "counts": (check["healthy_threshold"], check["unhealthy_threshold"]),
        "delay": row["deregistration_delay"],
        "session": _one(stick) if stick else None,
    }
    yield "targets", row["name"], values


def _terraform_balancer(row: Mapping[str, Any]) -> Any:
    values = {
        "kind": (row["load_balancer_type"], not row["internal"]),
        "kept": row["enable_deletion_protection"],
        "desync": row["desync_mitigation_mode"],
        "drops": row["drop_invalid_header_fields"],
    }
    yield "balancer", row["name"], values


def _terraform_policy(row: Mapping[str, Any]) -> Any:
    if row["target_tracking_scaling_policy_configuration"]:
        average = _one(row["target_tracking_scaling_policy_configuration"])
        metric = _one(average["predefined_metric_specification"])["predefined_metric_type"]
        values = {
            "kind": row["policy_type"],
            "aim": (metric, average["target_value"]),
            "pauses": (average["scale_out_cooldown"], average["scale_in_cooldown"]),
        }
    else:
        step = _one(row["step_scaling_policy_configuration"])
        values = {
            "kind": row["policy_type"],
            "by": (step["adjustment_type"], step["metric_aggregation_type"], step["cooldown"]),
            "steps": [
                (float(one["metric_interval_lower_bound"]), one["scaling_adjustment"])
                for one in step["step_adjustment"]
            ],
        }
    yield "policy", row["name"], values


def _terraform_alarm(row: Mapping[str, Any]) -> Any:
    values = {
        "text": row["alarm_description"],
        "metric": (row["namespace"], row["metric_name"], row["statistic"]),
        "dimensions": row["dimensions"],
        "when": (row["threshold"], row["period"], row["evaluation_periods"], row["datapoints_to_alarm"]),
        "how": (row["comparison_operator"], row["treat_missing_data"]),
    }
    yield "alarm", row["alarm_name"], values


def _made(kind: str, key: str, /, **values: Any) -> Any:
    """A rule of a type whose facts are single values or functions of the row."""

    def rule(row: Mapping[str, Any]) -> Any:
        yield kind, row[key], {name: value(row) for name, value in values.items()}

    return rule


def _nothing(row: Mapping[str, Any]) -> Any:
    """The default group, which CloudFormation cannot close."""
    assert not row.get("ingress")
    assert not row.get("egress")
    yield from ()


_TERRAFORM: Mapping[str, Any] = {
    "aws_vpc": _made(
        "network", "cidr_block", dns=lambda row: (row["enable_dns_support"], row["enable_dns_hostnames"])
    ),
    "aws_subnet": _made(
        "subnet",
        "cidr_block",
        **{
            "zone": lambda row: row["availability_zone"],
            "public by itself": lambda row: row["map_public_ip_on_launch"],
        },
    ),
    "aws_route_table_association": lambda row: iter([("association", row["key"], {})]),
    "aws_route": _made("route", "destination_cidr_block"),
    "aws_vpc_endpoint": _made("endpoint", "service_name", kind=lambda row: row["vpc_endpoint_type"]),
    "aws_default_security_group": _nothing,
    "aws_security_group": _made("group", "name", text=lambda row: row["description"]),
    "aws_vpc_security_group_ingress_rule": _terraform_rule("in"),
    "aws_vpc_security_group_egress_rule": _terraform_rule("out"),
    "aws_ecr_repository": _made(
        "repository",
        "name",
        tags=lambda row: row["image_tag_mutability"],
        emptied=lambda row: row["force_delete"],
        scanned=lambda row: _one(row["image_scanning_configuration"])["scan_on_push"],
        key=lambda row: _one(row["encryption_configuration"])["encryption_type"],
    ),
    "aws_ecr_lifecycle_policy": _made(
        "repository", "repository", rules=lambda row: json.loads(row["policy"])
    ),
    "aws_ecs_cluster": _made(
        "cluster",
        "name",
        settings=lambda row: {one["name"]: one["value"] for one in row["setting"]},
    ),
    "aws_ecs_cluster_capacity_providers": _made(
        "cluster",
        "cluster_name",
        capacity=lambda row: row["capacity_providers"],
        usual=lambda row: [
            (one["capacity_provider"], one["weight"]) for one in row["default_capacity_provider_strategy"]
        ],
    ),
    "aws_ecs_task_definition": _terraform_task,
    "aws_ecs_service": _terraform_service,
    "aws_lb": _terraform_balancer,
    "aws_lb_listener": _terraform_listener,
    "aws_lb_listener_rule": _terraform_listener_rule,
    "aws_lb_target_group": _terraform_targets,
    "aws_appautoscaling_target": _made(
        "scaled",
        "resource_id",
        between=lambda row: (row["min_capacity"], row["max_capacity"]),
        what=lambda row: row["scalable_dimension"],
    ),
    "aws_appautoscaling_policy": _terraform_policy,
    "aws_cloudwatch_metric_alarm": _terraform_alarm,
}
