"""A strict grammar of TMDL, the Tabular Model Definition Language, and its parser.

The grammar is that of Microsoft's page, narrowed to what this project writes: tabs alone indent, by one a
level; a name that is no identifier stands in single quotes; each kind of object has its properties, each of a
type, and the kinds of objects that may stand in it; an expression of several lines is indented two levels
deeper than its object or property. What is not in the tables below is refused, with its line.
https://learn.microsoft.com/analysis-services/tmdl/tmdl-overview
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field


class TmdlError(ValueError):
    """A line the grammar does not allow; the text begins with its number."""


@dataclass
class Node:
    """An object: kind, name, default expression, description, properties and the objects in it."""

    kind: str
    name: str | None
    line: int
    expression: str | None = None
    description: str | None = None
    properties: dict[str, str | bool] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)

    def all(self, kind: str) -> list["Node"]:
        return [child for child in self.children if child.kind == kind]


GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*|'(?:[^'\n]|'')+'"
_END = rf"(?:{_NAME})\.(?:{_NAME})"
_TEXT = r"\S(?:.*\S)?"
FLAG = "flag"
EXPRESSION = "expression"


@dataclass(frozen=True)
class Kind:
    """What an object may have.

    Attributes:
        named: pattern of its name; None where it has none.
        expression: whether a default expression must follow the name.
        properties: pattern of each property's value, FLAG or EXPRESSION.
        required: properties that must be there.
        children: kinds of objects that may stand in it.
        described: whether it may have a description.
    """

    named: str | None = _NAME
    expression: bool = False
    properties: dict[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    described: bool = False


KINDS = {
    "database": Kind(
        named=None, properties={"compatibilityLevel": r"1[56]\d\d"}, required=("compatibilityLevel",)
    ),
    "model": Kind(
        properties={
            "culture": r"[a-z]{2}-[A-Z]{2}", "sourceQueryCulture": r"[a-z]{2}-[A-Z]{2}",
            "defaultPowerBIDataSourceVersion": "powerBI_V3", "discourageImplicitMeasures": FLAG,
        },
        required=("culture", "defaultPowerBIDataSourceVersion"),
        children=("dataAccessOptions",),
    ),
    "dataAccessOptions": Kind(
        named=None, properties={"legacyRedirects": FLAG, "returnErrorValuesAsNull": FLAG}
    ),
    "annotation": Kind(named=_NAME, expression=True),
    "ref": Kind(named=rf"table (?:{_NAME})"),
    "expression": Kind(
        expression=True, properties={"lineageTag": GUID}, required=("lineageTag",), children=("annotation",),
        described=True,
    ),
    "relationship": Kind(
        named=GUID, properties={"fromColumn": _END, "toColumn": _END},
        required=("fromColumn", "toColumn"),
    ),
    "table": Kind(
        properties={"lineageTag": GUID, "dataCategory": "Time", "isHidden": FLAG},
        required=("lineageTag",),
        children=("refreshPolicy", "measure", "column", "hierarchy", "partition", "annotation"),
        described=True,
    ),
    "refreshPolicy": Kind(
        named=None,
        properties={
            "policyType": "basic", "rollingWindowGranularity": "day|month|quarter|year",
            "rollingWindowPeriods": r"[1-9]\d*", "incrementalGranularity": "day|month|quarter|year",
            "incrementalPeriods": r"[1-9]\d*", "sourceExpression": EXPRESSION,
        },
        required=(
            "policyType", "rollingWindowGranularity", "rollingWindowPeriods", "incrementalGranularity",
            "incrementalPeriods", "sourceExpression",
        ),
    ),
    "measure": Kind(
        expression=True, properties={"formatString": _TEXT, "displayFolder": _TEXT, "lineageTag": GUID},
        required=("formatString", "lineageTag"), described=True,
    ),
    "column": Kind(
        properties={
            "dataType": "string|int64|double|dateTime|boolean", "isHidden": FLAG, "isKey": FLAG,
            "formatString": _TEXT, "lineageTag": GUID, "summarizeBy": "none", "sourceColumn": _TEXT,
            "sortByColumn": _NAME,
        },
        required=("dataType", "lineageTag", "summarizeBy", "sourceColumn"),
        children=("annotation",), described=True,
    ),
    "hierarchy": Kind(properties={"lineageTag": GUID}, required=("lineageTag",), children=("level",)),
    "level": Kind(properties={"lineageTag": GUID, "column": _NAME}, required=("lineageTag", "column")),
    "partition": Kind(
        named=rf"(?:{_NAME}) = m", properties={"mode": "import|directQuery", "source": EXPRESSION},
        required=("mode", "source"),
    ),
}  # fmt: skip
ROOTS = ("database", "model", "annotation", "ref", "expression", "relationship", "table")
"""What may stand at the beginning of a line; annotations and references there belong to the model."""


def unquoted(name: str) -> str:
    """A name without its quotes."""
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


def parse(text: str) -> list[Node]:
    """The objects of a file.

    Raises:
        TmdlError: a line is not as the grammar has it.
    """
    if not text.endswith("\n") or text.endswith("\n\n"):
        raise TmdlError("end: a file ends with one line feed")
    lines = []
    for number, line in enumerate(text[:-1].split("\n"), start=1):
        if line != line.rstrip():
            raise TmdlError(f"{number}: white space at the end")
        lines.append((number, len(line) - len(line.lstrip("\t")), line.lstrip("\t")))
    reader = _Reader(lines)
    found = list(reader.objects(0, ROOTS))
    if reader.place < len(lines):
        raise TmdlError(f"{lines[reader.place][0]}: not expected here")
    return found


class _Reader:
    def __init__(self, lines: list[tuple[int, int, str]]) -> None:
        self.lines = lines
        self.place = 0

    def _skip_blank(self) -> None:
        while self.place < len(self.lines) and not self.lines[self.place][2]:
            self.place += 1

    def objects(self, depth: int, allowed: tuple[str, ...]) -> Iterator[Node]:
        while True:
            self._skip_blank()
            if self.place == len(self.lines) or self.lines[self.place][1] < depth:
                return
            yield self._object(depth, allowed)

    def _object(self, depth: int, allowed: tuple[str, ...]) -> Node:
        description = self._description(depth)
        number, tabs, text = self.lines[self.place]
        word = text.split(" ", 1)[0]
        if tabs != depth:
            raise TmdlError(f"{number}: indented by {tabs} tabs, expected {depth}")
        if word not in allowed:
            raise TmdlError(f"{number}: {word!r} may not stand here, only {', '.join(allowed)}")
        kind = KINDS[word]
        if description is not None and not kind.described:
            raise TmdlError(f"{number}: {word} takes no description")
        self.place += 1
        node = self._declared(kind, word, number, text, depth)
        node.description = description
        self._body(node, kind, depth + 1)
        missing = [name for name in kind.required if name not in node.properties]
        if missing:
            raise TmdlError(f"{number}: {word} lacks {', '.join(missing)}")
        return node

    def _description(self, depth: int) -> str | None:
        lines = []
        while self.place < len(self.lines) and self.lines[self.place][2].startswith("///"):
            number, tabs, text = self.lines[self.place]
            if tabs != depth or not text.startswith("/// "):
                raise TmdlError(f"{number}: a description is '/// text', indented as its object")
            lines.append(text[4:])
            self.place += 1
        if lines and (self.place == len(self.lines) or not self.lines[self.place][2]):
            raise TmdlError(f"{self.lines[self.place - 1][0]}: the description of nothing")
        return "\n".join(lines) or None

    def _declared(self, kind: Kind, word: str, number: int, text: str, depth: int) -> Node:
        rest = text[len(word) :]
        if kind.named is None:
            if rest:
                raise TmdlError(f"{number}: {word} has no name")
            return Node(word, None, number)
        match = re.match(rf" ({kind.named})", rest)
        if match is None:
            raise TmdlError(f"{number}: {rest.strip()!r} is no name of a {word}")
        name, rest = match[1], rest[match.end() :]
        if not kind.expression:
            if rest:
                raise TmdlError(f"{number}: {rest.strip()!r} after the name")
            return Node(word, unquoted(name.removesuffix(" = m").removeprefix("table ")), number)
        if not rest.startswith(" ="):
            raise TmdlError(f"{number}: {word} needs = and an expression")
        return Node(word, unquoted(name), number, expression=self._expression(rest[2:], number, depth))

    def _expression(self, rest: str, number: int, depth: int) -> str:
        """What follows the equals sign: on the line, or below it two levels deeper."""
        if rest:
            if not re.fullmatch(rf" {_TEXT}", rest):
                raise TmdlError(f"{number}: one space follows the equals sign")
            return rest[1:]
        lines = []
        while self.place < len(self.lines):
            _, tabs, text = self.lines[self.place]
            if not text or tabs < depth + 2:
                break
            lines.append("\t" * (tabs - depth - 2) + text)
            self.place += 1
        if not lines:
            raise TmdlError(f"{number}: the expression is missing")
        return "\n".join(lines)

    def _body(self, node: Node, kind: Kind, depth: int) -> None:
        while True:
            self._skip_blank()
            if self.place == len(self.lines) or self.lines[self.place][1] < depth:
                return
            number, tabs, text = self.lines[self.place]
            name = re.split(r"[ :=]", text, maxsplit=1)[0]
            if tabs == depth and name in kind.properties:
                self.place += 1
                if name in node.properties:
                    raise TmdlError(f"{number}: {name} stands there twice")
                if node.children:
                    raise TmdlError(f"{number}: {name} comes after the objects of {node.kind}")
                node.properties[name] = self._value(kind.properties[name], name, number, text, depth)
            else:
                node.children.append(self._object(depth, kind.children))

    def _value(self, pattern: str, name: str, number: int, text: str, depth: int) -> str | bool:
        if pattern == FLAG:
            if text != name:
                raise TmdlError(f"{number}: {name} is true by standing there")
            return True
        if pattern == EXPRESSION:
            if text != f"{name} =":
                raise TmdlError(f"{number}: {name} = and its expression below")
            return self._expression("", number, depth)
        value = text.removeprefix(f"{name}: ")
        if value == text or not re.fullmatch(pattern, value):
            raise TmdlError(f"{number}: {name}: {value!r} is none of {pattern}")
        return value
