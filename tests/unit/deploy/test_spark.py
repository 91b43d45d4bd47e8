"""The Spark application when the lake is looked at and removed: found, its runs ended, stopped."""

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

from deploy import remains, spark
from deploy.names import Names
from deploy.place import Place
from infra.settings import load_settings
from toolchain.errors import ToolError

ACCOUNT, REGION = "123456789012", "eu-west-1"
ARN = f"arn:aws:emr-serverless:{REGION}:{ACCOUNT}:/applications/00abc"


def named(*, enabled=True):
    base = load_settings()
    settings = base.model_copy(update={"spark": base.spark.model_copy(update={"enabled": enabled})})
    return Names(settings, Place(account=ACCOUNT, region=REGION, caller="x"))


class Account:
    """EMR Serverless with one application, which checks arguments against the service's own model."""

    def __init__(self, state="STARTED", runs=(), *, stuck=False):
        self.state, self.runs, self.stuck = state, dict(runs), stuck
        self.done = []
        self._client = boto3.client(
            "emr-serverless", region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"
        )

    def __getattr__(self, operation):
        def call(**arguments):
            meta = self._client.meta
            model = meta.service_model.operation_model(meta.method_to_api_mapping[operation])
            report = ParamValidator().validate(arguments, model.input_shape)
            assert not report.has_errors(), report.generate_report()
            return getattr(self, f"_{operation}")(arguments)

        return call

    def _list_applications(self, arguments):
        if "nextToken" not in arguments:
            other = {"id": "other", "arn": "other", "name": "another", "state": "STARTED"}
            gone = {"id": "gone", "arn": "gone", "name": "petrostream-spark", "state": "TERMINATED"}
            return {"applications": [other, gone], "nextToken": "more"}
        row = {"id": "00abc", "arn": ARN, "name": "petrostream-spark", "state": self.state}
        return {"applications": [row]}

    def _get_application(self, arguments):
        assert arguments == {"applicationId": "00abc"}
        return {"application": {"state": self.state}}

    def _list_job_runs(self, arguments):
        assert arguments["applicationId"] == "00abc"
        found = [{"id": key, "state": state} for key, state in self.runs.items()]
        return {"jobRuns": [row for row in found if row["state"] in arguments["states"]]}

    def _cancel_job_run(self, arguments):
        self.done.append(f"cancel {arguments['jobRunId']}")
        self.runs[arguments["jobRunId"]] = "CANCELLING"

    def _stop_application(self, arguments):
        assert self.state == "STARTED"
        assert set(self.runs.values()) <= {"CANCELLED", "SUCCESS"}
        self.done.append("stop")
        self.state = "STOPPING"

    def pass_time(self, _seconds):
        """What happens meanwhile: each state goes on to the next."""
        if self.stuck:
            return
        self.state = {"STARTING": "STARTED", "STOPPING": "STOPPED"}.get(self.state, self.state)
        self.runs = {key: "CANCELLED" if state == "CANCELLING" else state for key, state in self.runs.items()}


@pytest.fixture
def stopping(monkeypatch):
    def run(account, *, enabled=True):
        now = iter(range(0, 100_000, 100))
        monkeypatch.setattr(spark, "client", lambda service: {"emr-serverless": account}[service])
        spark.stop(named(enabled=enabled), print, sleep=account.pass_time, clock=lambda: next(now))
        return account.done

    return run


def asking(account):
    return lambda service, operation, arguments: getattr(account, operation)(**arguments)


def test_it_is_found_by_its_name_on_any_page_and_costs_nothing():
    (found,) = spark.applications(named(), asking(Account("STOPPED")))
    assert found == (ARN, "Spark application, stopped", 0)
    assert list(spark.applications(named(), asking(Account("TERMINATED")))) == []


def test_the_receipt_does_not_take_it_for_somebody_elses():
    assert remains.named(named(), ARN)
    assert not remains.named(named(enabled=False), ARN)
    assert "/aws/emr-serverless/petrostream-spark" in named().log_prefixes


def test_runs_end_before_the_application_stops(stopping):
    runs = {"a": "RUNNING", "b": "SUCCESS", "c": "QUEUED"}
    assert stopping(Account("STARTED", runs)) == ["cancel a", "cancel c", "stop"]


def test_one_that_starts_is_waited_for(stopping):
    assert stopping(Account("STARTING")) == ["stop"]


@pytest.mark.parametrize("state", ["CREATED", "STOPPED", "TERMINATED"])
def test_one_that_is_not_started_is_left_alone(stopping, state):
    assert stopping(Account(state)) == []


def test_one_that_does_not_stop_is_named(stopping):
    account = Account("STARTED", stuck=True)
    with pytest.raises(ToolError, match="00abc has not stopped: it is STOPPING"):
        stopping(account)
    assert account.done == ["stop"]


def test_nothing_is_asked_where_the_settings_have_none(stopping):
    class Unasked:
        done = ()

        def pass_time(self, _seconds):
            raise AssertionError

    assert stopping(Unasked(), enabled=False) == ()
    assert list(spark.applications(named(enabled=False), None)) == []


def test_a_refusal_is_a_failure(stopping):
    class Refusing(Account):
        def _list_applications(self, arguments):
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "ListApplications")

    with pytest.raises(ToolError, match="could not be stopped"):
        stopping(Refusing())
