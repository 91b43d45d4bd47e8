"""Puts a run together: source, state, stream."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from botocore.exceptions import BotoCoreError
from rich.console import Console

from ml.data.units import UnitMap, read_units
from petrostream.aws.clients import client
from petrostream.aws.kinesis import KinesisWriter
from petrostream.aws.stream_errors import WriteRefused
from petrostream.names import shown
from producer.cdc import credentials, state
from producer.cdc.convert import Converter
from producer.cdc.display import PollDisplay
from producer.cdc.errors import SourceLost, StateInvalid
from producer.cdc.keys import EARLIEST, RowKey, in_clock_of_column
from producer.cdc.mapping import Mapping
from producer.cdc.poll import PolledTable, Poller, Position, Written
from producer.cdc.run import Patience, Polling
from producer.cdc.sink import StreamSink
from producer.cdc.state import PollState
from producer.fleet import FLEET_FILE
from producer.instances import read_fleet
from producer.playback import stream_settings
from producer.stopping import stop_signal
from toolchain.errors import ToolError

SHOWN_ROWS = 3
"""Rows that a dry run prints."""


@dataclass(frozen=True, slots=True)
class PollRequest:
    """What was asked for on the command line.

    Attributes:
        mapping: the map file, with the options that override it.
        once: end when everything that is there has been sent.
        since: leave out rows updated up to this time; None for none.
        secret: secret with the credentials, "" for none.
        fleet: file of facilities and units; None for the built-in one.
        stream: destination.
        file: state file.
        dry_run: check and show only.
    """

    mapping: Mapping
    once: bool
    since: datetime | None
    secret: str
    fleet: Path | None
    stream: str
    file: Path
    dry_run: bool = False


@dataclass(slots=True)
class Source:
    """A table to poll, its place for people, and what to say of it once it has been reached."""

    table: PolledTable
    place: str
    close: Callable[[], None]
    notes: Callable[[], Iterable[str]] = field(default=tuple)


def poll(asked: PollRequest, target: str, console: Console) -> int:
    """Poll until stopped, or once.

    Returns:
        The exit code: 0, or 128 plus the signal that stopped it.

    Raises:
        ReplayError: map, state file, credentials or table can't be used, or the source is gone for good.
        DatasetError: the fleet file's units can't be used.
        PetroStreamError: the stream can't be written.
        OSError: the state file can't be written.
    """
    mapping = asked.mapping
    source = source_of(mapping, asked.secret)
    converter = converter_of(mapping, asked.fleet)
    display = PollDisplay(console, converter)
    before = state.load(asked.file, mapping.identity) or PollState(mapping.identity)
    try:
        if asked.dry_run:
            _show_next(source, _begun(asked, before.position, source), converter, display)
            return 0
        display.say(f"Polling {source.place} ({mapping.identity}) into {asked.stream} ({target})")
        with stop_signal() as stop:
            patience = Patience(source.place, display.say, stop.asked)
            position = _reached(asked, before.position, source, patience)
            for note in source.notes():
                display.say_once(note, note)
            run = Polling(
                poller=Poller(source.table, position, timedelta(seconds=mapping.look_back_s), mapping.batch),
                converter=converter,
                sink=StreamSink(
                    _writer(asked.stream), stream_settings().max_block_bytes, stop.asked, lambda _: None
                ),
                save=lambda rows: _save(asked, run.poller.position, before.rows + rows),
                patience=patience,
                interval_s=mapping.interval_s,
                once=asked.once,
                stopped=stop.asked,
                display=display,
            )
            ended = run.run()
            _say_end(run, display, asked.file, ended=ended)
            return 0 if ended else 128 + stop.signal
    finally:
        source.close()


def _reached(asked: PollRequest, position: Position, source: Source, patience: Patience) -> Position:
    """The position to go on from, once the source responds."""
    while True:
        try:
            return _begun(asked, position, source)
        except SourceLost as error:
            patience.wait(error)
            if patience.stopped():
                return position


def _say_end(run: Polling, display: PollDisplay, file: Path, *, ended: bool) -> None:
    counts, at = run.counts, run.poller.position.mark
    display.say(
        f"{'Done' if ended else 'Stopped'}: {counts.rows:,} rows sent, {counts.late:,} of them late, "
        f"{counts.bad:,} for the quarantine; state {at.text if at else 'empty'} in {file}"
    )


def _save(asked: PollRequest, position: Position, rows: int) -> None:
    state.save(asked.file, PollState(asked.mapping.identity, position, rows))


def source_of(mapping: Mapping, secret: str) -> Source:
    """The source that a map file names.

    Raises:
        SourceInvalid: credentials are missing or can't be used.
        ToolError: the library that reads it is not installed.
    """

    def fetched() -> credentials.Secret | None:
        return credentials.read_secret(secret) if secret else None

    try:
        if mapping.kind == "csv":
            from producer.cdc.csvfile import CsvTable  # noqa: PLC0415 - each source needs libraries of its own

            file = CsvTable(mapping)
            return Source(file, mapping.table, file.close)
        if mapping.kind == "sqlalchemy":
            from producer.cdc.sqltable import SqlTable  # noqa: PLC0415

            table = SqlTable(mapping, lambda: credentials.sqlalchemy_url(fetched()))
            return Source(table, _place_of(credentials.sqlalchemy_url(None)), table.close)
        from producer.cdc.notes import notes_of  # noqa: PLC0415
        from producer.cdc.postgres import PostgresTable  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise ToolError(
            f"{missing.name} is not installed.", "Run make setup, or pip install 'petrostream[cdc]'."
        ) from missing
    own = PostgresTable(mapping, lambda: credentials.postgres_parameters(fetched()))
    parameters = credentials.postgres_parameters(fetched())
    hosts = credentials.hosts_of(parameters)
    place = f"PostgreSQL at {', '.join(hosts) or 'the local socket'}"
    return Source(own, place, own.close, lambda: notes_of(own, parameters, hosts))


def _place_of(url: str) -> str:
    """A database's URL without name and password."""
    dialect, _, rest = url.partition("://")
    return f"{dialect}://{rest.rpartition('@')[2].partition('?')[0]}"


def converter_of(mapping: Mapping, fleet: Path | None) -> Converter:
    """A converter with the units and facilities of a fleet file.

    Raises:
        FleetInvalid: its facilities can't be read.
        DatasetError: its units can't be used.
    """
    units: UnitMap = read_units(fleet or FLEET_FILE)
    return Converter(mapping, units, read_fleet(fleet or FLEET_FILE))


def _begun(asked: PollRequest, position: Position, source: Source) -> Position:
    """The position to go on from, after a look at the source: `--since` counts at the first run."""
    with source.table.view() as view:
        aware = view.horizon.now.tzinfo is not None
    if position.mark is not None and (position.mark.at.tzinfo is not None) != aware:
        raise StateInvalid(
            asked.file,
            f"was written when {asked.mapping.updated_at} was a column {'without' if aware else 'with'} zone",
        )
    if position.mark is not None or asked.since is None:
        return position
    since = in_clock_of_column(asked.since, asked.mapping.zone, aware=aware)
    return replace(position, mark=RowKey(since), since=since)


def _show_next(source: Source, position: Position, converter: Converter, display: PollDisplay) -> None:
    """Say what a run would begin with."""
    with source.table.view() as view:
        start = position.mark or RowKey(EARLIEST.replace(tzinfo=view.horizon.now.tzinfo))
        rows = view.rows(start, None, SHOWN_ROWS, Written())
    for note in source.notes():
        display.say_once(note, note)
    for row, line in zip(rows, converter.lines(rows), strict=True):
        display.say(f"{row.key.text}  {line.facility_id}  {shown(line.data.decode().rstrip())}")
    for text in converter.examples:
        display.say(f"For the quarantine: {text}")
    more = "and so on" if len(rows) == SHOWN_ROWS else "and no more"
    place = f"after {position.mark.text}" if position.mark else "from the beginning"
    display.say(f"Dry run: {len(rows)} rows {place} {more}; nothing was sent")


def _writer(stream: str) -> KinesisWriter[int]:
    """A writer to a stream that is there."""
    try:
        writer: KinesisWriter[int] = KinesisWriter(stream, client("kinesis"))
    except BotoCoreError as error:  # no region, or a profile that isn't there
        raise WriteRefused(stream, str(error)) from error
    writer.check()
    return writer
