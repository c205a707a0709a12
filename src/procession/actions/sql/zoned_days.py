"""Days of moments with a zone: SQL takes them as clocks in UTC show them, and not as people wrote them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from procession.actions.sql import trees
from procession.actions.sql.trees import Node

if TYPE_CHECKING:
    import duckdb

_ZONED = "TIMESTAMP WITH TIME ZONE"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FUNCTIONS = re.compile(
    "strftime|date_?trunc|date_?part|date_?diff|last_day|month_end|working_days|(iso)?year|yearweek|quarter|month(name)?|"
    "week(ofyear|day)?|day(name|ofmonth|ofweek|ofyear)?|isodow"
)


def look(
    connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node], bound: Mapping[str, Any]
) -> Iterator[str]:
    """Of one node of a SELECT, where a column has a zone."""
    if node.get("type") != "SELECT_NODE" or not _has_zones(connection):
        return
    parts = [node.get(name) for name in ("select_list", "where_clause", "group_expressions", "having", "qualify")]
    for value in _taken([*parts, node.get("from_table")]):
        if _ZONED in trees.alone(connection, (node, ctes), [value], bound)[1]:
            name = ".".join(value.get("column_names") or ["..."])
            yield (
                f"the day of {name}, a moment with a zone, is taken as clocks in UTC show it: write "
                f"timezone('Europe/Berlin', {name}) for clocks there, or timezone('UTC', {name})"
            )
            return


def _has_zones(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute("SELECT 1 FROM duckdb_columns() WHERE data_type = ? LIMIT 1", [_ZONED])
    return found.fetchone() is not None


def _taken(parts: Sequence[Any]) -> Iterator[Node]:
    """Values of which a day, or something that hangs on it, is taken."""
    for each in trees.outside(list(parts)):
        if _is_day(each):
            yield each["child"]
        elif each.get("class") == "FUNCTION" and _FUNCTIONS.fullmatch(each["function_name"]):
            yield from (one["expression"] for one in each["arguments"])
        elif each.get("class") == "COMPARISON":
            yield from _beside_days([each["left"], each["right"]])
        elif each.get("class") == "BETWEEN":
            yield from _beside_days([each["input"], each["lower"], each["upper"]])


def _beside_days(sides: Sequence[Node]) -> Iterator[Node]:
    if any(_is_day(side) or _DAY.fullmatch(str((side.get("literal") or {}).get("text"))) for side in sides):
        yield from (side for side in sides if side.get("class") not in {"CONSTANT", "CAST"})


def _is_day(node: Node) -> bool:
    """Whether it is CAST(... AS DATE), as DATE '2026-01-31' is one too."""
    return node.get("class") == "CAST" and str((node.get("type_expr") or {}).get("type_name")).lower() == "date"
