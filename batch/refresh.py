"""Puts the dates that are in gold into the views, after a job has changed them."""

from batch.catalogue import gold_dates
from batch.gold import Gold
from batch.views import FOLDER, GOLD_VIEWS, GoldDates, with_dates
from petrostream.aws.athena import run_sql

ATTEMPTS = 3
"""Another job may register days while the views are replaced; its days are taken as well."""


def refresh_views(gold: Gold) -> str:
    """Replace the views that read gold by ones with the dates that are there now.

    A view that misses a date reads it from the curated zone; so a view is never wrong, only slower, when this
    fails or comes late.

    Returns:
        How many dates they read from gold.

    Raises:
        PetroStreamError: Athena refuses or does not respond.
    """
    settings = gold.context.settings
    dates: GoldDates = {}
    for _ in range(ATTEMPTS):
        found = gold_dates(gold.catalogue)
        if found == dates:
            break
        dates = found
        for name in GOLD_VIEWS:
            gold.step(f"view {name}")
            run_sql(
                with_dates((FOLDER / f"{name}.sql").read_text(encoding="utf-8"), dates),
                database=settings.database,
                workgroup=settings.workgroup,
                client=gold.context.client("athena"),
            )
    return f"{len(dates.get('well_data_gold', ()))} days in gold"
