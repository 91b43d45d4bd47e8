"""Deploy the lake: build, plan, price, apply, test."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console

from cost import report as cost_report
from cost.advice import advice
from cost.bill import bill
from cost.workload import Workload
from deploy import publish, releases
from deploy.changes import Plan, in_words, summary
from deploy.context import Context
from deploy.engine import Engine, Iac
from deploy.smoke import Result, smoke
from infra.settings import Settings
from toolchain.errors import ToolError
from toolchain.package import Package
from toolchain.paths import ROOT
from toolchain.run import probe


@dataclass(frozen=True, slots=True)
class Prepared:
    """A deployment that is planned and not begun."""

    context: Context
    engine: Engine
    packages: Mapping[str, Package]
    plan: Plan


def prepare(context: Context, iac: Iac) -> Prepared:
    """Check the tool, build the packages, and plan.

    Raises:
        ToolError: a tool or an answer is missing, the other tool has deployed here, or a package cannot be
            built.
    """
    engine = context.engine(iac)
    context.say(f"Deploying to {context.place} with {iac.value}, as {context.place.caller}")
    engine.prepare()
    refuse_other(context, engine)
    context.say("Building the function packages …")
    packages = publish.packages(context.names)
    context.say("Planning …")
    changes = tuple(sorted(engine.plan()))
    code = {name: package.sha256 for name, package in packages.items()}
    return Prepared(context, engine, packages, Plan(changes, code))


def refuse_other(context: Context, engine: Engine) -> None:
    """Refuse to deploy where the other tool has deployed the lake: every name would clash.

    Raises:
        ToolError: it has, or the account does not answer.
    """
    other = context.engine(Iac.terraform if engine.iac is Iac.cdk else Iac.cdk)
    if other.can_tell() and other.deployed():
        raise ToolError(
            f"The lake in {context.place} was deployed with {other.iac.value}.",
            f"Go on with --iac {other.iac.value}, or remove it first: "
            f"./project_down.sh aws --iac {other.iac.value}",
        )


def show(prepared: Prepared, console: Console) -> None:
    """Print what will change, what it will cost, and the plan's digest."""
    plan = prepared.plan
    if plan.changes:
        console.print(summary(plan))
    for change in plan.losses():
        console.print(f"  {change.action}: {change.kind} {change.name}", style="yellow", soft_wrap=True)
    console.print(f"Plan {plan.digest}: {in_words(plan)}.")
    settings = prepared.context.names.settings
    month = bill(Workload(), settings)
    console.print(cost_report.table(month))
    for line in (*cost_report.verdict(month), advice(month, settings, free_tier=False)):
        console.print(line)
    console.print("Other loads: make cost WELLS=… HZ=…")


def price(settings: Settings) -> str:
    """What a month costs, in a sentence."""
    return " ".join(f"{line}." for line in cost_report.verdict(bill(Workload(), settings))[1:3])


def apply(prepared: Prepared) -> None:
    """Make the planned changes, then put code and views in place.

    Raises:
        ToolError: a step failed; running it again continues from there.
    """
    context = prepared.context
    if prepared.plan.changes:
        prepared.engine.apply()
    else:
        context.say("The definition is unchanged since the last deployment.")
    prepared.engine.complete()
    publish.ensure_code(context.names, prepared.packages, context.say)
    publish.apply_views(context.names, context.output)


def test_and_record(prepared: Prepared) -> Result:
    """Run the smoke test, and keep the code that passed it for a rollback.

    Raises:
        ToolError: the test failed.
    """
    context = prepared.context
    result = smoke(context.names, context.say)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    releases.record(context.names, prepared.packages, at=now, commit=commit())
    return result


def commit() -> str:
    """The commit of the project's folder; empty outside a clone."""
    return (probe(["git", "-C", str(ROOT), "rev-parse", "HEAD"], seconds=10.0) or "").strip()


def next_steps(context: Context, console: Console) -> None:
    """Print how to replay, query and open the dashboard."""
    place, settings = context.place, context.names.settings
    emulator = f"AWS_ENDPOINT_URL={place.twin.endpoint} " if place.twin else ""
    replay = f"{emulator}.venv/bin/python producer/replay.py --data data/simulated --speed 60"
    sql = '.venv/bin/python -m local sql --aws "SELECT * FROM well_data WHERE anomaly_flag = 1 LIMIT 20"'
    if place.twin:
        sql = 'make sql Q="SELECT * FROM well_data WHERE anomaly_flag = 1"'
    console.print("The lake is on. Next:", style="green")
    console.print(f"  replay   make simulate && {replay}", soft_wrap=True)
    console.print(f"  query    {sql}", soft_wrap=True)
    if not place.twin:
        region = place.region
        board = (
            f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#dashboards/dashboard/"
        )
        console.print(f"  look     {board}{settings.ops.dashboard}", soft_wrap=True)
    console.print("  off      ./project_down.sh aws")
