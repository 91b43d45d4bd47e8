"""Wait until ECS runs what was deployed."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy.names import Names
from petrostream.aws.clients import client
from toolchain.commands import Say
from toolchain.errors import ToolError

SECONDS = 1200.0
"""Longest wait: images are pulled, health checks pass, old tasks drain for two minutes."""

POLL_SECONDS = 10.0
EVENTS = 5
_LOGS = "The logs of the tasks are in the log groups /ecs/…"


def wait_for_services(
    names: Names,
    say: Say,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until every service runs its newest task definition and no other.

    Raises:
        ToolError: a deployment failed or was rolled back, or is not done in time; carries the last events.
    """
    services = names.settings.services
    found = [services.scoring.service, *([services.dashboard.service] if services.dashboard.enabled else [])]
    wanted = {name: str(row["taskDefinition"]) for name, row in _described(names, found).items()}
    say(f"Waiting until {' and '.join(found)} runs the new tasks …")
    end = clock() + SECONDS
    while True:
        rows = _described(names, found)
        waiting = [name for name in found if not _stable(rows[name], wanted[name])]
        if not waiting:
            return
        if clock() >= end:
            message = (
                f"{', '.join(waiting)} is not stable after {SECONDS:.0f} s.\n{_events(rows[waiting[0]])}"
            )
            raise ToolError(message, _LOGS)
        sleep(POLL_SECONDS)


def _stable(row: Mapping[str, Any], wanted: str) -> bool:
    """Whether a service runs what is wanted and nothing else.

    Raises:
        ToolError: its deployment failed, or was rolled back by the circuit breaker.
    """
    primary = next((one for one in row["deployments"] if one["status"] == "PRIMARY"), None)
    if row["taskDefinition"] != wanted:
        before = row["taskDefinition"].rpartition("/")[2]
        message = f"ECS has rolled {row['serviceName']} back to {before}: its new tasks were not healthy."
        raise ToolError(f"{message}\n{_events(row)}", _LOGS)
    if primary is not None and primary.get("rolloutState") == "FAILED":
        reason = primary.get("rolloutStateReason", "ECS gives no reason")
        raise ToolError(f"The deployment of {row['serviceName']} failed: {reason}\n{_events(row)}")
    done = primary is not None and primary.get("rolloutState") == "COMPLETED"
    return done and len(row["deployments"]) == 1 and row["runningCount"] == row["desiredCount"]


def _described(names: Names, services: list[str]) -> dict[str, Mapping[str, Any]]:
    cluster = names.settings.services.name
    try:
        answer = client("ecs").describe_services(cluster=cluster, services=services)
    except (ClientError, BotoCoreError) as error:
        raise ToolError(f"ECS does not describe the services of {cluster}: {error}") from error
    found = {row["serviceName"]: row for row in answer["services"] if row["status"] == "ACTIVE"}
    missing = sorted(set(services) - set(found))
    if missing:
        raise ToolError(f"Cluster {cluster} has no service {', '.join(missing)}.", "Deploy again.")
    return found


def _events(row: Mapping[str, Any]) -> str:
    return "\n".join(f"  {one['message']}" for one in row.get("events", [])[:EVENTS])
