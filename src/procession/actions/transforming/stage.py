"""The rows of a transform between two of its steps."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from procession.actions import database, values
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.rows import kinds, numbering, totals
from procession.actions.rows.kinds import ValueKind
from procession.actions.rows.work import RowWork
from procession.actions.sql import comparing, sql_complaints

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

AFTER = "rows after step {}"


@dataclass(slots=True)
class TransformRows:
    """`relation` holds the rows now; `number` and `where` are the step at work, the latter as messages call it."""

    work: RowWork
    relation: str
    where: str = ""
    number: int = 0

    @property
    def columns(self) -> dict[str, str]:
        """Name -> DuckDB type, in order."""
        return database.columns(self.work.connection, self.relation)

    @property
    def numbered(self) -> str:
        """SQL of the rows with ROW, their numbers."""
        return numbering.numbered(self.work.connection, self.relation)

    def column(self, wanted: str) -> str:
        """As it is written in the rows. Raises Problem."""
        return kinds.column(self.columns, wanted, self.where)

    def amount(self, wanted: str) -> str:
        """The same for a column that is added up. Raises Problem."""
        return kinds.require(self.columns, wanted, ValueKind.NUMBER, self.where)

    def free(self, name: str) -> str:
        """A new column's name. Raises Problem where it is taken."""
        taken = {column.lower(): column for column in self.columns}
        if name.lower() in taken:
            raise Problem(f'{self.where}: there is a column "{taken[name.lower()]}" already')
        return name

    def warn(self, text: str) -> None:
        self.work.warnings.append(f"{self.where}: {text}")

    def warn_if_mixed(self, select: str) -> None:
        if comparing.is_mixed(self.work.connection, select, self.work.used(select) or {}):
            self.warn(comparing.MIXED)

    def count(self, condition: str) -> int:
        """Rows of which it is true; the condition may name values."""
        return int(self.ask(f"SELECT count(*) FROM {quote(self.relation)} WHERE {condition}")[0])

    def ask(self, query: str) -> Sequence[Any]:
        """The one row of a query. Raises Problem."""
        import duckdb

        try:
            row = self.work.connection.execute(query, self.work.used(query)).fetchone()
        except duckdb.Error as error:
            raise self.problem(error, query) from error
        assert row is not None
        return row

    def problem(self, error: duckdb.Error, query: str) -> Problem:
        """What DuckDB says of a step, in the user's words."""
        hidden = database.places(self.work.context.folder)
        self.work.context.log(f"{database.hide(str(error), hidden)}\n")
        said = sql_complaints.complaint(error, self.work.connection, query, hidden)
        return Problem(f"{self.where}: {said}")

    def becomes(self, select: str) -> None:
        """The rows of the statement are the rows from now on. Raises Problem."""
        after = AFTER.format(self.number)
        self.create("TABLE", after, select)
        # At once, or a long transform would keep a copy of the rows for each step.
        self.work.connection.execute(f"DROP TABLE {quote(self.relation)}")
        self.relation = after

    def create(self, what: str, name: str, select: str) -> None:
        """Makes a TABLE or VIEW of the statement, and logs it as SQL that run_sql takes. Raises Problem."""
        import duckdb

        # In full, so that what a step did can be run again in a run_sql, line by line.
        statement = f"CREATE {what} {quote(name)} AS {select}"
        self.work.context.log(f"{statement};\n")
        try:
            self.work.connection.execute(statement, self.work.used(select))
        except duckdb.Error as error:
            raise self.problem(error, select) from error

    def totals(self) -> dict[str, Decimal]:
        """Of each column of amounts."""
        return totals.of(self.work.connection, self.relation)

    def tell_totals(self, before: dict[str, Decimal]) -> str:
        """Logs how the totals changed; gives in words what is gone."""
        gone = []
        for name, total in self.totals().items():
            if name not in before:
                continue
            was, now, left_out = values.alike(before[name], total, before[name] - total)
            self.work.context.log(f"{self.where}: {name} {was} before, {now} after\n")
            gone.append(f"{name} {left_out}")
        return ", ".join(gone)
