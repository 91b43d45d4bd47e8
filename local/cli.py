"""The command line of the local twin: `python -m local …`."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.engine import Iac
from local import catalogue, deployment, lifecycle
from local import service as scoring_service
from local import sql as sql_client
from local.restored import not_restored, restored
from local.status import facts, readings, readings_text, size, text, wrong_units, wrong_units_text
from ops.resend import ExecuteOption, HoursOption, NowOption, bring_back
from toolchain import commands
from toolchain.errors import ToolError
from toolchain.twin import Twin, client_environment, point_at_twin, twin

app = typer.Typer(
    help="PetroStream on this machine: the same stack on an AWS emulator, on the loopback address only.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# No markup: paths and logs may hold square brackets.
console = Console(highlight=False, markup=False)

_Iac = Annotated[
    str | None, typer.Option(help="Deploy by cdk or terraform. Default: as last time, at first the CDK.")
]

_Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]

_KEPT = "The data stays in {home}; `./project_up.sh` brings it back."


@app.command()
def up(
    deploy: Annotated[bool, typer.Option(help="Deploy the stacks when something changed.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Deploy even if nothing changed.")] = False,
    iac: _Iac = None,
    quiet: _Quiet = False,
) -> None:
    """Start the emulator if it is not running, and deploy what changed. Data stays."""
    console.quiet = quiet
    target = twin()
    definition = deployment.iac_of(target, iac)
    began = time.monotonic()
    with _alone(target):
        with _waiting("Starting the AWS emulator") as tick:
            started = lifecycle.start(target, tick)
        console.print(f"Emulator {'started' if started else 'is already running'} at {target.endpoint}")
        health = lifecycle.health(target) if started else None
        if found := restored(health):
            console.print(found, soft_wrap=True)
        if deploy:
            _deploy(target, definition, force=force)
            for line in not_restored(health):
                console.print(line, soft_wrap=True)
    console.print(f"PetroStream is up ({time.monotonic() - began:.0f} s).", style="green")


@app.command()
def deploy(
    force: Annotated[bool, typer.Option("--force", help="Deploy even if nothing changed.")] = False,
    iac: _Iac = None,
    quiet: _Quiet = False,
) -> None:
    """Deploy the stacks to the running emulator."""
    console.quiet = quiet
    target = twin()
    _need_running(target)
    definition = deployment.iac_of(target, iac)
    with _alone(target):
        _deploy(target, definition, force=force)


def _deploy(target: Twin, iac: Iac, *, force: bool) -> None:
    def say(text: str) -> None:
        console.print(text, soft_wrap=True)

    point_at_twin(target=target)
    repaired = catalogue.repair(target, say)
    if not force and deployment.is_current(target, iac):
        console.print("Stacks are unchanged since the last deployment.")
        if repaired:
            lifecycle.save_state(target)
        return
    deployment.deploy(target, say, iac)
    catalogue.remember(target)
    lifecycle.save_state(target)


@app.command()
def down(
    purge: Annotated[bool, typer.Option("--purge", help="Delete the data as well.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --purge: do not ask.")] = False,
    quiet: _Quiet = False,
) -> None:
    """Stop the emulator. Its data stays, unless --purge says otherwise."""
    console.quiet = quiet
    target = twin()
    if not target.home.exists():
        console.print("Nothing to stop: there is no local lake here.")
        return
    doomed = target.contents if purge else []
    if doomed and not yes:
        console.quiet = False  # whoever is asked must see what about
        _confirm(doomed)
        console.quiet = quiet
    with _alone(target):
        with _waiting("Saving the state and stopping the emulator") as tick:
            stopped = lifecycle.stop(target, tick)
        console.print("Emulator stopped." if stopped else "The emulator was not running.")
        for path in target.contents if purge else []:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            console.print(f"Deleted {path}", soft_wrap=True)
    if not purge:
        console.print(_KEPT.format(home=target.home), soft_wrap=True)
    elif target.home.exists() and not any(target.home.iterdir()):
        target.home.rmdir()


def _confirm(doomed: list[Path]) -> None:
    console.print("This deletes every reading, model and setting of the local lake:")
    for path in doomed:
        console.print(f"  {path}  ({size(path) / 1e6:,.1f} MB)", soft_wrap=True)
    if not sys.stdin.isatty():
        raise ToolError("Nothing was deleted: there is no one to ask.", "Add --yes to delete without asking.")
    typer.confirm("Delete them?", abort=True)


@app.command()
def status(as_json: _Json = False) -> None:
    """Print whether the twin runs, what is deployed, and what became of the readings. Exit code 1: down."""
    target = twin()
    answer = lifecycle.health(target)
    if answer is None or answer["home"] != str(target.home):
        if as_json:
            typer.echo(json.dumps({"up": False, "endpoint": target.endpoint, "home": str(target.home)}))
            raise typer.Exit(1)
        console.print(f"The twin is down. ./project_up.sh starts it on port {target.port}.", soft_wrap=True)
        raise typer.Exit(1)
    point_at_twin(target=target)
    known = facts(target, answer["pid"])
    if as_json:
        typer.echo(json.dumps(known | {"readings": readings(), "units": wrong_units()}))
        return
    for line in text(known):
        console.print(line, soft_wrap=True)
    # Last, since it queries the lake: with millions of readings that takes seconds.
    for line in (*readings_text(readings()), *wrong_units_text(wrong_units())):
        console.print(line, soft_wrap=True, markup=False)


@app.command()
def logs(
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many lines.")] = 40,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing new lines.")] = False,
) -> None:
    """Print the end of the emulator's log, which includes the functions' logs."""
    target = twin()
    typer.echo(lifecycle.log_tail(target, lines))
    if follow:
        for line in _new_lines(target.log):
            typer.echo(line, nl=False)


def _new_lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as log:
        log.seek(0, 2)
        while True:
            line = log.readline()
            if line:
                yield line
            else:
                time.sleep(0.3)


@app.command()
def sql(
    query: Annotated[str | None, typer.Argument(help="Athena SQL; - reads it from standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="A file with one statement.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print all rows as CSV.")] = False,
    escape_formulas: Annotated[
        bool,
        typer.Option(
            "--escape-formulas/--keep-formulas",
            help="With --csv: make text that begins like a formula harmless.",
        ),
    ] = True,
    limit: Annotated[int, typer.Option(min=1, help="Most rows of a printed table.")] = 100,
    aws: Annotated[bool, typer.Option("--aws", help="Query AWS, with your own credentials.")] = False,
) -> None:
    """Run Athena SQL and print a table."""
    ask = sql_client.query_aws if aws else sql_client.query
    result = ask(sql_client.read(query, file), max_rows=None if as_csv else limit)
    if as_csv:
        sql_client.write_csv(result, sys.stdout, escape_formulas=escape_formulas)
    else:
        sql_client.print_table(result, sql_client.console_of(sys.stdout))


@app.command("publish-model")
def publish_model(
    folder: Annotated[Path, typer.Argument(help="Folder of trained models, as written by ml.train.")],
) -> None:
    """Publish trained models to the twin's registry and make them live."""
    target = twin()
    _need_running(target)
    point_at_twin(target=target)
    # The registry imports more libraries than the other commands.
    from ml.registry import RegistryError, open_registry, publish  # noqa: PLC0415

    try:
        version = publish(folder, open_registry(f"s3://{deployment.output(target, 'ArtifactsBucket')}"))
    except RegistryError as error:
        raise ToolError(f"The model was not published: {error}") from error
    console.print(f"Model version {version} is live.")


@app.command()
def live(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh every two seconds.")] = False,
    as_json: _Json = False,
) -> None:
    """Show each well's latest status, from the live table."""
    if watch and as_json:
        raise typer.BadParameter("--json prints once; leave out --watch")
    target = twin()
    _need_running(target)
    point_at_twin(target=target)
    # No other command needs these.
    from local.live import print_json, show  # noqa: PLC0415
    from local.sql import console_of  # noqa: PLC0415
    from petrostream.aws.clients import client  # noqa: PLC0415
    from petrostream.aws.live_reader import LiveTable  # noqa: PLC0415

    table = LiveTable(deployment.output(target, "LiveTableName"), client("dynamodb"))
    if as_json:
        print_json(table, sys.stdout)
    else:
        show(table, console_of(sys.stdout), watch=watch)


@app.command()
def resend(execute: ExecuteOption = False, hours: HoursOption = None, now: NowOption = False) -> None:
    """Send readings that arrived, but are in no table, to the stream again."""
    target = twin()
    _need_running(target)
    point_at_twin(target=target)
    bring_back(lambda line: console.print(line, soft_wrap=True), execute=execute, hours=hours, now=now)


@app.command()
def service(port: Annotated[int, typer.Option(help="Port of its HTTP API, on loopback.")] = 8080) -> None:
    """Score with the service in place of the function, until Ctrl-C; its HTTP API is served meanwhile."""
    target = twin()
    _need_running(target)
    console.print(f"The service owns the stream; its API is http://127.0.0.1:{port}. Ctrl-C ends it.")
    point_at_twin(target=target)
    raise typer.Exit(scoring_service.run(target, port))


@app.command()
def env() -> None:
    """Print the variables that point AWS clients at the twin: eval "$(python -m local env)"."""
    for name, value in client_environment().items():
        typer.echo(f"export {name}={value}")


def _need_running(target: Twin) -> None:
    if not lifecycle.is_running(target):
        raise ToolError(f"The twin is not running on port {target.port}.", "Start it with ./project_up.sh")


def _alone(target: Twin) -> AbstractContextManager[None]:
    """Wait until no other command uses this twin, and say so."""
    return lifecycle.exclusive(target, lambda: console.print("Waiting for another command on this lake …"))


@contextmanager
def _waiting(text: str) -> Iterator[Callable[[float], None]]:
    """A spinner with the seconds waited; without a terminal it prints nothing."""
    with console.status(text) as spinner:
        yield lambda seconds: spinner.update(f"{text} … {seconds:.0f} s")


def main() -> None:
    """Run the command line; an error the user can act on is printed, not traced."""
    commands.run(app)
