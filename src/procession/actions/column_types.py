"""What the texts of a CSV file or a sheet are: numbers, dates, or text. No value is ever changed by guessing.

A column gets a type only when every value of it fits exactly: "00123" among account numbers keeps the column text, and
amounts are DECIMAL, never a binary fraction. What fits nothing stays text, as it was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.database import quote

if TYPE_CHECKING:
    import duckdb

_RECONSIDERED = frozenset({"VARCHAR", "DOUBLE"})
_SAMPLE_ROWS = 10_000  # most text columns show here that they are text, and are not looked at again

# Pattern (of the whole value) and type, in the order they are tried. Leading zeros and a plus sign mean: not a number.
_INTEGER, _MONEY, _LONG_DECIMAL, _DATE, _TIME, _TRUTH, _OTHER = range(7)
_PATTERNS = {
    _INTEGER: r"-?[1-9][0-9]{0,17}|0",
    _MONEY: r"-?(0|[1-9][0-9]{0,14})\.[0-9]{1,4}0*",
    _LONG_DECIMAL: r"-?(0|[1-9][0-9]{0,27})\.[0-9]{1,10}0*",
    _DATE: r"[0-9]{4}-[0-9]{2}-[0-9]{2}( 00:00:00)?",
    _TIME: r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?",
    _TRUTH: r"true|false",
}
# The set of kinds seen in a column -> its type.
_TYPES = (
    (frozenset({_INTEGER}), "BIGINT"),
    (frozenset({_INTEGER, _MONEY}), "DECIMAL(19,4)"),
    (frozenset({_INTEGER, _MONEY, _LONG_DECIMAL}), "DECIMAL(38,10)"),
    (frozenset({_DATE}), "DATE"),
    (frozenset({_DATE, _TIME}), "TIMESTAMP"),
    (frozenset({_TRUTH}), "BOOLEAN"),
)


def settle(connection: duckdb.DuckDBPyConnection, texts: str, name: str) -> None:
    """Make the table `name` out of the table `texts`, and drop `texts`.

    Its VARCHAR columns get the type of their values; so do DOUBLE columns (of JSON), by each value's shortest text.
    """
    present = database.columns(connection, texts)
    types = _types(connection, texts, [column for column, kind in present.items() if kind in _RECONSIDERED])
    chosen = ", ".join(_cast(column, types.get(column) or kind) for column, kind in present.items())
    connection.execute(f"CREATE TABLE {quote(name)} AS SELECT {chosen} FROM {quote(texts)}")
    connection.execute(f"DROP TABLE {quote(texts)}")


def _types(connection: duckdb.DuckDBPyConnection, texts: str, names: list[str]) -> dict[str, str]:
    """Column -> type, only for those that get another one."""
    if not names:
        return {}
    sampled = _guess(connection, names, f"(SELECT * FROM {quote(texts)} LIMIT {_SAMPLE_ROWS})")
    open_names = [name for name in names if sampled[name] is not None]
    settled = _guess(connection, open_names, quote(texts)) if open_names else {}
    return {name: kind for name, kind in settled.items() if kind and _casts(connection, texts, name, kind)}


def _guess(connection: duckdb.DuckDBPyConnection, names: list[str], source: str) -> dict[str, str | None]:
    """The type of each column, "" when it has no value at all, None when it is text."""
    masks = connection.execute(f"SELECT {', '.join(_mask(name) for name in names)} FROM {source}").fetchone()
    assert masks is not None
    return {name: _type_of(mask) for name, mask in zip(names, masks, strict=True)}


def _mask(name: str) -> str:
    value = f"trim({quote(name)}::VARCHAR)"
    cases = " ".join(f"WHEN regexp_full_match({value}, '{p}') THEN {1 << kind}" for kind, p in _PATTERNS.items())
    return f"bit_or(CASE WHEN {quote(name)} IS NULL OR {value} = '' THEN 0 {cases} ELSE {1 << _OTHER} END)"


def _type_of(mask: int | None) -> str | None:
    seen = {kind for kind in range(_OTHER + 1) if (mask or 0) >> kind & 1}
    if not seen:
        return ""
    return next((name for kinds, name in _TYPES if seen <= kinds), None)


def _casts(connection: duckdb.DuckDBPyConnection, texts: str, name: str, kind: str) -> bool:
    """Patterns let 1993-02-31 through; only the calendar knows."""
    if kind not in {"DATE", "TIMESTAMP"}:
        return True
    value = _value(name)
    row = connection.execute(
        f"SELECT count(*) FROM {quote(texts)} WHERE {value} IS NOT NULL AND TRY_CAST({value} AS {kind}) IS NULL"
    ).fetchone()
    return row == (0,)


def _cast(name: str, kind: str) -> str:
    if kind not in {chosen for _, chosen in _TYPES}:
        return quote(name)
    return f"CAST({_value(name)} AS {kind}) AS {quote(name)}"


def _value(name: str) -> str:
    return f"nullif(trim({quote(name)}::VARCHAR), '')"
