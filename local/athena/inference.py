"""The type of every expression of a query, as Athena would have it; None where it cannot be told."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from local.athena import types
from local.athena.relations import ColumnTypes, Resolver, TableColumns
from local.athena.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    TIMESTAMP,
    TIMESTAMP_TZ,
    UNKNOWN,
    VARCHAR,
    SqlType,
)

_OPERATORS: Mapping[type[exp.Expr], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "/", exp.Mod: "%",
}  # fmt: skip
# Functions whose type is the same whatever they are given.
_FIXED: Mapping[SqlType, tuple[type[exp.Expr], ...]] = {
    BIGINT: (
        exp.Count, exp.CountIf, exp.ApproxDistinct, exp.ArraySize, exp.DateDiff, exp.TimestampDiff,
        exp.Length, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile, exp.StrPosition, exp.Year,
        exp.Quarter, exp.Month,
        exp.Week, exp.WeekOfYear, exp.Day, exp.DayOfMonth, exp.DayOfWeek, exp.DayOfWeekIso, exp.DayOfYear,
        exp.Hour, exp.Minute, exp.Second, exp.Extract, exp.WidthBucket, exp.BitwiseCount, exp.Levenshtein,
        exp.ArrayPosition,
    ),
    DOUBLE: (
        exp.Sqrt, exp.Cbrt, exp.Exp, exp.Ln, exp.Log, exp.Pow, exp.Rand, exp.Pi, exp.Sin, exp.Cos, exp.Tan,
        exp.Asin, exp.Acos, exp.Atan, exp.Atan2, exp.Degrees, exp.Radians, exp.Stddev, exp.StddevPop,
        exp.StddevSamp, exp.Variance, exp.VariancePop, exp.Corr, exp.CovarPop, exp.CovarSamp, exp.TimeToUnix,
        exp.PercentRank, exp.CumeDist, exp.Skewness, exp.Kurtosis, exp.RegrSlope, exp.RegrIntercept,
    ),
    VARCHAR: (
        exp.Concat, exp.ConcatWs, exp.DPipe, exp.Upper, exp.Lower, exp.Trim, exp.Substring, exp.Replace,
        exp.RegexpReplace, exp.RegexpExtract, exp.SplitPart, exp.ArrayToString, exp.GroupConcat,
        exp.TimeToStr, exp.Format, exp.Chr, exp.Reverse, exp.Pad, exp.JSONExtractScalar, exp.JSONFormat,
    ),
    BOOLEAN: (
        exp.Predicate, exp.Connector, exp.Not, exp.Exists, exp.LogicalAnd, exp.LogicalOr, exp.RegexpLike,
        exp.ArrayContains, exp.ArrayAny, exp.ArrayAll, exp.StartsWith, exp.Boolean, exp.IsNan,
    ),
    DATE: (exp.CurrentDate, exp.TsOrDsToDate, exp.LastDay, exp.Date, exp.FromISO8601Date),
    TIMESTAMP: (exp.StrToTime,),
    TIMESTAMP_TZ: (exp.CurrentTimestamp, exp.UnixToTime, exp.FromISO8601Timestamp,
        exp.AtTimeZone, exp.ParseDatetime),
    SqlType("json"): (exp.JSONExtract, exp.ParseJSON),
}  # fmt: skip
# Functions whose type is that of their first argument.
_FIRST = (
    exp.Paren, exp.Neg, exp.Abs, exp.Min, exp.Max, exp.ArgMax, exp.ArgMin, exp.AnyValue, exp.First, exp.Last,
    exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag, exp.Lead, exp.Window, exp.Filter, exp.Nullif,
    exp.Alias, exp.Try, exp.ApproxQuantile, exp.DateAdd, exp.DateSub, exp.TimestampTrunc, exp.DateTrunc,
    exp.Distinct, exp.Order, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.ArraySort,
    exp.ArrayFilter, exp.ArrayDistinct, exp.ArraySlice, exp.TimestampAdd,
)  # fmt: skip
_NAMED: Mapping[str, SqlType] = {
    "TO_UNIXTIME": DOUBLE, "GEOMETRIC_MEAN": DOUBLE, "INFINITY": DOUBLE, "NAN": DOUBLE, "E": DOUBLE,
    "FROM_ISO8601_DATE": DATE, "CODEPOINT": INTEGER, "FORMAT_DATETIME": VARCHAR, "TYPEOF": VARCHAR,
    "PARSE_DATETIME": TIMESTAMP_TZ, "CONTAINS": BOOLEAN, "JSON_ARRAY_LENGTH": BIGINT, "TO_JSON": VARCHAR,
    "MILLISECOND": BIGINT, "IS_FINITE": BOOLEAN, "ANY_MATCH": BOOLEAN, "ALL_MATCH": BOOLEAN,
    "NONE_MATCH": BOOLEAN, "TO_ISO8601": VARCHAR,
}  # fmt: skip


class Typer:
    """Types of one statement, whose views are already expanded."""

    def __init__(self, tables: TableColumns) -> None:
        self._resolver = Resolver(tables, self.of, {})
        self._known: dict[int, SqlType | None] = {}
        self._fixed = {node: kind for kind, nodes in _FIXED.items() for node in nodes}
        self._rules: dict[type[exp.Expr], Callable[[exp.Expr], SqlType | None]] = {
            exp.Column: self._column,
            exp.Literal: _literal,
            exp.Null: lambda _: UNKNOWN,
            exp.Case: self._case,
            exp.If: lambda node: types.common((self._arg(node, "true"), self._arg(node, "false", UNKNOWN))),
            exp.Round: lambda node: types.rounded(self.of(node.this), places=bool(node.args.get("decimals"))),
            exp.Floor: lambda node: types.rounded(self.of(node.this), places=False),
            exp.Ceil: lambda node: types.rounded(self.of(node.this), places=False),
            exp.Sign: lambda node: types.rounded(self.of(node.this), places=False),
            exp.Sum: lambda node: types.summed(self.of(node.this)),
            exp.Avg: lambda node: types.averaged(self.of(node.this)),
            exp.Array: lambda node: SqlType("array", inner=(types.common(map(self.of, node.expressions)),)),
            exp.ArrayAgg: lambda node: SqlType("array", inner=(self.of(node.this),)),
            exp.Split: lambda _: SqlType("array", inner=(VARCHAR,)),
            exp.Bracket: self._element,
            exp.Subquery: self._scalar,
            exp.Interval: _interval,
            exp.Identifier: self._parameter_named,
            exp.Any: lambda _: None,
            exp.All: lambda _: None,
            exp.Map: self._map,
            exp.Trunc: self._truncated,
            exp.Anonymous: self._named,
            **dict.fromkeys(_OPERATORS, self._operation),
        }

    def of(self, node: exp.Expr) -> SqlType | None:
        """Type of an expression."""
        if id(node) not in self._known:
            self._known[id(node)] = None
            self._known[id(node)] = self._of(node)
        return self._known[id(node)]

    def adopt(self, new: exp.Expr, old: exp.Expr) -> None:
        """Let an expression that stands for another one have its type."""
        self._known[id(new)] = self.of(old)

    def columns(self, query: exp.Expr) -> ColumnTypes | None:
        """Names and types of the columns a query returns; None where they are not known."""
        return self._resolver.columns(query)

    def columns_of(self, relation: exp.Expr) -> ColumnTypes | None:
        """Names and types of the columns of a relation of FROM or JOIN; None where they are not known."""
        return self._resolver.of_relation(relation)

    def _of(self, node: exp.Expr) -> SqlType | None:
        rule = self._rules.get(type(node))
        if rule is not None:
            return rule(node)
        if isinstance(node, exp.Cast):  # TRY_CAST is one
            return types.of_data_type(node.to)
        if isinstance(node, exp.Coalesce | exp.Greatest | exp.Least):
            return types.common(self.of(part) for part in (node.this, *node.expressions))
        if isinstance(node, _FIRST):
            return self.of(node.this) if isinstance(node.this, exp.Expr) else self._parts(node)
        return next((self._fixed[kind] for kind in type(node).__mro__ if kind in self._fixed), None)

    def _operation(self, node: exp.Expr) -> SqlType | None:
        return types.arithmetic(_OPERATORS[type(node)], self.of(node.this), self.of(node.expression))

    def _parts(self, node: exp.Expr) -> SqlType | None:
        return types.common(self.of(part) for part in node.expressions)

    def _arg(self, node: exp.Expr, name: str, default: SqlType | None = None) -> SqlType | None:
        part = node.args.get(name)
        return default if part is None else self.of(part)

    def _case(self, node: exp.Expr) -> SqlType | None:
        branches = [self._arg(branch, "true") for branch in node.args["ifs"]]
        return types.common((*branches, self._arg(node, "default", UNKNOWN)))

    def _element(self, node: exp.Expr) -> SqlType | None:
        kind = self.of(node.this)
        return kind.inner[-1] if kind is not None and kind.name in {"array", "map"} and kind.inner else None

    def _scalar(self, node: exp.Expr) -> SqlType | None:
        columns = self._resolver.columns(node)
        return columns[0][1] if columns else None

    def _truncated(self, node: exp.Expr) -> SqlType | None:
        kind = self.of(node.this)
        if kind is not None and types.is_decimal(kind) and not node.args.get("decimals"):
            return SqlType("decimal", max(1, kind.precision - kind.scale), 0)
        return kind

    def _map(self, node: exp.Expr) -> SqlType | None:
        parts = (self._arg(node, "keys"), self._arg(node, "values"))
        return SqlType("map", inner=tuple(part.inner[0] if part and part.inner else None for part in parts))

    def _named(self, node: exp.Expr) -> SqlType | None:
        name = str(node.this).upper()
        if name in {"MAP_AGG", "HISTOGRAM"}:
            kinds = [self.of(part) for part in node.expressions]
            return SqlType("map", inner=(kinds[0], kinds[1] if name == "MAP_AGG" else BIGINT))
        return _NAMED.get(name)

    def _column(self, node: exp.Expr) -> SqlType | None:
        assert isinstance(node, exp.Column)
        return self._parameter_named(node) or self._resolver.column(node)

    def _parameter_named(self, node: exp.Expr) -> SqlType | None:
        """Type of a lambda's parameter, where the name is one."""
        parent = node.parent
        while parent is not None:
            if isinstance(parent, exp.Lambda) and any(
                part.name == node.name for part in parent.expressions if isinstance(part, exp.Identifier)
            ):
                return self._parameter(parent)
            parent = parent.parent
        return None

    def _parameter(self, function: exp.Lambda) -> SqlType | None:
        """Type of a lambda's only parameter: the element of the array it runs over."""
        call = function.parent
        array = self.of(call.this) if call is not None and isinstance(call.this, exp.Expr) else None
        single = len(function.expressions) == 1 and array is not None and array.name == "array"
        return array.inner[0] if single and array is not None and call is not None else None


def _interval(node: exp.Expr) -> SqlType:
    unit = str(node.args.get("unit") or "").upper()
    long = "YEAR" in unit or "MONTH" in unit
    return SqlType("interval year to month" if long else "interval day to second")


def _literal(node: exp.Expr) -> SqlType:
    text = node.name
    if node.is_string:
        return SqlType("varchar", len(text))
    if node.is_int:
        return INTEGER if abs(int(text)) < 2**31 else BIGINT
    if "e" in text.lower():
        return DOUBLE
    whole, _, fraction = text.partition(".")
    return SqlType("decimal", max(1, len(whole) + len(fraction)), len(fraction))
