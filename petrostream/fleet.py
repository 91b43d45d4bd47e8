"""Assigns wells to facilities."""

import zlib

FACILITIES = 8


def facility_of(well_id: str) -> str:
    """Return the facility of a well that no fleet file assigns: one of `FAC-01` to `FAC-08`.

    3W does not say where its wells are, so wells are spread over `FACILITIES` facilities by a CRC-32 of the
    well's name: the same on every machine and in every release.
    """
    return f"FAC-{zlib.crc32(well_id.encode()) % FACILITIES + 1:02d}"
