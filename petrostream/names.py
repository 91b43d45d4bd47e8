"""Text from outside: which characters an identity must not hold, and how such text is shown to people.

A control character in a name can set the title, colours or content of the terminal it is printed on. A
bidirectional control makes a name look like another one (Unicode Technical Report 36, section 2.5).
"""

import re

_CONTROLS = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional controls
    "\u2028\u2029"  # line and paragraph separators
)
_CONTROL = re.compile(f"[{_CONTROLS}]")

_FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
"""How a field begins that a spreadsheet takes for a formula; the last four are the full-width forms."""

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


def has_control(text: str) -> bool:
    """Whether the text holds a control character: C0, DEL, C1, a bidirectional one or a line separator."""
    # Printable text is the rule; asking that first is several times faster than the search.
    return not text.isprintable() and _CONTROL.search(text) is not None


def shown(text: str, *, keep: str = "") -> str:
    r"""Return the text as it may be printed: control characters are escaped, as `\x1b` or `\u202e`.

    Args:
        text: any text.
        keep: control characters that stay as they are, such as a line feed in a message of several lines.
    """
    if text.isprintable():
        return text
    return _CONTROL.sub(lambda found: _escaped(found[0], keep), text)


def _escaped(letter: str, keep: str) -> str:
    return letter if letter in keep else letter.encode("unicode_escape").decode("ascii")


def without_formula(text: str) -> str:
    """The text with an apostrophe before it if a spreadsheet would run it as a formula.

    Source: OWASP, "CSV Injection". Numbers stay numbers, also those in a column of text.
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
