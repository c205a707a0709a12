"""Which options apply to which kind of file; an option without effect is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading.kinds import FileKind
from procession.actions.reading.options import FileOptions

_CSV, _SHEETS = frozenset({FileKind.CSV}), frozenset({FileKind.SHEET})
_FIXED, _TREES = frozenset({FileKind.FIXED}), frozenset({FileKind.JSON, FileKind.XML})
_TABLES = _CSV | _SHEETS
_TEXTS = _CSV | _FIXED | {FileKind.JSON, FileKind.JSON_LINES}
_MEANT: Mapping[str, frozenset[FileKind]] = {
    "delimiter": _CSV,
    "quote": _CSV,
    "encoding": _TEXTS,
    "skip": _TABLES | _FIXED,
    "header": _TABLES,
    "sheet": _SHEETS,
    "range": _SHEETS,
    "errors": _SHEETS,
    "fixed": _FIXED,
    "records": _TREES,
    "total_row": _TABLES | _FIXED,
}
_FORMATS: Mapping[str, FileKind] = {
    "csv": FileKind.CSV,
    "tsv": FileKind.CSV,
    "fixed": FileKind.FIXED,
    **dict.fromkeys(("xlsx", "xlsm", "xlsb", "xls", "ods"), FileKind.SHEET),
    "json": FileKind.JSON,
    "jsonl": FileKind.JSON_LINES,
    "xml": FileKind.XML,
    "parquet": FileKind.PARQUET,
}
_NEEDED = {"fixed": "fixed", "xml": "records"}  # by format, what says where its values are
_WRITTEN = ("decimal", "thousands", "date")  # how numbers and dates are written as text
_WORDS: Mapping[FileKind, str] = {
    FileKind.CSV: "CSV",
    FileKind.SHEET: "workbooks",
    FileKind.JSON: "JSON",
    FileKind.JSON_LINES: "JSON lines",
    FileKind.PARQUET: "Parquet",
    FileKind.FIXED: "text of fixed width",
    FileKind.XML: "XML",
}
_NUMBERS = frozenset({"Number", "Money"})
_DATES = frozenset({"Date", "Datetime"})
_OF_TYPES: Mapping[str, frozenset[str]] = {"decimal": _NUMBERS, "thousands": _NUMBERS, "pattern": _DATES}


def mistakes(path: str, options: FileOptions) -> Iterator[str]:
    """Mistakes visible without the file: options of different kinds of files, options a column's type ignores."""
    names = [name for name in _MEANT if _is_given(options, name)]
    yield from _of_format(path, options, names)
    for name in names:
        others = [other for other in names if not _MEANT[name] & _MEANT[other]]
        # Each pair once.
        if others and name < others[0]:
            yield (f"{path}: {name} is for {_kinds(name)}, and {others[0]} for {_kinds(others[0])}; no file takes both")
    for key, column in options.columns.items():
        for name, types in _OF_TYPES.items():
            if column.type not in types and getattr(column, name) is not None:
                yield f"{path}.columns.{key}: {name} means nothing for {column.type}; it is for {_listed(types)}"


def _of_format(path: str, options: FileOptions, names: Iterable[str]) -> Iterator[str]:
    if options.format is None:
        return
    for name in names:
        if _FORMATS[options.format] not in _MEANT[name]:
            yield f"{path}: {name} is for {_kinds(name)}, and format is {options.format}"
    if (needed := _NEEDED.get(options.format)) and needed not in names:
        yield f"{path}: format {options.format} needs {needed}"
    if options.format == "tsv" and options.delimiter not in {None, "\t"}:
        yield f"{path}: the delimiter of tsv is a tab; write format: csv"


def completed(options: FileOptions) -> FileOptions:
    """With what the format says by itself."""
    return replace(options, delimiter="\t") if options.format == "tsv" else options


def refuse(source: FileInput, options: FileOptions, kind: FileKind) -> None:
    """Raises Problem for a file that is not what `format` says, or the first option without effect on such a file."""
    if options.format is not None and _FORMATS[options.format] is not kind:
        raise Problem(f'the file "{source.name}" is {_a(kind)}, and "format" says {options.format}')
    for name, kinds in _MEANT.items():
        if kind not in kinds and _is_given(options, name):
            raise Problem(
                f'the file "{source.name}" is {_a(kind)}, where "{name}" means nothing: '
                f"it is for {_kinds(name)}; leave it out"
            )
    if kind is FileKind.PARQUET and not options.columns:
        for name in _WRITTEN:
            if _is_given(options, name):
                raise Problem(
                    f'the file "{source.name}" is Parquet, which keeps its types: "{name}" is only for texts '
                    "that columns declares as numbers or dates; leave it out"
                )


def _is_given(options: FileOptions, name: str) -> bool:
    return bool(getattr(options, name) != getattr(FileOptions(file=""), name))


def _a(kind: FileKind) -> str:
    return "a workbook" if kind is FileKind.SHEET else _WORDS[kind]


def _kinds(name: str) -> str:
    return _listed(_WORDS[kind] for kind in FileKind if kind in _MEANT[name])


def _listed(words: Iterable[str]) -> str:
    return " and ".join(sorted(words))
