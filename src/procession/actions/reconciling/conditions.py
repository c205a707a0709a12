"""SQL conditions that narrow a rule: one condition on the columns of a row, and nothing else that SQL can do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.reconciling.condition_texts import ONE, statement
from procession.actions.reconciling.sides import Side
from procession.actions.sql import sql_facts

if TYPE_CHECKING:
    import duckdb

# What may follow a bracket that a text closes itself: `true) LIMIT (1`.
_CLAUSES = ("where_clause", "group_expressions", "group_sets", "having", "qualify", "sample", "modifiers")
_PLAIN_NODES = frozenset({"EMPTY"})  # what stands behind FROM in SELECT (condition)


def narrow(connection: duckdb.DuckDBPyConnection, side: Side, text: str, what: str) -> str:
    """SQL of the condition in brackets. Raises Problem for what is more than a condition on columns of the side."""
    import duckdb

    # Again although the file was checked: here the whole tree is known, and the columns are.
    sql = statement(text)
    try:
        row = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    except duckdb.Error as error:
        raise Problem(f"{what} is no condition: {database.complaint(error, {})}") from error
    assert row is not None
    tree = json.loads(row[0])
    if tree.get("error"):
        raise Problem(f"{what} is no condition: {database.complaint(tree.get('error_message', ''), {})}")
    # By its tree and not by its words: whatever a search for words forbids can be written another way.
    if len(tree["statements"]) != 1 or not _is_plain(tree["statements"][0]["node"]):
        raise Problem(f"{what} {ONE}")
    if found := sql_facts.telling(sql):
        raise Problem(f"{what}: {found[1]} is not available here")
    # Now, not in the middle of the passes: a slip in the last rule should not cost the time of all others.
    _try(connection, side, text, what)
    return f"({text}\n)"


def _is_plain(node: dict[str, Any]) -> bool:
    """Whether it selects one value from nothing, without a subquery in it."""
    is_one = node.get("type") == "SELECT_NODE" and len(node.get("select_list", ())) == 1
    if not is_one or node["from_table"]["type"] not in _PLAIN_NODES or any(node.get(clause) for clause in _CLAUSES):
        return False
    # Each of these would let a row's match depend on more than that row.
    return not any(kind in {"SUBQUERY", "PARAMETER", "STAR", "WINDOW"} for kind in _classes(node["select_list"]))


def _classes(tree: Any) -> Iterator[str]:
    match tree:
        case dict():
            if isinstance(kind := tree.get("class"), str):
                yield kind
            for value in tree.values():
                yield from _classes(value)
        case list():
            for value in tree:
                yield from _classes(value)


def _try(connection: duckdb.DuckDBPyConnection, side: Side, text: str, what: str) -> None:
    import duckdb

    try:
        row = connection.execute(
            f"SELECT column_type FROM (DESCRIBE SELECT ({text}\n) AS it FROM {quote(side.name)} t)"
        ).fetchone()
    except duckdb.Error as error:
        said = re.sub(r"^Referenced column", "the column", database.complaint(error, {}))
        raise Problem(f"{what}: {said} (the {side.name} side has {', '.join(side.types)})") from error
    # DuckDB would take a number or a text for a condition.
    if row is None or row[0] != "BOOLEAN":
        raise Problem(f"{what} {ONE}; {literal(text)} is no yes or no")
