"""What is found while rules are applied: matches, suggestions, and the rows that are still open.

Relations, all of row numbers; `side` is 0 for left and 1 for right:
- pairs (rule, left_row, right_row): matches of one with one
- grouped (rule, id, side, row): all other matches
- left_open, right_open: the items that no match has, views of left_rest and right_rest once one has
- suggested (rule, id, side, row, why): matches for a person to decide
- doubts (rule, left_row, right_row, place): candidates that a rule could not choose from; those of the first ten places
  of both rows may be shown
- twice (side, row): rows whose twin was matched
- never (left_row, right_row): pairs that people ruled out
- skipped_pools (rule, pools): what subsets did not look through

Nothing is updated in place: bulk updates made DuckDB forty times slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb

_TABLES = {
    "pairs": "rule SMALLINT, left_row INTEGER, right_row INTEGER",
    "grouped": "rule SMALLINT, id INTEGER, side TINYINT, row INTEGER",
    "suggested": "rule SMALLINT, id INTEGER, side TINYINT, row INTEGER, why VARCHAR",
    "doubts": "rule SMALLINT, left_row INTEGER, right_row INTEGER, place BIGINT",
    "twice": "side TINYINT, row INTEGER",
    "skipped_pools": "rule SMALLINT, pools BIGINT",
}
_MANY = 50_000  # rows
SUGGESTS = "the rule suggests and does not decide"
BY_HAND, CLOSED = -1, 0  # numbers of what people decided, before all rules


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingRule:
    """A rule as it is applied; columns are the N of hash_N and day_N. `days`: the least and the most, None: any."""

    number: int  # from 1, in the order of the settings
    name: str
    kind: str = "pairs"
    keys: tuple[int, ...]
    tolerance: Decimal = Decimal(0)
    percent: Decimal = Decimal(0)
    day: int = 0
    days: tuple[int, int] | None = None
    empty: int | None = None
    alike: tuple[int, int] | None = None  # column, edits
    word: tuple[str, str, str] | None = None  # side of the references, their column, the other side's column of texts
    where: tuple[str | None, str | None] = (None, None)  # SQL over Side.rows
    sides: tuple[str, ...] = SIDES
    items: int = 4
    only: bool = False  # pair only rows that have no other candidate
    suggests: bool = False
    book_to: str = ""

    @property
    def is_exact(self) -> bool:
        """Whether rows that the rule pairs are equal in all that it looks at."""
        return self.compares_keys_only and not self.allows and self.days in {None, (0, 0)}

    @property
    def compares_keys_only(self) -> bool:
        """Whether it asks for nothing of the rows but equal columns, amounts and days."""
        return self.empty is None and self.alike is None and self.word is None

    @property
    def allows(self) -> bool:
        """Whether amounts may differ."""
        return self.tolerance > 0 or self.percent > 0

    @property
    def compared(self) -> tuple[str, ...]:
        """Columns of the items in which rows must be equal to be one and the same to the rule."""
        more = () if self.days is None else (f"day_{self.day}",)
        # Of two invoices with one amount, a payment without a reference is of either.
        looks = [*(() if self.alike is None else self.alike[:1]), *(() if self.empty is None else (self.empty,))]
        return (*self.hashes, *(f"hash_{key}" for key in looks), "amount", *more)

    @property
    def hashes(self) -> tuple[str, ...]:
        return tuple(f"hash_{key}" for key in self.keys)

    def is_within(self, left: str, right: str) -> str:
        """SQL condition on two amounts: of one sign, and no further apart than the larger of both limits."""
        if not self.allows:
            return f"{left} = {right}"
        apart = f"abs({left} - {right})"
        limits = [f"{apart} <= {self.tolerance:f}"] if self.tolerance else []
        # Multiplied, not divided: a quotient would be rounded.
        limits += [f"{apart} * 100 <= abs({left}) * {self.percent:f}"] if self.percent else []
        # What was paid back is not what was paid less charges, however small both are.
        return f"(sign({left}) * sign({right}) >= 0 AND ({' OR '.join(limits)}))"


def begin(connection: duckdb.DuckDBPyConnection) -> None:
    """Nothing is matched yet; `never` is there already."""
    for name, columns in _TABLES.items():
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
    # Views, because a copy of all items costs as much as a rule.
    for side in SIDES:
        connection.execute(f"CREATE OR REPLACE VIEW {side}_open AS FROM {side}_items")


def asked(rule: MatchingRule, side: str) -> str:
    """SQL of the open items of a side that the rule looks at: those with an amount, its columns and its days."""
    needed = [*rule.hashes, "amount", *([] if rule.days is None else [f"day_{rule.day}"])]
    present = " AND ".join(f"{column} IS NOT NULL" for column in needed)
    # What has no value is equal to nothing, and never a candidate.
    narrowed = "" if rule.where[SIDES.index(side)] is None else f" AND row IN (SELECT row FROM {side}_narrowed)"
    return f"(SELECT * FROM {side}_open WHERE {present}{narrowed})"


def take_pairs(connection: duckdb.DuckDBPyConnection, rule: MatchingRule) -> int:
    """Records the pairs of the relation `found` (left_row, right_row), and drops it; returns how many."""
    # Here for every rule, so that none brings back a pair that people ruled out.
    remove_never(connection, "found")
    count = database.count(connection, "found")
    if count and rule.suggests:
        first = _next_id(connection, "suggested")
        connection.execute(
            f"CREATE TABLE numbered AS SELECT {first} + row_number() OVER (ORDER BY left_row) AS id, * FROM found"
        )
        for number, side in enumerate(SIDES):
            connection.execute(
                f"INSERT INTO suggested SELECT {rule.number}, id, {number}, {side}_row, '{SUGGESTS}' FROM numbered"
            )
        connection.execute("DROP TABLE numbered")
    elif count:
        # Anti joins build new relations of what remains; see the top of the file.
        connection.execute(f"INSERT INTO pairs SELECT {rule.number}, left_row, right_row FROM found")
        for side in SIDES:
            close(connection, side, f"SELECT {side}_row AS row FROM found")
    connection.execute("DROP TABLE found")
    return count


def remove_never(connection: duckdb.DuckDBPyConnection, pairs: str) -> None:
    """Takes the pairs that people ruled out out of the relation `pairs` (left_row, right_row)."""
    if database.count(connection, "never"):
        connection.execute(
            f"DELETE FROM {pairs} WHERE (left_row, right_row) IN (SELECT (left_row, right_row) FROM never)"
        )


def take_groups(connection: duckdb.DuckDBPyConnection, rule: MatchingRule, why: str = "") -> int:
    """Records the groups of the relation `found` (id from 1, side, row), and drops it; returns how many."""
    # One pair that people ruled out spoils its group: without a row the sum is another.
    if database.count(connection, "never"):
        connection.execute(
            "DELETE FROM found WHERE id IN (SELECT l.id FROM found l JOIN never n ON l.side = 0 AND l.row = n.left_row "
            "JOIN found r ON r.side = 1 AND r.row = n.right_row AND r.id = l.id)"
        )
    table, words = ("suggested", f", '{why or SUGGESTS}'") if rule.suggests else ("grouped", "")
    row = connection.execute("SELECT count(DISTINCT id), list_sort(list(DISTINCT side)) FROM found").fetchone()
    assert row is not None
    count, sides = row
    if count:
        first = _next_id(connection, table)
        connection.execute(f"INSERT INTO {table} SELECT {rule.number}, {first} + id, side, row{words} FROM found")
    # Suggested rows stay open, so that a later rule may still match them.
    for number in () if rule.suggests else sides or ():
        close(connection, SIDES[number], f"SELECT row FROM found WHERE side = {number}")
    connection.execute("DROP TABLE found")
    return int(count)


def close(connection: duckdb.DuckDBPyConnection, side: str, rows: str) -> None:
    """Takes the rows of the query `rows` (row) out of the open items."""
    count, last = connection.execute(f"SELECT count(*), max(row) FROM ({rows})").fetchone() or (0, 0)
    rest = f"SELECT * FROM {side}_open ANTI JOIN ({rows}) USING (row)"
    # Of many, a bit for each row of the side tells in half the time, and in no memory to speak of.
    if count >= _MANY:
        bits = f"(SELECT bitstring_agg(row, 0, {last}) FROM ({rows}))"
        rest = f"SELECT * FROM {side}_open WHERE CASE WHEN row <= {last} THEN get_bit({bits}, row) = 0 ELSE true END"
    connection.execute(f"CREATE OR REPLACE TABLE {side}_rest AS {rest}")
    connection.execute(f"CREATE OR REPLACE VIEW {side}_open AS FROM {side}_rest")


def _next_id(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    row = connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def undecided(connection: duckdb.DuckDBPyConnection) -> int:
    """Number of left rows that were ambiguous for a rule and never settled by a later one."""
    row = connection.execute("SELECT count(*) FROM left_open WHERE row IN (SELECT left_row FROM doubts)").fetchone()
    assert row is not None
    return int(row[0])


def open_twins(connection: duckdb.DuckDBPyConnection) -> int:
    """Number of open rows that look booked twice: a row like them is matched."""
    counts = [
        connection.execute(
            f"SELECT count(*) FROM {side}_open WHERE row IN (SELECT row FROM twice WHERE side = {number})"
        ).fetchone()
        for number, side in enumerate(SIDES)
    ]
    return sum(row[0] for row in counts if row is not None)


def columns_of(rules: Sequence[MatchingRule]) -> tuple[int, ...]:
    """The N of every hash_N that a rule asks to be equal."""
    return tuple(dict.fromkeys(key for rule in rules for key in rule.keys))
