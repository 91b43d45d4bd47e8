"""The switch that holds the twin's callers to their roles."""

import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from local import emulator
from toolchain.errors import ToolError
from toolchain.twin import IAM_VARIABLE, Twin, iam_enforced


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """Configuring the emulator changes this process's environment, which is given back."""
    with mock.patch.dict(os.environ):
        os.environ.pop(IAM_VARIABLE, None)
        yield


@pytest.mark.parametrize(("value", "auth"), [("", "false"), ("enforce", "true")])
def test_the_switch_alone_decides_whether_the_emulator_asks_for_rights(
    tmp_path: Path, value: str, auth: str
) -> None:
    os.environ.update({IAM_VARIABLE: value, "AUTH": "true"})
    emulator.configure(Twin(4999, tmp_path))
    assert os.environ["AUTH"] == auth
    assert iam_enforced() is (auth == "true")


def test_another_value_is_refused_with_the_remedy() -> None:
    os.environ[IAM_VARIABLE] = "on"
    with pytest.raises(ToolError, match="PETROSTREAM_IAM is 'on'") as refused:
        iam_enforced()
    assert "enforce" in str(refused.value)


def test_a_twin_started_with_the_switch_the_other_way_is_out_of_date() -> None:
    open_to_all = emulator.code_digest()
    os.environ[IAM_VARIABLE] = "enforce"
    assert emulator.code_digest() != open_to_all
