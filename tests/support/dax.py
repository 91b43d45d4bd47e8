"""Reads DAX as far as checks need it: tokens, brackets, functions, and references to columns and measures."""

import re
from collections.abc import Iterator

TOKENS = re.compile(
    r"""(?P<space>\s+)
    |(?P<column>(?:'(?:[^']|'')+'|[A-Za-z_]\w*)\[[^\[\]]+\])
    |(?P<measure>\[[^\[\]]+\])
    |(?P<text>"(?:[^"]|"")*")
    |(?P<table>'(?:[^']|'')+')
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<operator><>|<=|>=|&&|\|\||[-+*/^&=<>])
    |(?P<open>[({])|(?P<close>[)}])|(?P<comma>,)""",
    re.VERBOSE,
)
FUNCTIONS = {
    "CALCULATE": (1, 9), "COUNT": (1, 1), "COUNTROWS": (1, 1), "DATEADD": (3, 3), "DISTINCTCOUNT": (1, 1),
    "DIVIDE": (2, 3), "IF": (2, 3), "ISBLANK": (1, 1), "MAX": (1, 2), "MEDIAN": (1, 1),
    "SAMEPERIODLASTYEAR": (1, 1), "SUM": (1, 1), "SUMX": (2, 2), "TOTALYTD": (2, 4),
}  # fmt: skip
"""Functions that measures use, with how many arguments each takes (https://dax.guide)."""
KEYWORDS = {"NOT", "IN", "MONTH"}


class DaxError(ValueError):
    """An expression that is no DAX this project may use."""


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each token.

    Raises:
        DaxError: something is no token.
    """
    place = 0
    while place < len(text):
        match = TOKENS.match(text, place)
        if match is None:
            raise DaxError(f"{text[place : place + 20]!r} is no DAX")
        place = match.end()
        if match.lastgroup != "space":
            yield str(match.lastgroup), match[0]


def check(text: str) -> None:
    """Brackets that match, known functions with arguments as many as they take, operands beside operators.

    Raises:
        DaxError: not so.
    """
    stack: list[list[object]] = []
    previous = "open"
    word = ""
    for kind, token in tokens(text):
        if kind == "open":
            if previous == "word" and token == "(" and word not in FUNCTIONS:
                raise DaxError(f"{word} is no function known here")
            stack.append([token, word if previous == "word" else None, 0, "empty"])
        elif kind == "close":
            _close(stack, token, previous)
        elif kind == "comma":
            if not stack or previous in {"open", "comma", "operator"}:
                raise DaxError("a comma without an argument before it")
            stack[-1][2] = int(str(stack[-1][2])) + 1
        elif kind == "operator":
            if previous in {"open", "comma", "operator"} and token != "-":
                raise DaxError(f"{token} without a left side")
        elif previous in {"column", "measure", "text", "number", "close", "table"} and token not in KEYWORDS:
            raise DaxError(f"{token} follows a value")
        if stack and kind not in {"open", "close", "comma"}:
            stack[-1][3] = "filled"
        previous, word = ("operator" if token in {"NOT", "IN"} else kind), token
    if stack or previous in {"operator", "comma"}:
        raise DaxError("the expression is not complete")


def _close(stack: list[list[object]], token: str, previous: str) -> None:
    pairs = {")": "(", "}": "{"}
    if not stack or stack[-1][0] != pairs[token] or previous in {"operator", "comma"}:
        raise DaxError(f"{token} closes nothing")
    _, function, commas, _ = stack.pop()
    count = 0 if previous == "open" else int(str(commas)) + 1
    if function is not None:
        least, most = FUNCTIONS[str(function)]
        if not least <= count <= most:
            raise DaxError(f"{function} takes {least} to {most} arguments, not {count}")
    if stack:
        stack[-1][3] = "filled"


def references(text: str) -> Iterator[tuple[str | None, str | None]]:
    """Table and column of each reference: (table, column), (None, measure) or (table, None).

    Raises:
        DaxError: something is no token.
    """
    found = list(tokens(text))
    for place, (kind, token) in enumerate(found):
        following = found[place + 1][1] if place + 1 < len(found) else ""
        if kind == "column":
            table, _, column = token[:-1].partition("[")
            yield table.strip("'").replace("''", "'"), column
        elif kind == "measure":
            yield None, token[1:-1]
        elif kind == "table":
            yield token[1:-1].replace("''", "'"), None
        elif kind == "word" and following != "(" and token not in KEYWORDS:
            yield token, None
