"""Reads the first rows of a file as its columns are declared: which rows fit, and the worst value of each column."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from procession.actions import database
from procession.actions.contract import Context, FileInput, FileOutput
from procession.actions.database import quote
from procession.actions.problems import Problem
from procession.actions.reading import loading
from procession.actions.reading.columns import WantedRelation
from procession.actions.reading.options import ColumnOptions
from procession.actions.tables import proposing, proposing_files, sampling
from procession.actions.tables.contract import FitSettings, ProposedOption, SampleFit, SampleSettings, WorstValue

if TYPE_CHECKING:
    import duckdb

COLUMNS_MAX = 200
_REJECTS_SHOWN = 20
_TEXT_MAX = 200
_WRITTEN, _FITTED = "as written", "as declared"


def perform(context: Context, connection: duckdb.DuckDBPyConnection) -> tuple[SampleFit, dict[str, FileOutput]]:
    """A file that cannot be read so is an answer too."""
    settings: FitSettings = context.settings
    target = Path(context.folder) / "sample"
    taken = sampling.take(
        connection,
        SampleSettings(
            request=settings.request, name=settings.name, target=str(target), rows=settings.rows,
            skip=settings.options.skip,
        ),
    )  # fmt: skip
    source = FileInput(path=str(target), name=settings.name, size_bytes=target.stat().st_size)
    if taken.is_cut:
        # The row of totals is behind the sample.
        settings = replace(settings, options=replace(settings.options, total_row=None))
    options: tuple[ProposedOption, ...] = ()
    try:
        options = proposing_files.propose(source, settings.options, Path(context.folder), settings.proposes or ())
        said = {one.name: one.value for one in options}
        found = _looked(context, connection, source, replace(settings, options=replace(settings.options, **said)))
    except Problem as problem:
        return SampleFit(problem=str(problem), is_cut=taken.is_cut, options=options), {}
    return replace(found, is_cut=taken.is_cut, options=options), {}


def _looked(
    context: Context, connection: duckdb.DuckDBPyConnection, source: FileInput, settings: FitSettings
) -> SampleFit:
    """Raises Problem for a file that no declaration makes readable."""
    plain = replace(settings.options, columns={}, others="keep", total_row=None)
    loading.relation_of(context, connection, source, plain, WantedRelation(name=_WRITTEN, file=settings.name))
    headings = list(database.columns(connection, _WRITTEN))[:COLUMNS_MAX]
    database.drop(connection, _WRITTEN)
    # Each value as it is written: what a type would make of it is what is asked.
    keys = {name: name if plain.header else str(number) for number, name in enumerate(headings, start=1)}
    written = replace(plain, columns={key: ColumnOptions(type="Text") for key in keys.values()})
    loading.relation_of(context, connection, source, written, WantedRelation(name=_WRITTEN, file=settings.name))
    # A column without a heading goes by its number, as in messages.
    shown = {name: name if plain.header else f"column {key}" for name, key in keys.items()}
    worst = {shown[name]: _longest(connection, name, shown[name]) for name in headings}
    asked = keys.items() if settings.proposes is not None else ()
    proposed = [proposing.propose(key, _values(connection, name)) for name, key in asked]
    found = SampleFit(
        rows=database.count(connection, _WRITTEN), proposed=tuple(proposed), columns=tuple(worst.values())
    )
    try:
        return _fitted(context, connection, source, settings, (found, worst))
    except Problem as problem:
        return replace(found, problem=str(problem))


def _values(connection: duckdb.DuckDBPyConnection, heading: str) -> list[str | None]:
    return [row[0] for row in connection.execute(f"SELECT {quote(heading)} FROM {quote(_WRITTEN)}").fetchall()]


def _longest(connection: duckdb.DuckDBPyConnection, name: str, shown: str) -> WorstValue:
    row = connection.execute(
        f"SELECT left(arg_max({quote(name)}, length({quote(name)})), {_TEXT_MAX}) FROM {quote(_WRITTEN)}"
    ).fetchone()
    return WorstValue(heading=shown, value=None if row is None else row[0])


def _fitted(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    source: FileInput,
    settings: FitSettings,
    known: tuple[SampleFit, dict[str, WorstValue]],
) -> SampleFit:
    """Read as the step reads it, rows that do not fit apart. Raises Problem."""
    found, worst = known
    wanted = WantedRelation(name=_FITTED, file=settings.name, rejects=True)
    rejected = loading.relation_of(context, connection, source, settings.options, wanted).relation.rejected
    if rejected is None:
        return found
    rows = connection.execute(
        f'SELECT line, "column", left(value, {_TEXT_MAX}), reason FROM {quote(rejected.relation)}'
    ).fetchall()
    for _, heading, value, reason in reversed(rows):
        count = worst[heading].misfits + 1 if heading in worst else 0
        if count:
            worst[heading] = WorstValue(heading=heading, value=value, reason=reason, misfits=count)
    return replace(
        found, rejected=rejected.rows, rejects=tuple(map(tuple, rows[:_REJECTS_SHOWN])), columns=tuple(worst.values())
    )
