"""`project_up.sh aws` and `project_down.sh aws` against the emulator: first, failed, second and last run."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.lake import IAC, Lake, of_the_function, wait_for
from tests.support.paths import ROOT

pytestmark = of_the_function("the switches deploy it, and their smoke test tries what they deployed")

STREAM = "petrostream-ingest"
SECONDS = 900


class Switches:
    """The two scripts, pointed at an emulator of their own on which nothing is deployed yet."""

    def __init__(self, lake: Lake, models: Path) -> None:
        self.lake = lake
        self.models = models

    def run(self, script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(ROOT / script), "aws", *arguments],
            cwd="/",
            env=self.lake.environment | {"VENV": sys.prefix, "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def begin(self, script: str, *arguments: str) -> "subprocess.Popen[str]":
        """Start a script in a process group of its own."""
        return subprocess.Popen(
            [str(ROOT / script), "aws", *arguments],
            env=self.lake.environment | {"VENV": sys.prefix},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def up(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self.run("project_up.sh", "--iac", IAC, "--models", str(self.models), *arguments)

    def down(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return self.run("project_down.sh", *arguments)


@pytest.fixture(scope="module")
def switches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switches]:
    with Lake.at(tmp_path_factory.mktemp("switches") / "home").on("--no-deploy") as lake:
        yield Switches(lake, tmp_path_factory.mktemp("no-models"))


def buckets() -> list[str]:
    return [
        row["Name"] for row in boto3.client("s3").list_buckets()["Buckets"] if "petrostream" in row["Name"]
    ]


def stream_is_there() -> bool:
    try:
        boto3.client("kinesis").describe_stream_summary(StreamName=STREAM)
    except ClientError:
        return False
    return True


def smoke_readings(switches: Switches, what: str = "*") -> int:
    return int(
        switches.lake.value(f"SELECT COUNT({what}) AS n FROM well_data WHERE facility_id = 'FAC-SMOKE'")
    )


# The tests of this file are one story: each begins where the one before ended.


def test_down_without_a_deployment_says_so_and_succeeds(switches: Switches) -> None:
    done = switches.down("--yes")
    assert done.returncode == 0, done.stdout
    assert "Nothing of the lake remains: $0.00 a month." in done.stdout


def test_up_without_anyone_to_ask_shows_plan_and_price_and_creates_nothing(switches: Switches) -> None:
    done = switches.up()
    assert done.returncode == 1
    assert re.search(r"Plan [0-9a-f]{12}: \d+ to create\.", done.stdout), done.stdout
    assert re.search(r"Total: \$\d+\.\d\d a month", done.stdout)
    assert "Nothing was created: there is no one to ask." in done.stdout
    assert not buckets()


def test_a_plan_that_nobody_approved_is_not_applied(switches: Switches) -> None:
    done = switches.up("--yes", "--plan", "0123456789ab")
    assert done.returncode == 1
    assert "plan 0123456789ab was approved" in done.stdout
    assert not buckets()


def test_an_up_that_is_interrupted_leaves_what_the_next_one_finishes(switches: Switches) -> None:
    began = switches.begin("project_up.sh", "--iac", IAC, "--yes")
    try:
        wait_for(lambda: bool(buckets()), "the first bucket to be created")
        os.killpg(began.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
        output, _ = began.communicate(timeout=SECONDS)
    finally:
        began.kill()
    assert began.returncode == 130, output
    assert "Running the same command again goes on from here." in output

    done = switches.up("--yes")
    assert done.returncode == 0, done.stdout
    assert "Smoke test passed: 100 readings in well_data" in done.stdout
    assert "No model in" in done.stdout
    for word in ("replay", "query", "project_down.sh aws"):
        assert word in done.stdout.split("The lake is on.")[1]


def test_a_second_up_creates_nothing_and_keeps_the_data(switches: Switches) -> None:
    # The interrupted run may have come as far as its smoke test.
    before = smoke_readings(switches, "DISTINCT source")
    done = switches.up("--yes")
    assert done.returncode == 0, done.stdout
    assert "to create" not in done.stdout
    assert "to delete" not in done.stdout
    assert smoke_readings(switches, "DISTINCT source") == before + 1


def test_code_that_was_changed_by_hand_is_put_right_by_up_and_comes_back_by_rollback(
    switches: Switches, tmp_path: Path
) -> None:
    functions = boto3.client("lambda")
    good = functions.get_function_configuration(FunctionName="petrostream-scoring")["CodeSha256"]
    broken = _broken_package(tmp_path)
    functions.update_function_code(FunctionName="petrostream-scoring", ZipFile=broken)
    assert functions.get_function_configuration(FunctionName="petrostream-scoring")["CodeSha256"] != good

    switches.lake.run("-m", "deploy", "rollback")
    assert functions.get_function_configuration(FunctionName="petrostream-scoring")["CodeSha256"] == good

    functions.update_function_code(FunctionName="petrostream-scoring", ZipFile=broken)
    done = switches.up("--yes")
    assert done.returncode == 0, done.stdout
    assert functions.get_function_configuration(FunctionName="petrostream-scoring")["CodeSha256"] == good


def _broken_package(folder: Path) -> bytes:
    import zipfile

    path = folder / "broken.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lambdas/scoring/handler.py", "raise RuntimeError('broken')\n")
    return path.read_bytes()


def test_down_names_the_data_and_removes_nothing_unasked(switches: Switches) -> None:
    done = switches.down()
    assert done.returncode == 1
    assert re.search(r"petrostream-curated-\S+  \d+ objects and versions", done.stdout), done.stdout
    assert "Nothing was removed: there is no one to ask." in done.stdout
    assert stream_is_there()


def test_down_can_leave_the_data_queryable(switches: Switches) -> None:
    done = switches.down("--yes", "--keep-data")
    assert done.returncode == 0, done.stdout
    assert not stream_is_there()
    assert len(buckets()) >= 5
    assert smoke_readings(switches) >= 200
    assert re.search(r"What remains of the lake costs \$(0\.00|under 0\.01) a month", done.stdout), (
        done.stdout
    )


def test_up_again_finds_the_data_that_was_left(switches: Switches) -> None:
    before = smoke_readings(switches)
    done = switches.up("--yes")
    assert done.returncode == 0, done.stdout
    assert smoke_readings(switches) == before + 100


def test_down_leaves_nothing_that_costs_even_after_a_half_done_removal(switches: Switches) -> None:
    # As if an earlier removal had stopped in the middle.
    boto3.client("kinesis").delete_stream(StreamName=STREAM)
    boto3.client("lambda").delete_function(FunctionName="petrostream-scoring")
    done = switches.down("--yes")
    assert done.returncode == 0, done.stdout
    assert "Nothing of the lake remains: $0.00 a month." in done.stdout
    assert not buckets()
    assert not stream_is_there()


def test_a_second_down_is_as_content(switches: Switches) -> None:
    done = switches.down("--yes")
    assert done.returncode == 0, done.stdout
    assert "Nothing of the lake remains: $0.00 a month." in done.stdout
