"""A little of the fuzzing that `make fuzz` does for an hour, and that it finds what it looks for."""

import base64
import json
import logging
from dataclasses import replace
from itertools import count, islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petrostream.aws.shards import ShardTable
from petrostream.pipeline import advance, stages, takeover
from petrostream.pipeline.memories import ShardMemory
from petrostream.schema import schema
from tests.fuzz import mutations
from tests.fuzz.__main__ import failure_of, run_episode
from tests.fuzz.drive import Lake, Measured, deliver, to_batch
from tests.fuzz.inputs import Episode, Record
from tests.fuzz.reconcile import Broken
from tests.fuzz.smallest import smallest
from tests.support.depth import DEEP, examples
from tests.support.scoring_world import START_MS, block, reading, tank_reading

INPUTS = 11_000
"""One episode; `make test-deep` goes on for an hour."""

SEED = 20_251_009
REASONS = {
    *(
        "not_utf8",
        "not_json",
        "not_object",
        "line_too_long",
        "unknown_kind",
        "missing",
        "too_long",
        "wrong_type",
    ),
    *("unparsable_time", "time_in_future", "time_too_old", "facility_mismatch", "out_of_range", "non_finite"),
    *("undecodable_base64", "unknown_field", "unknown_fields", "late"),
}
"""Codes of docs/reference/contracts.md that so many inputs meet."""


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def record(data, *, key="FAC-01", sequence="1", after_ms=60_000):
    return Record(sequence, key, base64.b64encode(data).decode(), START_MS + after_ms)


def test_every_line_of_a_hostile_stream_ends_in_one_place():
    measured, number = Measured(), 0
    while measured.counts["inputs"] < INPUTS:
        failure = run_episode(SEED, number, measured)
        assert failure is None, (
            f"{failure[0]}; python -m tests.fuzz --seed {SEED} --first {number} --inputs 1"
        )
        number += 1
    counts = measured.counts
    assert counts["scored"] + counts["quarantined"] + counts["tanks"] == counts["inputs"]
    assert min(counts["scored"], counts["quarantined"], counts["joined"]) > INPUTS // 10
    assert counts["alarms"] > 50
    assert {name[7:] for name in counts if name.startswith("reason:")} >= REASONS


def test_a_facility_of_too_many_wells_keeps_its_state_under_the_limit():
    number = next(number for number in range(1_000) if Episode(SEED, number).crowded)
    measured, lake = Measured(), Lake()
    for records in islice(Episode(SEED, number).batches(), 2 if DEEP else 1):
        deliver(lake, to_batch(records), measured)
    assert measured.state_bytes > 50_000


FIELDS = st.sampled_from([*schema("well_reading").names, *schema("tank_reading").names, "torque"])
JUNK = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from([*mutations.TEXTS, *mutations.TIMES, *mutations.VALUES])
    | st.recursive(st.none(), lambda inner: st.lists(inner, max_size=2), max_leaves=4)
)
GOOD = st.builds(reading, st.integers(1, 3), st.integers(-5, 70)) | st.builds(
    tank_reading, st.integers(-5, 70)
)
BAD = st.builds(lambda row, changes: row | changes, GOOD, st.dictionaries(FIELDS, JUNK, max_size=3))
NUMBERED = st.builds(
    lambda row, number: mutations.encode(row)[:-1] + b',"p_tpt":' + number + b"}",
    GOOD,
    st.sampled_from(mutations.NUMBERS),
)
LINES = (GOOD | BAD).map(mutations.encode) | NUMBERED | st.binary(max_size=30)
BLOCKS = st.lists(LINES, max_size=10).map(b"\n".join) | st.binary(max_size=60)


@settings(max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(["FAC-01", "FAC-01", "FAC-02", "?"]), BLOCKS), max_size=5))
def test_any_blocks_end_line_by_line_in_one_place(blocks):
    records = [record(data, key=key, sequence=str(98 + number)) for number, (key, data) in enumerate(blocks)]
    measured, lake = Measured(), Lake()
    for batch in (records[:2], records[2:]):
        if batch:
            deliver(lake, to_batch(batch), measured, twice=True)
    assert measured.counts["records"] == len(records)


# --- it finds what it looks for ---------------------------------------------------------------------------


def lose_a_line(monkeypatch):
    validate = advance.validate_blocks

    def without(data):
        return b"\n".join(line for line in data.split(b"\n") if b"lost" not in line)

    def leaky(blocks, **options):
        return validate([replace(block, data=without(block.data)) for block in blocks], **options)

    monkeypatch.setattr(advance, "validate_blocks", leaky)


def change_a_value(monkeypatch):
    encode = stages.rows_to_blocks

    def rounded(scored):
        scored.readings.values[:] = scored.readings.values.round(-5)
        return encode(scored)

    monkeypatch.setattr(stages, "rows_to_blocks", rounded)


def throw(monkeypatch):
    def raises(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(stages, "update_windows", raises)


def forget_the_place(monkeypatch):
    monkeypatch.setattr(advance, "after", lambda chunk, last: [*range(len(chunk))])


def store_again(monkeypatch):
    """Snapshots that lack nothing are written too."""
    monkeypatch.setattr(ShardMemory, "behind", lambda shard: list(shard.facilities))


def move_the_place_on(monkeypatch):
    """Each note of a place is in front of what is done."""
    note, steps = ShardTable.note, count()

    def farther(table, shard_id, place, statuses):
        note(table, shard_id, replace(place, done=str(int(place.done) + next(steps))), statuses)

    monkeypatch.setattr(ShardTable, "note", farther)


@pytest.mark.parametrize(
    ("damage", "records", "what"),
    [
        (lose_a_line, 1, "a line has no row"),
        (change_a_value, 1, "a value is not the sender's"),
        (throw, 1, "a batch fails"),
        # An odd number of records is repeated by another process, an even number by the same one.
        (forget_the_place, 1, "a repeated batch scores again"),
        (forget_the_place, 2, "a repeated batch scores again"),
        (store_again, 2, "a repeated batch changes what is stored"),
        (move_the_place_on, 1, "a repeated batch changes what is stored"),
        (move_the_place_on, 2, "a repeated batch changes what is stored"),
    ],
)
def test_a_broken_promise_is_found(monkeypatch, damage, records, what):
    damage(monkeypatch)
    rows = block(b"garbage", reading(1, 0), reading(1, 1, source="lost"), reading(1, 2))
    batch = [record(rows, sequence="98"), record(block(reading(1, 30)), sequence="99")][:records]
    with pytest.raises(Broken, match=what):
        deliver(Lake(), to_batch(batch), Measured())


def test_a_takeover_that_misses_records_is_found(monkeypatch):
    records = [record(block(reading(1, 30 * n)), sequence=str(98 + n)) for n in range(3)]
    deliver(Lake(), to_batch(records), Measured(), twice=True)
    monkeypatch.setattr(takeover, "_catch_up", lambda *_: None)
    with pytest.raises(Broken, match="taking over makes another state"):
        deliver(Lake(), to_batch(records), Measured(), twice=True)


def test_a_failing_batch_is_made_as_small_as_it_gets(monkeypatch):
    lose_a_line(monkeypatch)
    rows = block(*(reading(1, second, source="lost" if second == 7 else "kept") for second in range(20)))
    records = [record(rows, sequence="98"), record(block(reading(1, 30)), sequence="99")]
    what = failure_of(records, {})
    (least,) = smallest(records, lambda some: failure_of(some, {}) == what)
    (batch,) = to_batch([least])
    row = json.loads(batch.data)
    assert row == {"source": "lost"}


def test_an_input_can_be_made_again():
    first, again, other = ([*islice(Episode(7, number).batches(), 3)] for number in (3, 3, 4))
    assert first == again
    assert first != other
