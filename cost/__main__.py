"""The command line of the cost model: `python -m cost --wells 10 --hz 1`."""

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cost import report
from cost.advice import advice
from cost.bill import bill
from cost.prices import PricesError, load_prices
from cost.workload import Workload, WorkloadError
from cost.workload import block_seconds as usual_block_seconds
from infra.settings import SETTINGS_FILE, Settings, SettingsError, load_settings
from toolchain import commands
from toolchain.terminal import print_error

USAGE = 2
FAILED = 1


_Fargate = Annotated[bool, typer.Option("--fargate", help="With a load-balanced container service.")]
_FanOut = Annotated[bool, typer.Option("--enhanced-fan-out", help="With scoring.enhanced_fan_out.")]
_CustomerKey = Annotated[bool, typer.Option("--customer-key", help="With a customer-managed KMS key.")]
_FreeTier = Annotated[bool, typer.Option("--free-tier", help="Subtract AWS's permanent free tier.")]
_Json = Annotated[bool, typer.Option("--json", help="As JSON, every line.")]
_Check = Annotated[bool, typer.Option("--check", help="Fail (exit code 1) when a limit is passed.")]


def _exact(text: str) -> Fraction:
    """A decimal as typed: 0.1 is a tenth."""
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise typer.BadParameter(f"{text!r} is not a number such as 1 or 0.5")
    return Fraction(text)


def main(  # noqa: PLR0913, PLR0917 - one for each option
    wells: Annotated[int, typer.Option(help="Wells that send.")] = 10,
    hz: Annotated[str, typer.Option(help="Readings a second of each well.")] = "1",
    hours: Annotated[str, typer.Option(help="Hours of a day on which they send; the stack stays on.")] = "24",
    facilities: Annotated[
        int | None, typer.Option(help="Facilities the wells spread over. Default: as the fleet places them.")
    ] = None,
    block_seconds: Annotated[
        str | None, typer.Option(help="Seconds between two blocks of a facility. Default: the settings'.")
    ] = None,
    months: Annotated[int, typer.Option(help="Age of the lake at the end of the billed month.")] = 1,
    queries: Annotated[int, typer.Option(help="Athena queries a day, over a day of readings each.")] = 20,
    fargate: _Fargate = False,
    customer_key: _CustomerKey = False,
    enhanced_fan_out: _FanOut = False,
    free_tier: _FreeTier = False,
    as_json: _Json = False,
    check: _Check = False,
    settings: Annotated[Path, typer.Option(help="The settings to bill.")] = SETTINGS_FILE,
) -> None:
    """Estimate a month on AWS, line by line, from list prices and infra/settings.json."""
    try:
        built = _settings(settings, enhanced_fan_out)
        workload = Workload(
            wells=wells,
            hz=_exact(hz),
            hours=_exact(hours),
            facilities=facilities,
            block_seconds=_exact(block_seconds) if block_seconds else usual_block_seconds(built),
            months=months,
            queries_per_day=queries,
            fargate=fargate,
            customer_key=customer_key or built.encryption == "kms",
        )
        answer = bill(workload, built, free_tier=free_tier)
        hint = advice(answer, built, free_tier=free_tier)
    except (WorkloadError, SettingsError, PricesError) as error:
        print_error(str(error))
        raise typer.Exit(USAGE if isinstance(error, WorkloadError) else FAILED) from error
    limits = report.as_json(answer, hint)
    if as_json:
        typer.echo(json.dumps(limits, indent=2))
    else:
        console = Console(highlight=False)
        console.print(report.table(answer))
        for line in (*report.verdict(answer), hint, _prices_known()):
            console.print(line, soft_wrap=True)
    if check and not (limits["limits"]["lambda_path_met"] and limits["limits"]["total_met"]):
        raise typer.Exit(FAILED)


def _settings(path: Path, enhanced_fan_out: bool) -> Settings:
    built = load_settings(path)
    if not enhanced_fan_out:
        return built
    scoring = built.scoring.model_copy(update={"enhanced_fan_out": True})
    return built.model_copy(update={"scoring": scoring})


def _prices_known() -> str:
    months = sorted(price.as_of for price in load_prices().values())
    known = f"{months[0]} to {months[-1]}"
    return f"List prices of us-east-1, known as of {known}; assumptions: docs/reference/cost.md"


if __name__ == "__main__":
    commands.run(main)
