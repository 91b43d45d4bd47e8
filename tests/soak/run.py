"""One soak: readings for so long, measurements meanwhile, and the reckoning."""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from local import deployment
from petrostream.aws.clients import client
from petrostream.aws.live_reader import LiveTable
from petrostream.minutes.windows import WINDOW_MS
from petrostream.times import LATENESS_MS
from tests.soak.course import SOURCE
from tests.soak.gauges import Key, folder_mb, sample
from tests.soak.outcome import LATENCY, TWIN, Load, Outcome
from tests.support.ends import Inbox, inbox
from tests.support.lake import Lake, wait_for
from tests.support.paced import Paced

SAMPLE_SECONDS = 10
MINUTE = 60
SETTLE_SECONDS = 300
"""How long readings are waited for, at most, after the last one was sent."""

Tell = Callable[[str], object]


def run(lake: Lake, load: Load, tell: Tell = lambda _line: None) -> Outcome:
    """Send, measure, wait for the end, and reckon.

    Args:
        lake: a lake that is on, with a model.
        load: what to send.
        tell: gets a line a minute.

    Raises:
        StreamStalled, WriteRefused: the stream took no more readings.
    """
    outcome, since = Outcome(load), datetime.now(UTC)
    live = LiveTable(deployment.output(lake.twin, "LiveTableName"), client("dynamodb"))

    def row(well: str, place: str, ts_ms: int, second: int) -> Mapping[str, Any]:
        return load.courses[well].row(well, place, ts_ms, second)

    with inbox(deployment.output(lake.twin, "AlertTopicArn")) as alerts:
        stream = deployment.output(lake.twin, "StreamName")
        paced = Paced(live, stream, load.places, load.each, row)
        meter, begun = _Meter(lake, outcome, paced, tell), time.time()
        for second in range(load.seconds):
            paced.watch(begun + second)
            outcome.late_s = max(outcome.late_s, time.time() - begun - second)
            paced.send(begun + second, second)
            meter.note(second)
        _settle(lake, outcome, paced, since)
        _count_minutes(live, outcome, paced)
        _count_alerts(alerts, outcome)
    return outcome


class _Meter:
    """Samples every few seconds; of each minute their medians, and the latencies'."""

    def __init__(self, lake: Lake, outcome: Outcome, paced: Paced, tell: Tell) -> None:
        self._lake, self._outcome, self._paced, self._tell = lake, outcome, paced, tell
        self._table = deployment.output(lake.twin, "LiveTableName")
        self._samples: dict[Key, list[float]] = defaultdict(list)
        self._seen = 0

    def note(self, second: int) -> None:
        """To be called once a second."""
        if second % SAMPLE_SECONDS == 0:
            for key, value in sample(self._lake, self._table, self._outcome.load.places).items():
                self._samples[key].append(value)
        if second % MINUTE == MINUTE - 1:
            self._close(second // MINUTE)

    def _close(self, minute: int) -> None:
        found: dict[Key, float] = {key: float(np.median(values)) for key, values in self._samples.items()}
        self._samples.clear()
        lags = [lag for _, lag in self._paced.arrived[self._seen :]]
        self._seen += len(lags)
        if lags:
            middle, most = np.percentile(lags, (50, 95)).tolist()
            found |= {(LATENCY, "median, ms"): middle, (LATENCY, "p95, ms"): most}
        found[TWIN, "folder, MB"] = folder_mb(self._lake.twin.home)
        for key, value in found.items():
            self._outcome.series[key].append((minute, value))
        busy = os.getloadavg()[0]
        self._outcome.busy += (busy - self._outcome.busy) / (minute + 1)
        latency = f"latency {middle:.0f} / {most:.0f} ms" if lags else "nothing seen"
        self._tell(f"minute {minute + 1}: {self._paced.sent:,} sent, {latency}, load {busy:.1f}")


def _settle(lake: Lake, outcome: Outcome, paced: Paced, since: datetime) -> None:
    """Wait until everything has arrived, or for as long as it may take, and count in SQL."""
    end = time.time() + SETTLE_SECONDS
    while paced.waiting and time.time() < end:
        paced.watch(time.time() + 1)
    outcome.sent, outcome.unseen = paced.sent, paced.waiting
    mine = f"source = '{SOURCE}' AND scored_at >= TIMESTAMP '{since:%Y-%m-%d %H:%M:%S}'"

    def count() -> bool:
        (found,) = lake.sql(
            f"SELECT COUNT(*) AS n, COUNT(DISTINCT event_id) AS events FROM well_data WHERE {mine}"
        )
        outcome.landed, outcome.doubled = int(found["events"]), int(found["n"]) - int(found["events"])
        return outcome.landed >= outcome.sent

    try:
        wait_for(count, "every reading to land", SETTLE_SECONDS)
    except AssertionError:
        outcome.quarantined = int(lake.value("SELECT COUNT(*) AS n FROM quarantine_lines"))


def _count_minutes(live: LiveTable, outcome: Outcome, paced: Paced) -> None:
    """Compare the readings of each closed minute with those that were sent in it; the last ones are open."""
    open_ms = paced.newest_ms - LATENESS_MS - WINDOW_MS
    wanted = {at: count for at, count in sorted(paced.minutes.items()) if at <= open_ms}
    if not wanted:
        return
    start, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (min(wanted), max(wanted) + WINDOW_MS))
    for well in outcome.load.courses:
        found = {minute.start_ms: minute.readings for minute in live.minutes(well, start, end)}
        outcome.minutes += len(wanted)
        outcome.minutes_wrong += sum(found.get(at) != count for at, count in wanted.items())


def _count_alerts(alerts: Inbox, outcome: Outcome) -> None:
    places = outcome.load.places
    ids = Counter(event["id"] for _, event in alerts.events() if event["detail"]["facility_id"] in places)
    outcome.alerts, outcome.alerts_doubled = ids.total(), ids.total() - len(ids)
