"""Days and moments that no reader knows from their text: the hour that comes twice, the century of two digits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from procession.actions.database import literal, quote

if TYPE_CHECKING:
    import duckdb

# As POSIX has it, and most programs: 69 is 1969, and 68 is 2068.
_YEAR_FIRST, _YEAR_LAST = 1969, 2068


def repeated_hours(
    connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str], zone: str
) -> Iterator[str]:
    """Warnings of moments that are written in local time, in the hour that comes twice when clocks go back."""
    if zone == "UTC":
        return
    for name, kind in types.items():
        if kind == "TIMESTAMP WITH TIME ZONE":
            here, one = f"timezone({literal(zone)}, {quote(name)})", "INTERVAL 1 HOUR"
            others = (f"timezone({literal(zone)}, {quote(name)} {sign} {one})" for sign in "-+")
            count = _count(connection, relation, f"{here} IN ({', '.join(others)})")
            if count:
                what = "1 moment is" if count == 1 else f"{count:,} moments are"
                yield (
                    f'column "{name}": {what} in an hour that comes twice in {zone}, and the text does not say in '
                    "which of the two; zone: UTC does"
                )


def is_written_by(pattern: str, kind: str) -> bool:
    """Whether a pattern of dates writes values of the DuckDB type: moments only with their hours, which count."""
    return kind == "DATE" or (kind.startswith("TIMESTAMP") and "%H" in pattern)


def short_years(
    connection: duckdb.DuckDBPyConnection, relation: str, types: Mapping[str, str], dated: Iterable[tuple[str, str]]
) -> Iterator[str]:
    """Warnings of days whose century a reader of the pattern would take for another; columns with their patterns."""
    for name, pattern in dated:
        if is_written_by(pattern, types.get(name, "")) and "%y" in pattern and "%Y" not in pattern:
            count = _count(connection, relation, f"year({quote(name)}) NOT BETWEEN {_YEAR_FIRST} AND {_YEAR_LAST}")
            if count:
                what = "1 day is" if count == 1 else f"{count:,} days are"
                years = f"{_YEAR_FIRST} to {_YEAR_LAST}, as which {pattern} is read"
                yield f'column "{name}": {what} not of {years}; write %Y'


def _count(connection: duckdb.DuckDBPyConnection, relation: str, condition: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {quote(relation)} WHERE {condition}").fetchone()
    assert row is not None
    return int(row[0])
