"""The relations that a reconciliation gives: matched, suggested, only_left and only_right, as people read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import literal, quote
from procession.actions.reconciling import collisions, items
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import BY_HAND, CLOSED, MatchingRule
from procession.actions.reconciling.sides import Side
from procession.actions.reconciling.sources import ADDED, FIRST_OPEN_ON, OURS, TIMES_OPEN

if TYPE_CHECKING:
    import duckdb


def number_matches(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rules: Sequence[MatchingRule]) -> None:
    """Makes match_lines (match, rule, difference, left_row, right_row): matches are numbered by rule, then by their
    smallest left row; a match has as many lines as its longer side."""
    connection.execute("""
        CREATE TABLE sorted_matches AS
        SELECT rule, left_row, right_row, NULL::INTEGER AS id FROM pairs
        UNION ALL
        SELECT rule, min(row) FILTER (side = 0), min(row) FILTER (side = 1), id FROM grouped GROUP BY rule, id
        ORDER BY rule, left_row NULLS LAST, right_row
    """)
    # By their place, which a view gives without another copy of them all.
    connection.execute("CREATE VIEW matches AS SELECT rowid + 1 AS match, * FROM sorted_matches")
    zero = f"CAST(0 AS {ledgers.amount_type})"
    # Most pairs are equal by their rule: only the others are looked up for what they differ by.
    apart = ", ".join([str(rule.number) for rule in rules if rule.allows] + [str(BY_HAND)])
    connection.execute(f"CREATE TABLE apart AS SELECT * FROM matches WHERE id IS NULL AND rule IN ({apart})")
    connection.execute(f"""
        CREATE TABLE other_lines AS
        SELECT match, rule, l.amount - r.amount AS difference, left_row, right_row, left_row::BIGINT AS place
        FROM apart JOIN left_items l ON l.row = left_row JOIN right_items r ON r.row = right_row
        UNION ALL
        SELECT match, rule, difference, left_row, right_row, match * {_BEHIND} + turn AS place
        FROM ({_GROUP_LINES})
    """)
    connection.execute(f"""
        CREATE VIEW match_lines AS
        SELECT match, rule, {zero} AS difference, left_row, right_row, left_row::BIGINT AS place FROM matches
        WHERE id IS NULL AND rule NOT IN ({apart})
        UNION ALL SELECT * FROM other_lines
    """)


# Lines of groups stand behind those of pairs, whose place is that of their left row.
_BEHIND = 1 << 32
_GROUP_LINES = f"""
    WITH numbered AS (
        SELECT m.match, m.rule, g.side, g.row,
            row_number() OVER (PARTITION BY g.rule, g.id, g.side ORDER BY g.row) AS turn,
            coalesce(l.amount, -r.amount) AS signed
        FROM grouped g JOIN (SELECT * FROM matches WHERE id IS NOT NULL) m ON m.rule = g.rule AND m.id = g.id
        {items.joined("grouped", "g")}
    ),
    totals AS (SELECT match, sum(signed) AS difference FROM numbered GROUP BY match)
    SELECT match, rule, turn, CASE WHEN turn = 1 THEN any_value(difference) END AS difference,
        max(row) FILTER (side = 0) AS left_row, max(row) FILTER (side = 1) AS right_row
    FROM numbered JOIN totals USING (match) GROUP BY match, rule, turn
"""


def count_matches(connection: duckdb.DuckDBPyConnection) -> int:
    """What was closed by hand is no match."""
    row = connection.execute(f"SELECT count(*) FROM matches WHERE rule <> {CLOSED}").fetchone()
    assert row is not None
    return int(row[0])


def show_matched(
    connection: duckdb.DuckDBPyConnection,
    ledgers: Ledgers,
    rules: Sequence[MatchingRule],
    *,
    is_guarded: bool,
    is_sorted: bool,
) -> None:
    """Makes the view `matched`: match, rule, difference, comment where people decided, left_*, right_*. `is_guarded`:
    whoever reads it gets an error that collisions.told() knows where paired values differ.

    Pairs stand in the order of the left side, and groups behind them; unless it `is_sorted`, only for a reader who goes
    through it with one thread, and see is_in_order()."""
    comment = _comment(connection)
    # A million wide rows take as long to sort as all the rest of the file; as a rule they come in their order.
    guards = rules if is_guarded else ()
    asked = [_shown(rules, _pairs(ledgers, comment, limit, guards)) for limit in ("", f"LIMIT {_ALL}")]
    coming = (one for one in asked if not is_sorted and _is_driven_by(connection, one, ledgers.sides[0].name))
    pairs = next(coming, f"{asked[0]} ORDER BY m.place")
    behind = f"(SELECT * FROM match_lines WHERE place >= {_BEHIND})"
    groups = _shown(rules, f"SELECT {_LINE}, {comment}{_columns(ledgers)} FROM {behind} n {_wide(ledgers, behind)}")
    connection.execute(f"CREATE OR REPLACE VIEW matched AS ({pairs}) UNION ALL ({groups} ORDER BY m.place)")


def _shown(rules: Sequence[MatchingRule], lines: str) -> str:
    columns = "m.match, v.name AS rule, m.* EXCLUDE (place, match, rule)"
    return f"SELECT {columns} FROM ({lines}) m JOIN {_named(rules)} ON v.number = m.rule"


def is_in_order(connection: duckdb.DuckDBPyConnection, path: str) -> bool:
    """Whether the Parquet file at `path` has the rows of `matched` in their order."""
    # Each row with its place, as sums that are equal for equal rows in whatever order they are added up.
    fingerprint = "SELECT count(*), bit_xor(h), sum(h::HUGEINT) FROM (SELECT hash(match, {}) AS h FROM {})"
    written = fingerprint.format("file_row_number", f"read_parquet({literal(path)}, file_row_number = true)")
    promised = fingerprint.format("row_number() OVER () - 1", "(SELECT match FROM match_lines ORDER BY place)")
    found, wanted = (connection.execute(query).fetchone() for query in (written, promised))
    return found == wanted


_LINE = "n.place, n.match, n.rule, n.difference"
_ALL = 1 << 62


def _pairs(ledgers: Ledgers, comment: str, limit: str, guards: Sequence[MatchingRule]) -> str:
    """SQL of the lines of pairs: goes through the left side, and looks up what each of its rows is paired with. Raises
    for two rows that differ in what a rule of `guards` compares.

    A `limit` that nothing reaches keeps the planner from joining in another order, and costs it a thread."""
    left, right = ledgers.sides
    # What rules compared is at hand here: on its own it would be joined once more.
    values = {one.name: collisions.compared(ledgers, guards, one.name) for one in ledgers.sides}
    found = (
        f"SELECT {_LINE}, n.left_row, {comment}{_columns_of(right)}{collisions.names(guards, 'r')} FROM match_lines n "
        f"JOIN ({_numbered(right, values['right'])}) r ON r.{quote(_ROW)} = n.right_row "
        f"WHERE n.place < {_BEHIND} {limit}"
    )
    line = _LINE.replace("n.match", f"{collisions.guarded('n.match', guards, 'n.rule', 'n')} AS match")
    said = "n.comment, " if comment else ""
    others = ", ".join(f"n.{quote(f'right_{name}')}" for name in right.own)
    return (
        f"SELECT {line}, {said}{_columns_of(left)}, {others} FROM ({_numbered(left, values['left'])}) l "
        f"JOIN ({found}) n ON n.left_row = l.{quote(_ROW)}"
    )


def _is_driven_by(connection: duckdb.DuckDBPyConnection, query: str, table: str) -> bool:
    """Whether DuckDB goes through this table and looks everything else up, so that rows come in the table's order."""
    row = connection.execute(f"EXPLAIN (FORMAT json) {query}").fetchone()
    assert row is not None
    [plan] = json.loads(row[1])
    while plan["children"]:  # the first child of a join is what is gone through
        plan = plan["children"][0]
    return str(plan.get("extra_info", {}).get("Table", "")).rpartition(".")[2].strip('"') == table


def _named(rules: Sequence[MatchingRule]) -> str:
    every = [(BY_HAND, "By hand"), (CLOSED, "Closed by hand"), *((rule.number, rule.name) for rule in rules)]
    return f"(VALUES {', '.join(f'({number}, {literal(name)})' for number, name in every)}) v(number, name)"


def _comment(connection: duckdb.DuckDBPyConnection) -> str:
    """What people said of their decisions, where there are any."""
    # Without decisions, it would be a column of nothing.
    if not database.count(connection, "comments"):
        return ""
    return (
        "coalesce((SELECT any_value(comment) FROM comments WHERE side = 0 AND row = n.left_row), "
        "(SELECT any_value(comment) FROM comments WHERE side = 1 AND row = n.right_row)) AS comment, "
    )


def _columns(ledgers: Ledgers) -> str:
    """The columns of the user, each behind the name of its side."""
    return ", ".join(map(_columns_of, ledgers.sides))


def _columns_of(one: Side) -> str:
    return ", ".join(f"{one.name[0]}.{quote(name)} AS {quote(f'{one.name}_{name}')}" for name in one.own)


def _wide(ledgers: Ledgers, lines: str) -> str:
    """SQL that joins the wide rows of both sides to n.left_row and n.right_row, as l and r; `lines` is what n is."""
    return " ".join(_joined(one, lines, f"{_numbered(one)} WHERE {one.row}") for one in ledgers.sides)


def _wide_as_written(ledgers: Ledgers, lines: str) -> str:
    """The same with what is compared as it was written: people decide by the keys that they see."""
    return " ".join(
        _joined(one, lines, f"SELECT {', '.join(_all_written(ledgers, one))} FROM {one.rows} WHERE {one.row}")
        for one in ledgers.sides
    )


def _joined(one: Side, lines: str, rows: str) -> str:
    alias, row = one.name[0], f"{one.name}_row"
    # Narrowed first: a join of few lines with all rows of a side takes a copy of all of them.
    return f"LEFT JOIN ({rows} IN (SELECT {row} FROM {lines})) {alias} ON {alias}.{quote(_ROW)} = n.{row}"


def _all_written(ledgers: Ledgers, one: Side) -> list[str]:
    own = [f"{_as_written(ledgers, one, name)} AS {quote(name)}" for name in one.own]
    return [f"{one.row} AS {quote(_ROW)}", *own]


def _numbered(one: Side, more: str = "") -> str:
    return f"SELECT {one.row} AS {quote(_ROW)}, t.*{more} FROM {one.bare}"


_ROW = "the place of the row"  # a name that no file has


def show_suggested(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rules: Sequence[MatchingRule]) -> None:
    """Makes the view `suggested_rows`: suggestion, rule, why, difference, left_*, right_*."""
    connection.execute(f"""
        CREATE TABLE suggestion_lines AS
        WITH numbered AS (
            SELECT s.*, row_number() OVER (PARTITION BY suggestion, side ORDER BY s.row) AS turn,
                coalesce(l.amount, -r.amount) AS signed
            FROM suggested_items s
            {items.joined("suggested_items", "s")}
        ),
        totals AS (SELECT suggestion, sum(signed) AS difference FROM numbered GROUP BY suggestion)
        SELECT suggestion, rule, any_value(why) AS why, CASE WHEN turn = 1 THEN any_value(difference) END AS difference,
            max(row) FILTER (side = 0) AS left_row, max(row) FILTER (side = 1) AS right_row
        FROM numbered JOIN totals USING (suggestion) GROUP BY suggestion, rule, turn
    """)
    connection.execute(f"""
        CREATE VIEW suggested_rows AS
        SELECT n.suggestion, v.name AS rule, n.why, n.difference, {_columns(ledgers)}
        FROM suggestion_lines n JOIN {_named(rules)} ON v.number = n.rule
        {_wide_as_written(ledgers, "suggestion_lines")}
        ORDER BY n.suggestion, n.left_row NULLS LAST, n.right_row
    """)


def show_open(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, key: int | None, as_of: date | None) -> None:
    """Makes only_left and only_right: the rows, then as far as known first_open_on, times_open, age_days, age, reason,
    near_key; a user's column of such a name keeps it, and ours is another. In the order of the side."""
    for one in ledgers.sides:
        columns = [f"{_as_written(ledgers, one, name)} AS {quote(name)}" for name in one.own]
        added = _added(ledgers, one, key, has_days=as_of is not None)
        near = "" if key is None else _near(ledgers, one, key)
        connection.execute(f"""
            CREATE TABLE only_{one.name} AS
            SELECT {", ".join([*columns, *(f"{value} AS {quote(_free(one, name))}" for name, value in added.items())])}
            FROM {one.rows} JOIN {one.name}_aged o ON o.row = {one.row} {near}
            ORDER BY {one.row}
        """)


def _as_written(ledgers: Ledgers, one: Side, name: str) -> str:
    """A number that is compared as a text is written as that: next month it must be the same text."""
    compared = {key.of(one.name) for number, key in enumerate(ledgers.keys) if ledgers.is_text(number)}
    # Whole numbers are written as they were; 1.10 would come back as 1.1, another text.
    has_zeros = one.types[name].startswith("DECIMAL") and not one.types[name].endswith(",0)")
    return one.written(name) if name in compared and has_zeros else f"t.{quote(name)}"


def _added(ledgers: Ledgers, one: Side, key: int | None, *, has_days: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    if has_days or one.made.added:
        found |= {FIRST_OPEN_ON: "o.first_open_on", TIMES_OPEN: "o.times_open"}
    if has_days:
        found |= {"age_days": "o.age_days", "age": "o.age"}
    found |= {"reason": "o.reason"} | ({} if key is None else {"near_key": "k.near_key"})
    return {name: found[name] for name in ADDED if name in found}


def _free(one: Side, name: str) -> str:
    # Ours gives way: rows carried forward must come back under the user's own names.
    taken = {column.casefold() for column in one.own}
    return OURS.format(name) if name in taken else name


def _near(ledgers: Ledgers, one: Side, key: int) -> str:
    other = ledgers.side(one.other)
    column = other.written(ledgers.keys[key].of(other.name))
    return (
        f"LEFT JOIN (SELECT {other.row} AS row, CAST({column} AS VARCHAR) AS near_key FROM {other.rows} "
        f"WHERE {other.row} IN (SELECT near_row FROM {one.name}_aged)) k ON k.row = o.near_row"
    )
