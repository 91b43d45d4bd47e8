"""The command line of a deployment: `python -m deploy …`, what ./project_up.sh aws calls."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy import containers, pipeline, releases, show
from deploy import down as removal
from deploy import receipt as receipts
from deploy import smoke as smoke_test
from deploy import up as deployment
from deploy.acceptance import test_and_record
from deploy.context import Context
from deploy.engine import Answers, Iac
from deploy.models import MODELS, publish_model
from deploy.output import Output
from toolchain import commands
from toolchain.containers import find_builder
from toolchain.errors import ToolError
from toolchain.terminal import print_error

app = typer.Typer(
    help="PetroStream on AWS: deploy, test, roll back, remove, with a receipt.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
_WIDTH = None if sys.stdout.isatty() else 120
console = Console(highlight=False, width=_WIDTH)

_Iac = Annotated[Iac, typer.Option("--iac", help="The definition to deploy.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_Email = Annotated[
    str | None,
    typer.Option(
        envvar="PETROSTREAM_ALERT_EMAIL", help="Recipient of operations alarms and budget alerts; remembered."
    ),
]
_GitHub = Annotated[
    str | None,
    typer.Option(
        envvar="PETROSTREAM_GITHUB",
        help="Repository whose pipeline may deploy, owner/name or owner@1/name@2; remembered.",
    ),
]
_Provider = Annotated[
    str | None,
    typer.Option(
        envvar="PETROSTREAM_GITHUB_PROVIDER", help="ARN of GitHub's OIDC provider, if the account has one."
    ),
]
_Guardrails = Annotated[
    bool,
    typer.Option(
        "--guardrails/--no-guardrails",
        help="Budgets and roles of analysts and pipelines; not in the pipeline.",
    ),
]

_Services = Annotated[
    bool,
    typer.Option(
        "--services", help="Build, push and run the images of the services that the settings ask for."
    ),
]


def _say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


@app.command()
def plan(
    iac: _Iac = Iac.terraform,
    email: _Email = None,
    github: _GitHub = None,
    github_provider: _Provider = None,
    guardrails: _Guardrails = True,
    services: _Services = False,
) -> None:
    """Print what a deployment would change and what a month costs. Nothing is created."""
    context = Context.find(Output(_say), Answers(email, github, github_provider, guardrails))
    context = containers.with_images(context) if services else context
    prepared = deployment.prepare(context, iac)
    show.plan(prepared, console)
    pipeline.report(prepared.plan, show.price(context.names.settings))


@app.command()
def up(  # noqa: PLR0913, PLR0917 - one for each option
    iac: _Iac = Iac.terraform,
    yes: _Yes = False,
    email: _Email = None,
    github: _GitHub = None,
    github_provider: _Provider = None,
    guardrails: _Guardrails = True,
    services: _Services = False,
    models: Annotated[Path, typer.Option(help="Trained models to publish, if there are any.")] = MODELS,
    expected: Annotated[
        str | None, typer.Option("--plan", help="Continue only if the plan still has this digest.")
    ] = None,
) -> None:
    """Deploy the lake, publish the model, and send a hundred readings through it."""
    context = Context.find(Output(_say), Answers(email, github, github_provider, guardrails))
    if services:
        context = containers.with_images(context)
        # Better now than after the bill has been approved.
        find_builder()
    prepared = _approved(context, iac, yes=yes, expected=expected)
    containers.apply(prepared)
    if services and context.answers.image_tag is None:
        # What was approved has made the repositories; what runs from them is another plan.
        containers.fill(context)
        if expected:
            _say("The images are in their repositories. Plan and approve again: the services follow.")
        else:
            prepared = _approved(containers.with_images(context), iac, yes=yes)
            containers.apply(prepared)
    publish_model(context.names, context.say, models)
    result = test_and_record(prepared)
    _passed(result)
    show.next_steps(context, console)


def _approved(context: Context, iac: Iac, *, yes: bool, expected: str | None = None) -> deployment.Prepared:
    """Plan, show the plan, and ask."""
    prepared = deployment.prepare(context, iac)
    show.plan(prepared, console)
    if expected and expected != prepared.plan.digest:
        raise ToolError(
            f"This is plan {prepared.plan.digest}; plan {expected} was approved.",
            "Something changed in between: review the plan above and approve it.",
        )
    if not yes:
        _confirm("Nothing was created", "Create this?" if prepared.plan.changes else "Go on?")
    return prepared


@app.command()
def smoke() -> None:
    """Send a hundred readings through the deployed lake, and find them by SQL."""
    _passed(smoke_test.smoke(Context.find(Output(_say)).names, _say))


@app.command()
def rollback(
    untested: Annotated[
        bool, typer.Option("--untested", help="Only if the running code has not passed the smoke test.")
    ] = False,
) -> None:
    """Return the functions to the newest other code that passed the smoke test."""
    names = Context.find(Output(_say)).names
    release = releases.roll_back(names, _say, untested=untested)
    if release is None:
        return
    _say(f"Rolled back to the code of {release.at} (commit {release.commit[:12] or 'unknown'}).")
    _passed(smoke_test.smoke(names, _say))


@app.command()
def down(
    iac: Annotated[Iac | None, typer.Option("--iac", help="Detected when left out.")] = None,
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Keep the buckets, and what is needed to query them.")
    ] = False,
    yes: _Yes = False,
    guardrails: _Guardrails = True,
) -> None:
    """Remove the lake and print a receipt of what remains."""
    context = Context.find(Output(_say), Answers(guardrails=guardrails))
    _say(f"Switching off PetroStream in {context.place}, as {context.place.caller}")
    engine = removal.tool(context, iac)
    held = {} if keep_data else removal.contents(context)
    if held:
        removal.list_data(held, console)
    if not yes and (held or engine is not None):
        _confirm("Nothing was removed", "Delete all of this?" if held else "Remove the lake?")
    with console.status("Removing …") as spinner:
        found = removal.remove(context, engine, keep_data=keep_data, tick=spinner.update)
    receipts.show(found, console, place=str(context.place))
    if not found.clear and not keep_data:
        raise ToolError("Something that may cost money remains; it is listed above.", "Run this again.")


@app.command()
def receipt() -> None:
    """Print what remains of the lake in the account, and what it costs. Exit code 1 if it costs anything."""
    context = Context.find(Output(_say))
    found = receipts.receipt(context.names)
    receipts.show(found, console, place=str(context.place))
    if not found.clear:
        raise typer.Exit(1)


def _passed(result: smoke_test.SmokeResult) -> None:
    models = (
        f"scored by model {', '.join(result.models)}"
        if result.models
        else "not scored: no model knows the test well"
    )
    _say(
        f"Smoke test passed: {result.readings} readings in well_data after {result.seconds:.0f} s, {models}."
    )


def _confirm(otherwise: str, question: str) -> None:
    if not sys.stdin.isatty():
        raise ToolError(f"{otherwise}: there is no one to ask.", "Add --yes to go on without asking.")
    if not typer.confirm(question):
        _say(f"{otherwise}.")
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; an error the user can act on is printed, not traced."""
    try:
        commands.run(app)
    except SystemExit as ended:
        if ended.code == commands.INTERRUPTED:
            print_error("Stopped. Running the same command again goes on from here.")
        raise
