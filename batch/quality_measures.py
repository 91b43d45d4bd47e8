"""What a quality report measures, and which values are worth a look or a call at night: pure, without SQL."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

QualityVerdict = Literal["OK", "WARN", "FAILED"]

ORDER: tuple[QualityVerdict, ...] = ("OK", "WARN", "FAILED")
"""From good to bad."""


@dataclass(frozen=True, slots=True)
class QualityMeasure:
    """A measure and its limits.

    Attributes:
        name: as in the report.
        unit: of value and limits.
        worse: whether high or low values are bad.
        warn_at, fail_at: from which value on the verdict is WARN or FAILED; None: never.
    """

    name: str
    unit: str
    worse: Literal["high", "low"] = "high"
    warn_at: float | None = None
    fail_at: float | None = None

    def verdict(self, value: float | None) -> QualityVerdict:
        """The verdict on a value; OK where there is none."""
        if value is None:
            return "OK"
        sign = 1 if self.worse == "high" else -1
        for limit, verdict in ((self.fail_at, ORDER[2]), (self.warn_at, ORDER[1])):
            if limit is not None and sign * value >= sign * limit:
                return verdict
        return "OK"


READINGS = QualityMeasure("readings", "readings")
COMPLETENESS = QualityMeasure("completeness", "1", "low", warn_at=0.98, fail_at=0.5)
"""Minutes with a reading, of those from a well's first to its last reading of the day."""

GAPS = QualityMeasure("gaps", "gaps", warn_at=10)
"""Steps of over a minute: each makes the detector's windows begin again (docs/reference/contracts.md)."""

LONGEST_GAP = QualityMeasure("longest_gap", "s", warn_at=1800)
FRESHNESS = QualityMeasure("freshness", "s", warn_at=60, fail_at=900)
"""95th percentile of the time from a reading to its score. A minute is past any dashboard's promise; after a
quarter of an hour scoring was behind for long enough to have its own alarm."""

LATE_SHARE = QualityMeasure("late_share", "1", warn_at=0.01, fail_at=0.5)
"""Late readings are stored without a score: where they are half of a well, nobody watched it."""

MEAN_QUALITY = QualityMeasure("mean_quality", "%", "low", warn_at=90, fail_at=50)
REASON_SHARE = QualityMeasure("reason_share", "1", warn_at=0.05)
"""Readings with a reason, of those of the well. Never FAILED: a broken gauge is a matter for the day."""

DUPLICATE_SHARE = QualityMeasure("duplicate_share", "1", warn_at=0.05)
"""Rows of the curated zone that repeat another; delivery is at least once, so there are always some."""

QUARANTINED_SHARE = QualityMeasure("quarantined_share", "1", warn_at=0.01, fail_at=0.05)
"""Rejected lines, of all. The limit of the operations alarm `quarantined_share`, over a day."""

MISSING_SHARE = QualityMeasure("missing_share", "1", warn_at=1e-9, fail_at=0.01)
"""Readings of the curated zone that the view of all readings lacks: none, but while rows still arrive."""

MEASURES = (
    READINGS, COMPLETENESS, GAPS, LONGEST_GAP, FRESHNESS, LATE_SHARE, MEAN_QUALITY, REASON_SHARE,
    DUPLICATE_SHARE, QUARANTINED_SHARE, MISSING_SHARE,
)  # fmt: skip
"""Every measure of a report."""

QualityRow = dict[str, Any]
"""A row of the report, without the time at which it was made."""


def findings(
    lake: Mapping[str, Any], wells: Sequence[Mapping[str, Any]], reasons: Sequence[Mapping[str, Any]]
) -> list[QualityRow]:
    """The rows of a report, of the lake first, then well by well.

    Args:
        lake: the row of sql/quality/lake.sql.
        wells: the rows of sql/quality/wells.sql.
        reasons: those of sql/quality/reasons.sql.
    """
    counts = {well["well_id"]: int(well["readings"]) for well in wells}
    return [
        *_of_lake(lake),
        *(row for well in wells for row in _of_well(well)),
        *(_of_reason(row, counts[row["well_id"]]) for row in reasons if counts.get(row["well_id"])),
    ]


def _of_lake(lake: Mapping[str, Any]) -> Iterator[QualityRow]:
    landed, distinct, known = (int(lake[name]) for name in ("landed_rows", "landed_readings", "readings"))
    quarantined = int(lake["quarantined"])
    yield _finding(READINGS, known, known)
    yield _finding(DUPLICATE_SHARE, _share(landed - distinct, landed), landed)
    yield _finding(MISSING_SHARE, _share(max(distinct - known, 0), distinct), distinct)
    yield _finding(QUARANTINED_SHARE, _share(quarantined, known + quarantined), known + quarantined)


def _of_well(well: Mapping[str, Any]) -> Iterator[QualityRow]:
    who = {"well_id": well["well_id"], "facility_id": well["facility_id"]}
    readings = int(well["readings"])
    for measure, value in (
        (READINGS, readings),
        (COMPLETENESS, _share(int(well["minutes"]), int(well["minutes_spanned"]))),
        (GAPS, int(well["gaps"])),
        (LONGEST_GAP, well["longest_gap_s"]),
        (FRESHNESS, well["delay_p95_s"]),
        (LATE_SHARE, _share(int(well["late_readings"]), readings)),
        (MEAN_QUALITY, well["mean_quality"]),
    ):
        yield _finding(measure, value, readings, **who)


def _of_reason(row: Mapping[str, Any], readings: int) -> QualityRow:
    return _finding(
        REASON_SHARE,
        _share(int(row["readings"]), readings),
        readings,
        well_id=row["well_id"],
        facility_id=row["facility_id"],
        subject=row["reason"],
    )


def _finding(
    measure: QualityMeasure,
    value: float | None,
    readings: int,
    *,
    well_id: str | None = None,
    facility_id: str | None = None,
    subject: str | None = None,
) -> QualityRow:
    number = None if value is None else float(value)
    return {
        "well_id": well_id,
        "facility_id": facility_id,
        "measure": measure.name,
        "subject": subject,
        "value": number,
        "unit": measure.unit,
        "warn_at": measure.warn_at,
        "fail_at": measure.fail_at,
        "verdict": measure.verdict(number),
        "readings": readings,
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def worst(rows: Sequence[QualityRow]) -> QualityVerdict:
    """The verdict on a day: its worst."""
    return max((row["verdict"] for row in rows), key=ORDER.index, default="OK")


def in_words(rows: Sequence[QualityRow], most: int = 5) -> str:
    """A day in one line: how many readings and wells, and what was found, worst first."""
    readings = next((row["readings"] for row in rows if row["measure"] == READINGS.name), 0)
    wells = len({row["well_id"] for row in rows if row["well_id"]})
    bad = [row for row in rows if row["verdict"] != "OK"]
    bad.sort(key=lambda row: -ORDER.index(row["verdict"]))
    listed = [_one(row) for row in bad[:most]] + ([f"{len(bad) - most} more"] if len(bad) > most else [])
    return "; ".join([f"{readings:,} readings of {wells} wells", *listed])


def _one(row: QualityRow) -> str:
    about = " ".join(str(row[key]) for key in ("well_id", "measure", "subject") if row[key])
    return f"{row['verdict']} {about} {row['value']:.4g} {row['unit'] if row['unit'] != '1' else ''}".rstrip()
