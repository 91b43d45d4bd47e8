"""One-minute windows: content, closing, and independence of batch boundaries."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.minutes.codec import decode, encode
from petrostream.minutes.windows import WindowState, open_windows, update_windows
from petrostream.packing import StateFormatError
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.depth import examples
from tests.support.wells import FACILITY, readings, table

MINUTE = 1_700_000_040_000  # a full minute, UTC


def reading(seconds, well="A", pressure=1.0e7, temperature=90.0, methane=0.0, source="2/test"):
    return (round(1000 * seconds), well, pressure, temperature, methane, source)


def scored(stream, state):
    """Scored rows of a stretch of the stream; flag and risk look at nothing but the reading itself."""
    values = table(
        {"p_tpt": np.array([one[2] for one in stream]), "t_tpt": np.array([one[3] for one in stream])}
    )
    batch = readings(
        values,
        [MINUTE + one[0] for one in stream],
        well=[one[1] for one in stream],
        methane=[one[4] for one in stream],
    )
    batch.source = [one[5] for one in stream]
    done = score_batch(state, batch, None, scored_at_ms=MINUTE)
    rows = done.rows
    rows.anomaly_flag[:] = values[:, 26] > 95.0
    rows.risk_score[:] = np.maximum(rows.emission_risk, 0)
    return done.state, rows


def run(stream, cuts=(), coded=False):
    state, closed, counts = WindowState(), [], np.zeros(2, np.int64)
    scoring = FacilityState(FACILITY)
    for low, high in itertools.pairwise([0, *sorted(cuts), len(stream)]):
        if low == high:
            continue
        scoring, rows = scored(stream[low:high], scoring)
        done = update_windows(state, rows)
        state = decode(encode(done.state)) if coded else done.state
        closed += [window.row() for window in done.closed]
        counts += done.late, done.duplicates
    return closed, counts.tolist(), state


def minutes(stream):
    """(well, minute, readings) of each closed window, in order."""
    return [
        (row["well_id"], (row["window_start_ms"] - MINUTE) // 60_000, row["readings"])
        for row in run(stream)[0]
    ]


class TestContent:
    def test_has_every_statistic(self):
        stream = [
            reading(0, pressure=1.0e7, temperature=90.0, methane=300.0),
            reading(30, pressure=1.2e7, temperature=96.0),
            reading(59.999, pressure=1.1e7, temperature=93.0, methane=600.0),
            reading(65),
        ]
        (row,), _, _ = run(stream)
        assert row == {
            "well_id": "A",
            "window_start_ms": MINUTE,
            "window_end_ms": MINUTE + 60_000,
            "readings": 3,
            "anomalies": 1,
            "max_risk": 40,
            "pressure_mean": pytest.approx(1.1e7),
            "pressure_min": 1.0e7,
            "pressure_max": 1.2e7,
            "temperature_mean": pytest.approx(93.0),
            "temperature_min": 90.0,
            "temperature_max": 96.0,
        }

    def test_a_missing_value_is_counted_but_not_averaged(self):
        (row,), _, _ = run([reading(0, pressure=np.nan), reading(1, pressure=2.0e7), reading(65)])
        assert (row["readings"], row["pressure_mean"], row["temperature_mean"]) == (2, 2.0e7, 90.0)

    def test_a_gauge_without_any_value_is_null(self):
        (row,), _, _ = run([reading(0, pressure=np.nan), reading(65)])
        assert (row["pressure_mean"], row["pressure_min"], row["pressure_max"]) == (None, None, None)


class TestClosing:
    def test_closes_when_the_watermark_reaches_its_end(self):
        assert minutes([reading(0), reading(64.999)]) == []
        assert minutes([reading(0), reading(65)]) == [("A", 0, 1)]

    def test_one_well_does_not_close_the_windows_of_another(self):
        assert minutes([reading(0), reading(3_600, "B"), reading(1), reading(65)]) == [("A", 0, 2)]

    def test_an_out_of_order_reading_counts_while_its_window_is_open(self):
        assert minutes([reading(0), reading(62), reading(59), reading(65)]) == [("A", 0, 2)]

    def test_a_late_reading_is_left_out_and_counted(self):
        closed, counts, _ = run([reading(0), reading(65), reading(59), reading(125)])
        assert [row["readings"] for row in closed] == [1, 1]
        assert counts == [1, 0]

    def test_a_repeated_time_is_left_out_and_counted(self):
        closed, counts, _ = run([reading(0), reading(1), reading(0), reading(1), reading(65)])
        assert [row["readings"] for row in closed] == [2]
        assert counts == [0, 2]

    def test_windows_without_readings_do_not_exist(self):
        assert minutes([reading(0), reading(600), reading(700)]) == [("A", 0, 1), ("A", 10, 1)]

    def test_are_returned_in_the_order_in_which_they_close(self):
        stream = [reading(0, "B"), reading(0, "A"), reading(70, "B"), reading(70, "A")]
        assert minutes(stream) == [("B", 0, 1), ("A", 0, 1)]

    def test_a_new_feed_starts_over_whatever_its_times(self):
        stream = [reading(600), reading(601), reading(0, source="2/other"), reading(70, source="2/other")]
        assert minutes(stream) == [("A", 10, 2), ("A", 0, 1)]

    def test_open_windows_have_the_statistics_so_far(self):
        _, _, state = run([reading(0), reading(0, "B"), reading(1, "B")])
        assert [(window.well_id, window.readings) for window in open_windows(state)] == [("A", 1), ("B", 2)]


def reference(stream):
    """Rows of the windows by key, for a stream in which nothing is late: what SQL makes of it."""
    groups = {}
    for ts, well, pressure, temperature, *_ in stream:
        groups.setdefault((well, ts // 60_000), []).append((pressure, temperature))
    return {key: (len(rows), np.mean(rows, axis=0).tolist()) for key, rows in groups.items()}


STREAMS = st.lists(
    st.builds(
        reading,
        st.integers(0, 200),
        st.sampled_from("AB"),
        st.floats(1e6, 2e7) | st.just(np.nan),
        st.floats(50.0, 100.0),
        st.sampled_from([0.0, 300.0, 600.0]),
        st.sampled_from(["2/test"] * 9 + ["2/other"]),
    ),
    max_size=40,
)
SORTED = STREAMS.map(lambda stream: sorted(stream, key=lambda one: one[0]))


class TestAnyStream:
    @given(STREAMS | SORTED, st.lists(st.integers(0, 40), max_size=5))
    @settings(max_examples=examples(200))
    def test_any_cut_into_batches_has_the_same_result(self, stream, cuts):
        cut = run(stream, [min(cut, len(stream)) for cut in cuts], coded=True)
        whole, one_by_one = run(stream), run(stream, range(1, len(stream)))
        assert whole[:2] == cut[:2] == one_by_one[:2]
        assert encode(whole[2]) == encode(cut[2]) == encode(one_by_one[2])

    @given(STREAMS)
    def test_every_reading_is_counted_once(self, stream):
        closed, (late, duplicates), state = run(stream)
        held = sum(row["readings"] for row in closed) + sum(one.readings for one in open_windows(state))
        assert held + late + duplicates == len(stream)

    @given(st.dictionaries(st.tuples(st.integers(0, 200), st.sampled_from("AB")), st.floats(1e6, 2e7)))
    def test_equal_those_computed_from_all_readings(self, values):
        stream = [reading(ts, well, pressure) for (ts, well), pressure in sorted(values.items())]
        closed, _, state = run(stream)
        rows = [*closed, *(window.row() for window in open_windows(state))]
        got = {
            (row["well_id"], (row["window_start_ms"] - MINUTE) // 60_000): (
                row["readings"],
                [row["pressure_mean"], row["temperature_mean"]],
            )
            for row in rows
        }
        expected = reference(stream)
        assert got.keys() == expected.keys()
        assert len(got) == len(rows)
        for key, (count, means) in expected.items():
            assert got[key][0] == count
            assert got[key][1] == pytest.approx(means)


class TestCodec:
    @pytest.mark.parametrize(
        "data", [b"", b"PSW", b"PSW\x01", b"PSW\x63abc", b"nonsense", b"PSW\x01xxxxxxxx"]
    )
    def test_garbage_is_named(self, data):
        with pytest.raises(StateFormatError, match="window"):
            decode(data)

    @given(st.integers(0, 999), st.integers(0, 255))
    def test_a_damaged_byte_is_refused_or_changes_nothing(self, at, value):
        whole = encode(run([reading(0), reading(1, "B")])[2])
        data = bytearray(whole)
        data[at % len(data)] = value
        try:
            found = decode(bytes(data))
        except StateFormatError:
            return
        assert encode(found) == whole  # the same value, or a bit that zlib does not read
