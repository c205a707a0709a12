"""Why a row is open: what on the other side is nearest to it, and what keeps them apart.

Only open rows are joined. The first reason that holds counts: suggested, several candidates, booked twice?, amount
differs, days apart, another account or reference, nothing on the other side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import literal
from procession.actions.reconciling import suggestions
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb

_LOOKED_AT_MAX = 20_000_000  # pairs of open rows with equal keys; more are not looked through
NOTHING = "nothing on the other side"
_MANY = "too many rows alike to look through"
_CENTS = r"(\.[0-9][0-9][0-9]*?)0*$"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    """Columns that name what a row is about, as the rule with most of them has it, and the days it may be apart."""

    keys: tuple[int, ...]
    day: int | None
    days: tuple[int, int] | None


def make(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rules: Sequence[MatchingRule]) -> None:
    """Makes left_reasons and right_reasons (row, reason, near_row) of all open rows."""
    identity = _identity(rules)
    for side in SIDES:
        connection.execute(f"CREATE TABLE {side}_reasons (row INTEGER, reason VARCHAR, near_row INTEGER)")
        _add(connection, side, f"SELECT row, 'no amount', NULL FROM {side}_open WHERE amount IS NULL")
        _add_known(connection, side)
        _add_found(connection, ledgers, identity, side)
        _add(connection, side, f"SELECT row, '{NOTHING}', NULL FROM {side}_open")


def _add(connection: duckdb.DuckDBPyConnection, side: str, found: str) -> None:
    """Adds reasons of rows that have none yet; `found` is a query of row, reason and near_row."""
    connection.execute(
        f"INSERT INTO {side}_reasons SELECT * FROM ({found}) f(row, reason, near_row) "
        f"WHERE row IN (SELECT row FROM {side}_open) AND row NOT IN (SELECT row FROM {side}_reasons)"
    )


def _add_known(connection: duckdb.DuckDBPyConnection, side: str) -> None:
    """What the rules themselves found out."""
    number = SIDES.index(side)
    near = "min(o.row) FILTER (o.side <> s.side)"
    of = f"FROM suggested_items s JOIN suggested_items o USING (suggestion) WHERE s.side = {number}"
    is_doubt = f"starts_with(s.why, '{suggestions.SEVERAL}')"
    _add(connection, side, f"SELECT s.row, 'suggested', {near} {of} AND NOT {is_doubt} GROUP BY s.row")
    _add(connection, side, f"SELECT s.row, 'several candidates', {near} {of} GROUP BY s.row")
    other = SIDES[1 - number]
    pairs = f"SELECT {side}_row AS row, {other}_row AS near FROM doubts SEMI JOIN {other}_open o ON o.row = {other}_row"
    _add(connection, side, f"SELECT row, 'several candidates', min(near) FROM ({pairs}) GROUP BY row")
    _add(connection, side, f"SELECT DISTINCT row, 'booked twice?', NULL FROM twice WHERE side = {number}")


def _identity(rules: Sequence[MatchingRule]) -> _Identity:
    # The most columns say best what a row is about: a rule for mistyped references compares fewer.
    pairs = [rule for rule in rules if rule.kind == "pairs"] or rules
    keys = max((rule.keys for rule in pairs), key=len)
    dated = [rule for rule in rules if rule.days is not None and rule.kind in {"pairs", "groups"}]
    if not dated:
        return _Identity(keys=keys, day=None, days=None)
    spans = [rule.days for rule in dated if rule.days is not None]
    return _Identity(keys=keys, day=dated[0].day, days=(min(s[0] for s in spans), max(s[1] for s in spans)))


def _add_found(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, identity: _Identity, side: str) -> None:
    """What a look at the open rows of the other side finds."""
    hashes = [f"hash_{key}" for key in identity.keys]
    # First: another amount for the same reference says more than the same amount elsewhere.
    _add_apart(connection, identity, side, hashes)
    # Without its only key a row is an amount, and many have the same.
    if len(identity.keys) < 2:
        return
    for key in identity.keys:
        others = [f"hash_{other}" for other in identity.keys if other != key]
        column = f"hash_{key}"
        test = f"o.{column} <> s.{column} AND {_in_days(identity, side)}"
        words = literal(f"other {ledgers.keys[key].name}")
        _add(connection, side, _nearest(connection, identity, side, [*others, "amount"], (test, words)))


def _add_apart(connection: duckdb.DuckDBPyConnection, identity: _Identity, side: str, hashes: list[str]) -> None:
    """Rows of the same keys: another amount, or the same too many days apart."""
    _add(
        connection, side, _nearest(connection, identity, side, [*hashes, "amount"], (_dated(identity), _days(identity)))
    )
    apart = f"regexp_replace(CAST(abs(s.amount - o.amount) AS VARCHAR), '{_CENTS}', '\\1')"
    words = f"'amount differs by ' || {apart}"
    _add(connection, side, _nearest(connection, identity, side, hashes, ("o.amount <> s.amount", words)))


def _dated(identity: _Identity) -> str:
    return "false" if identity.day is None else f"s.day_{identity.day} <> o.day_{identity.day}"


def _days(identity: _Identity) -> str:
    days = f"abs(s.day_{identity.day} - o.day_{identity.day})"
    return "''" if identity.day is None else f"{days} || CASE {days} WHEN 1 THEN ' day apart' ELSE ' days apart' END"


def _in_days(identity: _Identity, side: str) -> str:
    if identity.day is None or identity.days is None:
        return "true"
    left, right = ("s", "o") if side == "left" else ("o", "s")
    least, most = identity.days
    return f"{right}.day_{identity.day} - {left}.day_{identity.day} BETWEEN {least} AND {most}"


def _nearest(
    connection: duckdb.DuckDBPyConnection, identity: _Identity, side: str, on: list[str], asked: tuple[str, str]
) -> str:
    """SQL of row, reason and the nearest row of the other side that has the columns `on` equal and passes the test."""
    test, words = asked
    other = SIDES[1 - SIDES.index(side)]
    keys = ", ".join(on)
    # Counted first, because open rows that are all alike would be joined all with all.
    row = connection.execute(
        "SELECT coalesce(sum(a.n * b.n), 0) FROM "
        f"(SELECT {keys}, count(*)::HUGEINT AS n FROM {side}_open GROUP BY ALL) a "
        f"JOIN (SELECT {keys}, count(*) AS n FROM {other}_open GROUP BY ALL) b USING ({keys})"
    ).fetchone()
    assert row is not None
    if row[0] > _LOOKED_AT_MAX:
        return f"SELECT row, '{_MANY}', NULL FROM {side}_open SEMI JOIN {other}_open USING ({keys})"
    apart = [
        "abs(s.amount - o.amount)",
        *([] if identity.day is None else [f"abs(s.day_{identity.day} - o.day_{identity.day})"]),
    ]
    # The row comes last: of those equally near, every run names the same one.
    best = f"row({', '.join([*apart, 'o.row'])})"
    return (
        f"SELECT s.row, arg_min({words}, {best}), arg_min(o.row, {best}) FROM {side}_open s "
        f"JOIN {other}_open o ON {' AND '.join(f's.{column} = o.{column}' for column in on)} "
        f"WHERE {test} GROUP BY s.row"
    )
