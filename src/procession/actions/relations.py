"""Sources that become relations: which files and tables they name, and what is wrong with them before there is one.

The readers (reading/loading) are imported by an action when it runs: every process for user code imports this.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from procession.actions import references
from procession.actions.reading import meant, patterns
from procession.actions.reading.options import FileOptions
from procession.model import table_uses
from procession.model.table_uses import TableUse


def source_of(given: object) -> FileOptions:
    """The options of a source that may be a reference alone."""
    if isinstance(given, FileOptions):
        return given
    text = str(given)
    return FileOptions(table=text) if table_uses.name_of(text) else FileOptions(file=text)


def named(given: Iterable[object]) -> Iterator[object]:
    """What the values name, sources among them: references to files, tables, versions and names of sheets."""
    for one in given:
        yield from (one.file, one.table, one.version, one.sheet) if isinstance(one, FileOptions) else (one,)


def tables_of(given: Iterable[object]) -> tuple[TableUse, ...]:
    """The tables that are read, among sources and values."""
    found = []
    for one in given:
        name = table_uses.name_of(one.table if isinstance(one, FileOptions) else one)
        if name is not None:
            version = one.version if isinstance(one, FileOptions) else None
            found.append(TableUse(name=name, version=references.parse(version) or version))
    return tuple(dict.fromkeys(found))


def _check_table(path: str, options: FileOptions) -> tuple[str, ...]:
    if not options.table:
        what = "version: means nothing for a file" if options.file else "needs `file` or `table`"
        return () if options.file and options.version is None else (f"{path}: {what}",)
    plain = FileOptions(table=options.table, version=options.version)
    useless = [name for name in FileOptions.__struct_fields__ if getattr(options, name) != getattr(plain, name)]
    return tuple(f"{path}.{name}: means nothing for a table, whose columns have their types" for name in useless)


def check(path: str, options: FileOptions) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    import zoneinfo

    if options.table or not options.file:
        return _check_table(path, options)
    found = [*_check_table(path, options)]
    if options.encoding is not None:
        try:
            # Python's own list of names; codecs that are no texts raise as well.
            "".encode(options.encoding)
        except (LookupError, UnicodeError):
            found.append(f'{path}.encoding: "{options.encoding}" is not a known encoding; try utf-8, latin-1 or cp1252')
    if isinstance(options.sheet, int) and options.sheet < 1:
        found.append(f"{path}.sheet: sheets are counted from 1")
    if isinstance(options.sheet, str) and options.sheet.startswith("${") and not references.parse(options.sheet):
        found.append(f'{path}.sheet: "{options.sheet}" is no reference; write ${{step.property}} with the keys of both')
    try:
        zoneinfo.ZoneInfo(options.zone or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        found.append(f'{path}.zone: "{options.zone}" is no zone; write an IANA name such as Europe/Berlin')
    return (*found, *_check_marks(path, options), *meant.mistakes(path, options))


def _check_marks(path: str, options: FileOptions) -> list[str]:
    """The decimal and the grouping mark must differ, and a pattern must give a whole date."""
    found = []
    sides = [(path, options.decimal, options.thousands, options.date)]
    for name, column in options.columns.items():
        decimal, thousands = column.decimal or options.decimal, column.thousands or options.thousands
        sides.append((f"{path}.columns.{name}", decimal, thousands, column.pattern))
    for where, decimal, thousands, pattern in sides:
        # 1.234 would then be two numbers at once.
        if thousands is not None and thousands == (decimal or "."):
            found.append(f'{where}: decimal and thousands are both "{thousands}"')
        if pattern is not None and (wrong := patterns.mistake(pattern)):
            found.append(f"{where}: {wrong}")
    return found
