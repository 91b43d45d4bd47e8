"""Reads one shard for the service: fetch, process, and not a step further until that is done."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from petrostream.backoff import Backoff, Deadline
from petrostream.errors import IteratorExpired, PetroStreamError, cause_of, traceback_of
from petrostream.pipeline import Fetched, Outcome, Ports, StreamRecord, hand_over, own, process_batch

BATCH_SECONDS = 60.0
"""Deadline of a batch: what is not done by then is tried again."""

RESERVE_SECONDS = 18.0
"""Of these, what delivery and commit keep for themselves."""

FETCH_RECORDS = 1000
"""Most records of a read; a read also ends at 10 MB."""

POLL_SECONDS = 1.0
"""Time between two reads of a shard that is read up to its end; a shard answers five reads a second."""

CATCH_UP_SECONDS = 0.25
"""The same while there is more to read."""

logger = logging.getLogger(__name__)


class ShardSource(Protocol):
    """The stream, for reading."""

    def iterator(self, shard_id: str, after: str | None) -> str:
        """Return where the records after a sequence number begin; where the shard begins for None."""
        ...

    def fetch(self, iterator: str, most: int) -> Fetched:
        """Read on from an iterator; raises IteratorExpired or ServiceUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Reports:
    """Where a reader reports.

    Attributes:
        batch: called with each outcome and the number of its records.
        behind: called with the shard and how far behind it is, in seconds.
    """

    batch: Callable[[Outcome, int], None] = lambda _outcome, _records: None
    behind: Callable[[str, float], None] = lambda _shard, _seconds: None


class ShardReader(threading.Thread):
    """Reads a shard until told to stop, or to its end.

    Args:
        shard_id: the shard, as `<stream>/<shard>`.
        stream: the stream.
        ports: returns the ports of a batch with a deadline.
        reports: where it reports.
        settle: called after each batch, with its deadline.
        backoff: waits between attempts of a batch that failed; repeated for ever, since nothing but the
            services can fail a batch.
    """

    def __init__(
        self,
        shard_id: str,
        stream: ShardSource,
        ports: Callable[[Deadline], Ports],
        reports: Reports | None = None,
        settle: Callable[[Deadline], None] = lambda _: None,
        backoff: Backoff | None = None,
    ) -> None:
        super().__init__(name=shard_id, daemon=True)
        self.shard_id = shard_id
        self.read_to_end = False
        self._stream = stream
        self._ports = ports
        self._reports = reports or Reports()
        self._settle = settle
        self._stopping = threading.Event()
        self._lost = threading.Event()
        self._backoff = backoff or Backoff(limit=6, base=0.2, cap=10.0, sleep=self._wait)

    def finish(self) -> None:
        """Stop after the batch in work, and store everything for whoever reads on."""
        self._stopping.set()

    def lose(self) -> None:
        """Stop at once, without storing: another task reads the shard."""
        self._lost.set()
        self._stopping.set()

    def run(self) -> None:
        """Read, process, and store at the end."""
        while not self._stopping.is_set():
            try:
                self._read()
            except Exception as error:
                # The next round takes the shard over again, from where it is known to be done.
                cause, why = cause_of(error), traceback_of(error)
                logger.warning("shard %s: reading begins again: %s", self.shard_id, cause, exc_info=why)
                self._wait(POLL_SECONDS)
            if self.read_to_end:
                break
        if not self._lost.is_set():
            self._store()

    def _read(self) -> None:
        after = self._claim()
        iterator: str | None = self._stream.iterator(self.shard_id, after)
        while iterator is not None and not self._stopping.is_set():
            try:
                fetched = self._stream.fetch(iterator, FETCH_RECORDS)
            except IteratorExpired:
                iterator = self._stream.iterator(self.shard_id, after)
                continue
            self._reports.behind(self.shard_id, fetched.behind_ms / 1000)
            if fetched.records:
                if not self._process(fetched.records):
                    return
                after = fetched.records[-1].sequence
            iterator = fetched.iterator
            self._wait(CATCH_UP_SECONDS if fetched.behind_ms else POLL_SECONDS)
        self.read_to_end = iterator is None

    def _claim(self) -> str | None:
        """Own the shard; the record up to which it is done, None before the first."""
        deadline = Deadline.after(BATCH_SECONDS)
        ports = self._ports(deadline)
        return own(self.shard_id, ports, ports.models.current(), deadline, RESERVE_SECONDS).done

    def _process(self, records: Sequence[StreamRecord]) -> bool:
        """Process records until all are done; False if told to stop before."""
        left = list(records)
        while True:
            for _ in self._backoff.attempts():
                if self._stopping.is_set():
                    return False
                deadline = Deadline.after(BATCH_SECONDS)
                outcome = process_batch(left, self._ports(deadline), deadline, RESERVE_SECONDS, self.shard_id)
                self._reports.batch(outcome, len(left))
                lowest = outcome.lowest_failed
                self._settle(deadline)
                if lowest is None:
                    return True
                left = [record for record in left if int(record.sequence) >= int(lowest)]

    def _store(self) -> None:
        """Write snapshots of everything, so that whoever reads on need not read again."""
        try:
            hand_over(self.shard_id, self._ports(Deadline.after(BATCH_SECONDS)))
        except PetroStreamError as error:
            # Nothing is lost: whoever reads on takes over from the shard's place.
            logger.warning("shard %s: its next reader must take it over: %s", self.shard_id, error)

    def _wait(self, seconds: float) -> None:
        self._stopping.wait(seconds)
