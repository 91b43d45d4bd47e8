"""An account has at most one anomaly monitor by service: the lake makes none beside it."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from deploy import anomalies
from deploy.place import Place
from infra.settings import load_settings
from toolchain.errors import ToolError
from toolchain.twin import Twin

SETTINGS = load_settings()
AWS = Place("123456789012", "eu-west-1", "arn:aws:iam::123456789012:user/x")


def monitor(name, dimension="SERVICE"):
    arn = f"arn:aws:ce::123456789012:anomalymonitor/{name}"
    return {"MonitorName": name, "MonitorArn": arn, "MonitorDimension": dimension}


@pytest.fixture
def account(monkeypatch):
    def install(*pages, refuses=False):
        class Explorer:
            def get_anomaly_monitors(self, NextPageToken="0"):  # noqa: N803
                if refuses:
                    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Get")
                number = int(NextPageToken)
                more = {"NextPageToken": str(number + 1)} if number + 1 < len(pages) else {}
                return {"AnomalyMonitors": pages[number], **more}

        monkeypatch.setattr(anomalies, "client", lambda service: Explorer())

    return install


def test_the_monitor_of_the_account_is_found_on_any_page(account):
    account([monitor("teams", "LINKED_ACCOUNT")], [monitor("Default-Services-Monitor")])
    found = anomalies.service_monitor(SETTINGS, AWS)
    assert found == "arn:aws:ce::123456789012:anomalymonitor/Default-Services-Monitor"


@pytest.mark.parametrize("monitors", [[], [monitor(SETTINGS.project)], [monitor("tags", None)]])
def test_the_lakes_own_and_others_do_not_count(account, monitors):
    account(monitors)
    assert anomalies.service_monitor(SETTINGS, AWS) is None


def test_a_refusal_says_what_to_do(account):
    account(refuses=True)
    with pytest.raises(ToolError, match="cannot be listed") as refused:
        anomalies.service_monitor(SETTINGS, AWS)
    assert "budget.anomaly_usd" in refused.value.hint


def test_nobody_asks_where_nothing_is_watched(account, tmp_path):
    account(refuses=True)
    off = SETTINGS.model_copy(update={"budget": SETTINGS.budget.model_copy(update={"anomaly_usd": None})})
    assert anomalies.service_monitor(off, AWS) is None
    assert anomalies.service_monitor(SETTINGS, replace(AWS, twin=Twin(4566, tmp_path))) is None
