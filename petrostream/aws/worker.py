"""Builds the pipeline's ports from settings and clients, for a Lambda handler or for a service."""

import logging
import time
from collections.abc import Callable
from typing import Any

from petrostream.aws.alarm_desk import AlarmDesk
from petrostream.aws.alerts import AlertTopic
from petrostream.aws.clients import client
from petrostream.aws.firehose import FirehoseSink, compressed
from petrostream.aws.heap import collect_seldom, keep_freed_memory
from petrostream.aws.live_reader import LiveTable
from petrostream.aws.live_writer import LiveWriter
from petrostream.aws.models import ModelStore
from petrostream.aws.operator_tags import OperatorTags
from petrostream.aws.settings import ConsumerSettings
from petrostream.aws.shards import ShardTable
from petrostream.aws.state import StateStore
from petrostream.aws.stream_reader import StreamReader
from petrostream.backoff import Backoff, Deadline
from petrostream.errors import ModelInvalid, cause_of, traceback_of
from petrostream.pipeline import Memories, Ports

SETTLE_EVERY_MS = 60_000
SETTLE_SECONDS = 5.0
"""Time that settling operators' actions may take."""

logger = logging.getLogger(__name__)


class Worker:
    """Adapters that a process keeps from one batch to the next, with their caches.

    Args:
        settings: names of the table, streams, bucket and topic.
        clients: returns the client of a service.
        backoff: retries of the sinks and of the alert topic; their defaults if None.
        on_rejected: called with each published model that cannot be used.

    Attributes:
        settings: as given.
        states: facilities' memories, as committed.
        models: the models in use.
        live_table: the live table, for reading.
        desk: operators' actions.
    """

    def __init__(
        self,
        settings: ConsumerSettings,
        clients: Callable[[str], Any] = client,
        backoff: Backoff | None = None,
        on_rejected: Callable[[ModelInvalid], None] = lambda _: None,
    ) -> None:
        keep_freed_memory()
        collect_seldom()
        self.settings = settings
        self._clients = clients
        self._backoff = backoff
        self.states = StateStore(settings.live_table, clients("dynamodb"))
        self.memories = Memories(
            self.states,
            ShardTable(settings.live_table, clients("dynamodb"), now_ms),
            StreamReader(clients("kinesis"), backoff),
            settings.commit_seconds,
            settings.commit_bytes,
        )
        self._live = LiveWriter(settings.live_table, clients("dynamodb"), settings.live_window_hours)
        tags = OperatorTags(settings.live_table, clients("dynamodb"))
        self._alerts = AlertTopic(
            settings.alert_topic,
            settings.live_table,
            clients("sns"),
            clients("dynamodb"),
            now_ms,
            backoff,
            silenced=lambda well, alarm_type: tags.silenced(well, alarm_type, now_ms()),
        )
        self.live_table = LiveTable(settings.live_table, clients("dynamodb"))
        self.desk = AlarmDesk(
            self.live_table,
            tags,
            lambda: self._sink(settings.alarm_stream, Deadline.after(SETTLE_SECONDS)),
            now_ms,
        )
        self._settled_ms = now_ms()
        self.models = ModelStore(
            settings.artifacts_bucket, clients("s3"), settings.model_refresh_seconds, on_rejected=on_rejected
        )

    def ports(self, deadline: Deadline) -> Ports:
        """The ports of one batch, whose work must be done by `deadline`."""
        return Ports(
            memories=self.memories,
            models=self.models,
            delivery=self._sink(self.settings.delivery_stream, deadline),
            quarantine=FirehoseSink(
                self.settings.quarantine_stream, self._clients("firehose"), deadline, self._backoff
            ),
            facility=self._sink(self.settings.facility_stream, deadline),
            alarms=self._sink(self.settings.alarm_stream, deadline),
            live=self._live,
            alerts=self._alerts.with_deadline(deadline),
            now_ms=now_ms,
            join=self.settings.facility_join,
        )

    def settle(self, deadline: Deadline) -> None:
        """Once a minute: end shelvings whose time is up, and deliver rows of operators' actions still owed.

        Readings never wait for it: it is left for the next batch where time is short, and its errors are
        logged.
        """
        if now_ms() - self._settled_ms < SETTLE_EVERY_MS or deadline.remaining() < SETTLE_SECONDS:
            return
        self._settled_ms = now_ms()
        try:
            self.desk.settle(self._alerts.with_deadline(deadline))
        except Exception as error:
            cause = cause_of(error)
            logger.warning("operators' actions are settled later: %s", cause, exc_info=traceback_of(error))

    def _sink(self, stream: str, deadline: Deadline) -> FirehoseSink:
        """A sink of rows, which a transform decompresses."""
        firehose = self._clients("firehose")
        return FirehoseSink(stream, firehose, deadline, self._backoff, pack=compressed)


def now_ms() -> int:
    """The present, epoch milliseconds."""
    return time.time_ns() // 1_000_000
