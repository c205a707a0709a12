"""export at work: rows loaded, looked at against the layout, written as one file or as a zip of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path, PurePath

from procession.actions import database, expecting, naming
from procession.actions.contract import Context, FileOutput, StepOutcome
from procession.actions.database import quote
from procession.actions.exporting import export_settings, layouts, text_files
from procession.actions.exporting.export_settings import ExportSettings
from procession.actions.exporting.layouts import Format
from procession.actions.exporting.text_files import Sums, TextFile
from procession.actions.problems import Problem
from procession.actions.rows import kinds, numbering, work
from procession.actions.rows.numbering import ROW
from procession.actions.rows.work import RowWork
from procession.actions.writing import archives, csv_cells, files, residues, time_texts, workbooks
from procession.actions.writing.csv_cells import CsvStyle

_SOURCE, _SHOWN, _PARTS = "source", "the rows as shown", "the rows by file"
_PART = "file of the row"  # column of _PARTS: which file a row goes to, from 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One export: `given` are the values of {key} in names and fixed texts."""

    work: RowWork
    settings: ExportSettings
    format: Format
    given: Mapping[str, object]
    sums: Mapping[str, str]

    def write(self, rows: str, path: Path, name: str) -> None:
        """The rows of a relation as a file; `name` is its own."""
        shown = self._shown(rows)
        layout, connection = self.settings.layout, self.work.connection
        text = TextFile(connection=connection, layout=layout, name=name, given=self.given)
        sums = Sums(relation=rows, columns=self.sums)
        match self.format:
            case "csv":
                text.write_csv(shown, path, sums)
            # By its own fields, which name columns of the source.
            case "fixed":
                text.write_fixed(rows, path, sums)
            case "json" | "jsonl":
                text.write_json(shown, path, is_lines=self.format == "jsonl")
            case "xlsx":
                notes = workbooks.write(connection, path, {PurePath(name).stem: shown}, layout.zone)
                self.work.warnings.extend(f"{name}: {said}" for said in notes.warnings)
                self._log(name, notes.remarks)
            case "parquet":
                self._log(name, files.write_parquet(connection, shown, path)[1])

    def _unclear(self, shown: str, types: Mapping[str, str]) -> Iterator[str]:
        """Warnings of days and moments whose text would be that of others."""
        connection, layout = self.work.connection, self.settings.layout
        if self.format in {"csv", "fixed", "xlsx"}:
            yield from time_texts.repeated_hours(connection, shown, types, layout.zone)
        dated = [(name, layout.date) for name in types if layout.date and self.format == "csv"]
        yield from time_texts.short_years(connection, shown, types, dated)
        fields = [(field.column, field.date) for field in layout.fixed if field.column and field.date]
        yield from time_texts.short_years(connection, _SOURCE, database.columns(connection, _SOURCE), fields)

    def _log(self, name: str, remarks: tuple[str, ...]) -> None:
        for said in remarks:
            self.work.context.log(f"{name}: {said}\n")

    def check(self, name: str) -> None:
        """Raises Problem for the first value that the file cannot hold, before anything is written."""
        connection, layout = self.work.connection, self.settings.layout
        shown = self._shown(_SOURCE)
        types = database.columns(connection, shown)
        csv_cells.count_finite(connection, shown, types)
        self.work.warnings.extend(residues.warnings(connection, shown, types))
        self.work.warnings.extend(self._unclear(shown, types))
        text = TextFile(connection=connection, layout=layout, name=name, given=self.given)
        if self.format == "fixed":
            self.work.warnings.extend(text.check(_SOURCE, is_fixed=True))
        if self.format == "csv":
            self.work.warnings.extend(text.check(shown, is_fixed=False))
            # What was changed in the file is said in the log, as where steps write CSV by themselves.
            self._log(name, csv_cells.remarks(connection, shown, types) if layout.escape_formulas else ())

    def _shown(self, rows: str) -> str:
        """The view of the rows with the headings of the file, in its order."""
        chosen = self.settings.layout.columns
        there = database.columns(self.work.connection, rows)
        if chosen:
            names = {kinds.column(there, name, "layout.columns"): heading for name, heading in chosen.items()}
        else:
            names = {name: name for name in there if name != _PART}
        columns = ", ".join(f"{quote(name)} AS {quote(heading)}" for name, heading in names.items())
        self.work.connection.execute(f"CREATE OR REPLACE VIEW {quote(_SHOWN)} AS SELECT {columns} FROM {quote(rows)}")
        return _SHOWN


def run(context: Context) -> StepOutcome:
    return work.perform(context, _export)


def _export(doing: RowWork) -> str:
    settings: ExportSettings = doing.context.settings
    reference = export_settings.writes(settings)[0]
    if (kind := doing.context.target(reference).type) != "File":
        raise Problem(f"the output goes to a {kind}, and an export is a file")
    # Values first: a name that cannot be made is told before files are read.
    doing.bind(settings.inputs)
    # As any step reads them, tables of the server included.
    rows = doing.load(_SOURCE, settings.source, settings.expect)
    _as_days(doing, settings.layout)
    doing.lock()
    expecting.check(doing.context, doing.connection, _SOURCE, settings.expect, doing.warnings)
    types = database.columns(doing.connection, _SOURCE)
    name = export_settings.name_of(settings)
    made = Export(
        work=doing,
        settings=settings,
        format=layouts.format_of(settings.layout, name) or "csv",
        given=doing.values,
        sums=text_files.sums_of(types, settings.layout),
    )
    # Before anything is written: half an export must not exist.
    made.check(name)
    _keep_figures(doing, made.sums, rows)
    folder = doing.context.folder / database.EXPORT_FOLDER
    if settings.split_by is not None:
        path, called, count = _write_parts(made, settings.split_by, folder)
        said = f"{rows:,} rows written to {count:,} {'file' if count == 1 else 'files'} in {called}"
    else:
        called = naming.file_name(naming.fill(name, doing.values) if name else _default_name(made))
        path = folder / f"whole.{made.format}"
        made.write(_SOURCE, path, called)
        said = f"{rows:,} rows written to {called}"
    doing.outputs[reference] = FileOutput(path=str(path), name=called)
    return said


def _as_days(doing: RowWork, layout: layouts.Layout) -> None:
    """Makes days of moments at midnight, as which a managed table keeps them, where the layout says how days look."""
    connection = doing.connection
    asked = [(field.column, field.date) for field in layout.fixed if field.column is not None and field.date]
    if layout.date is not None:
        asked += [(name, layout.date) for name in layout.columns or database.columns(connection, _SOURCE)]
    patterns = {name.casefold(): pattern for name, pattern in asked}
    for column, kind in database.columns(connection, _SOURCE).items():
        pattern = patterns.get(column.casefold())
        if pattern is None or not kind.startswith("TIMESTAMP"):
            continue
        if kind == "TIMESTAMP" and database.holds_days(connection, _SOURCE, column):
            connection.execute(f"ALTER TABLE {_SOURCE} ALTER COLUMN {quote(column)} TYPE DATE")
        elif not time_texts.is_written_by(pattern, kind):
            doing.warnings.append(
                f'the column "{column}" has times, so its moments are not written by the pattern of days {pattern}; '
                "one with %H writes them"
            )


def _default_name(made: Export) -> str:
    ending = "txt" if made.format == "fixed" else made.format
    return f"{made.work.context.step_key}.{ending}"


def _keep_figures(doing: RowWork, sums: Mapping[str, str], rows: int) -> None:
    doing.figures["rows_out"] = rows
    if "total" in sums:
        row = doing.connection.execute(f"SELECT {sums['total']} FROM {_SOURCE}").fetchone()
        assert row is not None
        doing.figures["total"] = row[0] if isinstance(row[0], int) else Decimal(row[0])


def _write_parts(made: Export, wanted: str, folder: Path) -> tuple[Path, str, int]:
    """A file for each value of the column, in a zip: where it is, its name, and how many there are."""
    doing = made.work
    values = _make_parts(doing, wanted)
    # Told before a thousand files are written, and not when they are packed.
    if len(values) > archives.MEMBERS_MAX:
        raise Problem(
            f'split_by: "{wanted}" has {len(values):,} values, and a zip takes {archives.MEMBERS_MAX:,} files'
        )
    # The value is part of the name, or all files would have one.
    pattern = export_settings.name_of(made.settings) or _default_name(made)
    if f"{{{wanted}}}" not in pattern:
        pattern = f"{PurePath(pattern).stem}-{{{wanted}}}{PurePath(pattern).suffix}"
    members = []
    for number, value in enumerate(values):
        name = naming.file_name(naming.fill(pattern, {**made.given, wanted: value}))
        # Two values may give one name, and the second file would take the place of the first.
        members.append((name, folder / f"part {number}.{made.format}"))
    # Before an hour of writing, not after it.
    archives.refuse_twins(name for name, _ in members)
    for number, (name, path) in enumerate(members):
        doing.context.progress(number / len(members), name)
        doing.connection.execute(
            f"CREATE OR REPLACE VIEW part AS SELECT * FROM {quote(_PARTS)} WHERE {quote(_PART)} = {number}"
        )
        Export(
            work=doing,
            settings=made.settings,
            format=made.format,
            given={**made.given, wanted: values[number]},
            sums=made.sums,
        ).write("part", path, name)
    # The zip is called like its files, without what tells them apart.
    stem = PurePath(pattern.replace(f"{{{wanted}}}", "")).stem.strip("-_. ") or doing.context.step_key
    called = naming.file_name(f"{naming.fill(stem, made.given)}.zip")
    archives.pack(folder / "parts.zip", members)
    return folder / "parts.zip", called, len(members)


def _make_parts(doing: RowWork, wanted: str) -> list[str]:
    """Makes _PARTS: the rows by file, in their order; gives the value of each file, the first one first.

    Raises Problem for a row without a value: it would be in no file.
    """
    connection = doing.connection
    types = database.columns(connection, _SOURCE)
    name = kinds.column(types, wanted, "split_by")
    zone = doing.context.settings.layout.zone
    style = CsvStyle(decimal=".", decimals=None, zone=zone, escapes=False)
    text = csv_cells.text_of(f"s.{quote(name)}", types[name], style)
    rows = f"{numbering.numbered(connection, _SOURCE)} s"
    empty = connection.execute(f"SELECT min({ROW}) + 1 FROM {rows} WHERE coalesce({text}, '') = ''").fetchone()
    assert empty is not None
    if empty[0] is not None:
        raise Problem(f'row {empty[0]:,} has no value in the column "{name}", and would be in no file')
    connection.execute(
        "CREATE TABLE files_of_rows AS SELECT text, row_number() OVER (ORDER BY first) - 1 AS number "
        f"FROM (SELECT {text} AS text, min({ROW}) AS first FROM {rows} GROUP BY ALL)"
    )
    # Sorted once, so that each file reads its own rows and not all of them.
    connection.execute(
        f"CREATE TABLE {quote(_PARTS)} AS SELECT s.* EXCLUDE ({ROW}), f.number AS {quote(_PART)} FROM {rows} "
        f"JOIN files_of_rows f ON f.text = {text} ORDER BY f.number, s.{ROW}"
    )
    return [row[0] for row in connection.execute("SELECT text FROM files_of_rows ORDER BY number").fetchall()]
