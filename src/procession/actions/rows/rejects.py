"""Rows that do not fit their declared columns: where they go, and how many a step takes before it fails."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import msgspec

from procession.actions import database
from procession.actions.database import quote
from procession.actions.problems import ShownProblem
from procession.actions.references import ReferenceText
from procession.actions.writing.exports import OutputOptions

if TYPE_CHECKING:
    from procession.actions.rows.work import RowWork

_RELATION = "rejected rows"
# What the reader keeps of them (reading/rejecting): whoever needs more has the wrong file.
ROWS_MAX = 100_000
_NO_ROWS = ", ".join(f'NULL::VARCHAR AS "{name}"' for name in ("file", "line", "column", "value", "reason"))


class Rejects(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows with a value that does not fit its declared column are left out, and told with their place and the reason.

    More than `at_most` of them: the step fails, and publishes nothing but these.
    """

    to: Annotated[ReferenceText, msgspec.Meta(description="the file that takes them, or a number for how many")]
    as_: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None,
        msgspec.Meta(description="the file's name, ending in .csv, .xlsx or .parquet; rejects.csv if left out"),
    ] = msgspec.field(name="as", default=None)
    at_most: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=ROWS_MAX)]
        | Annotated[str, msgspec.Meta(pattern=r"^(100|[0-9]{1,2}(\.[0-9]{1,4})?) ?%$")],
        msgspec.Meta(description='so many rows, or a part of them such as "0.1 %", are a Warning and no failure'),
    ] = 0

    @property
    def target(self) -> OutputOptions:
        return OutputOptions(to=self.to, as_=self.as_)

    def allows(self, rejected: int, given: int) -> bool:
        """Whether so many rows of those given are no failure."""
        if isinstance(self.at_most, int):
            most = Decimal(self.at_most)
        else:
            # In decimals: 0.7 % of 1,000 as a binary number is less than 7.
            most = given * Decimal(self.at_most.rstrip(" %")) / 100
        return rejected <= ROWS_MAX and rejected <= most


def settle(doing: RowWork, name: str, rejects: Rejects) -> None:
    """Publishes the rows that were taken out of what was loaded as `name`. Raises Problem where they are too many."""
    found = [one.rejected for one in doing.loaded[name] if one.rejected is not None]
    # An empty file too: the next step reads it, and no rows is what it should find.
    parts = [f"SELECT * FROM {quote(one.relation)}" for one in found] or [f"SELECT {_NO_ROWS} LIMIT 0"]
    doing.connection.execute(f"CREATE TABLE {quote(_RELATION)} AS {' UNION ALL '.join(parts)}")
    for one in found:
        database.drop(doing.connection, one.relation)
    count = sum(one.rows for one in found)
    given = count + sum(one.rows for one in doing.loaded[name])
    doing.figures["rejected"] = count
    doing.publish(_RELATION, rejects.target, default="rejects.csv", rows=count)
    if not count:
        return
    rows = "1 row does" if count == 1 else f"{count:,} rows do"
    told = f"{rows} not fit the columns ({found[0].first}{'; and others' if count > 1 else ''})"
    if not rejects.allows(count, given):
        most = f"{rejects.at_most:,}" if isinstance(rejects.at_most, int) else rejects.at_most
        raise ShownProblem(f"{told}, and at most {most} of {given:,} may; nothing was published but the rejects")
    doing.warnings.append(f"{told} and {'is' if count == 1 else 'are'} left out")
