"""What ends a reconciliation as Warning, although everything is published."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from procession.actions import values
from procession.actions.reconciling import items, matching
from procession.actions.reconciling.matching import MatchingRule
from procession.actions.reconciling.reconcile_settings import WarnOf
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb


def warnings(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[MatchingRule], currency: int | None
) -> Iterator[str]:
    """What no setting asks for: doubts that are left, and what was not looked at."""
    if undecided := matching.undecided(connection):
        yield f"{undecided:,} left rows have several equally good partners and stay open"
    # An open row whose twin is matched may be an invoice paid twice: money to get back.
    if twins := matching.open_twins(connection):
        yield f"{twins:,} open rows look booked twice: a row like them is matched"
    for number, skipped in connection.execute(
        "SELECT rule, sum(pools)::BIGINT FROM skipped_pools GROUP BY rule HAVING sum(pools) > 0 ORDER BY rule"
    ).fetchall():
        yield (
            f'the rule "{rules[number - 1].name}" did not look through the items of {skipped:,} rows: there are too '
            "many items, or sums of them, for one to be the right one"
        )
    # Only where a rule, or a person, could have mixed them.
    if currency is not None and _may_mix(connection, rules, currency) and (mixed := _mixed(connection, currency)):
        yield f"{mixed:,} matches hold rows of several currencies, whose amounts were compared as numbers"


def asked(
    connection: duckdb.DuckDBPyConnection, warn: WarnOf, open_amount: Decimal | None, suggested: int
) -> Iterator[str]:
    """What the setting `warn` asks for."""
    if warn.older_than is not None:
        old = sum(_count(connection, f"{side}_aged", f"age_days > {warn.older_than}") for side in SIDES)
        if old:
            yield f"{old:,} open rows are older than {warn.older_than:,} days"
    if open_amount is not None:
        # Whatever its sign: a large credit left open is as much of a question as a large debit.
        large = sum(_count(connection, f"{side}_open", f"abs(amount) > {open_amount:f}") for side in SIDES)
        if large:
            [limit] = values.alike(open_amount)
            yield f"{large:,} open rows have an amount of more than {limit}"
    if warn.suggested and suggested:
        yield f"{suggested:,} suggestions are for a person to decide"


def _count(connection: duckdb.DuckDBPyConnection, relation: str, test: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {relation} WHERE {test}").fetchone()
    assert row is not None
    return int(row[0])


def _may_mix(connection: duckdb.DuckDBPyConnection, rules: Sequence[MatchingRule], currency: int) -> bool:
    # People may join what no rule would; their decision stands, so it is told and not refused.
    by_hand = connection.execute(f"SELECT 1 FROM grouped WHERE rule = {matching.BY_HAND} LIMIT 1").fetchone()
    return by_hand is not None or any(currency not in rule.keys for rule in rules)


def _mixed(connection: duckdb.DuckDBPyConnection, currency: int) -> int:
    """Matches whose rows are not of one currency."""
    column = f"hash_{currency}"
    row = connection.execute(f"""
        SELECT (
            SELECT count(*) FROM pairs JOIN left_items l ON l.row = left_row JOIN right_items r ON r.row = right_row
            WHERE l.{column} <> r.{column}
        ) + (
            SELECT count(*) FROM (
                SELECT id FROM grouped g {items.joined("grouped", "g")}
                GROUP BY rule, id HAVING count(DISTINCT coalesce(l.{column}, r.{column})) > 1
            )
        )
    """).fetchone()
    assert row is not None
    return int(row[0])
