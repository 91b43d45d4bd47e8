"""What was measured of readings and of scoring, as one value: a bill may be made with other measurements."""

from dataclasses import dataclass
from fractions import Fraction

from cost import figures as f


@dataclass(frozen=True, slots=True)
class Basis:
    """Sizes and processor times that a bill is made with; by default those of `cost/figures.py`.

    Attributes:
        reading_bytes: a reading in the stream.
        fixed_ms: processor time of an invocation of scoring, without what depends on its batch.
        facility_ms, well_ms, reading_ms: of each facility, well and reading in its batch.
        minute_ms, snapshot_ms: of each closed minute and each snapshot that it writes.
    """

    reading_bytes: Fraction = Fraction(f.READING_BYTES)
    fixed_ms: Fraction = f.SCORING_FIXED_MS
    facility_ms: Fraction = f.SCORING_FACILITY_MS
    well_ms: Fraction = f.SCORING_WELL_MS
    reading_ms: Fraction = f.SCORING_READING_MS
    minute_ms: Fraction = f.SCORING_WINDOW_MS
    snapshot_ms: Fraction = f.SCORING_SNAPSHOT_MS

    def work_ms(self, facilities: Fraction, wells: Fraction, readings: Fraction) -> Fraction:
        """Processor time of what a batch holds, without what every invocation costs.

        Args:
            facilities: how many have a record in the batch.
            wells: how many have a reading in it.
            readings: its readings.
        """
        return self.facility_ms * facilities + self.well_ms * wells + self.reading_ms * readings


MEASURED = Basis()
"""The basis of `make cost`."""
