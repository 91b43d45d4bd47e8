"""Reads Power Query M as far as checks need it: tokens, steps, and the SQL that a query sends."""

import re
from collections.abc import Mapping

_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<text>"(?:[^"\n]|"")*")|(?P<literal>\#[a-z]+)|(?P<quoted>\#"(?:[^"]|"")*")
    |(?P<number>\d+)|(?P<word>[A-Za-z_][\w.]*)|(?P<field>\[[A-Za-z]\w*\])|(?P<open>[(\[{])|(?P<close>[)\]}])
    |(?P<sign>=>|<=|>=|<>|[-+*/&=,<>])""",
    re.VERBOSE,
)
_PAIRS = {")": "(", "]": "[", "}": "{"}


class MError(ValueError):
    """An expression that is no M this project may use."""


def tokens(text: str) -> list[tuple[str, str]]:
    """Kind and text of each token, brackets matching.

    Raises:
        MError: something is no token, or a bracket has no partner.
    """
    found, place, stack = [], 0, []
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise MError(f"{text[place : place + 20]!r} is no M")
        place = match.end()
        kind, token = str(match.lastgroup), match[0]
        if kind == "open":
            stack.append(token)
        elif kind == "close" and (not stack or stack.pop() != _PAIRS[token]):
            raise MError(f"{token} closes nothing")
        if kind != "space":
            found.append((kind, token))
    if stack:
        raise MError(f"{stack[-1]} is not closed")
    return found


def steps(text: str) -> dict[str, list[tuple[str, str]]]:
    """Tokens of each step of `let … in last`, by its name.

    Raises:
        MError: it is no `let`, a name stands twice, or the result is not the last step.
    """
    found = tokens(text)
    if found[0] != ("word", "let") or found[-2] != ("word", "in"):
        raise MError("expected let … in step")
    named: dict[str, list[tuple[str, str]]] = {}
    depth, current = 0, None
    for place, (kind, token) in enumerate(found[1:-2], start=1):
        depth += (kind == "open") - (kind == "close")
        if current is None:
            current = token
            if kind != "word" or found[place + 1] != ("sign", "=") or token in named:
                raise MError(f"{token} does not begin a step")
            named[current] = []
        elif (kind, token, depth) == ("sign", ",", 0):
            current = None
        elif named[current] or (kind, token) != ("sign", "="):
            named[current].append((kind, token))
    if current is None or found[-1][1] != current:
        raise MError(f"the result is {found[-1][1]}, not the last step")
    return named


def known_names(text: str, parameters: set[str]) -> set[str]:
    """Words that are neither steps before, parameters, functions of M's library nor keywords.

    Raises:
        MError: as in `steps`.
    """
    keywords = {
        "each",
        "type",
        "text",
        "number",
        "date",
        "datetime",
        "not",
        "and",
        "or",
        "if",
        "then",
        "else",
    }
    unknown, before = set(), set(parameters)
    for name, inside in steps(text).items():
        for place, (kind, token) in enumerate(inside):
            is_field = place + 1 < len(inside) and inside[place + 1] == ("sign", "=")
            if kind == "word" and "." not in token and token not in keywords | before and not is_field:
                unknown.add(token)
        before.add(name)
    return unknown


def sql(text: str, parameters: Mapping[str, str]) -> str:
    """The SQL that a query's step `Query` comes to.

    Args:
        text: the expression of a table.
        parameters: days, `YYYY-MM-DD`, by the name of the parameter.

    Raises:
        MError: the step is not a row of texts and days put together.
    """
    parts, rest = [], " ".join(token for _, token in steps(text)["Query"])
    day = re.compile(
        r'Date\.ToText \( Date\.From \( (\w+) \) , \[ Format = "yyyy-MM-dd" , Culture = "en-US" \] \)( & |$)'
    )
    literal = re.compile(r'"((?:[^"]|"")*)"( & |$)')
    while rest:
        match = literal.match(rest)
        if match is not None:
            parts.append(match[1].replace('""', '"'))
        else:
            match = day.match(rest)
            if match is None or match[1] not in parameters:
                raise MError(f"{rest[:60]!r} is neither a text nor a day")
            parts.append(parameters[match[1]])
        rest = rest[match.end() :]
    return "".join(parts)


def typed(text: str) -> dict[str, str]:
    """Type that the step `Typed` gives each column."""
    inside = " ".join(token for _, token in steps(text)["Typed"])
    return dict(re.findall(r'\{ "(\w+)" , ((?:type )?[\w.]+) \}', inside))
