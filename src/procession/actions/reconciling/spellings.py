"""Finds rows that only the spelling of a key keeps open: 0012 and 12, INV-1 with a blank and without.

Texts that look alike are left apart, because they may be codes. Where the amount and all other keys of a rule agree,
that is likely to be a mistake, and people are told. Where both sides declare a column as Text, only differences that
nobody sees are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procession.actions.database import quote
from procession.actions.reading import values
from procession.actions.reading.cells import Kind
from procession.actions.reading.options import Type
from procession.actions.reconciling.ledgers import Ledgers
from procession.actions.reconciling.matching import MatchingRule
from procession.actions.reconciling.sides import Pair, Side
from procession.actions.rows import looks

if TYPE_CHECKING:
    import duckdb

_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"
_VALUES = frozenset({"Number", "Money", "Date"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Columns that rules compare; `texts`: those that they compare as written."""

    both: Ledgers
    compared: Sequence[int]
    texts: Sequence[int]


def warnings(connection: duckdb.DuckDBPyConnection, both: Ledgers, rules: Sequence[MatchingRule]) -> list[str]:
    """Warnings about open rows: one for each pair of columns, whatever rules compare it."""
    texts = [number for number in range(len(both.keys)) if both.is_text(number) and not both.is_amount(number)]
    compared = dict.fromkeys(rule.keys for rule in rules if rule.kind == "pairs" and set(rule.keys) & set(texts))
    if not compared:
        return []
    every = list(dict.fromkeys(key for keys in compared for key in keys))
    asked = _Asked(both=both, compared=every, texts=[key for key in every if key in texts])
    # Once for all rules: a dozen functions make what a text may mean.
    for one in both.sides:
        connection.execute(f"CREATE TABLE {one.name}_spelled AS {_open(asked, one)}")
    found: dict[int, str] = {}
    for keys in compared:
        found = dict(_told(connection, both, keys, [key for key in keys if key in texts])) | found
    for one in both.sides:
        connection.execute(f"DROP TABLE {one.name}_spelled")
    return list(found.values())


def _told(
    connection: duckdb.DuckDBPyConnection, both: Ledgers, compared: Sequence[int], texts: Sequence[int]
) -> Iterator[tuple[int, str]]:
    """Key and words for each that differs in two open rows which are alike otherwise."""
    alike = ", ".join(["amount", *(f"meant_{key}" for key in compared)])
    shown = ", ".join(
        f"count(DISTINCT l.row) FILTER (l.key_{key} <> r.key_{key}), "
        f"arg_min([l.key_{key}, r.key_{key}], l.row) FILTER (l.key_{key} <> r.key_{key})"
        for key in texts
    )
    others = f"SELECT DISTINCT {alike}, {', '.join(f'key_{key}' for key in texts)} FROM right_spelled"
    row = connection.execute(f"SELECT {shown} FROM left_spelled l JOIN ({others}) r USING ({alike})").fetchone()
    assert row is not None
    for key, count, pair in zip(texts, row[::2], row[1::2], strict=True):
        if count:
            yield key, _words(both.keys[key], count, *pair)


def _words(pair: Pair, count: int, left: str, right: str) -> str:
    stay = "row stays" if count == 1 else "rows stay"
    advice = "where they are the same value, declare both columns alike"
    if looks.as_seen(left) == looks.as_seen(right):
        advice = "they differ only in what nobody sees"
        advice += "; trim: true takes blanks from both ends" if left.strip() == right.strip() else ""
    return (
        f'{count:,} left {stay} open only by spelling: "{looks.visible(left)}" in the left column "{pair.left}" and '
        f'"{looks.visible(right)}" in the right column "{pair.right}" are not equal as texts; {advice}'
    )


def _open(asked: _Asked, one: Side) -> str:
    """The side's open rows: row, amount, key_N as written, meant_N alike where they may be the same value."""
    values_of = asked.both.values[one.name]
    written = [f"{values_of[key]} AS key_{key}" for key in asked.compared]
    written += [f"{_valued(asked, one, key)} AS value_{key}" for key in asked.texts]
    # Only rows whose amount is open on the other side too.
    rows = f"(SELECT * FROM {one.name}_open SEMI JOIN {one.other}_open USING (amount))"
    read = f"SELECT o.row, o.amount, {', '.join(written)} FROM {one.rows} JOIN {rows} o ON o.row = {one.row}"
    # One upon the other: written out, each would be repeated for every time that it is asked for.
    clean = ", ".join(f"{looks.seen(f'key_{key}')} AS seen_{key}" for key in asked.texts)
    meant = [
        f"{_meant(asked, one, key) if key in asked.texts else f'key_{key}'} AS meant_{key}" for key in asked.compared
    ]
    shown = ", ".join([*(f"key_{key}" for key in asked.texts), *meant])
    return f"SELECT row, amount, {shown} FROM (SELECT *, {clean} FROM ({read}))"


def _valued(asked: _Asked, one: Side, key: int) -> str:
    """What the column is where its type tells it, and no text has to."""
    column = asked.both.keys[key].of(one.name)
    if one.types[column] == "DATE":
        return f"t.{quote(column)}::VARCHAR"
    return f"CAST(t.{quote(column)} AS DECIMAL(38,10))::VARCHAR" if one.types[column].startswith("DECIMAL") else "NULL"


def _meant(asked: _Asked, one: Side, key: int) -> str:
    pair, sides = asked.both.keys[key], asked.both.sides
    other, clean = asked.both.side(one.other), f"seen_{key}"
    kind = one.types[pair.of(one.name)]
    if all(_is_declared_text(side, pair) for side in sides):
        return clean
    if kind == "DATE" or kind.startswith("DECIMAL"):
        return f"value_{key}"
    as_number = f"regexp_full_match({clean}, '{_NUMBER}') THEN TRY_CAST({clean} AS DECIMAL(38,10))::VARCHAR"
    anyhow = f"CASE WHEN {as_number} ELSE lower({clean}) END"
    said = other.made.declared.get(pair.of(other.name))
    if said is None or said.type not in _VALUES:
        return anyhow
    wanted: Type = "Date" if said.type == "Date" else "Number"
    taken = values.take(Kind.TEXT, wanted, clean, said.style)  # as the other side writes it
    return f"coalesce(CAST({taken} AS VARCHAR), {anyhow})"


def _is_declared_text(one: Side, pair: Pair) -> bool:
    said = one.made.declared.get(pair.of(one.name))
    return said is not None and said.type == "Text"
