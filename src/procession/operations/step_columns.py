"""The columns of a step's sources, for the form in which its designer names them: of tables, and of sample files.

A sample is what the designer's last try-out was given or made there, else the file that comes with the process. It is
looked at as every preview is (previews), and kept by the hash of its content. What cannot be known is not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from msgspec.structs import replace

from procession.actions import references, relations
from procession.actions.column_names import HEADINGS
from procession.actions.reading.options import FileOptions
from procession.model import table_uses
from procession.model.errors import Invalid, NotFound
from procession.model.files import File
from procession.model.ids import ProcessId
from procession.model.previews import Preview
from procession.model.processes import PropertyType
from procession.model.steps import PropertyRow
from procession.operations import previews, rights, tables
from procession.operations.act import Act
from procession.operations.previews import FileReading
from procession.operations.resources import Resources
from procession.store import past_runs, steps
from procession.store import tables as table_store

SOURCES_MAX = 20  # of one step, that are looked at
COLUMNS_SHOWN = 100  # of the rows of a file, as previews hold them
DEPTH_MAX = 8  # of settings, which a draft may nest as it likes
# Where rows go, and not where they come from.
_TARGETS = frozenset({"output", "outputs", "rejects"})


class ColumnSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source of a step below its setting `at`: a table's `columns`, or a sample `file`; neither where none is known.

    `options` say how the step reads it.
    """

    at: str
    options: FileOptions
    columns: tuple[str, ...] | None = None
    file: File | None = None


class SourceRows(msgspec.Struct, frozen=True, kw_only=True):
    """The first rows of a file as texts, None for an empty cell; its columns as the step calls them."""

    file: str
    columns: tuple[str, ...]
    first: tuple[tuple[str | None, ...], ...]


class KnownColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Names of columns by the setting whose sources have them; by "" all, by HEADINGS those of files as written.

    `whole` are the settings of which all sources are known: only there can a name be called wrong. `rows` are of the
    first file of each setting that is known.
    """

    names: Mapping[str, tuple[str, ...]] = {}
    whole: frozenset[str] = frozenset()
    rows: Mapping[str, SourceRows] = {}


NOTHING_KNOWN = KnownColumns()


def samples(act: Act, process: ProcessId) -> Sequence[PropertyRow]:
    """What the designer's last try-out was given and made, else what comes with the process."""
    # One's own try-out: what others have uploaded is not everybody's to look at.
    last = past_runs.last_tried(act.tx, process, act.caller.user.id)
    if last is None:
        return steps.properties_of_process(act.tx, process)
    return steps.properties_of_run(act.tx, last.id)


def sources(act: Act, settings: Any, process: ProcessId | None, types: Mapping[str, str]) -> list[ColumnSource]:
    """Those of a draft's step, whatever is wrong with it; `types` of the draft's properties, by "step.property"."""
    files = {} if process is None else {row.reference: row.file for row in samples(act, process) if row.file}
    found: list[ColumnSource] = []
    for at, options in _named(settings):
        reference = references.parse(options.file)
        # A number that a step compares with is no source, and has no columns.
        if reference is not None and types.get(reference, PropertyType.FILE) != PropertyType.FILE:
            continue
        if reference is None:
            found.append(ColumnSource(at=at, options=options, columns=_of_table(act, options)))
            continue
        file = files.get(reference)
        is_filled = file is not None and file.sha256 is not None
        found.append(ColumnSource(at=at, options=options, file=file if is_filled else None))
    return found


def _named(settings: Any) -> Iterator[tuple[str, FileOptions]]:
    if isinstance(settings, dict):
        for at, value in settings.items():
            if at not in _TARGETS:
                yield from ((str(at), options) for options in _within(value, DEPTH_MAX))


def _within(value: Any, depth: int) -> Iterator[FileOptions]:
    if depth == 0:
        return
    match value:
        case str() if references.named(value) is not None:
            yield relations.source_of(value)
        case {"file": str()} | {"table": str()}:
            yield _options(value)
        case dict():
            for one in value.values():
                yield from _within(one, depth - 1)
        case list():
            for one in value:
                yield from _within(one, depth - 1)


def _options(given: dict[str, Any]) -> FileOptions:
    """Where its options have a mistake it is no source that can be known, and yet it is one."""
    with suppress(msgspec.ValidationError):
        return msgspec.convert(given, FileOptions)
    return FileOptions()


def _of_table(act: Act, options: FileOptions) -> tuple[str, ...] | None:
    name = table_uses.name_of(options.table)
    # A version that a property names is known when the step begins.
    if name is None or isinstance(options.version, str):
        return None
    table = table_store.by_name(act.tx, name)
    # What its designer may not read is not there for them.
    if table is None or rights.role_of(act.tx, act.caller.user, table.id) is None:
        return None
    with suppress(NotFound, Invalid):
        version = tables.snapshot(act.tx, table.id, options.version).version
        return tuple(column.name for column in version.columns)
    return None


def look(resources: Resources, source: ColumnSource) -> None:
    """Looks at a sample, so that it is known from now on. For a thread that may wait: seconds. Raises Unavailable."""
    if source.file is not None:
        previews.see(resources, source.file, _reading(source))


def unseen(resources: Resources, given: Sequence[ColumnSource]) -> list[ColumnSource]:
    """The samples that nobody has looked at yet."""
    return [
        one
        for one in given[:SOURCES_MAX]
        if one.file is not None and previews.seen(resources, one.file, _reading(one)) is None
    ]


def known(resources: Resources, given: Sequence[ColumnSource]) -> KnownColumns:
    """What is known by now."""
    names: dict[str, dict[str, None]] = {"": {}, HEADINGS: {}}
    wholes, rows = dict.fromkeys(("", HEADINGS, *(one.at for one in given)), bool(given)), dict[str, SourceRows]()
    for number, one in enumerate(given):
        seen = _seen(resources, one) if number < SOURCES_MAX else None
        headings = None if seen is None else tuple(column.name for column in seen.columns)
        columns = one.columns if headings is None else tuple(name for _, name in _renamed(headings, one.options))
        if seen is not None and one.file is not None:
            rows.setdefault(one.at, _rows(seen, one, one.file))
        for at in ("", one.at):
            names.setdefault(at, {}).update(dict.fromkeys(columns or ()))
            wholes[at] = wholes[at] and columns is not None
        if one.columns is None:
            names[HEADINGS].update(dict.fromkeys(headings or ()))
            wholes[HEADINGS] = wholes[HEADINGS] and headings is not None
    return KnownColumns(
        names={at: tuple(found) for at, found in names.items()},
        whole=frozenset(at for at, is_whole in wholes.items() if is_whole and names.get(at)),
        rows=rows,
    )


def _rows(seen: Preview, source: ColumnSource, file: File) -> SourceRows:
    # Of more columns the preview holds no values.
    called = dict(_renamed([column.name for column in seen.columns[:COLUMNS_SHOWN]], source.options))
    return SourceRows(
        file=file.name or "file",
        columns=tuple(called.values()),
        first=tuple(tuple(row[place] for place in called) for row in seen.first),
    )


def _reading(source: ColumnSource) -> FileReading:
    # As written: the names that `columns` gives follow from these, also where one of its headings is not there.
    plain = replace(source.options, columns={}, others="keep", total_row=None)
    return FileReading(options=plain)


def _seen(resources: Resources, source: ColumnSource) -> Preview | None:
    seen = None if source.file is None else previews.seen(resources, source.file, _reading(source))
    return seen if seen is not None and seen.is_read else None


def _renamed(headings: Sequence[str], options: FileOptions) -> Iterable[tuple[int, str]]:
    """Those that are kept, by their place, as the step calls them (actions/reading/names)."""
    for number, heading in enumerate(headings, start=1):
        said = options.columns.get(heading) or options.columns.get(str(number))
        if said is not None or options.others == "keep":
            yield number - 1, (said and said.name) or heading
