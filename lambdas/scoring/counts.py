"""What scoring counts, by the names of its metrics: the same for the function and for the service."""

from petrostream.pipeline import Tally

COUNTED_ALWAYS = ("ReadingsScored", "ReadingsQuarantined", "Anomalies")
COUNTED_WITH_TANKS = (
    "TankReadings",
    "ReadingsMatched",
    "ReadingsUnmatched",
    "ReadingsLate",
    "DuplicatesDropped",
)
COUNTED_IF_ANY = ("RecordsSkipped", "FacilitiesFailed", "AlarmsAnnunciated", "ModelsRejected")
"""Omitted when zero: CloudWatch bills a metric for every hour in which it has a value."""


def counts(tally: Tally, failed: int) -> dict[str, int]:
    """The metrics of some batches, of which so many facilities failed: those that are due."""
    values = {
        "ReadingsScored": tally.readings,
        "ReadingsQuarantined": tally.quarantined,
        "Anomalies": tally.anomalies,
        "RecordsSkipped": tally.records_skipped,
        "FacilitiesFailed": failed,
        "AlarmsAnnunciated": tally.alarms,
        "TankReadings": tally.tanks,
        "ReadingsMatched": tally.matched,
        "ReadingsUnmatched": tally.unmatched,
        "ReadingsLate": tally.late,
        "DuplicatesDropped": tally.duplicates + tally.duplicate_tanks,
    }
    # A lake without tanks does not pay for their metrics.
    with_tanks = COUNTED_WITH_TANKS if tally.tanks + tally.matched + tally.unmatched else ()
    if_any = (name for name in COUNTED_IF_ANY if values.get(name))
    return {name: values[name] for name in (*COUNTED_ALWAYS, *with_tanks, *if_any)}
