"""Test what was deployed, and keep the code that passed."""

from datetime import UTC, datetime

from deploy import releases
from deploy.smoke import SmokeResult, smoke
from deploy.up import Prepared
from toolchain.paths import ROOT
from toolchain.run import probe


def test_and_record(prepared: Prepared) -> SmokeResult:
    """Run the smoke test, and keep the code that passed it for a rollback.

    Raises:
        ToolError: the test failed.
    """
    context = prepared.context
    result = smoke(context.names, context.say)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    releases.record(context.names, prepared.packages, at=now, commit=commit())
    return result


def commit() -> str:
    """The commit of the project's folder; empty outside a clone."""
    return (probe(["git", "-C", str(ROOT), "rev-parse", "HEAD"], seconds=10.0) or "").strip()
