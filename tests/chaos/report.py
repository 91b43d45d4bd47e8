"""The results of a run, as a page for people and JSON for programs."""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tests.chaos.page import page
from tests.chaos.reckoning import Key, Reckoning

FIGURES, PAGE = "chaos.json", "chaos.html"


class Report:
    """Keeps what became of each trial, and writes it as it comes: an interrupted run is not lost.

    Args:
        seed: of the run.
        folder: where page and figures are written; None for nowhere.
        resume: whether the trials that held in the run of that seed which `folder` has count for this one.
    """

    def __init__(self, seed: int, folder: Path | None, *, resume: bool = False) -> None:
        self.done: list[Reckoning] = []
        self.skipped: list[str] = []
        self._seed, self._folder = seed, folder
        earlier = _read(folder / FIGURES, seed) if folder and resume else []
        self._earlier = {one.key: one for one in earlier if one.held}

    def earlier(self, key: Key) -> Reckoning | None:
        """The reckoning of a trial that the run which is resumed has already; None if it is to be run."""
        return self._earlier.get(key)

    @property
    def trials(self) -> list[Reckoning]:
        """All trials: those of this run, and those of the resumed one that it has not come to yet."""
        return [*self.done, *self._earlier.values()]

    def skip(self, reason: str) -> None:
        """Note why some trials are not run."""
        self.skipped.append(reason)
        self._write()

    def add(self, one: Reckoning) -> None:
        """Note what became of a trial, and write everything."""
        self._earlier.pop(one.key, None)
        self.done.append(one)
        self._write()

    def _write(self) -> None:
        if self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        trials = [asdict(one) | {"held": one.held} for one in self.trials]
        document = {"seed": self._seed, "skipped": self.skipped, "trials": trials}
        _replace(self._folder / FIGURES, json.dumps(document, indent=1) + "\n")
        _replace(self._folder / PAGE, page(self._seed, self.trials, self.skipped))

    def summary(self) -> str:
        """The run in a line."""
        sent, lost, doubled = (sum(getattr(one, name) for one in self.trials) for name in TOTALS)
        failed = sum(not one.held for one in self.trials)
        return (
            f"{len(self.trials)} trials, {sent:,} readings: {lost} lost, {doubled} doubled, "
            f"{failed} trials failed"
        )


TOTALS = ("sent", "lost", "doubled")


def _replace(path: Path, text: str) -> None:
    """Write a file that a reader never finds half written."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _read(path: Path, seed: int) -> list[Reckoning]:
    """The reckonings of an earlier run of that seed, of the same form as today's."""
    if not path.exists():
        return []
    names = {field.name for field in fields(Reckoning)}
    document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    whole = [trial for trial in document["trials"] if document["seed"] == seed and names <= trial.keys()]
    return [
        Reckoning(**{name: trial[name] for name in names} | {"faults": tuple(trial["faults"])})
        for trial in whole
    ]
