"""`petrostream alarms`: what stands, and what operators do about it."""

import getpass
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.settings import load_settings
from petrostream.alarms import (
    ACTIVE_UNACKNOWLEDGED,
    RETURNED_UNACKNOWLEDGED,
    ActionRefusedError,
    OperatorRequest,
)
from petrostream.aws.alarm_desk import AlarmDesk, TagView
from petrostream.aws.alarm_list import age, by_urgency, explanation
from petrostream.aws.clients import client
from petrostream.aws.firehose import FirehoseSink
from petrostream.aws.live_reader import LiveTable
from petrostream.aws.operator_tags import OperatorTags
from petrostream.backoff import Deadline
from petrostream.errors import ServiceUnavailable
from petrostream.names import shown
from petrostream.times import to_iso
from toolchain import commands
from toolchain.errors import ToolError
from toolchain.twin import point_at_twin, twin

app = typer.Typer(
    help="List alarms, and acknowledge, shelve or comment on them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
console = Console(highlight=False, markup=False)

DELIVERY_SECONDS = 20.0
UNSEEN_WIDTH = 200

_Well = Annotated[str, typer.Argument(metavar="WELL", help="The well, such as WELL-00011.")]
_Type = Annotated[
    str | None,
    typer.Argument(metavar="[TYPE]", help="The alarm type, as `list` shows it. Default: all it applies to."),
]
_OneType = Annotated[str, typer.Argument(metavar="TYPE", help="The alarm type, as `list` shows it.")]
_By = Annotated[str, typer.Option("--by", help="Who acts. Default: your login name.")]
_Why = Annotated[str, typer.Option("--comment", "-m", help="Why, for the alarm history.")]
_Must = Annotated[str, typer.Option("--comment", "-m", help="Why, for the alarm history; required.")]
_Aws = Annotated[bool, typer.Option("--aws", help="On AWS, with your own credentials.")]


@app.command("list")
def list_alarms(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False, aws: _Aws = False
) -> None:
    """List alarms that are not normal, what needs attention first."""
    now_ms = _now_ms()
    with _explained():
        views = by_urgency(_desk(aws).tags(), now_ms)
    if as_json:
        # ASCII only: a name from outside can then do nothing to a terminal.
        json.dump([_facts(view, now_ms) for view in views], sys.stdout, ensure_ascii=True)
        sys.stdout.write("\n")
    elif views:
        # Output to a file or pipe is not wrapped at 80 columns.
        width = None if sys.stdout.isatty() else UNSEEN_WIDTH
        Console(highlight=False, markup=False, width=width).print(_table(views, now_ms))
    else:
        console.print("No alarm is active, unacknowledged, shelved or out of service.")


@app.command()
def ack(well: _Well, alarm_type: _Type = None, by: _By = "", comment: _Why = "", aws: _Aws = False) -> None:
    """Acknowledge an alarm, or all unacknowledged alarms of a well."""
    desk = _desk(aws)
    types = [alarm_type] if alarm_type else _unacknowledged(desk, well)
    for one in types:
        _act(desk, well, one, OperatorRequest("acknowledge", _actor(by), comment))


@app.command()
def shelve(
    well: _Well,
    alarm_type: _OneType,
    hours: Annotated[float, typer.Option("--hours", help="For how long, at most 12.")],
    comment: _Must,
    by: _By = "",
    aws: _Aws = False,
) -> None:
    """Shelve an alarm for some hours: it is recorded, and annunciated to nobody."""
    _act(_desk(aws), well, alarm_type, OperatorRequest("shelve", _actor(by), comment, hours))


@app.command()
def unshelve(well: _Well, alarm_type: _OneType, by: _By = "", comment: _Why = "", aws: _Aws = False) -> None:
    """Take an alarm off the shelf before its time is up."""
    _act(_desk(aws), well, alarm_type, OperatorRequest("unshelve", _actor(by), comment))


@app.command()
def remove(well: _Well, alarm_type: _OneType, comment: _Must, by: _By = "", aws: _Aws = False) -> None:
    """Remove an alarm from service, for maintenance, until it is returned."""
    _act(_desk(aws), well, alarm_type, OperatorRequest("remove", _actor(by), comment))


@app.command("return")
def return_to_service(
    well: _Well, alarm_type: _OneType, by: _By = "", comment: _Why = "", aws: _Aws = False
) -> None:
    """Return an alarm to service."""
    _act(_desk(aws), well, alarm_type, OperatorRequest("return", _actor(by), comment))


@app.command("comment")
def comment_on(well: _Well, alarm_type: _OneType, comment: _Must, by: _By = "", aws: _Aws = False) -> None:
    """Add a comment to an alarm's history."""
    _act(_desk(aws), well, alarm_type, OperatorRequest("comment", _actor(by), comment))


def _desk(aws: bool) -> AlarmDesk:
    if not aws:
        point_at_twin(target=twin())
    settings = load_settings()
    dynamodb, table = client("dynamodb"), settings.live.table
    sink: Callable[[], FirehoseSink] = lambda: FirehoseSink(  # noqa: E731 - one expression
        settings.firehose.alarms.name, client("firehose"), Deadline.after(DELIVERY_SECONDS)
    )
    return AlarmDesk(LiveTable(table, dynamodb), OperatorTags(table, dynamodb), sink, _now_ms)


def _act(desk: AlarmDesk, well: str, alarm_type: str, request: OperatorRequest) -> None:
    with _explained():
        done = desk.act(well, alarm_type, request)
    until = "" if done.action.shelved_until_ms is None else f" until {to_iso(done.action.shelved_until_ms)}"
    state = done.record.state(_now_ms()).replace("_", " ")
    console.print(shown(f"{well}/{alarm_type}: {done.action.event.replace('_', ' ')}{until}, now {state}"))
    if not done.delivered:
        console.print(
            "  Its row in alarm_history is not delivered yet; the next action, or scoring, delivers it.",
            style="yellow",
        )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what an operator can act on into an error with a hint."""
    try:
        yield
    except ActionRefusedError as error:
        raise ToolError(
            shown(str(error)), "`petrostream alarms list` shows the state of every alarm."
        ) from error
    except ServiceUnavailable as error:
        place = os.environ.get("AWS_ENDPOINT_URL", "AWS")
        raise ToolError(
            f"The live table at {place} did not answer: {shown(error.cause)}",
            "On this machine: ./project_up.sh starts the lake. On AWS: check region and credentials.",
        ) from error


def _unacknowledged(desk: AlarmDesk, well: str) -> list[str]:
    asking = (ACTIVE_UNACKNOWLEDGED, RETURNED_UNACKNOWLEDGED)
    with _explained():
        views = [view for view in desk.tags() if view.record.well_id == well]
    types = [view.record.alarm_type for view in views if view.record.state(_now_ms()) in asking]
    if not types:
        raise ToolError(
            f"Well {shown(well)} has no unacknowledged alarm.", "`petrostream alarms list` shows what stands."
        )
    return types


def _actor(by: str) -> str:
    return by or getpass.getuser()


def _table(views: Sequence[TagView], now_ms: int) -> Table:
    table = Table(title=f"Alarms, {to_iso(now_ms)}", box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("priority", no_wrap=True)
    table.add_column("well", overflow="fold", min_width=10)
    for heading in ("type", "state", "for"):
        table.add_column(heading, no_wrap=True)
    table.add_column("what", overflow="fold")
    for view in views:
        record = view.record
        state = record.state(now_ms)
        style = "bold red" if state == ACTIVE_UNACKNOWLEDGED else ""
        table.add_row(
            Text(record.priority, style=style),
            Text(shown(record.well_id)),
            Text(record.alarm_type),
            Text(state.replace("_", " "), style=style),
            Text("" if record.active_ms is None else age(now_ms - record.active_ms)),
            Text(shown(explanation(view, now_ms))),
        )
    return table


def _facts(view: TagView, now_ms: int) -> dict[str, object]:
    record = view.record
    likely = view.alarm.likely if view.alarm else None
    times = {
        name: None if value is None else to_iso(value)
        for name, value in (
            ("active", record.active_ms),
            ("returned", record.returned_ms),
            ("acknowledged", record.acknowledged_ms),
            ("shelved_until", record.shelved_until_ms),
        )
    }
    return {
        "facility_id": view.facility_id,
        "well_id": record.well_id,
        "alarm_type": record.alarm_type,
        "alarm_id": record.alarm_id,
        "priority": record.priority,
        "state": record.state(now_ms),
        **times,
        "acknowledged_by": record.acknowledged_by,
        "shelved_by": record.shelved_by,
        "shelved_why": record.shelved_why,
        "out_of_service_by": record.out_of_service_by,
        "out_of_service_why": record.out_of_service_why,
        "sentence": record.sentence,
        "likely_event": likely.event if likely else None,
        "evidence": likely.evidence if likely else None,
    }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    commands.run(app)
