"""Control characters in text from outside: found, and never printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.names import has_control, shown

HOSTILE = ["\x1b]0;owned\x07", "a\x00b", "a\nb", "\x7f", "\x9b31m", "\u202egro.live", "\u2066", "\u2028"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_control_character_is_found_and_shown_escaped(text):
    assert has_control(text)
    assert not has_control(shown(text))


@pytest.mark.parametrize(
    "text",
    ["WELL-00011", "../etc", "<b>[red]", "Åsgard 7-ÆØ", "Ибн", "井戸 1", "بئر", "a\u200db", "\U0001f6e2"],
)
def test_names_in_any_script_are_no_control_characters(text):
    assert not has_control(text)
    assert shown(text) == text


def test_what_is_escaped_can_still_be_read():
    assert shown("\x1b[31mWELL\u202e") == r"\x1b[31mWELL\u202e"
    assert shown("one\ntwo\r", keep="\n") == "one\ntwo\\r"


@given(st.text())
def test_whatever_is_shown_moves_no_cursor(text):
    assert not has_control(shown(text))
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in shown(text))
