"""The settings file: read as it is, and refused with a message that names what is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.settings import SETTINGS_FILE, SettingsError, load_settings

Change = Callable[[dict[str, Any]], object]


def _written(tmp_path: Path, change: Change) -> Path:
    raw = json.loads(SETTINGS_FILE.read_text())
    change(raw)
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(raw))
    return path


def test_every_value_of_the_file_is_in_the_settings():
    assert load_settings().model_dump() == json.loads(SETTINGS_FILE.read_text())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: s["scoring"].update(memory_mb=64), "scoring.memory_mb = 64: Input should be greater than"),
        (
            lambda s: s["scoring"].update(memory_mb="512"),
            'scoring.memory_mb = "512": Input should be a valid int',
        ),
        (lambda s: s["stream"].pop("shards"), "stream.shards: missing; add it"),
        (
            lambda s: s["stream"].update(shard=2),
            "stream.shard: unknown key; remove it or correct its spelling",
        ),
        (
            lambda s: s["stream"].update(mode="ondemand"),
            "stream.mode = \"ondemand\": Input should be 'PROVISIONED'",
        ),
        (lambda s: s["firehose"]["delivery"].update(buffer_mb=5), "firehose.delivery.buffer_mb = 5"),
        (
            lambda s: s["firehose"]["delivery"].update(buffer_seconds=0),
            "firehose.delivery.buffer_seconds = 0",
        ),
        (lambda s: s["runtime"].update(log_retention_days=2), "log_retention_days must be one of 1, 3, 5"),
        (lambda s: s["runtime"].update(architecture="riscv"), "runtime.architecture"),
        (lambda s: s["lake"].update(projection_start="2011-02-30"), "day is out of range for month"),
        (
            lambda s: s["lake"].update(raw_glacier_days=60, raw_infrequent_access_days=45),
            "raw_glacier_days must be",
        ),
        (
            lambda s: s["scoring"].update(maximum_record_age_seconds=90_000),
            "must not exceed stream.retention_hours",
        ),
        (lambda s: s.pop("live"), "live: missing; add it"),
        (lambda s: s["spark"].update(release="emr-7.9.0"), 'spark.release = "emr-7.9.0"'),
        (lambda s: s["spark"].update(max_vcpu=4), "spark.max_vcpu = 4"),
        (lambda s: s["spark"].update(idle_minutes=0), "spark.idle_minutes = 0"),
        (lambda s: s["spark"].update(max_memory_gb=513), "max_memory_gb must be 128 to 512 with max_vcpu 64"),
        (lambda s: s["spark"].update(max_memory_gb=127), "max_memory_gb must be 128 to 512 with max_vcpu 64"),
        (lambda s: s["spark"].update(max_disk_gb=319), "max_disk_gb must be at least 320 with max_vcpu 64"),
    ],
)
def test_an_unusable_value_is_refused_by_name(tmp_path: Path, change: Change, expected: str):
    path = _written(tmp_path, change)
    with pytest.raises(SettingsError) as refused:
        load_settings(path)
    assert str(path) in str(refused.value)
    assert expected in str(refused.value)


def test_all_problems_are_reported_at_once(tmp_path: Path):
    def change(raw: dict[str, Any]) -> None:
        raw["scoring"]["memory_mb"] = 1
        raw["stream"]["shards"] = 0

    with pytest.raises(SettingsError, match="2 value") as refused:
        load_settings(_written(tmp_path, change))
    assert "scoring.memory_mb" in str(refused.value)
    assert "stream.shards" in str(refused.value)


def test_a_file_that_is_not_json_is_refused(tmp_path: Path):
    path = tmp_path / "settings.json"
    path.write_text('{"project": ')
    with pytest.raises(SettingsError, match="not valid JSON"):
        load_settings(path)


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(SettingsError, match="no such settings file"):
        load_settings(tmp_path / "none.json")
