"""Says why a reconciliation that matches little may be a mistake: empty columns, opposite signs, two clocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule
from procession.actions.reconciling.sides import Pair, Side

if TYPE_CHECKING:
    import duckdb


def warnings(connection: duckdb.DuckDBPyConnection, both: Ledgers, rules: Sequence[MatchingRule]) -> Iterator[str]:
    """To be asked when all rules were applied."""
    days = dict.fromkeys(rule.day for rule in rules if rule.days is not None)
    keys = dict.fromkeys(key for rule in rules for key in rule.keys)
    compared = {f"hash_{key}": both.keys[key] for key in keys} | {f"day_{day}": both.dates[day] for day in days}
    for pair in dict.fromkeys(compared.values()):
        yield from _clocks(both.sides, pair)
    for one in both.sides:
        yield from _empty(connection, one, {name: pair.of(one.name) for name, pair in compared.items()})
    # Only where nothing matched: where some rows do, the signs are likely to be right.
    nothing = not (database.count(connection, "pairs") or database.count(connection, "grouped"))
    if all(one.made.rows for one in both.sides) and nothing:
        yield "nothing matched" + _turned(connection, rules)


def _clocks(sides: tuple[Side, Side], pair: Pair) -> Iterator[str]:
    """Moments with a zone on one side only: which clock does the other side show?"""
    zoned = [one for one in sides if one.is_zoned(pair.of(one.name))]
    if len(zoned) == 1 and zoned[0].zone is None:
        column = pair.of(zoned[0].name)
        yield (
            f'the moments in the {zoned[0].name} column "{column}" have a zone, and the other side has none; they are '
            "compared as clocks in UTC show them: say zone, such as Europe/Berlin, for that file"
        )


def _empty(connection: duckdb.DuckDBPyConnection, one: Side, names: dict[str, str]) -> Iterator[str]:
    """A column without any value, which equals nothing."""
    counts = ", ".join(f"count({column})" for column in ("amount", *names))
    row = connection.execute(f"SELECT {counts} FROM {one.name}_items").fetchone()
    assert row is not None
    if not one.made.rows:
        return
    if not row[0]:
        yield f"no row of the {one.name} file has an amount, so nothing can match"
    for name in dict.fromkeys(name for name, count in zip(names.values(), row[1:], strict=True) if not count):
        yield f'the column "{name}" of the {one.name} file is empty in all rows, and equals nothing'


def _turned(connection: duckdb.DuckDBPyConnection, rules: Sequence[MatchingRule]) -> str:
    """Whether rows would match if one side had the opposite sign."""
    found = " UNION ".join(
        "SELECT l.row FROM left_open l SEMI JOIN right_open r ON l.amount = -r.amount AND l.amount <> 0 AND "
        + " AND ".join(f"l.hash_{key} = r.hash_{key}" for key in rule.keys)
        for rule in rules
    )
    row = connection.execute(f"SELECT count(*) FROM ({found})").fetchone()
    assert row is not None
    return f"; {row[0]:,} left rows would, if one side had the opposite sign" if row[0] else ""
