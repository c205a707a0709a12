"""Decimals that SQL gives up unsaid, where numbers of two sizes become one column or one value.

DuckDB has 38 digits for both. A sum of amounts takes all of them, so that 1.23456 beside it becomes 1.2346.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from procession.actions.database import literal, quote
from procession.actions.sql import trees
from procession.actions.sql.trees import Node

if TYPE_CHECKING:
    import duckdb

_SCALE = re.compile(r"DECIMAL\(\d+,(\d+)\)")
_BY_NAME = "_BY_NAME"
_CONDITIONS = ("where_clause", "having", "qualify")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """Where one of several values is taken. `made` is what comes of it, None where that is no number.

    `listed` is the SELECT of a list in which the first value is looked for.
    """

    name: str
    values: Sequence[Node]
    made: Node | None
    listed: Node | None = None


def look(
    connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node], bound: Mapping[str, Any]
) -> Iterator[str]:
    """Of one node of a SELECT: what its rows certainly lose."""
    if node.get("type") == "SET_OPERATION_NODE":
        yield from _of_sides(connection, node, ctes, bound)
    elif node.get("type") == "SELECT_NODE":
        for one in _chosen([node.get("select_list"), node.get("from_table")]):
            yield from _of_values(connection, (node, ctes), one, bound)
        for source, one in _unpivoted(node.get("from_table")):
            plain = {**trees.rows_of(node, ()), "where_clause": None, "from_table": source}
            yield from _of_values(connection, (plain, ctes), one, bound)
        # What conditions leave out by it is not among the rows that they leave.
        whole = {**node, **dict.fromkeys(_CONDITIONS)}
        for one in _chosen([node.get(name) for name in _CONDITIONS]):
            yield from _of_values(connection, (whole, ctes), one, bound)


def _of_sides(
    connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node], bound: Mapping[str, Any]
) -> Iterator[str]:
    """Columns of a UNION, or of rows that EXCEPT and INTERSECT compare."""
    whole = _asked(connection, "DESCRIBE {}", (node, ctes), bound)
    for side in node["children"]:
        own = _asked(connection, "DESCRIBE {}", (side, ctes), bound)
        for place, (name, type_, *_) in enumerate(own):
            given = _there(whole, name, place, is_by_name=node["setop_type"].endswith(_BY_NAME))
            if _is_less(given, type_):
                rows = _asked(connection, _lost(len(own), place, given), (side, ctes), bound)
                yield from _told(rows, f"{node['setop_type'].split('_')[0]} of {quote(name)}")


def _there(whole: Sequence[Any], name: str, place: int, *, is_by_name: bool) -> str:
    """The type of a side's column in what comes of all sides."""
    if is_by_name:
        return next((type_ for other, type_, *_ in whole if other.lower() == name.lower()), "")
    return str(whole[place][1]) if place < len(whole) else ""


def _chosen(parts: Sequence[Any]) -> Iterator[_Choice]:
    for each in _outside(parts):
        name = each.get("function_name", "")
        given = [one["expression"] for one in each.get("arguments") or () if "expression" in one]
        if each.get("class") == "CASE":
            values = [*(check["then_expr"] for check in each["case_checks"]), each["else_expr"]]
            yield _Choice(name="CASE", values=values, made=each)
        elif each.get("type") == "OPERATOR_COALESCE":
            yield _Choice(name="coalesce()", values=each["children"], made=each)
        elif name in {"greatest", "least", "if", "list_value"}:
            is_list = name == "list_value"
            values = given[1:] if name == "if" else given
            yield _Choice(name="a list" if is_list else f"{name}()", values=values, made=None if is_list else each)
        elif each.get("class") == "SUBQUERY" and each.get("subquery_type") == "ANY":
            # As a single value, for its type.
            listed = {**each, "subquery_type": "SCALAR", "child": None}
            yield _Choice(name="IN", values=[each["child"], listed], made=None, listed=each["subquery"]["node"])


def _unpivoted(part: Any) -> Iterator[tuple[Node, _Choice]]:
    """The rows whose columns UNPIVOT makes one of, and these columns."""
    for each in _outside(part):
        if each.get("type") == "PIVOT" and each.get("unpivot_names"):
            entries = [entry["star_expr"] for pivot in each["pivots"] for entry in pivot["entries"]]
            yield each["source"], _Choice(name="UNPIVOT", values=entries, made=None)


def _outside(part: Any) -> Iterator[Node]:
    """Every node but those of a SELECT inside, which is looked at by itself."""
    if isinstance(part, list):
        for each in part:
            yield from _outside(each)
    elif isinstance(part, dict) and part.get("type") not in {"SELECT_NODE", "SET_OPERATION_NODE"}:
        yield part
        for value in part.values():
            yield from _outside(value)


def _of_values(
    connection: duckdb.DuckDBPyConnection,
    place: tuple[Node, Sequence[Node]],
    choice: _Choice,
    bound: Mapping[str, Any],
) -> Iterator[str]:
    (node, ctes), made = place, [] if choice.made is None else [choice.made]
    # As they stand, for those of groups; else of the rows, for a condition that groups do not know.
    given = [*choice.values, *made]
    for select in ({**node, "select_list": given, "modifiers": []}, trees.rows_of(node, given)):
        if types := [row[1] for row in _asked(connection, "DESCRIBE {}", (select, ctes), bound)]:
            break
    own = types[: len(types) - len(made)]
    wanted = _together(connection, own)
    for number, type_ in enumerate(own):
        if not _is_less(wanted, type_):
            continue
        # Of a choice only where it is the one that is taken.
        lost = _lost(len(types), number, wanted, f" AND c{len(own)} = CAST(c{number} AS {wanted})" if made else "")
        source = select
        if choice.listed is not None:  # each side by itself: the list has more rows than one
            source = choice.listed if number else {**select, "select_list": choice.values[:1]}
            lost = _lost(1, 0, wanted)
        yield from _told(_asked(connection, lost, (source, ctes), bound), choice.name)


def _asked(
    connection: duckdb.DuckDBPyConnection, sql: str, node: tuple[Node, Sequence[Node]], bound: Mapping[str, Any]
) -> list[Any]:
    """As trees.asked; none where something fails, of which the statement itself will tell if it comes to it."""
    import duckdb

    try:
        return trees.asked(connection, sql, node, bound)
    except duckdb.Error:
        return []


def _together(connection: duckdb.DuckDBPyConnection, types: Sequence[str]) -> str:
    """The type that DuckDB makes of them; empty where it makes none."""
    import duckdb

    listed = " UNION ALL ".join(f"SELECT NULL::{type_} AS x" for type_ in dict.fromkeys(types) if type_ != '"NULL"')
    try:
        row = connection.execute(f"DESCRIBE {listed}").fetchone() if listed else None
    except duckdb.Error:
        return ""
    return str(row[1]) if row else ""


def _is_less(given: str, own: str) -> bool:
    """Whether the one type has fewer decimals than the other."""
    kept, there = _SCALE.fullmatch(given), _SCALE.fullmatch(own)
    return bool(kept and there and int(kept[1]) < int(there[1]))


def _lost(columns: int, number: int, given: str, condition: str = "") -> str:
    """SQL of the first of so many columns' values, {}, that the type takes decimals from, and of what it leaves."""
    names = ", ".join(f"c{at}" for at in range(columns))
    value, kept = f"c{number}", f"CAST(c{number} AS {given})"
    shown = ", ".join(f"rtrim(rtrim({text}::VARCHAR, '0'), '.')" for text in (value, kept))
    found = f"SELECT {shown}, {literal(given)} FROM ({{}}) AS x({names})"
    return f"{found} WHERE {value} <> {kept}{condition} LIMIT 1"


def _told(rows: Sequence[Any], where: str) -> Iterator[str]:
    for value, kept, given in rows:
        yield (
            f"{where} makes {kept} of {value}: a sum, or another number of up to 38 digits, leaves it only the "
            f"decimals of {given}; write CAST(... AS DECIMAL(28,10)) around that one"
        )
