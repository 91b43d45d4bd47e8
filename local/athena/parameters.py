"""`?` in a statement, and the values that EXECUTE or the call brings for them."""

import re
from collections.abc import Callable, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from local.athena.errors import SqlError

_EXECUTE = re.compile(
    r"\s*EXECUTE\s+(?:(?P<immediate>IMMEDIATE)\s+(?P<text>'(?:[^']|'')*')|(?P<name>\"?\w+\"?))"
    r"(?:\s+USING\s+(?P<values>.+?))?\s*;?\s*$",
    re.IGNORECASE | re.DOTALL,
)


def bind(sql: str, values: Sequence[str]) -> str:
    """The statement with each `?` replaced by a value, in order.

    Args:
        sql: a statement.
        values: SQL of each value, for example `'WELL-00011'` with its quotes, or `7`.

    Raises:
        SqlError: there are more or fewer values than places.
    """
    try:
        tokens = [
            token
            for token in sqlglot.tokenize(sql, read="athena")
            if token.token_type == TokenType.PLACEHOLDER
        ]
    except SqlglotError as error:
        raise SqlError(f"a quotation or comment does not end: {error}") from error
    if len(tokens) != len(values):
        raise SqlError(
            f"INVALID_PARAMETER_USAGE: Incorrect number of parameters: expected {len(tokens)}, "
            f"found {len(values)}"
        )
    for token, value in reversed(list(zip(tokens, values, strict=True))):
        sql = sql[: token.start] + value + sql[token.end + 1 :]
    return sql


def executed(sql: str, prepared: Callable[[str], str | None]) -> str:
    """The statement that EXECUTE stands for; any other is returned as it is.

    Args:
        sql: a statement.
        prepared: the text of a prepared statement by its name.

    Raises:
        SqlError: there is no such prepared statement, or its values do not fit.
    """
    found = _EXECUTE.match(sql)
    if found is None:
        return sql
    if found["immediate"]:
        text: str | None = found["text"][1:-1].replace("''", "'")
    else:
        text = prepared(found["name"].strip('"'))
    if text is None:
        raise SqlError(
            f"NOT_FOUND: Prepared statement not found: {found['name']}; create it by CreatePreparedStatement"
        )
    return bind(text, _values(found["values"] or ""))


def _values(text: str) -> list[str]:
    if not text.strip():
        return []
    try:
        select = sqlglot.parse_one(f"SELECT {text}", read="athena")
    except SqlglotError as error:
        raise SqlError(f"USING {text}: {error}") from error
    assert isinstance(select, exp.Select)
    return [value.sql("athena") for value in select.expressions]
