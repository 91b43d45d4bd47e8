"""Which facility a well belongs to."""

import zlib

FACILITIES = 8


def facility_of(well_id: str) -> str:
    """Facility of a well that no fleet file names: stable, spread over `FACILITIES` facilities.

    3W does not say where its wells stand, so the grouping is ours: a CRC-32 of the well's name, the
    same on every machine and in every release.
    """
    return f"FAC-{zlib.crc32(well_id.encode()) % FACILITIES + 1:02d}"
