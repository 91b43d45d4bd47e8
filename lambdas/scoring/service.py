"""The scoring service: a consumer that never sleeps, with the HTTP API beside it.

`python -m lambdas.scoring.service`. Several tasks share the stream's shards by leases; each shard is read by
a thread that does exactly what the function does with a batch. SIGTERM (Fargate Spot gives two minutes)
finishes the batches in work, stores everything, gives the leases back and exits with 0.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from lambdas.scoring.api.gauges import Gauges
from lambdas.scoring.api.server import ApiSettings, serve_beside
from lambdas.scoring.cloudwatch import CloudWatch
from lambdas.scoring.reader import Reports, ShardReader
from petrostream.aws.clients import client
from petrostream.aws.leases import LeaseTable
from petrostream.aws.settings import ConsumerSettings, ServiceSettings
from petrostream.aws.shard_stream import ShardStream
from petrostream.aws.worker import Worker, now_ms
from petrostream.errors import ModelInvalid, PetroStreamError, SettingInvalid
from petrostream.pipeline import RENEW_MS, Lease, Outcome, Shard, plan

DRAIN_SECONDS = 90.0
"""Time that the batches in work may take after SIGTERM; Fargate kills the task after 120 s."""

logger = logging.getLogger(__name__)


class ShardList(Protocol):
    """The stream's shards."""

    def shards(self) -> list[Shard]:
        """Return them; raises ServiceUnavailable."""
        ...


@dataclass(slots=True)
class Service:
    """One task of the service.

    Attributes:
        leases: the leases, with this task's name.
        stream: the stream's shards.
        reader: makes a reader of a shard.
        most: most shards that this task reads.
        clock: returns the present, epoch ms.
        readers: the shards that this task reads, with their leases.
    """

    leases: LeaseTable
    stream: ShardList
    reader: Callable[[str], ShardReader]
    most: int
    clock: Callable[[], int]
    readers: dict[str, tuple[Lease, ShardReader]] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        """Keep shards read until told to stop; then finish, hand over and return."""
        while not stop.is_set():
            began = time.monotonic()
            try:
                self.tick()
            except PetroStreamError as error:
                logger.warning("leases not looked after: %s", error)
                self._drop_expired()
            stop.wait(max(0.0, RENEW_MS / 1000 - (time.monotonic() - began)))
        self.drain()

    def tick(self) -> None:
        """Renew leases, let go of lost ones, take free ones; every few seconds.

        Raises:
            ServiceUnavailable: the table or the stream did not answer.
        """
        now_ms = self.clock()
        self.leases.live(now_ms)
        for shard_id, (lease, reader) in list(self.readers.items()):
            self._look_after(shard_id, lease, reader, now_ms)
        leases, others = self.leases.all(), self.leases.others(now_ms)
        found = plan(self.leases.task, self.stream.shards(), leases, others, self.most, self.clock())
        for shard_id in found.give_back:
            if shard_id in self.readers:
                logger.info("shard %s: handed over to a task with fewer shards", shard_id)
                self.readers[shard_id][1].finish()
        for lease in found.take:
            self._take(lease)

    def _take(self, lease: Lease) -> None:
        if lease.shard_id in self.readers:
            return
        taken = self.leases.take(lease, self.clock())
        if taken is not None:
            logger.info("shard %s: read by this task from now on", lease.shard_id)
            reader = self.reader(lease.shard_id)
            self.readers[lease.shard_id] = (taken, reader)
            reader.start()

    def _look_after(self, shard_id: str, lease: Lease, reader: ShardReader, now_ms: int) -> None:
        if not reader.is_alive():
            del self.readers[shard_id]
            self.leases.give_back(lease, read_to_end=reader.read_to_end)
            return
        renewed = self.leases.take(lease, now_ms)
        if renewed is None:
            logger.warning("shard %s: its lease is lost", shard_id)
            reader.lose()
            del self.readers[shard_id]
        else:
            self.readers[shard_id] = (renewed, reader)

    def _drop_expired(self) -> None:
        """Stop readers whose leases have run out: another task may have them by now."""
        for shard_id, (lease, reader) in list(self.readers.items()):
            if not lease.held(self.clock()):
                logger.warning("shard %s: its lease could not be renewed", shard_id)
                reader.lose()
                del self.readers[shard_id]

    def drain(self) -> None:
        """Finish the batches in work, store everything, give the leases back.

        Leases are renewed meanwhile, so that nobody takes over what is about to be handed over.
        """
        for _, reader in self.readers.values():
            reader.finish()
        end = time.monotonic() + DRAIN_SECONDS
        while self.readers and time.monotonic() < end:
            for shard_id, (lease, reader) in list(self.readers.items()):
                reader.join(0.2)
                try:
                    if not reader.is_alive() or lease.until_ms - self.clock() < 2 * RENEW_MS:
                        self._look_after(shard_id, lease, reader, self.clock())
                except PetroStreamError as error:
                    logger.warning("shard %s: %s", shard_id, error)
                    if not reader.is_alive():
                        self.readers.pop(shard_id, None)
        try:
            self.leases.leave(self.clock())
        except PetroStreamError as error:
            logger.warning("the others find out by themselves that this task is gone: %s", error)


def task_name() -> str:
    """A name that no other task has."""
    return f"{os.environ.get('HOSTNAME', 'task')}-{uuid4().hex[:12]}"


def build(
    settings: ConsumerSettings, service: ServiceSettings, gauges: Gauges, metrics: CloudWatch | None = None
) -> Service:
    """Build a task from settings, with the services that the environment points at."""
    stream = ShardStream(service.stream, client("kinesis"))
    counted = metrics or CloudWatch.from_environment(os.environ)

    def batch(outcome: Outcome, records: int) -> None:
        gauges.batch(outcome, records)
        counted.batch(outcome, records)

    def behind(shard_id: str, seconds: float) -> None:
        gauges.behind(shard_id, seconds)
        counted.behind(shard_id, seconds)

    def rejected(invalid: ModelInvalid) -> None:
        logger.error("model rejected: %s", invalid)
        counted.rejected()

    def reader(shard_id: str) -> ShardReader:
        # A worker of its own: each shard has its own owner, memories and deadlines.
        worker = Worker(settings, on_rejected=rejected)
        return ShardReader(shard_id, stream, worker.ports, Reports(batch, behind), settle=worker.settle)

    leases = LeaseTable(settings.live_table, client("dynamodb"), task_name())
    return Service(leases, stream, reader, service.most_shards, now_ms)


def main() -> None:
    """Run until SIGTERM or Ctrl-C."""
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO"), format="%(levelname)s %(name)s %(message)s"
    )
    try:
        settings = ConsumerSettings.from_environment(os.environ)
        service = ServiceSettings.from_environment(os.environ)
        api = ApiSettings.from_environment(os.environ)
    except SettingInvalid as error:
        sys.exit(str(error))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    gauges = Gauges()
    consumer = build(settings, service, gauges)
    server = serve_beside(settings, api, gauges)
    consumer.run(stop)
    server.should_exit = True


if __name__ == "__main__":
    main()
