"""Print a plan, what a month of it costs, and what to do after a deployment."""

from rich.console import Console

from cost import report as cost_report
from cost.advice import advice
from cost.bill import bill
from cost.limit import monthly_limit
from cost.workload import Workload
from deploy.changes import in_words, summary
from deploy.context import Context
from deploy.up import Prepared
from infra.settings import Settings


def plan(prepared: Prepared, console: Console) -> None:
    """Print what will change, what it will cost, and the plan's digest."""
    plan = prepared.plan
    if plan.changes:
        console.print(summary(plan), soft_wrap=True)
    for change in plan.losses():
        console.print(f"  {change.action}: {change.kind} {change.name}", style="yellow", soft_wrap=True)
    console.print(f"Plan {plan.digest}: {in_words(plan)}.", soft_wrap=True)
    settings = prepared.context.names.settings
    month = bill(Workload(), settings)
    console.print(cost_report.table(month))
    for line in (*cost_report.verdict(month), advice(month, settings, free_tier=False)):
        console.print(line, soft_wrap=True)
    console.print(budget(settings), soft_wrap=True)
    console.print("Other loads: make cost WELLS=… HZ=…")


def price(settings: Settings) -> str:
    """What a month costs, in a sentence."""
    return " ".join(f"{line}." for line in cost_report.verdict(bill(Workload(), settings))[1:3])


def budget(settings: Settings) -> str:
    """When the monthly budget sends its e-mails, in a sentence."""
    section = settings.budget
    first = "" if section.first_alert_usd is None else f"${section.first_alert_usd:g}, then at "
    limit = section.monthly_limit_usd or monthly_limit(settings)
    shares = ", ".join(str(percent) for percent in section.alert_percent)
    return f"Budget: an e-mail at {first}{shares} % of ${limit:g} a month."


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
