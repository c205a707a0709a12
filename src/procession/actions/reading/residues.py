"""What a binary number may have lost: decimals that are residues of arithmetic, and digits beyond those it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from procession.actions.reading import aggregates, values

if TYPE_CHECKING:
    import duckdb

DECIMALS_MAX = 10
_WRITTEN_DIGITS_MAX = 12  # some programs store 15 of what was computed
_NOTHING = 1e-9


def note(connection: duckdb.DuckDBPyConnection, text: str, source: str) -> str:
    """On binary numbers, given as SQL text of the source: how many are rounded, and how many have more digits than such
    a number keeps; "" for none."""
    # A declared column is asked before its cells are compared with what it is: some may be no numbers.
    number = f"TRY_CAST({text} AS DOUBLE)"
    long = f"contains({text}, '.') AND length({text}) - instr({text}, '.') > {DECIMALS_MAX} AND {number} IS NOT NULL"
    apart = f"abs({number} - CAST(TRY_CAST({text} AS DECIMAL(38,{DECIMALS_MAX})) AS DOUBLE))"
    big = f"abs({number}) >= 1e{values.BINARY_DIGITS}"
    asked = [f"count(*) FILTER ({long})", f"count(*) FILTER ({big})", f"CAST(max({apart}) FILTER ({long}) AS VARCHAR)"]
    longs, bigs, largest = aggregates.over(connection, asked, source)
    rounded = f"more than {DECIMALS_MAX} decimals and {{}} rounded there, by at most {largest}"
    lost = (
        f"more than {values.BINARY_DIGITS} digits, which neither a spreadsheet nor a binary number keeps whole; store "
        "what identifies something as text"
    )
    return "; ".join(_counted(count, what) for count, what in ((longs, rounded), (bigs, lost)) if count)


def lost(connection: duckdb.DuckDBPyConnection, text: str, source: str) -> str:
    """A number with decimals that somebody wrote and that are rounded off, as 0.0000213456; "" for none.

    What has more digits was computed, and what is next to nothing is what a sum of amounts leaves.
    """
    digits = f"length(replace(ltrim({text}, '-0.'), '.', ''))"
    is_written = f"{digits} <= {_WRITTEN_DIGITS_MAX} AND abs(TRY_CAST({text} AS DOUBLE)) >= {_NOTHING}"
    is_long = f"contains({text}, '.') AND length({text}) - instr({text}, '.') > {DECIMALS_MAX}"
    (found,) = aggregates.over(connection, [f"min({text}) FILTER ({is_long} AND {is_written})"], source)
    return found or ""


def _counted(count: int, what: str) -> str:
    have, are = ("number has", "is") if count == 1 else ("numbers have", "are")
    return f"{count:,} {have} {what.format(are)}"
