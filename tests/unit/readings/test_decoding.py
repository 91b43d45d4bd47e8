"""Lines of a block decoded at once: each as it is by itself."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from petrostream.readings import decoding
from petrostream.readings.decoding import FEW, decode_lines
from tests.support.depth import examples

WHOLE = [b'{"a":1}'] * FEW
PARTS = [
    *(b"{", b"}", b"[", b"]", b",", b'"a":', b"1", b'"x', b'"', b"{}"),
    *(b" ", b"\r", b"\\", b"null", b"\xff", b"1e999"),
]


def one_by_one(lines):
    return [decode_lines([line])[0] for line in lines]


@given(
    st.lists(
        st.sampled_from(WHOLE) | st.lists(st.sampled_from(PARTS), min_size=1, max_size=6).map(b"".join),
        min_size=FEW,
        max_size=3 * FEW,
    )
)
@example([*WHOLE, b'{"a":1', b'"b":2}', b"{},{}"])
@example([*WHOLE, b'{"a":[{}', b"{}]}", b"{},{}"])
@example([*WHOLE, b'{"a":"x', b'y"}', b"{},{}"])
@example([*WHOLE, b'{"a":{"b":1}', b'{"c":2}}', b"{},{}"])
@example([*WHOLE, b"{},{}"])
@example([*WHOLE, b"{}", b""])
@example([*WHOLE, b"{}]", b"[{}"])
@settings(max_examples=examples(300))
def test_a_line_is_decoded_as_by_itself(lines):
    assert decode_lines(lines) == one_by_one(lines)


@pytest.mark.parametrize("line", [b'{"a":[1]}', b'{"name":"[]"}', b'{"a":{"b":{}}}', b'{"a":"\\n"}'])
def test_brackets_and_objects_within_a_line_are_its_own(line):
    lines = [*WHOLE, line]
    assert decode_lines(lines) == one_by_one(lines)


def test_usual_lines_are_decoded_at_once(monkeypatch):
    calls = []
    loads = decoding.orjson.loads

    def counted(text):
        calls.append(text)
        return loads(text)

    monkeypatch.setattr(decoding.orjson, "loads", counted)
    assert decode_lines(WHOLE) == [{"a": 1}] * FEW
    assert len(calls) == 1
