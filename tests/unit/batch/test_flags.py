"""What a new model changes is counted by reading, whatever the order and the copies."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from batch.flags import Flags, compared

READINGS = st.dictionaries(st.text(max_size=4), st.sampled_from([0, 1]), max_size=12)


def flags_of(readings, copies=()):
    found = Flags()
    for part in (readings.items(), [(name, 0) for name in copies], [(name, None) for name in copies]):
        ids, values = [name for name, _ in part], [flag for _, flag in part]
        found.add(
            pa.table({"event_id": pa.array(ids, pa.string()), "anomaly_flag": pa.array(values, pa.int32())})
        )
    return found


@given(READINGS, READINGS)
def test_counts_are_those_of_a_comparison_by_reading(before, after):
    # A further copy has no score, or no flag, and does not count.
    found = compared(flags_of(before, copies=before), flags_of(after))
    every = before.keys() | after.keys()
    assert found == {
        "flags_before": sum(before.values()),
        "flags_after": sum(after.values()),
        "changed_flags": sum(before.get(one, 0) != after.get(one, 0) for one in every),
    }
    assert flags_of(before, copies=before).readings == len(before)


def test_nothing_is_nothing():
    assert compared(Flags(), Flags()) == {"flags_before": 0, "flags_after": 0, "changed_flags": 0}
    assert Flags().readings == 0
