"""Times of a block read at once: the same as one by one, or not at all."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from petrostream.readings.instants import FEW, stream_times
from petrostream.times import parse_ms, to_iso

FIRST, LAST = parse_ms("0001-01-01T00:00:00.000Z"), parse_ms("9999-12-31T23:59:59.999Z")
USUAL = "2026-11-20T09:00:00.000Z"
times = st.lists(st.integers(FIRST, LAST), min_size=FEW, max_size=3 * FEW)


@given(times)
def test_times_of_the_stream_are_read_exactly(ms):
    assert stream_times(list(map(to_iso, ms))) == ms


@given(times, st.integers(0, 3 * FEW), st.integers(0, len(USUAL) - 1), st.characters())
@example([FIRST] * FEW, 0, 11, "3")
def test_a_text_with_a_changed_letter_is_read_as_by_itself_or_not_at_all(ms, which, place, letter):
    texts = list(map(to_iso, ms))
    text = texts[which % len(texts)]
    texts[which % len(texts)] = text[:place] + letter + text[place + 1 :]
    found = stream_times(texts)
    if found is not None:
        assert found == list(map(parse_ms, texts))


@pytest.mark.parametrize(
    "other",
    [
        "2026-11-20T09:00:00Z",
        "2026-11-20T09:00:00.0000Z",
        "2026-11-20T24:00:00.000Z",
        "2026-11-20T09:60:00.000Z",
        "2026-11-20T09:00:60.000Z",
        "2026-02-30T09:00:00.000Z",
        "0000-01-01T00:00:00.000Z",
        "2026-W46-2T09:00:00.000Z",
        "2026-11-20T09:00:00.00\u0661Z",
        "2026-11-20T09:00:00.000z",
        "2026-11-20T09:00:00,000Z",
        "",
        None,
        7,
    ],
)
def test_any_other_form_is_left_to_one_by_one(other):
    assert stream_times([USUAL] * FEW) is not None
    assert stream_times([USUAL] * FEW + [other]) is None


def test_texts_whose_lengths_only_add_up_are_left_to_one_by_one():
    shorter, longer = USUAL[:-1], "Z" + USUAL
    assert stream_times([USUAL] * FEW + [shorter, longer]) is None


def test_texts_that_hold_the_separator_are_left_to_one_by_one():
    assert stream_times([*[USUAL] * FEW, f"{USUAL}\n{USUAL}", USUAL[:-1], ""]) is None
    assert stream_times([*[USUAL] * FEW, USUAL[:-1] + "\n"]) is None


def test_few_texts_are_left_to_one_by_one():
    assert stream_times([USUAL] * (FEW - 1)) is None
    assert stream_times([]) is None
