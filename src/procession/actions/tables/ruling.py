"""What each rule of a reconciliation has found: how many matches, and the first of them to look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.contract import Context, FileOutput
from procession.actions.database import literal, quote
from procession.actions.tables.contract import FoundByRules, RuleFinds, RulesSettings

if TYPE_CHECKING:
    import duckdb

LINES_MAX = 8  # of one match: a group may have thousands
_COLUMNS_MAX = 12
_TEXT_MAX = 200
_OURS = frozenset({"match", "suggestion", "rule", "difference", "comment", "why"})


def perform(context: Context, connection: duckdb.DuckDBPyConnection) -> tuple[FoundByRules, dict[str, FileOutput]]:
    settings: RulesSettings = context.settings
    rules, columns = list[RuleFinds](), list[str]()
    for path, number, suggests in ((settings.matched, "match", False), (settings.suggested, "suggestion", True)):
        connection.execute(f"CREATE OR REPLACE VIEW found AS SELECT * FROM read_parquet({literal(path)})")
        own = [name for name in database.columns(connection, "found") if name not in _OURS]
        columns = own[:_COLUMNS_MAX]
        rules += _rules(connection, number, columns, shown=settings.shown, suggests=suggests)
    left = (_rows(connection, settings.only_left), _rows(connection, settings.only_right))
    return FoundByRules(left=left, columns=("difference", *columns), rules=tuple(rules)), {}


def _rows(connection: duckdb.DuckDBPyConnection, path: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM read_parquet({literal(path)})").fetchone()
    assert row is not None
    return int(row[0])


def _rules(
    connection: duckdb.DuckDBPyConnection, number: str, columns: list[str], *, shown: int, suggests: bool
) -> list[RuleFinds]:
    types = database.columns(connection, "found")
    texts = ", ".join(f"left({_text(name, types[name])}, {_TEXT_MAX})" for name in ("difference", *columns))
    # By the number of the match: lines of one match stay together, and it is the same look every time.
    found = connection.execute(f"""
        SELECT rule, [{texts}] FROM (
            SELECT *, dense_rank() OVER (PARTITION BY rule ORDER BY {number}) AS nth,
                row_number() OVER (PARTITION BY {number}) AS line
            FROM found
        ) WHERE nth <= {int(shown)} AND line <= {LINES_MAX} ORDER BY rule, {number}, line
    """).fetchall()
    lines: dict[str, list[tuple[str | None, ...]]] = defaultdict(list)
    for rule, values in found:
        lines[rule].append(tuple(values))
    # What is only suggested stays for the rules behind it.
    took = [_is_there(types, side) if not suggests else "false" for side in ("left_", "right_")]
    counts = connection.execute(f"""
        SELECT rule, count(DISTINCT {number}), count(*) FILTER ({took[0]}), count(*) FILTER ({took[1]})
        FROM found GROUP BY rule
    """).fetchall()
    return [
        RuleFinds(rule=rule, suggests=suggests, count=count, took=(left, right), lines=tuple(lines[rule]))
        for rule, count, left, right in sorted(counts)
    ]


def _is_there(columns: Iterable[str], side: str) -> str:
    """Whether a line has a row of the side: of a group, the shorter side's cells are empty."""
    return " OR ".join(f"{quote(name)} IS NOT NULL" for name in columns if name.startswith(side)) or "false"


def _text(name: str, kind: str) -> str:
    text = f"CAST({quote(name)} AS VARCHAR)"
    # The type has room for four decimals, and nobody reads 10.0000 as what the file says.
    return f"rtrim(rtrim({text}, '0'), '.')" if kind.startswith("DECIMAL") and not kind.endswith(",0)") else text
