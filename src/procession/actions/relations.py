"""Files as relations: CSV, XLSX, Parquet and JSON, known by their name, into a table of the step's DuckDB."""

from __future__ import annotations

import codecs
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from procession.actions import column_types, csv_files, database, sheets
from procession.actions.contract import Context, FileInput
from procession.actions.csv_files import CsvFile
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.references import ReferenceText, only

if TYPE_CHECKING:
    import duckdb

_FORMATS = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv",
    ".xlsx": "xlsx", ".xlsm": "xlsx",
    ".parquet": "parquet",
    ".json": "json", ".jsonl": "json", ".ndjson": "json",
}  # fmt: skip
_LINE_END = re.compile(r"\r\n|\r|\n")
_UTF_8 = frozenset({"utf-8", "utf-8-sig"})
_LINE_BYTES_MAX = 4 << 20
LOGGED_CHARACTERS_MAX = 4_000  # of what DuckDB says, which repeats the line it stumbled over
_ADVICE = f"say its encoding, such as encoding: cp1252, or {csv_files.IN_EXCEL}"
_TEXTS = "texts of a file"  # a name that no user's relation can have: Name allows no space

Character = Annotated[str, msgspec.Meta(min_length=1, max_length=1)]


class FileOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file, and what its reader would otherwise guess: see each default."""

    file: ReferenceText
    delimiter: Character | None = None  # the one that the header holds most of
    quote: Character = '"'
    header: bool = True
    skip: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0  # lines before the header
    encoding: Annotated[str, msgspec.Meta(max_length=40)] = "utf-8"  # any that Python knows: latin-1, cp1252, ...
    sheet: str | int | None = None  # the first; a number counts from 1


def check(path: str, options: FileOptions) -> tuple[str, ...]:
    """Mistakes that the types cannot tell."""
    try:
        codecs.lookup(options.encoding)
    except LookupError:
        return (f'{path}.encoding: "{options.encoding}" is not a known encoding; try utf-8, latin-1 or cp1252',)
    if isinstance(options.sheet, int) and options.sheet < 1:
        return (f"{path}.sheet: sheets are counted from 1",)
    return ()


def load(context: Context, connection: duckdb.DuckDBPyConnection, name: str, options: FileOptions) -> None:
    """Make the table `name` of the file that `options` names. Raises Problem."""
    import duckdb

    source = context.value(only([options.file])[0])
    if not isinstance(source, FileInput):
        what = "has no file yet" if source is None else "is not a file"
        raise Problem(f'the input "{name}" {what} ({options.file})')
    if source.size_bytes == 0:
        raise Problem(f'the file "{source.name}" is empty')
    hidden = {source.path: source.name, f"{context.folder}/": ""}
    try:
        _read(context.folder, connection, name, source, options)
    except csv_files.Unreadable as error:
        raise Problem(f'the file "{source.name}" cannot be read: {error}') from None
    except duckdb.Error as error:
        context.log(f"{database.hide(str(error), hidden)[:LOGGED_CHARACTERS_MAX]}\n")
        raise Problem(f'the file "{source.name}" cannot be read: {database.complaint(error, hidden)}') from error
    context.log(f"{name}: {database.count(connection, name):,} rows of {source.name}\n")


def _read(
    folder: Path, connection: duckdb.DuckDBPyConnection, name: str, source: FileInput, options: FileOptions
) -> None:
    match _format(source):
        case "xlsx":
            _read_sheet(connection, source, options)
        case "parquet":
            connection.execute(f"CREATE TABLE {quote(name)} AS SELECT * FROM read_parquet(?)", [source.path])
            return
        case "json":
            _read_json(connection, source)
        case _:
            _read_csv(folder, connection, source, options)
    column_types.settle(connection, _TEXTS, name)


def _format(source: FileInput) -> str:
    known = _FORMATS.get(Path(source.name).suffix.lower())
    if known:
        return known
    with Path(source.path).open("rb") as file:
        start = file.read(4)
    return {b"PK\x03\x04": "xlsx", b"PAR1": "parquet"}.get(start, "csv")


def _read_csv(folder: Path, connection: duckdb.DuckDBPyConnection, source: FileInput, options: FileOptions) -> None:
    # Whatever could drop or shift rows silently is decided here and not left to sniffing: comments, skipped lines,
    # missing cells. The delimiter too: DuckDB takes a file with one short row for a file of a single column.
    import duckdb

    path = _as_utf_8(folder, source, options.encoding)
    delimiter = options.delimiter or _delimiter(csv_files.head(path, _ADVICE), options)
    file = CsvFile(path=path, delimiter=delimiter, quote=options.quote, skip=options.skip, advice=_ADVICE)
    try:
        _copy_csv(connection, file, options)
    except duckdb.Error as error:
        words = csv_files.complaint(error, file)
        if words is None:
            raise
        raise csv_files.Unreadable(words) from error


def _copy_csv(connection: duckdb.DuckDBPyConnection, file: CsvFile, options: FileOptions) -> None:
    connection.execute(
        f"CREATE TABLE {quote(_TEXTS)} AS SELECT * FROM read_csv(?, all_varchar = true, header = {options.header}, "
        f"skip = {options.skip}, comment = '', quote = {literal(options.quote)}, escape = {literal(options.quote)}, "
        f"null_padding = false, ignore_errors = false, max_line_size = {_LINE_BYTES_MAX}, "
        f"delim = {literal(file.delimiter)})",
        [str(file.path)],
    )


def _delimiter(text: str, options: FileOptions) -> str:
    """The candidate that the header holds most of; a comma when none."""
    for _ in range(options.skip):
        text = _LINE_END.split(text, maxsplit=1)[-1]
    return csv_files.delimiters(text, options.quote)[0]


def _as_utf_8(folder: Path, source: FileInput, encoding: str) -> Path:
    """The file itself, or a copy in UTF-8. Raises Problem when it is not written in that encoding."""
    if codecs.lookup(encoding).name in _UTF_8:
        return Path(source.path)
    copy = folder / "utf-8.csv"
    try:
        with (
            Path(source.path).open(encoding=encoding, newline="") as text,
            copy.open("w", encoding="utf-8", newline="") as out,
        ):
            shutil.copyfileobj(text, out)
    except UnicodeError as error:
        raise Problem(f'the file "{source.name}" is not written in {encoding}: {error}') from error
    return copy


def _read_sheet(connection: duckdb.DuckDBPyConnection, source: FileInput, options: FileOptions) -> None:
    number = options.sheet - 1 if isinstance(options.sheet, int) else options.sheet
    sheet = sheets.read(source.path, source.name, sheet=number, has_header=options.header)
    connection.register("sheet of a file", sheet)
    connection.execute(f'CREATE TABLE {quote(_TEXTS)} AS SELECT * FROM "sheet of a file"')
    connection.unregister("sheet of a file")


def _read_json(connection: duckdb.DuckDBPyConnection, source: FileInput) -> None:
    connection.execute(f"CREATE TABLE {quote(_TEXTS)} AS SELECT * FROM read_json(?)", [source.path])
