"""Alarms, dashboard, budgets and outside roles of both definitions, in the words they share."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.parity_cdk import Facts, statements
from tests.support.terraform import EMAIL, REPOSITORY
from toolchain.twin import ACCOUNT, REGION

_GIVEN = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AlertEmail": EMAIL,
    "GitHubRepository": REPOSITORY,
}


def of_cdk(resources: Mapping[str, Mapping[str, Any]]) -> Facts:
    """What the templates of ops and guardrails make, of the kinds compared here."""
    found: Facts = {}
    for row in resources.values():
        properties = _resolve(row["Properties"], resources)
        match row["Type"]:
            case "AWS::CloudWatch::Alarm":
                found["alarm", properties["AlarmName"]] = _cdk_alarm(properties)
            case "AWS::CloudWatch::Dashboard":
                body = _dashboard(properties["DashboardBody"])
                found["dashboard", properties["DashboardName"]] = {"body": body}
            case "AWS::Budgets::Budget":
                budget = properties["Budget"]
                notices = properties.get("NotificationsWithSubscribers", [])
                found["budget", budget["BudgetName"]] = {
                    "limit": float(budget["BudgetLimit"]["Amount"]),
                    "every": budget["TimeUnit"],
                    "alerts": {
                        (*(row["Notification"][key] for key in ("Threshold", "ThresholdType")), _address(row))
                        for row in notices
                    },
                }
            case "AWS::IAM::Role":
                found["role", properties["RoleName"]] = {
                    "trust": statements(properties["AssumeRolePolicyDocument"]),
                    "rights": _joined(policy["PolicyDocument"] for policy in properties.get("Policies", [])),
                }
            case "AWS::IAM::ManagedPolicy":
                rights = statements(properties["PolicyDocument"])
                found["policy", properties["ManagedPolicyName"]] = {"rights": rights}
    return found


def _dashboard(text: str) -> Any:
    """The body of a dashboard; Terraform lists its alarms by name, the CDK as the settings do."""
    body = json.loads(text)
    for widget in body["widgets"]:
        if "alarms" in widget["properties"]:
            widget["properties"]["alarms"].sort()
    return body


def _address(notice: Mapping[str, Any]) -> str:
    (subscriber,) = notice["Subscribers"]
    return str(subscriber["Address"])


def _resolve(value: Any, resources: Mapping[str, Any]) -> Any:
    """`value` with references replaced by what they will be; of two cases the first."""
    if isinstance(value, list):
        return [_resolve(item, resources) for item in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": str(name)} if name in _GIVEN:
            return _GIVEN[name]
        case {"Ref": str(name)} if resources[name]["Type"] == "AWS::SNS::Topic":
            topic = resources[name]["Properties"]["TopicName"]
            return f"arn:aws:sns:{REGION}:{ACCOUNT}:{topic}"
        case {"Ref": str(name)} if resources[name]["Type"] == "AWS::IAM::Role":
            return _resolve(resources[name]["Properties"]["RoleName"], resources)
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]}:
            return f"<{name}>"
        case {"Fn::If": ["OneRepository", _, chosen]}:  # the repository is given without its numbers
            return _resolve(chosen, resources)
        case {"Fn::If": [_, chosen, _]}:
            return _resolve(chosen, resources)
        case {"Fn::Select": [index, {"Fn::Split": [at, text]}]}:
            return _resolve(text, resources).split(at)[int(index)]
        case {"Fn::Join": [separator, parts]}:
            return separator.join(_resolve(part, resources) for part in parts)
    return {key: _resolve(item, resources) for key, item in value.items()}


def _cdk_alarm(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "says": row["AlarmDescription"],
        "when": (row["ComparisonOperator"], row["Threshold"], row["TreatMissingData"]),
        "periods": (row["EvaluationPeriods"], row.get("DatapointsToAlarm")),
        "tells": (set(row["AlarmActions"]), set(row.get("OKActions", []))),
        "metric": (row.get("Namespace"), row.get("MetricName"), row.get("Statistic"), row.get("Period")),
        "of": {pair["Name"]: pair["Value"] for pair in row.get("Dimensions", [])},
        "queries": {query["Id"]: _cdk_query(query) for query in row.get("Metrics", [])},
    }


def _cdk_query(row: Mapping[str, Any]) -> tuple[Any, ...]:
    stat = row.get("MetricStat")
    if stat is None:
        return row["Expression"], row.get("Label", ""), row["ReturnData"]
    metric = stat["Metric"]
    dimensions = tuple(sorted((pair["Name"], pair["Value"]) for pair in metric.get("Dimensions", [])))
    return metric["Namespace"], metric["MetricName"], dimensions, stat["Period"], stat["Stat"]


def of_terraform(resources: Iterable[Mapping[str, Any]]) -> Facts:
    """What the planned resources of ops and guardrails make, as far as it is known before they exist."""
    found: Facts = {}
    for row in resources:
        values = row["values"]
        match row["type"]:
            case "aws_cloudwatch_metric_alarm":
                found["alarm", values["alarm_name"]] = _terraform_alarm(values)
            case "aws_cloudwatch_dashboard":
                body = _dashboard(values["dashboard_body"])
                found["dashboard", values["dashboard_name"]] = {"body": body}
            case "aws_budgets_budget":
                found["budget", values["name"]] = {
                    "limit": float(values["limit_amount"]),
                    "every": values["time_unit"],
                    "alerts": {
                        (
                            notice["threshold"],
                            notice["threshold_type"],
                            *notice["subscriber_email_addresses"],
                        )
                        for notice in values["notification"]
                    },
                }
            case "aws_iam_role":
                role = found.setdefault(("role", values["name"]), {})
                if "assume_role_policy" in values:
                    role["trust"] = statements(json.loads(values["assume_role_policy"]))
            case "aws_iam_role_policy":
                role = found.setdefault(("role", values["role"]), {})
                if "policy" in values:
                    role["rights"] = role.get("rights", set()) | statements(json.loads(values["policy"]))
            case "aws_iam_policy":
                rights = statements(json.loads(values["policy"]))
                found["policy", values["name"]] = {"rights": rights}
    return found


def _terraform_alarm(row: Mapping[str, Any]) -> dict[str, Any]:
    statistic = row["extended_statistic"] or row["statistic"]
    return {
        "says": row["alarm_description"],
        "when": (row["comparison_operator"], row["threshold"], row["treat_missing_data"]),
        "periods": (row["evaluation_periods"], row["datapoints_to_alarm"]),
        "tells": (set(row["alarm_actions"]), set(row["ok_actions"] or [])),
        "metric": (row["namespace"], row["metric_name"], statistic, row["period"]),
        "of": row["dimensions"] or {},
        "queries": {query["id"]: _terraform_query(query) for query in row["metric_query"]},
    }


def _terraform_query(row: Mapping[str, Any]) -> tuple[Any, ...]:
    if not row["metric"]:
        return row["expression"], row["label"], row["return_data"]
    (metric,) = row["metric"]
    dimensions = tuple(sorted((metric["dimensions"] or {}).items()))
    return metric["namespace"], metric["metric_name"], dimensions, metric["period"], metric["stat"]


def _joined(documents: Iterable[Mapping[str, Any]]) -> set[Any]:
    return {row for document in documents for row in statements(document)}
