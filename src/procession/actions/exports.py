"""Relations as files: CSV and Parquet by DuckDB, XLSX by workbooks.py; the name decides which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from procession.actions import database, references, workbooks
from procession.actions.contract import Context, FileOutput
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.references import ReferenceText

if TYPE_CHECKING:
    import duckdb

FORMATS = frozenset({".csv", ".xlsx", ".parquet"})
# A text that a spreadsheet would run (spec/trust.md, rule 6); what is a plain number all the same stays as it is.
_FORMULA = r"^[=+\-@\t\r\n]"
_PLAIN_NUMBER = r"[-+]?[0-9][0-9 .,]*"


class OutputOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an output goes, and as what; the extension of `as` chooses the format."""

    to: ReferenceText
    as_: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = msgspec.field(name="as", default=None)
    delimiter: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = ","
    escape_formulas: bool = True  # CSV for people; false for a CSV that only machines read


Target = ReferenceText | OutputOptions


def options_of(target: Target) -> OutputOptions:
    return target if isinstance(target, OutputOptions) else OutputOptions(to=target)


def reference_of(target: Target) -> str:
    """ "step.property" of an output."""
    return references.only([options_of(target).to])[0]


def check(path: str, target: Target, allowed: frozenset[str] = FORMATS) -> tuple[str, ...]:
    named = options_of(target).as_
    if named is None or Path(named).suffix.lower() in allowed:
        return ()
    return (f'{path}.as: "{named}" must end in {" or ".join(sorted(allowed))}',)


def file_name(context: Context, target: Target, default: str) -> str:
    """What people will call the file: `as`, else the name that the property's file has now, else `default`."""
    present = context.target(reference_of(target)).file_name
    known = Path(present).suffix.lower() in FORMATS
    return Path(options_of(target).as_ or (present if known else "") or default).name


def write(
    context: Context, connection: duckdb.DuckDBPyConnection, relation: str, target: Target, default: str
) -> FileOutput:
    """The relation, in its own order, as a file in the export folder. Raises Problem."""
    name = file_name(context, target, default)
    suffix = Path(name).suffix.lower()
    path = context.folder / database.EXPORT_FOLDER / f"{reference_of(target)}{suffix}"
    match suffix:
        case ".xlsx":
            workbooks.write(connection, path, {Path(name).stem: relation})
        case ".parquet":
            connection.execute(f"COPY {quote(relation)} TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")
        case ".csv":
            _write_csv(connection, relation, path, options_of(target))
        case _:
            raise Problem(f'the file "{name}" must end in .csv, .xlsx or .parquet to be written')
    context.log(f"{name}: {database.count(connection, relation):,} rows written\n")
    return FileOutput(path=str(path), name=name)


def _write_csv(connection: duckdb.DuckDBPyConnection, relation: str, path: Path, options: OutputOptions) -> None:
    shown = ", ".join(
        _shown(column, kind, options.escape_formulas) for column, kind in database.columns(connection, relation).items()
    )
    connection.execute(
        f"COPY (SELECT {shown} FROM {quote(relation)}) TO {literal(str(path))} "
        f"(FORMAT csv, HEADER, DELIMITER {literal(options.delimiter)})"
    )


def _shown(column: str, kind: str, escape_formulas: bool) -> str:
    name = quote(column)
    if not escape_formulas or kind != "VARCHAR":
        return name
    is_formula = f"regexp_matches({name}, '{_FORMULA}') AND NOT regexp_full_match({name}, '{_PLAIN_NUMBER}')"
    heading = "'" + column if column[:1] in tuple("=+-@\t\r\n") else column
    return f"CASE WHEN {is_formula} THEN '''' || {name} ELSE {name} END AS {quote(heading)}"
