"""Warns of SELECTs that are right as SQL and wrong as bookkeeping: each is certain by the text or by the rows.

Columns that UNION puts together by position, NOT IN a list with an empty value, joins that repeat rows of both sides,
a LIMIT that takes any rows, a WHERE that undoes an outer join, running totals over ties, weeks beside another year,
decimals that are lost beside a sum, and days in UTC of moments with a zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from procession.actions import database
from procession.actions.database import quote
from procession.actions.sql import equations, roundings, trees, zoned_days
from procession.actions.sql.trees import Node

if TYPE_CHECKING:
    import duckdb

_COMPARISONS = frozenset({"COMPARISON", "BETWEEN"})
_OUTER = frozenset({"LEFT", "RIGHT", "FULL", "OUTER"})
_ADDING = frozenset({"sum", "count", "count_star"})
_UP_TO_EQUALS = ("UNBOUNDED_PRECEDING", "CURRENT_ROW_RANGE")
_ONE: Node = {"class": "CONSTANT", "type": "VALUE_CONSTANT", "alias": "", "literal": {"kind": "INTEGER", "text": "1"}}
_PARTS = {"year": "year", "week": "week", "weekofyear": "week", "isoyear": "isoyear", "yearweek": "isoyear"}
_PART_FUNCTIONS = frozenset({"date_part", "datepart"})  # extract(week FROM day) too
_BY_POSITION = frozenset({"UNION", "EXCEPT", "INTERSECT"})


def warnings(connection: duckdb.DuckDBPyConnection, query: str, bound: Mapping[str, Any]) -> Iterator[str]:
    """Of a SELECT, or of what is created or inserted AS one; nothing of other statements."""
    if (table := equations.filled(query)) is not None:
        yield from _filled(connection, table, query, bound)
    tree = trees.tree(connection, query)
    for node, ctes in trees.nodes(tree, ()):
        for look in _LOOKS:
            yield from look(connection, node, ctes, bound)


def _positions(
    connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node], bound: Mapping[str, Any]
) -> Iterator[str]:
    """Sides of a UNION that name the same columns in another order."""
    if node.get("type") != "SET_OPERATION_NODE" or node.get("setop_type") not in _BY_POSITION:
        return
    sides = [trees.asked(connection, "DESCRIBE {}", (side, ctes), bound) for side in node["children"]]
    names = [[row[0] for row in side] for side in sides]
    advice = "write UNION ALL BY NAME" if node["setop_type"] == "UNION" else "name the columns in one order"
    if any(_are_moved(names[0], others) for others in names[1:]):
        yield _moved(node["setop_type"], names[0], next(n for n in names[1:] if _are_moved(names[0], n)), advice)


def _filled(connection: duckdb.DuckDBPyConnection, table: str, query: str, bound: Mapping[str, Any]) -> Iterator[str]:
    tables = {name.lower(): columns for name, columns in database.tables(connection).items()}
    statements = trees.tree(connection, query)
    there = tables.get(table.lower(), [])
    if statements and there:
        select = statements[0]["node"], ()
        given = [row[0] for row in trees.asked(connection, "DESCRIBE {}", select, bound)]
        if _are_moved(there, given):
            yield _moved("INSERT", there, given, "write INSERT INTO ... BY NAME")
        types = list(database.columns(connection, table).values())
        yield from roundings.of_insert(connection, types, select, bound)


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
        if trees.asked(
            connection, "SELECT 1 FROM ({}) AS list(value) WHERE value IS NULL LIMIT 1", (asked, ctes), bound
        ):
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


def _one_sided(
    connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node], bound: Mapping[str, Any]
) -> Iterator[str]:
    """A WHERE that cannot be decided for rows of an outer join, most often because they have no partner."""
    where, join = node.get("where_clause"), node.get("from_table") or {}
    if where is None or join.get("join_type") not in _OUTER:
        return
    undecided = {"class": "OPERATOR", "type": "OPERATOR_IS_NULL", "alias": "", "children": [where]}
    rows = trees.asked(connection, "SELECT count(*) FROM ({})", (trees.rows_of(node, [_ONE], undecided), ctes), bound)
    if rows and rows[0][0]:
        what = "1 row" if rows[0][0] == 1 else f"{rows[0][0]:,} rows"
        yield (
            f"the WHERE behind the {join['join_type']} JOIN leaves out {what} for an empty cell, as of those without a "
            "partner: put the condition into ON, or write JOIN"
        )


def _running(
    connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node], bound: Mapping[str, Any]
) -> Iterator[str]:
    """A running total over rows of which several stand at one place: all of them get the total behind the last."""
    if node.get("type") != "SELECT_NODE" or node.get("group_expressions"):
        return
    for window, _ in trees.nodes(node["select_list"], ()):
        if _is_running(window):
            by = [*window["partitions"], *(order["expression"] for order in window["orders"])]
            ties = "SELECT *, count(*) FROM ({}) GROUP BY ALL HAVING count(*) > 1 LIMIT 1"
            if trees.asked(connection, ties, (trees.rows_of(node, by), ctes), bound):
                yield (
                    f"{window['function_name']}() OVER (ORDER BY ...) gives rows that are equal in that order the "
                    "total behind the last of them: order by more columns, or write ROWS UNBOUNDED PRECEDING"
                )


def _is_running(node: Node) -> bool:
    """Whether it adds up in an order, over what SQL takes where no frame is written."""
    is_window = node.get("class") == "WINDOW" and node["function_name"] in _ADDING
    return is_window and bool(node["orders"]) and (node["start"], node["end"]) == _UP_TO_EQUALS


def _week_years(tree: Any) -> str:
    """What is wrong with a week beside a year: the first days of January are in the last week of the year before."""
    parts: dict[frozenset[str], set[str]] = {}
    for node, _ in trees.nodes(tree, ()):
        name, texts = str(node.get("function_name", "")).lower(), _texts(node)
        if name == "strftime" and "%G" not in texts and "%V" in texts and "%y" in texts.lower():
            return (
                "strftime: %V counts the weeks of the year %G, which begins and ends on other days than %Y; write %G-%V"
            )
        part = _PARTS.get(texts.lower() if name in _PART_FUNCTIONS else name)
        if part and node.get("class") == "FUNCTION":
            parts.setdefault(frozenset(_names(node)), set()).add(part)
    if any(found == {"year", "week"} for found in parts.values()):
        return "week counts ISO weeks, and 2025-12-29 is in week 1 of 2026: write isoyear beside it, and not year"
    return ""


def _texts(node: Node) -> str:
    """The constants among the arguments of a call."""
    given = [one.get("expression") or {} for one in node.get("arguments") or ()]
    return "".join(str((one.get("literal") or {}).get("text", "")) for one in given)


def _names(tree: Any) -> Iterator[str]:
    return (each["column_names"][-1] for each, _ in trees.nodes(tree, ()) if each.get("class") == "COLUMN_REF")


def _weeks(
    connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node], bound: Mapping[str, Any]
) -> Iterator[str]:
    """A week beside the year of the calendar, in what is given or grouped by."""
    if doubt := _week_years([node.get("select_list"), node.get("group_expressions")]):
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
    conditions = [each for each, _ in trees.nodes(node.get("where_clause"), ()) if each.get("class") in _COMPARISONS]
    return is_distinct or bool(node.get("qualify")) or any(_columns(each) > 1 for each in conditions)


def _columns(condition: Node) -> int:
    return sum(each.get("class") == "COLUMN_REF" for each, _ in trees.nodes(condition, ()))


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


_LOOKS: tuple[Callable[..., Iterator[str]], ...] = (
    *(_positions, _not_in, _any_rows, _one_sided, _running, _weeks, _repeats, roundings.look, zoned_days.look),
)
