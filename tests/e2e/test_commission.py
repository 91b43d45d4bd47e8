"""A well commissioned from the lake has the baseline that its files would have given it."""

import json
from pathlib import Path

import pytest

from ml.data.dataset import find_instances, read_instance
from ml.training.baseline import normal_period
from petrostream.times import to_iso
from tests.support.lake import Lake, wait_for

NORMAL_S = 900


def test_the_lake_and_the_files_make_the_same_baseline(
    lake: Lake, simulated: Path, models: Path, tmp_path: Path
) -> None:
    file = next(one for one in find_instances(simulated) if one.event_class == 2)
    instance = read_instance(file)
    lake.run(
        "producer/replay.py", "--data", str(simulated), "--speed", "max", "--clock", "original",
        "--wells", file.well_id, "--name", "e2e-commission",
    )  # fmt: skip
    count = f"SELECT COUNT(*) AS n FROM well_data WHERE well_id = '{file.well_id}'"
    wait_for(lambda: int(lake.value(count)) >= len(instance), "readings of the well to land")
    start = int(instance.ts_ms[normal_period(instance).start])
    period = ["--from", to_iso(start), "--to", to_iso(start + 1000 * NORMAL_S)]
    baselines = []
    for name, source in (("lake", []), ("files", ["--data", str(simulated)])):
        registry = tmp_path / name
        arguments = ["--well", file.well_id, *period, "--registry", str(registry), "--model-version", "v1"]
        assert "Version v1 is live" in lake.run("-m", "ml.commission", *arguments, *source)
        manifest = json.loads((registry / "models/v1/manifest.json").read_text())
        baselines.append(manifest["wells"][file.well_id]["baselines"][0])
    lake_s, files_s = baselines
    assert lake_s["valid_from"] == files_s["valid_from"] == to_iso(start)
    assert lake_s["sensors"] == files_s["sensors"]
    assert lake_s["center"] == pytest.approx(files_s["center"], rel=1e-9)
    assert lake_s["scale"] == pytest.approx(files_s["scale"], rel=1e-6)
    assert lake_s["source"] == files_s["source"] == file.source
