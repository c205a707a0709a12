"""Columns of a Parquet output as SQL: types that Parquet cannot hold exactly become ones that it can.

DuckDB by itself rounds whole numbers of 128 bits to binary fractions (the sum of a BIGINT is one), cuts intervals to
milliseconds, moves a time with an offset to UTC, and hides a union in a struct.
"""

from __future__ import annotations

import re

from procession.actions.database import quote

_INSTEAD = {
    "HUGEINT": "DECIMAL(38,0)",
    "UHUGEINT": "DECIMAL(38,0)",
    "INTERVAL": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
}
_QUOTED = r"\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'"  # names of fields, and the values of an ENUM
# The name of a field may look like a type, but a blank follows it.
_INEXACT = re.compile(rf"({_QUOTED})|\b(U?HUGEINT|INTERVAL|TIME WITH TIME ZONE)(?=[,)\[]|$)")
_UNION = re.compile(r"\bUNION\(")


def exact(kind: str) -> str:
    """The type to write: the same, where Parquet holds it."""
    # Without what is quoted: a field may be called UNION(.
    if _UNION.search(re.sub(_QUOTED, "", kind)):
        return "VARCHAR"
    return _INEXACT.sub(lambda found: found[1] or _INSTEAD[found[2]], kind)


def shown(column: str, kind: str, value: str | None = None) -> str:
    """The column, or a value of its kind, under its own name. A number of more than 38 digits raises a
    ConversionException."""
    name, wanted = quote(column), exact(kind)
    value = value or name
    return f"{value if wanted == kind else f'CAST({value} AS {wanted})'} AS {name}"
