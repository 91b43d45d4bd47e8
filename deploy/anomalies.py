"""The account's own anomaly monitor by service: it can have one, and new accounts come with it."""

from botocore.exceptions import BotoCoreError, ClientError

from deploy.place import Place
from infra.settings import Settings
from petrostream.aws.clients import client
from toolchain.errors import ToolError

_WITHOUT = "Allow ce:GetAnomalyMonitors, or set budget.anomaly_usd to null to watch for no anomalies."


def service_monitor(settings: Settings, place: Place) -> str | None:
    """ARN of a monitor by service that is not the lake's own; None if there is none, or nothing is watched.

    Raises:
        ToolError: Cost Explorer refuses to list them.
    """
    if settings.budget.anomaly_usd is None or place.twin is not None:
        return None
    token: dict[str, str] = {}
    try:
        while True:
            answer = client("ce").get_anomaly_monitors(**token)
            for monitor in answer["AnomalyMonitors"]:
                if (
                    monitor.get("MonitorDimension") == "SERVICE"
                    and monitor["MonitorName"] != settings.project
                ):
                    return str(monitor["MonitorArn"])
            if not answer.get("NextPageToken"):
                return None
            token = {"NextPageToken": answer["NextPageToken"]}
    except (BotoCoreError, ClientError) as error:
        raise ToolError(f"The account's anomaly monitors cannot be listed: {error}", _WITHOUT) from error
