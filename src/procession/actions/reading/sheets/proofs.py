"""SQL that takes the lines of `cuts` for rows of a sheet, and proves that they are nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from procession.actions.database import literal, quote
from procession.actions.reading.cells import FAILS
from procession.actions.reading.sheets import texts
from procession.actions.reading.sheets.forms import PARTS, WrittenColumn

# Of a row behind its number. Rows without cells may have no end of their own, but are not written so by `cuts`.
_ATTRIBUTES = '(?: [A-Za-z][A-Za-z0-9:]*="[^"<>&]*")*>'
_NAMES = "regexp_extract_all(behind, ' ([A-Za-z0-9:]+)=\"', 1)"
_IS_TAG = (
    f"(regexp_full_match(behind, '{_ATTRIBUTES}') "
    f"AND list_unique({_NAMES}) = length({_NAMES}) AND NOT contains(behind, ' r=\"'))"
)
# No attribute's value holds a quote then.
_HIDDEN = (
    "CASE WHEN NOT contains(tag, 'hidden') THEN false "
    "WHEN contains(tag, ' hidden=\"0\"') OR contains(tag, ' hidden=\"false\"') THEN false "
    f"WHEN contains(tag, ' hidden=\"1\"') OR contains(tag, ' hidden=\"true\"') THEN true ELSE {FAILS} END"
)


def fields(path: Path, count: int) -> str:
    """SQL of each line: its row's tag and number, its cells `f<i>` as they are written, NULL where there is none."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in (*(f"c{place}" for place in range(count)), "beyond"))
    source = (
        f"read_csv({literal(str(path))}, auto_detect = false, header = false, delim = '</c>', quote = '', escape = '', "
        f"new_line = '\\n', nullstr = '', null_padding = true, columns = {{{columns}}})"
    )
    others = "".join(f", c{place} AS f{place}" for place in range(1, count))
    return (
        "SELECT left(c0, p) AS tag, split_part(c0, '\"', 2) AS n, substr(tag, 11 + length(n)) AS behind, "
        "nullif(substr(c0, p + 1), '') AS f0"
        f"{others}, beyond FROM (SELECT *, 1 + instr(substr(c0, 2), '>') AS p FROM {source})"
    )


def table(fields: str, written: Sequence[WrittenColumn], tag: str) -> str:
    """SQL of the table RAW. It fails at a row that is not written as the others; `tag` is known to be sound."""
    is_shared = any(form.is_shared for one in written for form in one.forms)
    beside = f", {quote(texts.SHARED)}" if is_shared else ""
    between = "".join(f", {sql} AS {name}" for one in written for name, sql in one.values().items())
    values = "".join(f", {one.sql('n')} AS v{one.column}" for one in written)
    is_row = f"starts_with(tag, '><row r=\"') AND beyond IS NULL AND (behind = {literal(tag)} OR {_IS_TAG})"
    # The place of a cell that is left out is no field there: its end alone would be one.
    pairs = [f"({one.field} IS NOT NULL OR {after.field} IS NULL)" for one, after in pairwise(written) if one.is_even]
    is_row = " AND ".join((is_row, *pairs))
    number = f"CASE WHEN {is_row} AND CAST(n AS UINTEGER)::VARCHAR = n THEN CAST(n AS UINTEGER) ELSE {FAILS} END"
    rows = f"SELECT {number} AS n, {_HIDDEN} AS h{values} FROM (SELECT *{between} FROM ({fields})){beside}"
    # Columns, and no structs: of a number within one DuckDB 2.0 tests less than it is told to, by what it knows of it.
    apart = [
        f"{v}.{part} AS {v}{part}" for one in written if one.is_mixed for v in [f"v{one.column}"] for part in PARTS
    ]
    plain = [f"v{one.column}" for one in written if not one.is_mixed]
    return f"SELECT {', '.join(['n', 'h', *plain, *apart])} FROM ({rows})" if apart else rows
