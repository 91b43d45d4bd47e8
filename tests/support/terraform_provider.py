"""Terraform's provider as one process for many commands: to start it costs more than most commands do."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.lake import wait_for

VARIABLE = "TF_REATTACH_PROVIDERS"
"""What tells Terraform that a provider runs: https://developer.hashicorp.com/terraform/plugin/debugging"""

_BINARY = ".terraform/providers/registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*"
_SAYS = re.compile(rf"{VARIABLE}='(.+)'")
START_SECONDS = 120.0


@contextmanager
def serving(workspace: Path, environment: Mapping[str, str], log: Path) -> Iterator[dict[str, str]]:
    """`environment` with the provider of an initialised workspace, which runs until the end.

    It is the one that Terraform would start itself, in the mode that is there for debuggers. Its endpoint and
    credentials are those of `environment`: another account needs another process.

    Args:
        workspace: where `terraform init` has been.
        environment: that of the commands.
        log: file for what it prints; its folder exists.
    """
    (binary,) = workspace.glob(_BINARY)
    # To be configured a second time fails with certificates of one's own; the endpoints here are plain HTTP.
    own = {name: value for name, value in environment.items() if name != "AWS_CA_BUNDLE"}
    with log.open("w") as output:
        process = subprocess.Popen(
            [binary, "-debug"],
            cwd=workspace,
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    def said() -> bool:
        assert process.poll() is None, log.read_text()
        return bool(_SAYS.search(log.read_text()))

    try:
        wait_for(said, f"Terraform's provider ({log})", START_SECONDS)
        found = _SAYS.search(log.read_text())
        assert found is not None
        yield {**environment, VARIABLE: found[1]}
    finally:
        process.terminate()
        process.wait()
