"""Pairing the rows of two relations one to one, rule by rule, in SQL; the same answer every time.

The relations have a column `row` (1, 2, ...), `amount` and one `key_N` for each column that any rule compares; see
ledgers.py. Pairs go to the relation `pairs` (rule, left_row, right_row). Nothing is updated in place: each round builds
a new relation of what remains, because bulk updates made DuckDB forty times slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from procession.actions import database

if TYPE_CHECKING:
    import duckdb

# Real files are done after two or three.
ROUNDS_MAX = 20  # of mutual best choices in a rule; each pairs what the last one freed


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingRule:
    """Rows pair when `keys` are equal, amounts differ by at most `tolerance` and dates by at most `days`."""

    number: int  # from 1, in the order of the settings
    keys: tuple[int, ...]  # the N of key_N
    tolerance: Decimal = Decimal(0)
    date: int | None = None  # the N of the date's key_N
    days: int = 0
    empty: int | None = None  # the N of a key that must be empty on at least one side
    only: bool = False  # pair only rows that have no other candidate

    @property
    def is_exact(self) -> bool:
        return self.tolerance == 0 and (self.date is None or self.days == 0) and self.empty is None and not self.only


def begin(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the relations: nothing is paired yet."""
    connection.execute("CREATE TABLE pairs (rule INTEGER, left_row BIGINT, right_row BIGINT)")
    # Kept over all rules: a later one may decide what an earlier one could not.
    connection.execute("CREATE TABLE undecided (row BIGINT)")
    for side in ("left", "right"):
        connection.execute(f"CREATE TABLE {side}_open AS SELECT * FROM {side}_keys")


def apply(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> int:
    """Pairs what the rule can among the remaining rows; returns the number of pairs."""
    before = database.count(connection, "pairs")
    # No choice to make, so no ranking: a hash join over millions of rows.
    if rule.is_exact:
        _pair(connection, rule, _equal_rows(rule))
    else:
        _pair_best(connection, rule)
    return database.count(connection, "pairs") - before


def twins(connection: duckdb.DuckDBPyConnection, rules: Sequence[MatchingRule]) -> int:
    """Number of open rows that look booked twice: a rule paired an identical row of their side."""
    total = 0
    for side in ("left", "right"):
        # UNION and not UNION ALL: a row may be the twin of two pairs.
        found = " UNION ".join(_twins(side, rule) for rule in rules if not rule.only)
        row = connection.execute(f"SELECT count(*) FROM ({found})").fetchone() if found else (0,)
        assert row is not None
        total += int(row[0])
    return total


def _twins(side: str, rule: MatchingRule) -> str:
    columns = ", ".join(_compared(rule))
    return (
        f"(SELECT row FROM {side}_open SEMI JOIN (SELECT {columns} FROM {side}_keys SEMI JOIN "
        f"(SELECT {side}_row AS row FROM pairs WHERE rule = {rule.number}) USING (row)) USING ({columns}))"
    )


def ambiguous(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> int:
    """Number of left rows with several equally good choices under this rule, kept for undecided()."""
    query = f"INSERT INTO undecided SELECT DISTINCT left_row FROM ({_candidates(rule)})"
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def undecided(connection: duckdb.DuckDBPyConnection) -> int:
    """Number of left rows that were ambiguous for a rule and never settled by a later one."""
    row = connection.execute("SELECT count(*) FROM left_open SEMI JOIN undecided USING (row)").fetchone()
    assert row is not None
    return int(row[0])


def _pair_best(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> None:
    if rule.only:
        _pair(connection, rule, _only_choice(rule))
        return
    # Removing a pair may promote others' second choice, so repeat until nothing is found.
    for _ in range(ROUNDS_MAX):
        if not _pair(connection, rule, _mutual_best(rule)):
            return


def _pair(connection: duckdb.DuckDBPyConnection, rule: MatchingRule, found: str) -> int:
    """Records the pairs of the query `found` (left_row, right_row) and removes their rows from the rest."""
    connection.execute(f"CREATE TABLE found AS {found}")
    count = database.count(connection, "found")
    if count:
        connection.execute(f"INSERT INTO pairs SELECT {rule.number}, left_row, right_row FROM found")
        for side in ("left", "right"):
            connection.execute(
                f"CREATE TABLE remaining AS SELECT * FROM {side}_open ANTI JOIN (SELECT {side}_row AS row FROM found) "
                "USING (row)"
            )
            connection.execute(f"DROP TABLE {side}_open")
            connection.execute(f"ALTER TABLE remaining RENAME TO {side}_open")
    connection.execute("DROP TABLE found")
    return count


def _equal_rows(rule: MatchingRule) -> str:
    """Pairs indistinguishable rows in order: first with first, second with second."""
    columns, extra = _compared(rule), list[str]()
    return f"""
        SELECT l.row AS left_row, r.row AS right_row
        FROM ({_numbered("left", columns, extra)}) l JOIN ({_numbered("right", columns, extra)}) r
        USING ({", ".join([*columns, "turn"])})
    """


def _only_choice(rule: MatchingRule) -> str:
    """Pairs rows with no other candidate. A nearer day or amount is no evidence."""
    return f"""
        SELECT left_row, right_row FROM ({_candidates(rule)})
        QUALIFY count(*) OVER (PARTITION BY left_row) = 1 AND count(*) OVER (PARTITION BY right_row) = 1
    """


def _mutual_best(rule: MatchingRule) -> str:
    """Pairs rows that are each other's single best choice: nearest amount, then nearest date. A tie pairs none."""
    return f"""
        WITH candidates AS ({_candidates(rule)}),
        ranked AS (
            SELECT left_row, right_row,
                rank() OVER by_left AS left_rank, rank() OVER by_right AS right_rank,
                count(*) OVER (PARTITION BY left_row, apart, days_apart) AS left_ties,
                count(*) OVER (PARTITION BY right_row, apart, days_apart) AS right_ties
            FROM candidates
            WINDOW by_left AS (PARTITION BY left_row ORDER BY apart, days_apart),
                by_right AS (PARTITION BY right_row ORDER BY apart, days_apart)
        )
        SELECT left_row, right_row FROM ranked
        WHERE left_rank = 1 AND right_rank = 1 AND left_ties = 1 AND right_ties = 1
    """


def _candidates(rule: MatchingRule) -> str:
    # Twins, rows the rule cannot tell apart, are no ambiguity: the n-th of one side only matches the n-th of
    # the other. Where only a single choice counts, they are one.
    columns = _compared(rule)
    extra = [] if rule.empty is None else [f"key_{rule.empty}"]
    days_apart = f"abs(date_diff('day', l.key_{rule.date}, r.key_{rule.date}))" if rule.date is not None else "0"
    on = " AND ".join(f"l.key_{key} = r.key_{key}" for key in rule.keys)
    if not rule.only:
        on += " AND l.turn = r.turn"
    if rule.empty is not None:
        on += f" AND (l.key_{rule.empty} IS NULL OR r.key_{rule.empty} IS NULL)"
    return f"""
        SELECT * FROM (
            SELECT l.row AS left_row, r.row AS right_row, abs(l.amount - r.amount) AS apart, {days_apart} AS days_apart
            FROM ({_numbered("left", columns, extra)}) l JOIN ({_numbered("right", columns, extra)}) r ON {on}
        ) WHERE apart <= {rule.tolerance:f} AND days_apart <= {rule.days}
    """


def _compared(rule: MatchingRule) -> list[str]:
    date = [] if rule.date is None else [f"key_{rule.date}"]
    return list(dict.fromkeys([*(f"key_{key}" for key in rule.keys), *date, "amount"]))


def _numbered(side: str, columns: list[str], extra: list[str]) -> str:
    # A row without an amount or a key cannot be paired.
    present = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    turn = f"row_number() OVER (PARTITION BY {', '.join(columns)} ORDER BY row) AS turn"
    return f"""
        SELECT row, {", ".join([*columns, *extra])}, {turn}
        FROM {side}_open WHERE {present}
    """
