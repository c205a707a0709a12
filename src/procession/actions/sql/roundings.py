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

_SCALE = re.compile(r"DECIMAL\(\d+,(\d+)\)|U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?")
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
        yield from _of_sides(connection, node["children"], ctes, bound, node["setop_type"])
    elif node.get("type") == "SELECT_NODE":
        for one in _chosen([node.get("select_list"), node.get("from_table")]):
            yield from _of_values(connection, (node, ctes), one, bound)
        for source, one in _unpivoted(node.get("from_table")):
            plain = {**trees.rows_of(node, ()), "where_clause": None, "from_table": source}
            yield from _of_values(connection, (plain, ctes), one, bound)
        for join, columns in _joined(node.get("from_table")):
            plain = {**trees.rows_of(node, columns), "where_clause": None}
            sides = [{**plain, "from_table": join[side]} for side in ("left", "right")]
            yield from _of_sides(connection, sides, ctes, bound, "FULL JOIN")
        # What conditions leave out by it is not among the rows that they leave.
        whole = {**node, **dict.fromkeys(_CONDITIONS)}
        for one in _chosen([node.get(name) for name in _CONDITIONS]):
            yield from _of_values(connection, (whole, ctes), one, bound)


def of_insert(
    connection: duckdb.DuckDBPyConnection,
    types: Sequence[str],
    select: tuple[Node, Sequence[Node]],
    bound: Mapping[str, Any],
) -> Iterator[str]:
    """What the columns of a table that are of these types take from the decimals of what is inserted."""
    given = trees.tried(connection, "DESCRIBE {}", select, bound)
    for place, (wanted, (name, type_, *_)) in enumerate(zip(types, given, strict=False)):
        if _is_less(wanted, type_):
            for value, kept, _ in trees.tried(connection, _lost(len(given), place, wanted), select, bound):
                yield f"INSERT makes {kept} of {value}, because {quote(name)} goes to a column of {wanted}"


def _of_sides(
    connection: duckdb.DuckDBPyConnection,
    sides: Sequence[Node],
    ctes: Sequence[Node],
    bound: Mapping[str, Any],
    name: str,
) -> Iterator[str]:
    """Columns of SELECTs that UNION makes one of, or EXCEPT and INTERSECT compare."""
    own = [trees.tried(connection, "DESCRIBE {}", (side, ctes), bound) for side in sides]
    for side, columns in zip(sides, own, strict=True):
        for place, (column, type_, *_) in enumerate(columns):
            types = [_there(other, column, place, is_by_name=name.endswith(_BY_NAME)) for other in own]
            given = _together(connection, types)
            if _is_less(given, type_):
                rows = trees.tried(connection, _lost(len(columns), place, given), (side, ctes), bound)
                yield from _told(rows, f"{name.removesuffix(_BY_NAME)} of {quote(column)}")


def _there(columns: Sequence[Any], name: str, place: int, *, is_by_name: bool) -> str:
    """The type of what stands for a column on another side; empty for nothing."""
    if is_by_name:
        return next((type_ for other, type_, *_ in columns if other.lower() == name.lower()), "")
    return str(columns[place][1]) if place < len(columns) else ""


def _chosen(parts: Sequence[Any]) -> Iterator[_Choice]:
    for each in trees.outside(parts):
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
    for each in trees.outside(part):
        if each.get("type") == "PIVOT" and each.get("unpivot_names"):
            entries = [entry["star_expr"] for pivot in each["pivots"] for entry in pivot["entries"]]
            yield each["source"], _Choice(name="UNPIVOT", values=entries, made=None)


def _joined(part: Any) -> Iterator[tuple[Node, Sequence[Node]]]:
    """FULL JOINs, and the columns of both sides that each makes one of."""
    for each in trees.outside(part):
        if each.get("type") == "JOIN" and each.get("join_type") == "FULL":
            names = each.get("using_columns") or ()
            yield each, [{"class": "COLUMN_REF", "type": "COLUMN_REF", "alias": "", "column_names": [n]} for n in names]


def _of_values(
    connection: duckdb.DuckDBPyConnection,
    place: tuple[Node, Sequence[Node]],
    choice: _Choice,
    bound: Mapping[str, Any],
) -> Iterator[str]:
    made = [] if choice.made is None else [choice.made]
    select, types = trees.alone(connection, place, [*choice.values, *made], bound)
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
        yield from _told(trees.tried(connection, lost, (source, place[1]), bound), choice.name)


def _together(connection: duckdb.DuckDBPyConnection, types: Sequence[str]) -> str:
    """The type that DuckDB makes of them; empty where it makes none."""
    import duckdb

    different = [type_ for type_ in dict.fromkeys(types) if type_ and type_ != '"NULL"']
    listed = " UNION ALL ".join(f"SELECT NULL::{type_} AS x" for type_ in different)
    try:
        row = connection.execute(f"DESCRIBE {listed}").fetchone() if len(different) > 1 else None
    except duckdb.Error:
        return ""
    return str(row[1]) if row else ""


def _is_less(given: str, own: str) -> bool:
    """Whether the one type has fewer decimals than the other."""
    kept, there = _SCALE.fullmatch(given), _SCALE.fullmatch(own)
    return bool(kept and there and int(kept[1] or 0) < int(there[1] or 0))


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
