"""Words that both forms of the services share, and what neither says."""

from collections.abc import Mapping
from typing import Any

SHARED = {
    "AWS::IAM::Role",
    "AWS::Logs::LogGroup",
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_cloudwatch_log_group",
}
"""Types that the lake has as well, in the same words."""

WIRING = {
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::EC2::RouteTable",
    "AWS::EC2::InternetGateway",
    "aws_internet_gateway",
    "aws_route_table",
}
"""Types that say nothing but what refers to what."""


def group_rule(way: str, who: str | None, row: tuple[str, int, int, str]) -> tuple[str, str, dict[str, Any]]:
    text, first, last, protocol = row
    label = f"{way} {text} {who or 'a group'} {first}"
    return "rule", label, {"ports": (first, last), "protocol": protocol}


def containers(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Container definitions, with the environment as a mapping."""
    return [
        {**row, "environment": {pair["name"]: pair["value"] for pair in row["environment"]}} for row in rows
    ]


_BY_DEFAULT = {
    "host": "#{host}",
    "path": "/#{path}",
    "query": "#{query}",
    "sessionCookieName": "AWSELBAuthSessionCookie",
}
_SECRET = ("the-secret", "{{resolve:secretsmanager:petrostream/dashboard:SecretString}}")


def plain(details: Mapping[str, Any]) -> dict[str, Any]:
    """Details of an action without AWS's own defaults; the secret has another form in each definition."""
    said = {key: value for key, value in details.items() if value not in (None, _BY_DEFAULT.get(key))}
    if said.get("clientSecret") in _SECRET:
        said["clientSecret"] = "the secret"
    return {key: str(value) for key, value in said.items() if key != "scope" or value != "openid"}
