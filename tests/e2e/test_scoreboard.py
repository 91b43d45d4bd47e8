"""The lake's alarms are those of the offline evaluation, to the second."""

import json
from pathlib import Path

import boto3
import pytest

from ml.data.dataset import find_instances, read_instance
from ml.evaluation.models import live_models
from ml.evaluation.stream import stream
from ml.evaluation.verdicts import judge_alarms, total
from ml.registry import open_registry
from tests.support.lake import Lake, wait_for

INSTANCES = "source LIKE '%/SIMULATED_0000_'"
RUN = f"{INSTANCES} AND run_offset_s = 0"
"""Other tests replay the same files at other times."""


@pytest.fixture(scope="module")
def replayed(lake: Lake, simulated: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    report = tmp_path_factory.mktemp("alarms") / "report.json"
    lake.run(
        "producer/replay.py", "--data", str(simulated), "--speed", "max", "--clock", "original",
        "--name", "e2e-scoreboard", "--report", str(report),
    )  # fmt: skip
    sent = json.loads(report.read_text())
    count = f"SELECT COUNT(DISTINCT event_id) AS n FROM scored_readings WHERE {INSTANCES}"
    wait_for(lambda: int(lake.value(count)) >= sent["readings"], "readings of the replay to land")
    return sent


@pytest.fixture(scope="module")
def offline(lake: Lake, simulated: Path, replayed: dict) -> dict:
    """Instances with what `ml.streaming_eval` makes of them under the models that are live."""
    buckets = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
    artifacts = next(name for name in buckets if name.startswith("petrostream-artifacts"))
    live = live_models(open_registry(f"s3://{artifacts}"))
    instances = [read_instance(file) for file in find_instances(simulated)]
    return {instance.source: (instance, stream(instance, live)) for instance in instances}


def test_sql_and_the_offline_evaluation_find_the_same_alarms_to_the_second(lake: Lake, offline: dict) -> None:
    expected = {
        (source, alarm.alarm_type, int(instance.ts_ms[alarm.onset]))
        for source, (instance, found) in offline.items()
        for alarm in found.alarms
    }
    rows = lake.sql(
        "SELECT source, alarm_type, "
        "DATE_DIFF('millisecond', TIMESTAMP '1970-01-01 00:00:00', began) AS began_ms "
        f"FROM alarm_spans WHERE {RUN} AND alarm_group = 'process'"
    )
    landed = {(row["source"], row["alarm_type"], int(row["began_ms"])) for row in rows}
    assert expected
    assert landed == expected


def test_every_alarm_says_why(lake: Lake, replayed: dict) -> None:
    sentences = lake.sql(f"SELECT sentence FROM alarm_spans WHERE {RUN}")
    assert sentences
    assert all(": " in row["sentence"] or row["sentence"].startswith("Unlike") for row in sentences)
    reasons = lake.sql(
        f"SELECT COUNT_IF(reason IS NULL) AS silent FROM well_data WHERE {INSTANCES} AND anomaly_flag = 1"
    )
    assert reasons == [{"silent": 0}]


def test_the_scoreboard_has_the_offline_figures(lake: Lake, offline: dict) -> None:
    commissioned = {
        row["source"]: int(row["first"])
        for row in lake.sql(
            "SELECT source, MIN(TO_UNIXTIME(ts) * 1000) AS first FROM well_data "
            f"WHERE {INSTANCES} AND model_kind = 'commissioned' AND ts = source_ts GROUP BY source"
        )
    }
    verdicts = []
    for source, begins_ms in commissioned.items():
        instance, found = offline[source]
        watched = int(instance.ts_ms.searchsorted(begins_ms))
        alarms = [alarm for alarm in found.alarms if alarm.onset >= watched]
        verdicts.append(judge_alarms(instance.ts_ms, instance.label, alarms, watched))
    expected = total(verdicts)
    (row,) = lake.sql(
        "SELECT COUNT(*) AS instances, SUM(missed) AS missed, SUM(early) AS early, SUM(false_alarms) AS "
        f"false_alarms, SUM(normal_hours) AS normal_hours FROM detector_scoreboard WHERE {RUN}"
    )
    assert int(row["instances"]) == expected.instances > 0
    assert int(row["missed"]) == expected.missed
    assert int(row["early"]) == expected.early
    assert int(row["false_alarms"]) == expected.false_alarms
    assert float(row["normal_hours"]) == pytest.approx(expected.normal_hours, rel=1e-3)
