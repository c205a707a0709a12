"""A step that works on rows: its DuckDB, what it reads, what it warns of, what it writes, and how that is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from procession.actions import database, messages, references
from procession.actions.contract import TABLE, Context, OutputValue, StepOutcome
from procession.actions.database import quote
from procession.actions.expecting import Expect
from procession.actions.problems import Problem, ShownProblem
from procession.actions.reading.options import FileOptions
from procession.actions.rows import macros, stacking, totals, valueless
from procession.actions.rows.sources import Sources, options_of
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.figures import Figure
from procession.model.lifecycle import StepStatus

if TYPE_CHECKING:
    import duckdb

    from procession.actions.reading.columns import Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWork:
    """`warnings` end the step as Warning; `outputs` are by reference; `values` are bound as $name.

    `figures` are kept with the attempt, also where the step fails.
    """

    context: Context
    connection: duckdb.DuckDBPyConnection
    values: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    outputs: dict[str, OutputValue] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)
    loaded: dict[str, tuple[Relation, ...]] = field(default_factory=dict)

    def load(self, name: str, sources: Sources, expect: Expect, read: ReadPart | None = None) -> int:
        """Makes the table `name` of the rows of all the sources; gives how many there are. Raises Problem.

        `read` makes a relation of one source, where the reader alone would not do.
        """
        given = options_of(sources)
        parts = [name] if len(given) == 1 else [f"{name} {number}" for number in range(1, len(given) + 1)]
        made = []
        for part, options in zip(parts, given, strict=True):
            made.append((read or _read)(self, part, options))
            self.warnings.extend(made[-1].warnings)
        # Several are made one table when they are put below each other.
        if len(given) == 1 and given[0].table:
            self._keep(name)
        if len(given) > 1:
            stacking.refuse_currencies(made)
            files = [one.file for one in made]
            self.warnings.extend(stacking.stack(self.connection, name, dict(zip(parts, files, strict=True))))
        self.loaded[name] = tuple(made)
        # An export that ran empty is a valid file, and nothing else would tell of it.
        if sum(one.rows for one in made) == 0 and expect.rows.at_least != 0:
            self.warnings.append(f"0 rows in {' and '.join(one.file for one in made)}")
        return sum(one.rows for one in made)

    def _keep(self, view: str) -> None:
        """Makes a table of the view of a managed table: its rows are asked for many times, and need numbers."""
        kept = f"rows of {view}"
        self.connection.execute(f"CREATE TABLE {quote(kept)} AS FROM {quote(view)}")
        self.connection.execute(f"DROP VIEW {quote(view)}")
        self.connection.execute(f"ALTER TABLE {quote(kept)} RENAME TO {quote(view)}")

    def place(self, name: str, row: int, column: str) -> str:
        """Where a cell of what was loaded is, as "line 7", with its file where there are several."""
        for part in self.loaded[name]:
            if row < part.rows:
                place = part.place(row, column)
                return place if len(self.loaded[name]) == 1 else f"{place} of {part.file}"
            row -= part.rows
        raise IndexError(row)

    def bind(self, inputs: dict[str, references.Given]) -> None:
        """Looks up the values of inputs that are no rows."""
        for name, given in inputs.items():
            self.values[name] = references.dated(self.context, given, references.resolve(self.context, given))

    def used(self, query: str) -> dict[str, Any] | None:
        """Those values that the statement names, because DuckDB refuses others. None for none."""
        names = self.connection.extract_statements(query)[0].named_parameters
        return {name: self.values[name] for name in names} or None

    def lock(self, *, runs_sql: bool = True) -> None:
        """From now on only what was loaded can be read. Called before any text of a user is run, where it `runs_sql`,
        which may use our functions."""
        if runs_sql:
            macros.make(self.connection)
        database.lock(self.connection, self.context.folder, database.table_files())

    def total(self, relation: str, prefix: str) -> dict[str, Decimal]:
        """Control totals of a relation, kept as figures such as total_out.amount."""
        found = totals.of(self.connection, relation)
        self.figures.update(totals.figures(found, prefix))
        return found

    def publish(self, relation: str, target: Target, *, default: str, rows: int | None = None) -> int:
        """Writes a relation as a file, or its number of rows (`rows`, where it holds fewer) to a property that holds a
        number; gives that number.

        Raises Problem.
        """
        rows = database.count(self.connection, relation) if rows is None else rows
        reference = exports.reference_of(target)
        if self.context.target(reference).type not in {"File", TABLE}:
            self.outputs[reference] = rows
            return rows
        from procession.actions.writing import files

        # The writer's remarks end the step as Warning too: a text that was cut, say.
        self.outputs[reference] = files.write(
            self.context, self.connection, relation, target, default=default, warnings=self.warnings
        )
        return rows


# A source of `doing.load`, made the relation of that name.
ReadPart = Callable[[RowWork, str, FileOptions], "Relation"]


def _read(doing: RowWork, name: str, options: FileOptions) -> Relation:
    from procession.actions.reading import loading
    from procession.actions.reading.columns import WantedRelation

    return loading.load(doing.context, doing.connection, WantedRelation(name=name), options)


def perform(context: Context, work: Callable[[RowWork], str]) -> StepOutcome:
    """Runs `work`, which gives the message, and turns what is wrong into the end of the step."""
    import duckdb

    connection = database.connect(context.folder, context.memory_bytes_max)
    doing = RowWork(context=context, connection=connection)
    # What the user has to mend is a value here, and no exception of the server's.
    try:
        # The files of tables are named by it.
        with contextlib.chdir(context.folder):
            said = work(doing)
    except Problem as problem:
        # A failed check is read by its exceptions; of any other failure, nothing half done is published.
        kept = doing.outputs if isinstance(problem, ShownProblem) else {}
        said = f"{problem}{valueless.hint(connection, doing.loaded, str(problem))}"
        return StepOutcome(status=StepStatus.FAILED, message=said, outputs=kept, figures=doing.figures)
    except duckdb.Error as error:  # memory or disk
        hidden = database.places(context.folder)
        context.log(f"{database.hide(str(error), hidden)}\n")
        return StepOutcome(status=StepStatus.FAILED, message=database.complaint(error, hidden))
    finally:
        connection.close()
    return StepOutcome(
        status=StepStatus.WARNING if doing.warnings else StepStatus.SUCCESS,
        message=messages.joined(context, said, doing.warnings),
        outputs=doing.outputs,
        figures=doing.figures,
    )
