"""Texts that an eye takes for equal and that are not: blanks of other kinds, signs without width, letters in two parts.

They are left apart, because a text stays as it is written; what they would have done unseen is told.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import quote

if TYPE_CHECKING:
    import duckdb

BETWEEN = "chr(31)"  # stands between the values of several columns: a sign that no file holds by chance
# Texts of ASCII with single blanks inside look like nothing but themselves.
_PLAIN = "[!-~]+( [!-~]+)*"

_NO_TEXTS = ("BIGINT", "INTEGER", "HUGEINT", "DECIMAL", "DOUBLE", "DATE", "TIMESTAMP", "BOOLEAN")


def seen(text: str) -> str:
    """SQL of a text as an eye takes it: one kind of blank and of dash, nothing that has no width, whole letters."""
    widths = f"regexp_replace({text}, '\\p{{Cf}}+', '', 'g')"
    dashes = f"regexp_replace({widths}, '\\p{{Pd}}', '-', 'g')"
    return f"nfc_normalize(trim(regexp_replace({dashes}, '[\\s\\p{{Z}}]+', ' ', 'g')))"


def folded(text: str) -> str:
    """SQL of the same without its case, of texts of several columns too; quick where nothing in it is odd."""
    plain = f"regexp_full_match({text}, '[!-~\\x1f]+( [!-~\\x1f]+)*')"
    return f"lower(CASE WHEN {plain} THEN {text} ELSE {seen(text)} END)"


def as_seen(text: str) -> str:
    """The same of a text that is here."""
    kinds = [(sign, unicodedata.category(sign)) for sign in text]
    kept = "".join("-" if kind == "Pd" else sign for sign, kind in kinds if kind != "Cf")
    return unicodedata.normalize("NFC", " ".join(kept.split()))


def visible(text: str) -> str:
    """With the codes of what looks like a blank, like a dash, like nothing or like another letter."""
    return "".join(sign if _is_itself(sign) else f"\\u{ord(sign):04x}" for sign in text)


def _is_itself(sign: str) -> bool:
    is_other = unicodedata.combining(sign) or unicodedata.category(sign) == "Pd" or not sign.isprintable()
    return sign in " -" or not is_other


def twins(connection: duckdb.DuckDBPyConnection, relation: str, columns: Iterable[str]) -> str:
    """What to tell of the first rows whose columns look alike and are not equal; empty for none.

    A row without any of the values looks like no other.
    """
    types, named = database.columns(connection, relation), list(columns)
    if "VARCHAR" not in {types[column] for column in named}:
        return ""
    if not any(_has_odd(connection, relation, column) for column in named if not types[column].startswith(_NO_TEXTS)):
        return ""
    texts = [f"coalesce(CAST({quote(column)} AS VARCHAR), '')" for column in named]
    # Of different values: a million rows have a few thousand.
    whole = f"SELECT DISTINCT concat_ws({BETWEEN}, {', '.join(texts)}) AS x FROM {quote(relation)}"
    # At least one of two that look alike has something odd in it, and most files have none.
    odd = f"SELECT x, {seen('x')} AS look FROM texts WHERE NOT regexp_full_match(replace(x, {BETWEEN}, ''), '{_PLAIN}')"
    row = connection.execute(
        f"WITH texts AS MATERIALIZED ({whole}), odd AS MATERIALIZED ({odd}) SELECT texts.x, odd.x FROM odd "
        f"JOIN texts ON {seen('texts.x')} = odd.look AND texts.x <> odd.x WHERE odd.look <> '' ORDER BY ALL LIMIT 1"
    ).fetchone()
    return "" if row is None else _told(row)


def _has_odd(connection: duckdb.DuckDBPyConnection, relation: str, column: str) -> bool:
    """Asked of each column first: alone it has fewer different values than all have together."""
    values = f"SELECT DISTINCT CAST({quote(column)} AS VARCHAR) AS x FROM {quote(relation)}"
    found = connection.execute(
        f"SELECT 1 FROM ({values}) WHERE x <> '' AND NOT regexp_full_match(x, '{_PLAIN}') LIMIT 1"
    )
    return found.fetchone() is not None


def _told(texts: Sequence[str]) -> str:
    one, other = (visible(text.replace("\x1f", ", ")) for text in texts)
    is_trimmed = len({tuple(part.strip() for part in text.split("\x1f")) for text in texts}) == 1
    advice = "; trim: true takes blanks from both ends" if is_trimmed else ""
    return f'"{one}" and "{other}" look alike and are not equal{advice}'
