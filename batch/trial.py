"""New baselines against the live models on what neither has seen: which are taken, and with which figures."""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from ml.commission import commission
from ml.data.dataset import Instance, find_instances, read_instance
from ml.evaluation.models import live_models
from ml.evaluation.stream import stream
from ml.evaluation.verdicts import Totals, judge_alarms, total
from ml.registry import (
    FolderRegistry,
    Registry,
    RegistryError,
    current_version,
    publish,
    read_live,
    write_whole,
)
from ml.training.baseline import TRAIN_SHARE
from ml.training.period import NotCommissionedError, Period, from_lake
from petrostream.aws.model_registry import MANIFEST, POINTER, PREFIX
from petrostream.detection import ModelSet

__all__ = ["NormalStretch", "RetrainOutcome", "Retraining", "from_lake", "hold", "worse"]

TRIES = 3
"""Stretches of a well that are tried, newest first."""

LONGEST_MS = 2 * 3_600_000
"""Of a longer stretch the last two hours count: a baseline is to be of now."""

MAX_IN_ALARM = 0.02
"""Share of the normal time in alarm from which no baseline is taken, whatever the live one does: the bar of
the streaming evaluation (docs/guides/evaluation.md)."""

IN_ALARM_ROOM = 0.005
"""How much more of the normal time may be in alarm and still count as not worse: half a minute in 100."""

DELAY_ROOM_S = 5.0
"""How much later events may be detected, in the median: scores of one well differ by that from day to day."""


@dataclass(frozen=True, slots=True)
class NormalStretch:
    """Normal operation of a well, `[from_ms, to_ms)` by event time, epoch ms."""

    well_id: str
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Retraining:
    """What a retraining has of its surroundings.

    Attributes:
        registry: where the live models are.
        read: reads a period of a well, by its name and two times, epoch ms.
        held_back: folder of instances that no model was made from; None without one.
        now: UTC time to record.
        say: reports a line of progress.
    """

    registry: Registry
    read: Callable[[str, int, int], Period]
    held_back: Path | None
    now: datetime
    say: Callable[[str], None] = lambda _: None


@dataclass(slots=True)
class RetrainOutcome:
    """What became of each well.

    Attributes:
        before: the live version at the start.
        wells: by well, what was decided, why, and both figures.
        manifest, files: of the version with what was accepted; None where nothing was.
    """

    before: str | None
    wells: dict[str, dict[str, Any]] = field(default_factory=dict)
    manifest: dict[str, Any] | None = None
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether there is a version to publish."""
        return self.manifest is not None

    def publish(self, registry: Registry) -> str:
        """Make it the live version.

        Raises:
            RegistryError: another version went live meanwhile.
        """
        now = current_version(registry)
        if now != self.before:
            raise RegistryError(
                f"version {now} went live meanwhile, {self.before} was compared with: retrain again"
            )
        with tempfile.TemporaryDirectory() as name:
            _write(Path(name), self.manifest or {}, self.files)
            return publish(Path(name), registry)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"compared_with": self.before, "wells": dict(sorted(self.wells.items()))}


def hold(course: Retraining, stretches: Iterable[NormalStretch]) -> RetrainOutcome:
    """Try new baselines, well by well, and keep those that are not worse."""
    outcome = RetrainOutcome(current_version(course.registry))
    with tempfile.TemporaryDirectory() as name:
        store = _copy_of(course.registry, Path(name))
        for number, (well, found) in enumerate(sorted(_by_well(stretches).items()), start=1):
            before = current_version(store)
            outcome.wells[well] = decided = _try(course, store, found, number)
            if decided["decision"] != "taken" and before is not None:
                store.put(f"{PREFIX}/{POINTER}", orjson.dumps({"version": before}))
            course.say(f"{well}  {decided['decision']}  {decided['why']}")
        live = read_live(store)
        if live is not None and any(one["decision"] == "taken" for one in outcome.wells.values()):
            outcome.manifest, outcome.files = live
    return outcome


def _by_well(stretches: Iterable[NormalStretch]) -> dict[str, list[NormalStretch]]:
    wells: defaultdict[str, list[NormalStretch]] = defaultdict(list)
    for one in sorted(stretches, key=lambda one: -one.to_ms):
        wells[one.well_id].append(replace(one, from_ms=max(one.from_ms, one.to_ms - LONGEST_MS)))
    return wells


def _copy_of(registry: Registry, folder: Path) -> FolderRegistry:
    """A registry in a folder with the live version, to try things in."""
    store = FolderRegistry(folder)
    found = read_live(registry)
    if found is not None:
        _write(folder / PREFIX / str(found[0]["version"]), *found)
        store.put(f"{PREFIX}/{POINTER}", orjson.dumps({"version": found[0]["version"]}))
    return store


def _write(folder: Path, manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    for path, content in files.items():
        write_whole(folder / path, content)
    write_whole(folder / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))


def _try(
    course: Retraining, store: Registry, stretches: Sequence[NormalStretch], number: int
) -> dict[str, Any]:
    """Commission a well on the newest stretch that allows it, and compare."""
    refused = []
    live = _models(store)
    for place, stretch in enumerate(stretches[:TRIES]):
        period = course.read(stretch.well_id, stretch.from_ms, stretch.to_ms)
        version = f"{course.now:%Y%m%dT%H%M%SZ}-{number:02d}{'abc'[place]}"
        try:
            made = commission(store, period.head(TRAIN_SHARE), version=version, created_at=course.now)
        except NotCommissionedError as error:
            refused += error.reasons
            continue
        unseen = [_rest(period), *_instances(course.held_back, stretch.well_id, made.to_ms)]
        old, new = _figures(live, unseen), _figures(live_models(store), unseen)
        reasons = worse(old, new)
        about = {"from_ms": made.from_ms, "to_ms": made.to_ms, "live": _shown(old), "new": _shown(new)}
        if reasons:
            return {"decision": "kept", "why": "; ".join(reasons), **about}
        events = "" if new.events else "; no event was held back"
        return {"decision": "taken", "why": f"in no respect worse{events}", **about}
    return {"decision": "kept", "why": "; ".join(refused) or "no normal operation was found"}


def _models(store: Registry) -> ModelSet:
    return live_models(store) if current_version(store) is not None else ModelSet("none", {}, None)


def _rest(period: Period) -> Instance:
    """The part of a period that the baseline has not seen, as an instance labelled normal."""
    first = len(period.head(TRAIN_SHARE))
    ts_ms = period.ts_ms[first:]
    return Instance(
        path=Path(f"{period.well_id}-held-back.parquet"),
        event_class=0,
        well_id=period.well_id,
        ts_ms=ts_ms,
        values=period.values[first:],
        label=np.zeros(len(ts_ms), np.int64),
        state=period.state[first:],
    )


def _instances(folder: Path | None, well: str, after_ms: int) -> list[Instance]:
    """Instances of a well that begin after a time; before it neither model would use the new baseline."""
    if folder is None:
        return []
    found = (read_instance(file) for file in find_instances(folder, wells=[well]))
    return [one for one in found if len(one) and one.ts_ms[0] > after_ms]


def _figures(models: ModelSet, unseen: Sequence[Instance]) -> Totals:
    return total(
        [judge_alarms(one.ts_ms, one.label, stream(one, models, block_s=600).alarms) for one in unseen]
    )


def worse(live: Totals, new: Totals) -> list[str]:
    """Why new models are not taken: in what they are worse than the live ones on the same instances."""
    found = []
    if (new.normal_share_in_alarm or 0.0) > MAX_IN_ALARM:
        found.append(f"{new.normal_share_in_alarm:.1%} of the normal time in alarm, over {MAX_IN_ALARM:.0%}")
    if new.missed > live.missed:
        found.append(f"misses {new.missed} of {new.events} events, the live model {live.missed}")
    if new.false_alarms > live.false_alarms:
        hours = f"{new.normal_hours:.2f} h of normal operation"
        found.append(f"{new.false_alarms} false alarms in {hours}, the live model {live.false_alarms}")
    more = (new.normal_share_in_alarm or 0.0) - (live.normal_share_in_alarm or 0.0)
    if more > IN_ALARM_ROOM:
        found.append(f"{more:.1%} more of the normal time in alarm")
    if new.median_delay_s is not None and live.median_delay_s is not None:
        later = new.median_delay_s - live.median_delay_s
        if later > DELAY_ROOM_S and new.missed == live.missed:
            found.append(f"detects events {later:.0f} s later in the median")
    return found


def _shown(figures: Totals) -> dict[str, Any]:
    names = (
        *("events", "missed", "median_delay_s", "normal_hours", "false_alarms"),
        *("false_alarms_per_hour", "normal_share_in_alarm"),
    )
    return {name: getattr(figures, name) for name in names}
