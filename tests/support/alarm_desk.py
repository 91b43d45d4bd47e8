"""The alarm desk over the in-memory services of the scoring function."""

from collections.abc import Callable
from typing import Any

from petrostream.aws.alarm_desk import AlarmDesk
from petrostream.aws.firehose import FirehoseSink
from petrostream.aws.operator_tags import OperatorTags
from petrostream.backoff import NO_DEADLINE
from tests.support.fakes import FakeTable
from tests.support.live_table import ReadableTable
from tests.support.scoring_world import NO_WAIT, World


class TableClient(ReadableTable):
    """The table as the desk uses it: queries, and reads and writes of single items."""

    def __init__(self, table: FakeTable) -> None:
        super().__init__(table)
        self.get_item, self.put_item = table.get_item, table.put_item


def tags_of(world: World) -> OperatorTags:
    """The operators' side of the world's alarms."""
    client: Any = TableClient(world.table)
    return OperatorTags("live", client)


def desk_of(world: World, clock: Callable[[], int]) -> AlarmDesk:
    """A desk that acts on the world's table and delivers to its Firehose."""
    firehose: Any = world.firehose
    return AlarmDesk(
        ReadableTable(world.table).live(),
        tags_of(world),
        lambda: FirehoseSink("alarms", firehose, NO_DEADLINE, NO_WAIT),
        clock,
    )
