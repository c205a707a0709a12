"""A SELECT as a tree, as DuckDB's parser gives it, and what its parts would give if they stood alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from procession.actions.sql import equations

if TYPE_CHECKING:
    import duckdb

Node = Mapping[str, Any]


def tree(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    row = connection.execute("SELECT json_serialize_sql($1::VARCHAR)", [equations.select_of(query)]).fetchone()
    found = json.loads(row[0]) if row else {}
    return found.get("statements", ())


def nodes(part: Any, ctes: Sequence[Node]) -> Iterator[tuple[Node, Sequence[Node]]]:
    """Every node of the tree, with the CTEs that it may name."""
    if isinstance(part, list):
        for each in part:
            yield from nodes(each, ctes)
    elif isinstance(part, dict):
        own = part.get("cte_map", {}).get("map", ())
        ctes = (*ctes, *own)
        yield part, ctes
        for value in part.values():
            yield from nodes(value, ctes)


def sql_of(connection: duckdb.DuckDBPyConnection, node: Node, ctes: Sequence[Node]) -> str:
    """The text of a SELECT node."""
    whole = {"error": False, "statements": [{"node": {**node, "cte_map": {"map": list(ctes)}}}]}
    row = connection.execute("SELECT json_deserialize_sql($1::VARCHAR)", [json.dumps(whole)]).fetchone()
    return str(row and row[0]).rstrip(";")


def asked(
    connection: duckdb.DuckDBPyConnection, sql: str, node: tuple[Node, Sequence[Node]], bound: Mapping[str, Any]
) -> list[Any]:
    """Rows of `sql`, in which {} is the node's text. None where it cannot stand alone: it names what is around it."""
    import duckdb

    text = sql_of(connection, *node)
    used = {name: value for name, value in bound.items() if f"${name}" in text}
    try:
        return connection.execute(sql.format(text), used or None).fetchall()
    except duckdb.BinderException:
        return []


def rows_of(node: Node, chosen: Sequence[Node], where: Node | None = None) -> Node:
    """The SELECT without what groups, orders and limits its rows."""
    plain: dict[str, Any] = {
        "group_expressions": [],
        "group_sets": [],
        "having": None,
        "qualify": None,
        "modifiers": [],
    }
    return {**node, **plain, "select_list": list(chosen), "where_clause": where or node.get("where_clause")}


def outside(part: Any) -> Iterator[Node]:
    """Every node but those of a SELECT inside, which is looked at by itself."""
    if isinstance(part, list):
        for each in part:
            yield from outside(each)
    elif isinstance(part, dict) and part.get("type") not in {"SELECT_NODE", "SET_OPERATION_NODE"}:
        yield part
        for value in part.values():
            yield from outside(value)


def tried(
    connection: duckdb.DuckDBPyConnection, sql: str, node: tuple[Node, Sequence[Node]], bound: Mapping[str, Any]
) -> list[Any]:
    """As asked(); none where something fails, of which the statement itself will tell if it comes to it."""
    import duckdb

    try:
        return asked(connection, sql, node, bound)
    except duckdb.Error:
        return []


def alone(
    connection: duckdb.DuckDBPyConnection,
    place: tuple[Node, Sequence[Node]],
    values: Sequence[Node],
    bound: Mapping[str, Any],
) -> tuple[Node, list[str]]:
    """A SELECT of these values instead of its own, and their types; none of values that depend on what is around."""
    node, ctes = place
    # As they stand, for those of groups; else of the rows, for a condition that groups do not know.
    for select in ({**node, "select_list": list(values), "modifiers": []}, rows_of(node, values)):
        if types := [row[1] for row in tried(connection, "DESCRIBE {}", (select, ctes), bound)]:
            break
    return select, types
