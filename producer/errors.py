"""Errors that stop a replay before or while it runs; each message says what is wrong and what to do."""

import shlex
from collections.abc import Sequence
from pathlib import Path

BAD_FILES_NAMED = 10
"""How many bad files a message names."""

SENT_AGAIN = "sends every reading under new event times: what was sent before would then be in the lake twice"


class ReplayError(Exception):
    """A replay can't start or continue as requested."""


class OptionInvalid(ReplayError):  # noqa: N818 - says what happened
    """A command-line option has a value that can't be used."""

    def __init__(self, option: str, value: str, expected: str) -> None:
        super().__init__(f"{option} is {value!r}; expected {expected}")
        self.option = option
        self.value = value


class FleetInvalid(ReplayError):  # noqa: N818
    """The fleet file does not say which facility wells belong to."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f'{path}: {problem}; write {{"WELL-00011": "FAC-03", ...}}, or an object like producer/fleet.json'
        )
        self.path = path
        self.problem = problem


class ResumeInvalid(ReplayError):  # noqa: N818
    """The resume file does not fit, or can't be read."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}; a new run, without --resume, {SENT_AGAIN}")
        self.path = path
        self.problem = problem


class ResumeMismatch(ReplayError):  # noqa: N818
    """The resume file belongs to other data or options."""

    def __init__(self, path: Path, options: dict[str, str], units: str = "") -> None:
        words = {**options, "speed": "max" if options.get("speed") == "inf" else options.get("speed", "")}
        again = " ".join(
            f"--with-facility --seed {value}" if name == "seed" else f"--{name} {shlex.quote(value)}"
            for name, value in words.items()
            if name != "units"
        )
        if (before := options.get("units", "")) != units:
            again = f"{again} and the fleet file's units as they were ({before or 'none'})"
        super().__init__(
            f"{path}: belongs to other data or options; it continues with {again} --resume. "
            f"A new run, without --resume, {SENT_AGAIN}"
        )
        self.path = path
        self.options = options


class SpeedTooFast(ReplayError):  # noqa: N818
    """A resumed run can't play that fast: its event times were laid out for a slower one."""

    def __init__(self, speed: float, first: str, last_ts: str) -> None:
        asked = "max" if speed == float("inf") else f"{speed:g}"
        super().__init__(
            f"--speed {asked} would send readings before their event time: those of this run were laid out "
            f"at --speed {first}, and end at {last_ts}. Resume with --speed {first} or slower; "
            "after that time any speed will do"
        )


class BadFiles(ReplayError):  # noqa: N818
    """Files are not in the 3W layout; nothing was sent."""

    def __init__(self, bad: Sequence[Exception], good: int) -> None:
        lines = [f"  {error}" for error in bad[:BAD_FILES_NAMED]]
        if len(bad) > BAD_FILES_NAMED:
            lines.append(f"  and {len(bad) - BAD_FILES_NAMED} more")
        remedy = f"Repair them, or add --skip-bad to play the other {good}." if good else "No other is left."
        count = f"{len(bad)} of {len(bad) + good} files"
        super().__init__("\n".join([f"{count} can't be played; nothing was sent:", *lines, remedy]))
        self.bad = list(bad)


class ResumeBusy(ReplayError):  # noqa: N818
    """Another run of the same name is going on."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"another run is using {path}; wait for it, stop it, or give this one another --name"
        )
        self.path = path
