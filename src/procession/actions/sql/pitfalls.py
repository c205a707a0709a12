"""Warns of SELECTs that are right as SQL and wrong as bookkeeping: each is certain by the text or by the rows.

Columns that UNION puts together by position, NOT IN a list with an empty value, joins that repeat rows of both sides,
a LIMIT that takes any rows, and weeks beside the year of the calendar.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from procession.actions import database
from procession.actions.database import quote
from procession.actions.sql import equations, sql_facts

if TYPE_CHECKING:
    import duckdb

Node = Mapping[str, Any]
_COMPARISONS = frozenset({"COMPARISON", "BETWEEN"})
_BY_POSITION = frozenset({"UNION", "EXCEPT", "INTERSECT"})


def warnings(connection: duckdb.DuckDBPyConnection, query: str, bound: Mapping[str, Any]) -> Iterator[str]:
    """Of a SELECT, or of what is created or inserted AS one; nothing of other statements."""
    if (table := equations.filled(query)) is not None:
        yield from _filled(connection, table, query, bound)
    tree = _tree(connection, query)
    for node, ctes in _nodes(tree, ()):
        for look in _LOOKS:
            yield from look(connection, node, ctes, bound)


def _tree(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = connection.execute("SELECT json_serialize_sql($1::VARCHAR)", [equations.select_of(query)]).fetchone()
    found = json.loads(row[0]) if row else {}
    return found.get("statements", ())


def _nodes(tree: Any, ctes: Sequence[Node]) -> Iterator[tuple[Node, Sequence[Node]]]:
    """Every node of the tree, with the CTEs that it may name."""
    if isinstance(tree, list):
        for each in tree:
            yield from _nodes(each, ctes)
    elif isinstance(tree, dict):
        own = tree.get("cte_map", {}).get("map", ())
        ctes = (*ctes, *own)
        yield tree, ctes
        for value in tree.values():
            yield from _nodes(value, ctes)


def _sql(connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node]) -> str:
    """The text of a SELECT node."""
    whole = {"error": False, "statements": [{"node": {**node, "cte_map": {"map": list(ctes)}}}]}
    row = connection.execute("SELECT json_deserialize_sql($1::VARCHAR)", [json.dumps(whole)]).fetchone()
    return str(row and row[0]).rstrip(";")


def _asked(
    connection: duckdb.DuckDBPyConnection, sql: str, node: tuple[Node, Sequence[Node]], bound: Mapping[str, Any]
) -> list[Any]:
    """Rows of `sql`, in which {} is the node's text. None where it cannot stand alone: it names what is around it."""
    import duckdb

    text = _sql(connection, *node)
    used = {name: value for name, value in bound.items() if f"${name}" in text}
    try:
        return connection.execute(sql.format(text), used or None).fetchall()
    except duckdb.BinderException:
        return []


def _positions(
    connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node], bound: Mapping[str, Any]
) -> Iterator[str]:
    """Sides of a UNION that name the same columns in another order."""
    if node.get("type") != "SET_OPERATION_NODE" or node.get("setop_type") not in _BY_POSITION:
        return
    sides = [_asked(connection, "DESCRIBE {}", (side, ctes), bound) for side in node["children"]]
    names = [[row[0] for row in side] for side in sides]
    advice = "write UNION ALL BY NAME" if node["setop_type"] == "UNION" else "name the columns in one order"
    if any(_are_moved(names[0], others) for others in names[1:]):
        yield _moved(node["setop_type"], names[0], next(n for n in names[1:] if _are_moved(names[0], n)), advice)


def _filled(connection: duckdb.DuckDBPyConnection, table: str, query: str, bound: Mapping[str, Any]) -> Iterator[str]:
    tables = {name.lower(): columns for name, columns in database.tables(connection).items()}
    statements = _tree(connection, query)
    there = tables.get(table.lower(), [])
    if statements and there:
        given = [row[0] for row in _asked(connection, "DESCRIBE {}", (statements[0]["node"], ()), bound)]
        if _are_moved(there, given):
            yield _moved("INSERT", there, given, "write INSERT INTO ... BY NAME")


def _are_moved(names: Sequence[str], others: Sequence[str]) -> bool:
    """Whether a name stands in another place there."""
    first, second = ([name.lower() for name in side] for side in (names, others))
    return len(first) == len(second) and any(a != b and b in first for a, b in zip(first, second, strict=True))


def _moved(kind: str, names: Sequence[str], others: Sequence[str], advice: str) -> str:
    return (
        f"{kind} puts columns together by their positions, and both sides name them in another order "
        f"({', '.join(names)} and {', '.join(others)}): {advice}"
    )


def _not_in(
    connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node], bound: Mapping[str, Any]
) -> Iterator[str]:
    """NOT IN a SELECT that gives an empty value: it is true for nothing."""
    if node.get("type") != "OPERATOR_NOT":
        return
    inner = node["children"][0]
    if inner.get("class") == "SUBQUERY" and inner.get("subquery_type") == "ANY":
        asked = inner["subquery"]["node"]
        if _asked(connection, "SELECT 1 FROM ({}) AS list(value) WHERE value IS NULL LIMIT 1", (asked, ctes), bound):
            yield (
                "NOT IN takes no row where the list behind it holds an empty value, and this one does: "
                "add WHERE ... IS NOT NULL to the list, or write ANTI JOIN"
            )


def _any_rows(
    connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node], bound: Mapping[str, Any]
) -> Iterator[str]:
    """LIMIT of rows without an order, where a join or a group made them."""
    kinds = {modifier["type"] for modifier in node.get("modifiers", ())}
    if "LIMIT_MODIFIER" not in kinds or "ORDER_MODIFIER" in kinds:
        return
    source = node.get("from_table") or {}
    if node.get("group_expressions") or "DISTINCT_MODIFIER" in kinds or source.get("type") == "JOIN":
        yield "LIMIT takes any rows where nothing orders them, and may take others next time: add ORDER BY"


def _weeks(
    connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node], bound: Mapping[str, Any]
) -> Iterator[str]:
    """A week beside the year of the calendar, in what is given or grouped by."""
    if doubt := sql_facts.week_years([node.get("select_list"), node.get("group_expressions")]):
        yield doubt


def _repeats(
    connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node], bound: Mapping[str, Any]
) -> Iterator[str]:
    """A join of two tables by columns that are unique on neither side, where nothing chooses among its rows."""
    if node.get("type") != "SELECT_NODE" or "JOIN" not in str(node.get("from_table")) or _chooses(node):
        return
    tables = {name.lower(): name for name in database.tables(connection)}
    columns = {name: database.columns(connection, name) for name in tables.values()}
    for join in equations.of_joins(node["from_table"], ctes, tables, columns):
        row = _first_repeated(connection, join)
        if row is not None:
            yield (
                f'the join of {join.left} and {join.right} repeats rows of both: "{row[0]}" stands {row[1]:,} times in '
                f"{join.left} and {row[2]:,} times in {join.right}, so sums count them more than once; "
                "group one of them first, or join by more columns"
            )


def _chooses(node: Node) -> bool:
    """Whether the SELECT has a condition between columns, such as that of a period, or takes rows once."""
    is_distinct = any(modifier["type"] == "DISTINCT_MODIFIER" for modifier in node.get("modifiers", ()))
    conditions = [each for each, _ in _nodes(node.get("where_clause"), ()) if each.get("class") in _COMPARISONS]
    return is_distinct or bool(node.get("qualify")) or any(_columns(each) > 1 for each in conditions)


def _columns(condition: Node) -> int:
    return sum(each.get("class") == "COLUMN_REF" for each, _ in _nodes(condition, ()))


def _first_repeated(connection: duckdb.DuckDBPyConnection, join: equations.Equation) -> Any:
    """The columns' values, and how often they stand on each side."""
    sides = (join.left, [left for left, _ in join.columns]), (join.right, [right for _, right in join.columns])
    for side in sorted(sides, key=partial(_rows, connection)):  # the smaller side first: most often it has no twins
        if connection.execute(f"SELECT 1 FROM ({_often(*side)}) LIMIT 1").fetchone() is None:
            return None
    numbers = range(len(join.columns))
    on = " AND ".join(f"l.x{number} = r.x{number}" for number in numbers)
    return connection.execute(
        f"SELECT concat_ws(', ', {', '.join(f'l.x{number}' for number in numbers)}), l.times, r.times "
        f"FROM ({_often(*sides[0])}) l JOIN ({_often(*sides[1])}) r ON {on} ORDER BY ALL LIMIT 1"
    ).fetchone()


def _rows(connection: duckdb.DuckDBPyConnection, side: tuple[str, Sequence[str]]) -> int:
    return database.count(connection, side[0])


def _often(table: str, columns: Sequence[str]) -> str:
    shown = ", ".join(f"{quote(column)} AS x{number}" for number, column in enumerate(columns))
    return f"SELECT {shown}, count(*) AS times FROM {quote(table)} GROUP BY ALL HAVING count(*) > 1"


_LOOKS: tuple[Callable[..., Iterator[str]], ...] = (_positions, _not_in, _any_rows, _weeks, _repeats)
