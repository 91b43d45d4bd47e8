"""How the tests of a run are divided between its processes: by what they share, the longest first."""

from collections.abc import Mapping

import pytest
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

TERRAFORM = "one plan of the configuration, and one lake that Terraform deploys"
SHARED: Mapping[str, str] = {
    f"tests/infra/{name}.py": TERRAFORM
    for name in (
        "test_jobs", "test_parity", "test_scale", "test_services", "test_spark",
        "test_terraform", "test_terraform_encryption", "test_terraform_twin",
    )
}  # fmt: skip
"""Files whose tests stay in one process, with what is made once for them."""

LONGEST = (
    *("tests/e2e/test_dashboard.py", "tests/e2e/test_crash.py", "tests/e2e/test_soak.py"),
    *("tests/e2e/test_switches.py", "tests/e2e/test_cdc.py", "tests/e2e/test_iam.py"),
    *("tests/e2e/test_backfill.py", "tests/e2e/test_reports.py", "tests/e2e/test_replay.py"),
    *("tests/e2e/test_scoreboard.py", "tests/e2e/test_jobs.py", "tests/e2e/test_facility.py"),
    *("tests/infra/test_account.py", TERRAFORM, "tests/infra/test_services_account.py"),
    *("tests/unit/ml/test_streaming_eval.py", "tests/unit/ml/test_benchmark.py", "tests/chaos/test_chaos.py"),
    *("tests/unit/batch/test_compact.py", "tests/unit/batch/test_spark.py", "tests/fuzz/test_fuzz.py"),
    *(
        "tests/unit/risk/test_rules.py",
        "tests/unit/pipeline/test_takeover.py",
        "tests/unit/batch/test_backfill.py",
    ),
    *("tests/unit/lambdas/test_service.py", "tests/unit/ml/evaluation/test_bad_gauges.py"),
)
"""What must not begin last, when the other processes have nothing left to do."""


class ByWhatIsShared(LoadFileScheduling):
    """Gives a process the tests of a file, or of the files that share something, at once."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return SHARED.get(file, file)

    def _assign_work_unit(self, node: WorkerController) -> None:
        longest = next((scope for scope in LONGEST if scope in self.workqueue), None)
        if longest is not None:
            self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)


def scheduler(config: pytest.Config, log: object) -> ByWhatIsShared | None:
    """The division of a run with `--dist loadfile`; of another, pytest-xdist's own."""
    return ByWhatIsShared(config, log) if config.getvalue("dist") == "loadfile" else None
