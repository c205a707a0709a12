"""Writes relations to files: CSV and Parquet by DuckDB, XLSX by workbooks.py; the file name decides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.contract import TABLE, Context, FileOutput
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.writing import csv_cells, parquet_columns, residues, table_rows, time_texts, workbooks
from procession.actions.writing.exports import OutputOptions, Target, file_name, options_of, reference_of

if TYPE_CHECKING:
    import duckdb

# The first level: half the time of the usual one, for files of the same size. Dictionaries of few values only: those of
# references and names are made and mostly given up again, which was a seventh of the time for a tenth less bytes.
# In order: the rows of a join DuckDB else writes by the threads that come first, a hundred thousand at a time.
_PARQUET = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 5000, PRESERVE_ORDER true)"


def write(
    context: Context,
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    target: Target,
    *,
    default: str,
    warnings: list[str],
) -> FileOutput:
    """The relation, in its own order, as a file in the export folder; adds to `warnings`. Raises Problem.

    Rows for a table are a file too, which the engine makes a part of the table.
    """
    if context.target(reference_of(target)).type == TABLE:
        return _write_rows(context, connection, relation, target, warnings)
    name = file_name(context, target, default)
    suffix = Path(name).suffix.lower()
    # By the reference: two outputs may have the same name for people.
    path = context.folder / database.EXPORT_FOLDER / f"{reference_of(target)}{suffix}"
    types = database.columns(connection, relation)
    warnings += [f"{name}: {text}" for text in residues.warnings(connection, relation, types)]
    # Parquet looks at its values as it writes them: a relation that is a join of two others is made once.
    if suffix != ".parquet":
        rows = csv_cells.count_finite(connection, relation, types)
        found = time_texts.repeated_hours(connection, relation, types, options_of(target).zone)
        warnings += [f"{name}: {text}" for text in found]
    match suffix:
        case ".xlsx":
            notes = workbooks.write(connection, path, {Path(name).stem: relation}, options_of(target).zone)
            warnings += [f"{name}: {text}" for text in notes.warnings]
            remarks = notes.remarks
        case ".parquet":
            rows, remarks = write_parquet(connection, relation, path, is_finite=True)
        case ".csv":
            remarks = _write_csv(connection, relation, path, options_of(target), warnings)
        case _:
            raise Problem(f'the file "{name}" must end in .csv, .xlsx or .parquet to be written')
    for text in (*remarks, f"{rows:,} rows written"):
        context.log(f"{name}: {text}\n")
    return FileOutput(path=str(path), name=name)


def _write_rows(
    context: Context, connection: duckdb.DuckDBPyConnection, relation: str, target: Target, warnings: list[str]
) -> FileOutput:
    wanted = context.target(reference_of(target))
    table_rows.check(connection, relation, wanted)
    # A step that expects no rows, perhaps, is not warned of none; not every action has expectations.
    expect = getattr(context.settings, "expect", None)
    if database.count(connection, relation) or expect is None or expect.rows.at_least != 0:
        warnings += table_rows.warnings(connection, relation, wanted, options_of(target))
    # By the place among the targets: a name may hold what no path can.
    number = len(list((context.folder / database.EXPORT_FOLDER).iterdir()))
    path = context.folder / database.EXPORT_FOLDER / f"rows {number}.parquet"
    write_parquet(connection, relation, path)
    rows = database.count(connection, relation)
    context.log(f'{rows:,} rows for the table "{wanted.file_name}"\n')
    return FileOutput(path=str(path), name=wanted.file_name)


def write_parquet(
    connection: duckdb.DuckDBPyConnection, relation: str, path: Path, *, is_finite: bool = False
) -> tuple[int, tuple[str, ...]]:
    """Returns how many rows there are, and lines for the log: columns that Parquet holds as another type.

    Raises Problem, with `is_finite` also for the first infinity or NaN."""
    import duckdb

    types = database.columns(connection, relation)
    checked = csv_cells.finite(types) if is_finite else {}
    shown = ", ".join(parquet_columns.shown(column, kind, checked.get(column)) for column, kind in types.items())
    try:
        row = connection.execute(f"COPY (SELECT {shown} FROM {quote(relation)}) TO {literal(str(path))} {_PARQUET}")
        [rows] = row.fetchone() or (0,)
    except duckdb.InvalidInputException:
        # It has raised for such a value; this says which.
        csv_cells.count_finite(connection, relation, types)
        raise
    except duckdb.ConversionException as error:
        told = database.complaint(error, {})
        raise Problem(f"{told}; Parquet holds no longer number: cast the column to VARCHAR") from error
    wanted = {column: parquet_columns.exact(kind) for column, kind in types.items()}
    return rows, tuple(
        f'column "{column}": {types[column]} written as {kind}, which Parquet holds exactly'
        for column, kind in wanted.items()
        if kind != types[column]
    )


def _write_csv(
    connection: duckdb.DuckDBPyConnection, relation: str, path: Path, options: OutputOptions, warnings: list[str]
) -> tuple[str, ...]:
    """Returns a line for the log."""
    types = database.columns(connection, relation)
    warnings += csv_cells.check_decimals(connection, relation, types, options.decimals)
    style = csv_cells.CsvStyle(
        decimal=options.decimal, decimals=options.decimals, zone=options.zone, escapes=options.escape_formulas
    )
    delimiter = options.delimiter or (";" if options.decimal == "," else ",")
    first = ("\ufeff" if options.bom else "") + csv_cells.heading_line(list(types), style, delimiter)
    # COPY writes no PREFIX for no rows, and a file without its header is no table.
    if not database.count(connection, relation):
        path.write_text(first, encoding="utf-8", newline="")
        return ()
    shown = ", ".join(csv_cells.shown(column, kind, style, is_only=len(types) == 1) for column, kind in types.items())
    connection.execute(
        f"COPY (SELECT {shown} FROM {quote(relation)}) TO {literal(str(path))} "
        f"(FORMAT csv, HEADER false, DELIMITER {literal(delimiter)}, PREFIX {literal(first)}, SUFFIX '\n')"
    )
    return csv_cells.remarks(connection, relation, types) if options.escape_formulas else ()
