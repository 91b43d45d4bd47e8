"""Errors that stop a replay before or while it runs; each message says what is wrong and what to do."""

from pathlib import Path


class ReplayError(Exception):
    """A replay can't start or continue as requested."""


class OptionInvalid(ReplayError):  # noqa: N818 - says what happened
    """A command-line option has a value that can't be used."""

    def __init__(self, option: str, value: str, expected: str) -> None:
        super().__init__(f"{option} is {value!r}; expected {expected}")
        self.option = option
        self.value = value


class FleetInvalid(ReplayError):  # noqa: N818
    """The fleet file is not a mapping of wells to facilities."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f'{path}: {problem}; write {{"WELL-00011": "FAC-03", ...}}')
        self.path = path
        self.problem = problem


class ResumeInvalid(ReplayError):  # noqa: N818
    """The resume file does not fit, or can't be read."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path}: {problem}; start over without --resume (a new run has its own event times)"
        )
        self.path = path
        self.problem = problem


class ResumeBusy(ReplayError):  # noqa: N818
    """Another replay of the same name is running."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"another replay is using {path}; wait for it, stop it, or give this one another --name"
        )
        self.path = path
