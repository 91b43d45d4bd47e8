"""What the twin changes in the emulator, each with its reason. Nothing here changes what AWS clients see.

Every replaced function is first compared with the one the replacement was written for (`guard.py`): after
an upgrade of the emulator the twin refuses to start rather than to behave differently.
"""

from dataclasses import dataclass

from local.adaptations.guard import IncompatibleEmulatorError
from local.adaptations.journal import Journal

__all__ = ["IncompatibleEmulatorError", "Recovered", "install", "recover"]


@dataclass(frozen=True)
class Recovered:
    """What a start of the emulator found in the journal.

    Attributes:
        clean: whether the emulator had been stopped properly.
        records: how many records are on the streams again.
        waiting: how many of them some function has not taken yet.
        items: how many items the tables have again.
        damaged: where an unreadable journal was set aside, None where there was none.
        lost: whether the journal was gone.
        last_arrival: when the last record in it arrived, in seconds since the epoch; 0 if there is none.
    """

    clean: bool
    records: int
    waiting: int
    items: int
    damaged: str | None
    lost: bool
    last_arrival: float


def install(journal: Journal | None = None) -> list[str]:
    """Put every adaptation in place, in this process.

    Args:
        journal: what is acknowledged goes there; without one it is in memory only, as the emulator has it.

    Returns:
        The names of the adapted services.

    Raises:
        IncompatibleEmulatorError: the installed emulator is not the known one.
    """
    # Not before they are needed.
    from local.adaptations import (  # noqa: PLC0415
        athena,
        firehose,
        kinesis,
        objects,
        recovery,
        rights,
        table_journal,
    )

    objects.install()
    firehose.install()
    kinesis.install(journal)
    athena.install()
    recovery.install()
    rights.install()
    adapted = [objects, firehose, kinesis, athena, recovery, rights]
    if journal is not None:
        table_journal.install(journal)
        adapted.append(table_journal)
    return [service.__name__.rpartition(".")[2] for service in adapted]


def recover(journal: Journal) -> Recovered:
    """Put back what the journal has; the emulator has read its snapshot before, and answers nobody yet.

    Raises:
        sqlite3.Error: the journal cannot be read.
    """
    from local.adaptations import kinesis, stream_journal, table_journal  # noqa: PLC0415

    items = table_journal.recover(journal)
    records, waiting = kinesis.recover(journal)
    journal.ready.set()
    damaged = str(journal.damaged) if journal.damaged else None
    arrived = stream_journal.last_arrival(journal)
    return Recovered(journal.clean, records, waiting, items, damaged, journal.lost, arrived)
