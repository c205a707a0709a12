"""import_table at work: each file made a relation, told where its rows are from, and all of them written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from procession.actions import database, expecting, references
from procession.actions.contract import Context, InputValue, StepOutcome
from procession.actions.database import literal, quote
from procession.actions.importing import import_settings
from procession.actions.importing.import_settings import FILE_NAME, LINE, ImportSettings
from procession.actions.problems import Problem
from procession.actions.reading import aggregates, loading, rejecting
from procession.actions.reading.columns import Relation, WantedRelation
from procession.actions.reading.delimited import DELIMITERS
from procession.actions.reading.options import FileOptions
from procession.actions.references import Given
from procession.actions.rows import rejects, work
from procession.actions.rows.numbering import ROW, numbered
from procession.actions.rows.work import RowWork
from procession.actions.writing import exports

ROWS = "imported"
_NAMED = 10  # columns in a message
_LINES = "lines.csv"
_MARKS_MIN = 2  # delimiters of a row: with fewer, every list of two is one
_NUMBER = re.compile(r"[0-9]+\Z")


def run(context: Context) -> StepOutcome:
    return work.perform(context, _import)


def _import(doing: RowWork) -> str:
    settings: ImportSettings = doing.context.settings
    default = f"{doing.context.step_key}.parquet"
    # Before an hour of work, not after it.
    exports.refuse(doing.context, "output", settings.output, default)
    if settings.rejects is not None:
        exports.refuse(doing.context, "rejects", settings.rejects.target, "rejects.csv")
    rows = doing.load(ROWS, list(import_settings.files(settings)), settings.expect, _ImportedFile(settings))
    doing.lock(runs_sql=(asks := expecting.asks(settings.expect)))
    doing.warnings.extend(_appended(doing, settings))
    if settings.rejects is not None:
        rejects.settle(doing, ROWS, settings.rejects)
    if asks:
        expecting.check(doing.context, doing.connection, ROWS, settings.expect, doing.warnings)
    doing.total(ROWS, "total_out")
    gave = doing.publish(ROWS, settings.output, default=default)
    doing.figures.update({"rows_in": rows + int(doing.figures.get("rejected", 0)), "rows_out": gave})
    files = [one.file for one in doing.loaded[ROWS]]
    told = files[0] if len(files) == 1 else f"{len(files):,} files"
    return f"{gave:,} {'row' if gave == 1 else 'rows'} of {told} imported"


def _appended(doing: RowWork, settings: ImportSettings) -> Iterator[str]:
    """Files whose rows are in the table already, so that they are there twice now."""
    target = doing.context.target(exports.reference_of(settings.output))
    for options, made in zip(import_settings.files(settings), doing.loaded[ROWS], strict=True):
        version = target.appended.get(references.only([options.file])[0])
        if version is not None:
            yield (
                f'{made.file} was in a run that appended rows to the table "{target.file_name}" before (version '
                f"{version:,}); with mode: replace_where, importing it again is importing it once"
            )


@dataclass(frozen=True, slots=True)
class _ImportedFile:
    """Makes one file a relation (work.ReadPart)."""

    settings: ImportSettings

    def __call__(self, doing: RowWork, name: str, options: FileOptions) -> Relation:
        wanted = WantedRelation(name=name, rejects=self.settings.rejects is not None, tells=True)
        made = loading.load(doing.context, doing.connection, wanted, options)
        doing.warnings.extend((*_undeclared(doing, name, made), *_swallowed(doing, name, made)))
        if self.settings.add:
            _add(doing, name, made, self.settings.add)
        return made


def _undeclared(doing: RowWork, name: str, made: Relation) -> Iterator[str]:
    """A column that nobody has declared: what it holds is guessed, and may be another thing next month."""
    there = database.columns(doing.connection, name)
    unknown = [f'"{column}"' for column in there if column not in made.declared]
    if made.declared and unknown:
        more = f" and {len(unknown) - _NAMED:,} more" if len(unknown) > _NAMED else ""
        has = "a column that is" if len(unknown) == 1 else "columns that are"
        yield f"{made.file} has {has} not declared: {', '.join(unknown[:_NAMED])}{more}; say what they are, or others"


def _swallowed(doing: RowWork, name: str, made: Relation) -> Iterator[str]:
    """A quote that is not closed takes in whole rows, up to the next quote, and the file is still well formed."""
    # Only texts can hold them: a number or a day that spans lines has been refused.
    columns = database.columns(doing.connection, name)
    texts = [column for column, type_ in columns.items() if type_ == "VARCHAR"]
    marks = len(columns) - 1
    if marks < _MARKS_MIN or not texts:
        return
    rows = numbered(doing.connection, name)
    tests = [f"bool_or(contains({quote(text)}, chr(10)))" for text in texts]
    there = aggregates.over(doing.connection, tests, rows)
    for column in (text for text, has_lines in zip(texts, there, strict=True) if has_lines):
        row = doing.connection.execute(f"SELECT min({ROW}) FROM {rows} WHERE {_holds_rows(column, marks)}").fetchone()
        if row is not None and row[0] is not None:
            place = made.place(row[0], column)
            yield f'{made.file}, {place}: a value of "{column}" holds whole rows; perhaps a quote is not closed'


def _holds_rows(column: str, marks: int) -> str:
    """SQL of whether a value has two lines with as many delimiters as a row: an address has not."""
    per_line = [f"length(line) - length(replace(line, {literal(mark)}, '')) >= {marks}" for mark in DELIMITERS]
    lines = f"list_filter(string_split({quote(column)}, chr(10)), lambda line: {' OR '.join(per_line)})"
    return f"contains({quote(column)}, chr(10)) AND length({lines}) >= 2"


def _add(doing: RowWork, name: str, made: Relation, added: dict[str, Given]) -> None:
    taken = {column.lower(): column for column in database.columns(doing.connection, name)}
    chosen, lines = list[str](), ""
    for column, given in added.items():
        if column.lower() in taken:
            raise Problem(f'add: {made.file} has a column "{taken[column.lower()]}" already; call it by another name')
        lines = lines or (_lines(doing, name, made) if given == LINE else "")
        ours = {LINE: "line", FILE_NAME: literal(made.file)}
        value = ours[given] if given in ours else _constant(doing.context, column, given)
        chosen.append(f"{value} AS {quote(column)}")
    beside = f" POSITIONAL JOIN {lines} l" if lines else ""
    kept = f"{name} as read"
    doing.connection.execute(f"ALTER TABLE {quote(name)} RENAME TO {quote(kept)}")
    doing.connection.execute(
        f"CREATE TABLE {quote(name)} AS SELECT r.*, {', '.join(chosen)} FROM {quote(kept)} r{beside}"
    )
    doing.connection.execute(f"DROP TABLE {quote(kept)}")


def _constant(context: Context, column: str, given: Given) -> str:
    """SQL of a constant, or of the value of a property, with the type that it has there."""
    value: InputValue | date = references.dated(context, given, references.resolve(context, given))
    match value:
        # Before int, which a bool is too.
        case bool():
            return str(value).lower()
        case int():
            # A whole number of a property may be longer than a BIGINT.
            return f"CAST('{value}' AS DECIMAL(38,0))"
        case Decimal():
            return f"CAST('{value:f}' AS DECIMAL(38,10))"
        case date():
            return f"DATE '{value.isoformat()}'"
        case str() | None:
            return "CAST(NULL AS VARCHAR)" if value is None else literal(value)
        case _:
            raise Problem(f'add: {value.called} is no value of the column "{column}"')


def _lines(doing: RowWork, name: str, made: Relation) -> str:
    """SQL of a relation of the lines, or numbers of rows, in the file, row by row."""
    first = next(iter(database.columns(doing.connection, name)))
    path = Path(doing.context.folder) / _LINES
    # A file, because a million parameters are slow; in rising order, so that the source is read once.
    with path.open("w", encoding="ascii") as out:
        for row in range(made.rows):
            found = _NUMBER.search(rejecting.line_of(made.place(row, first)))
            out.write(f"{found[0] if found else row + 1}\n")
    return f"read_csv({literal(str(path))}, columns = {{'line': 'BIGINT'}}, auto_detect = false, header = false)"
