"""Where a deployment reports: its progress, and what its tools print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy import gaps
from toolchain.commands import Say
from toolchain.run import run_logged, run_visibly


@dataclass(frozen=True, slots=True)
class Output:
    """Where a deployment reports.

    Attributes:
        say: prints a line of progress.
        log: file that receives what the tools print; None: it goes to the terminal.
    """

    say: Say
    log: Path | None = None

    def left_out(self, gap: str) -> None:
        """Report a step that is left out on the emulator; in a quiet run this goes to the log.

        Raises:
            KeyError: the gap is not listed in `gaps`.
        """
        text = gaps.left_out(gap)
        if self.log is None:
            self.say(text)
            return
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], *, what: str, hint: str
    ) -> None:
        """Run a tool that changes something, with its output on the terminal or in the log.

        Raises:
            ToolError: it failed or took too long.
            KeyboardInterrupt: it was interrupted, and has ended.
        """
        if self.log is None:
            run_visibly(command, folder, environment, what=what, hint=hint)
            return
        self.say(f"Running {what} …")
        hint = f"{hint} The whole output is in {self.log}."
        run_logged(command, folder, environment, log=self.log, what=what, hint=hint)
