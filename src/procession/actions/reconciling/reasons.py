"""Why a row is open: what on the other side is nearest to it, and what keeps them apart.

Only open rows are joined. The first reason that holds counts: suggested, several candidates, booked twice?, amount
differs, days apart or no rule for two that are equal, another account or reference, nothing on the other side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import literal
from procession.actions.reconciling import suggestions
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule
from procession.actions.reconciling.sides import SIDES

if TYPE_CHECKING:
    import duckdb

_LOOKED_AT_MAX = 20_000_000  # pairs of open rows with equal keys; more are not looked through
NOTHING = "nothing on the other side"
_EQUAL = "equal, but no rule pairs them"  # a decision or a condition rules it out, or one is too early
_MANY = "too many rows alike to look through"
_CENTS = r"(\.[0-9][0-9][0-9]*?)0*$"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    """Columns that name what a row is about, as the rule with most of them has it, and the days it may be apart.

    `is_whole`: rows that have them equal are equal to a rule, which asks for nothing else but amounts and days."""

    keys: tuple[int, ...]
    is_whole: bool
    day: int | None
    days: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """Open rows of the other side, as o, with the columns `on` like those of s: what makes one the reason of s, in
    which words."""

    on: tuple[str, ...]
    test: str
    words: str


def make(connection: duckdb.DuckDBPyConnection, ledgers: Ledgers, rules: Sequence[MatchingRule]) -> None:
    """Makes left_reasons and right_reasons (row, reason, near_row) of all open rows."""
    identity = _identity(rules)
    crowded = _crowded(connection, [look.on for look in _looks(ledgers, identity, "left")])
    for side in SIDES:
        found = [f"SELECT row, 'no amount', NULL FROM {side}_open WHERE amount IS NULL", *_known(side)]
        found += [
            _alike(side, look.on) if look.on in crowded else _nearest(identity, side, look)
            for look in _looks(ledgers, identity, side)
        ]
        found.append(f"SELECT row, '{NOTHING}', NULL FROM {side}_open")
        every = " UNION ALL ".join(f"SELECT {place}, * FROM ({query})" for place, query in enumerate(found))
        # All at once: as many joins of few rows, one after the other, are planned for longer than they run.
        connection.execute(f"""
            CREATE TABLE {side}_reasons AS
            SELECT row, reason, near_row FROM ({every}) f(place, row, reason, near_row)
            SEMI JOIN {side}_open USING (row)
            QUALIFY row_number() OVER (PARTITION BY row ORDER BY place) = 1
        """)


def _known(side: str) -> Iterator[str]:
    """What the rules themselves found out."""
    number = SIDES.index(side)
    near = "min(o.row) FILTER (o.side <> s.side)"
    of = f"FROM suggested_items s JOIN suggested_items o USING (suggestion) WHERE s.side = {number}"
    is_doubt = f"starts_with(s.why, '{suggestions.SEVERAL}')"
    yield f"SELECT s.row, 'suggested', {near} {of} AND NOT {is_doubt} GROUP BY s.row"
    yield f"SELECT s.row, 'several candidates', {near} {of} GROUP BY s.row"
    other = SIDES[1 - number]
    pairs = f"SELECT {side}_row AS row, {other}_row AS near FROM doubts SEMI JOIN {other}_open o ON o.row = {other}_row"
    yield f"SELECT row, 'several candidates', min(near) FROM ({pairs}) GROUP BY row"
    yield f"SELECT DISTINCT row, 'booked twice?', NULL FROM twice WHERE side = {number}"


def _identity(rules: Sequence[MatchingRule]) -> _Identity:
    # The most columns say best what a row is about: a rule for mistyped references compares fewer.
    pairs = [rule for rule in rules if rule.kind == "pairs"] or rules
    keys = max((rule.keys for rule in pairs), key=len)
    is_whole = any(rule.keys == keys and rule.compares_keys_only for rule in rules)
    dated = [rule for rule in rules if rule.days is not None and rule.kind in {"pairs", "groups"}]
    if not dated:
        return _Identity(keys=keys, is_whole=is_whole, day=None, days=None)
    spans = [rule.days for rule in dated if rule.days is not None]
    days = min(span[0] for span in spans), max(span[1] for span in spans)
    return _Identity(keys=keys, is_whole=is_whole, day=dated[0].day, days=days)


def _looks(ledgers: Ledgers, identity: _Identity, side: str) -> Iterator[_Look]:
    """What to look for among the open rows of the other side."""
    hashes = [f"hash_{key}" for key in identity.keys]
    yield _Look(on=(*hashes, "amount"), test=_dated(identity), words=_days(identity))
    # First: another amount for the same reference says more than the same amount elsewhere.
    apart = f"regexp_replace(CAST(abs(s.amount - o.amount) AS VARCHAR), '{_CENTS}', '\\1')"
    yield _Look(on=tuple(hashes), test="o.amount <> s.amount", words=f"'amount differs by ' || {apart}")
    # Without its only key a row is an amount, and many have the same.
    for key in identity.keys if len(identity.keys) > 1 else ():
        others = [f"hash_{other}" for other in identity.keys if other != key]
        test = f"o.hash_{key} <> s.hash_{key} AND {_in_days(identity, side)}"
        yield _Look(on=(*others, "amount"), test=test, words=literal(f"other {ledgers.keys[key].name}"))


def _dated(identity: _Identity) -> str:
    # Whatever their days: of two that are equal, nobody would believe that there is nothing on the other side.
    if identity.is_whole:
        return "true"
    return "false" if identity.day is None else f"s.day_{identity.day} <> o.day_{identity.day}"


def _days(identity: _Identity) -> str:
    if identity.day is None:
        return literal(_EQUAL)
    days = f"abs(s.day_{identity.day} - o.day_{identity.day})"
    apart = f"WHEN 1 THEN '1 day apart' WHEN {days} THEN {days} || ' days apart'"
    return f"CASE {days} WHEN 0 THEN {literal(_EQUAL)} {apart} ELSE {literal(_EQUAL)} END"


def _in_days(identity: _Identity, side: str) -> str:
    if identity.day is None or identity.days is None:
        return "true"
    left, right = ("s", "o") if side == "left" else ("o", "s")
    least, most = identity.days
    return f"{right}.day_{identity.day} - {left}.day_{identity.day} BETWEEN {least} AND {most}"


def _crowded(connection: duckdb.DuckDBPyConnection, looks: Sequence[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Those columns of looks that too many pairs of open rows have equal."""
    left, right = (database.count(connection, f"{side}_open") for side in SIDES)
    # So few rows as most files leave open are not too many, even all with all.
    if left * right <= _LOOKED_AT_MAX:
        return set()
    return {on for on in looks if _pairs(connection, on) > _LOOKED_AT_MAX}


def _pairs(connection: duckdb.DuckDBPyConnection, on: Sequence[str]) -> int:
    """How many pairs of open rows have these columns equal."""
    keys = ", ".join(on)
    left, right = (f"(SELECT {keys}, count(*)::HUGEINT AS n FROM {side}_open GROUP BY ALL)" for side in SIDES)
    # Counted first, because open rows that are all alike would be joined all with all.
    row = connection.execute(
        f"SELECT coalesce(sum(l.n * r.n), 0) FROM {left} l JOIN {right} r USING ({keys})"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _alike(side: str, on: Sequence[str]) -> str:
    other = SIDES[1 - SIDES.index(side)]
    return f"SELECT row, '{_MANY}', NULL FROM {side}_open SEMI JOIN {other}_open USING ({', '.join(on)})"


def _nearest(identity: _Identity, side: str, look: _Look) -> str:
    """SQL of row, reason and the nearest row of the other side that passes the look."""
    apart = ["abs(s.amount - o.amount)"]
    apart += [] if identity.day is None else [f"abs(s.day_{identity.day} - o.day_{identity.day})"]
    # The row comes last: of those equally near, every run names the same one.
    best = f"row({', '.join([*apart, 'o.row'])})"
    on = " AND ".join(f"s.{column} = o.{column}" for column in look.on)
    return (
        f"SELECT s.row, arg_min({look.words}, {best}), arg_min(o.row, {best}) FROM {side}_open s "
        f"JOIN {SIDES[1 - SIDES.index(side)]}_open o ON {on} WHERE {look.test} GROUP BY s.row"
    )
