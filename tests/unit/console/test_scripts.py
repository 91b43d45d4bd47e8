"""Scripts outside `petrostream …` answer --help and --version as every command does, and do nothing else."""

import os
import subprocess
import sys

import pytest

from tests.support.paths import ROOT
from toolchain.commands import version

SCRIPTS = [
    *sorted(
        str(path.relative_to(ROOT))
        for folder in ("bench", "examples")
        for path in (ROOT / folder).glob("*.py")
    ),
    "-m local.emulator",
]


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_a_script_says_what_it_is_for_and_which_version(script, option, tmp_path):
    done = subprocess.run(
        [sys.executable, *script.split(), option],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PETROSTREAM_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if option == "--version":
        assert done.stdout == f"PetroStream {version()}\n"
    else:
        assert "usage" in done.stdout.lower()
    assert not (tmp_path / "home").exists()
