"""Which copy of a row counts: the rule of the views over the curated zone, on Arrow tables.

A reading lands twice when it was sent or scored again. The first record that carried it counts, of that
record the copy scored last; sequence numbers compare as numbers. The views of sql/views say the same in SQL,
and a test compares the two.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

RANK = "copy_rank"
"""Column of the spool beside a table's own: copies with a lower rank count before the others."""

_LENGTH = "sequence_length"


@dataclass(frozen=True, slots=True)
class CopyRule:
    """How rows of a table are told apart.

    Attributes:
        identity: column that all copies of a row share.
        written_at: column with the time at which a copy was made; the last one counts.
    """

    identity: str
    written_at: str


READINGS = CopyRule("event_id", "scored_at")
TRANSITIONS = CopyRule("transition_id", "recorded_at")


def winners(rows: pa.Table, rule: CopyRule) -> pa.Table:
    """One row per identity: the copy that counts, sorted by well and time.

    Args:
        rows: of any order, with columns `well_id`, `ts`, `kinesis_sequence`, `copy_rank` and the rule's.
        rule: see `CopyRule`.

    Returns:
        The rows that count, with the same columns.
    """
    sized = rows.append_column(_LENGTH, pc.utf8_length(rows["kinesis_sequence"]))
    order = pc.sort_indices(
        sized,
        sort_keys=[
            (rule.identity, "ascending"),
            (RANK, "ascending"),
            (_LENGTH, "ascending"),
            ("kinesis_sequence", "ascending"),
            (rule.written_at, "descending"),
        ],
    )
    names = rows[rule.identity].combine_chunks().dictionary_encode().indices.fill_null(-1)
    sorted_names = names.to_numpy(zero_copy_only=False)[order.to_numpy()]
    first = np.ones(len(sorted_names), bool)
    first[1:] = sorted_names[1:] != sorted_names[:-1]
    counted = rows.take(pa.array(order.to_numpy()[first]))
    return counted.take(by_well_and_time(counted, rule.identity))


def by_well_and_time(rows: pa.Table, identity: str) -> pa.Array:
    """Indices of rows in the order of gold's files."""
    keys = [("well_id", "ascending"), ("ts", "ascending"), (identity, "ascending")]
    return pc.sort_indices(rows, sort_keys=keys)
