"""Where outputs go and as what: options, and what is wrong with them.

What writes them (writing/files) is imported by an action when it runs: every process for user code imports this.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from procession.actions import references
from procession.actions.column_names import COLUMN_OF, RESULT
from procession.actions.contract import TABLE, Context
from procession.actions.problems import Problem
from procession.actions.references import PlaceText
from procession.model.table_uses import KEYED, MODES, TableUse, WriteMode, name_of

FORMATS = frozenset({".csv", ".xlsx", ".parquet"})
DECIMALS_MAX = 10
# A file that such a mark divides cannot be read back.
_DELIMITERS_REFUSED = frozenset('"\r\n\\.-+')  # what stands in numbers or around texts


# A column of a managed table has a shorter name than one of a file.
_KeyColumn = Annotated[str, msgspec.Meta(min_length=1, max_length=128, extra_json_schema={COLUMN_OF: RESULT})]


class OutputOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where an output goes, and as what: a file, whose extension chooses the format, a value, or rows of a table."""

    to: Annotated[PlaceText, msgspec.Meta(description="the property or the table that takes it")]
    mode: Annotated[
        WriteMode | None,
        msgspec.Meta(
            description="tables, which need it: add rows, replace all, change those of the same key and add the others,"
            " or replace all rows of the keys that there are"
        ),
    ] = None
    key: Annotated[
        list[_KeyColumn],
        msgspec.Meta(max_length=20, description="tables, for upsert and replace_where: columns that tell rows apart"),
    ] = []
    as_: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None,
        msgspec.Meta(description="the file's name, ending in .csv, .xlsx or .parquet; the present one if left out"),
    ] = msgspec.field(name="as", default=None)
    delimiter: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=1)] | None,
        msgspec.Meta(description="CSV: a comma if left out, a semicolon where decimal is a comma"),
    ] = None
    decimal: Annotated[Literal[".", ","], msgspec.Meta(description="CSV: the decimal mark")] = "."
    decimals: Annotated[
        Annotated[int, msgspec.Meta(ge=0, le=DECIMALS_MAX)] | None,
        msgspec.Meta(description="CSV: of every amount; one that would be rounded is refused"),
    ] = None
    bom: Annotated[bool, msgspec.Meta(description="CSV: the mark by which Excel takes a file for UTF-8")] = False
    zone: Annotated[
        str, msgspec.Meta(max_length=64, description="CSV, XLSX: IANA zone in whose time moments are written")
    ] = "UTC"
    escape_formulas: Annotated[
        bool,
        msgspec.Meta(
            description="CSV: texts that a spreadsheet would run get one more apostrophe; false where machines read it"
        ),
    ] = True


Target = PlaceText | OutputOptions

_CSV_ONLY = ("delimiter", "decimal", "decimals", "bom", "escape_formulas")
_SHEETS_TOO = ("zone",)  # Parquet stores the moment itself


def options_of(target: Target) -> OutputOptions:
    return target if isinstance(target, OutputOptions) else OutputOptions(to=target)


def targets_of(outputs: msgspec.Struct) -> dict[str, Target]:
    """Those that are named, of a Struct with a field for each."""
    given = {name: getattr(outputs, name) for name in outputs.__struct_fields__}
    return {name: target for name, target in given.items() if target is not None}


def reference_of(target: Target) -> str:
    """ "step.property" of an output, or "table:Name"."""
    return references.only([options_of(target).to])[0]


def tables_of(targets: Iterable[Target]) -> tuple[TableUse, ...]:
    """The tables among them."""
    found = ((name_of(options.to), options) for options in map(options_of, targets))
    return tuple(
        TableUse(name=name, mode=options.mode or "append", key=tuple(options.key))
        for name, options in found
        if name is not None
    )


def _check_table(path: str, options: OutputOptions) -> tuple[str, ...]:
    found = []
    if options.mode is None:
        found.append(f'{path}: say how the rows are written: {{to: "{options.to}", mode: {" or ".join(MODES)}}}')
    elif options.mode in KEYED and not options.key:
        found.append(f"{path}: {options.mode} needs `key`, the columns that tell rows apart")
    elif options.key and options.mode not in KEYED:
        found.append(f"{path}.key: means nothing for {options.mode}; it is for {' and '.join(sorted(KEYED))}")
    plain = OutputOptions(to=options.to, mode=options.mode, key=options.key)
    useless = [name for name in OutputOptions.__struct_fields__ if getattr(options, name) != getattr(plain, name)]
    return (*found, *(f"{path}.{name.rstrip('_')}: means nothing for a table; it is for files" for name in useless))


def check(path: str, target: Target, allowed: frozenset[str] = FORMATS) -> tuple[str, ...]:
    """Mistakes of a target that may be a table, or be written as one of the `allowed` formats."""
    options = options_of(target)
    if name_of(options.to) is not None:
        if allowed != FORMATS:
            return (f"{path}: goes to a file, not to a table",)
        return _check_table(path, options)
    if options.mode is not None or options.key:
        return (f"{path}: mode and key are for tables, not for properties",)
    found: list[str] = []
    suffix = Path(options.as_).suffix.lower() if options.as_ is not None else min(allowed) if len(allowed) == 1 else ""
    # Told when the file is applied; the present name of a property is known only at the step.
    if suffix and suffix not in allowed:
        found.append(f'{path}.as: "{options.as_}" must end in {" or ".join(sorted(allowed))}')
    elif suffix:
        found += [f"{path}.{said}" for said in _useless(options, suffix)]
    if options.delimiter is not None and (options.delimiter.isalnum() or options.delimiter in _DELIMITERS_REFUSED):
        found.append(f"{path}.delimiter: {options.delimiter!r} stands in numbers or texts; use , or ; or a tab")
    if options.zone not in zones():
        found.append(f'{path}.zone: "{options.zone}" is not a known time zone; write it like Europe/Berlin')
    return tuple(found)


@cache
def zones() -> set[str]:
    """All IANA zones of this machine."""
    import zoneinfo

    # Once: it walks the folders of the zones, for each of a thousand outputs.
    return zoneinfo.available_timezones()


def _useless(options: OutputOptions, suffix: str) -> list[str]:
    """A complaint about options that have no effect on such a file."""
    none = () if suffix == ".csv" else _CSV_ONLY if suffix == ".xlsx" else (*_CSV_ONLY, *_SHEETS_TOO)
    plain = OutputOptions(to=options.to)
    return [
        f"{name} means nothing for {suffix} files; it is for .csv{' and .xlsx' if name in _SHEETS_TOO else ''}"
        for name in none
        if getattr(options, name) != getattr(plain, name)
    ]


def refuse(context: Context, name: str, target: Target, default: str) -> None:
    """Raises Problem for options that have no effect on the output `name`; called before any work."""
    options = options_of(target)
    kind = context.target(reference_of(target)).type
    if kind == TABLE:
        return
    if kind != "File":
        if options != OutputOptions(to=options.to):
            raise Problem(f'the output "{name}" goes to a {kind}, and the options beside "to" are for files')
    elif useless := _useless(options, Path(file_name(context, target, default)).suffix.lower()):
        raise Problem(f'the output "{name}": {"; ".join(useless)}')


def file_name(context: Context, target: Target, default: str) -> str:
    """The file's name: `as`, else the present name of the property's file, else `default`."""
    present = context.target(reference_of(target)).file_name
    # A property that held a PDF does not make the output one.
    known = Path(present).suffix.lower() in FORMATS
    return Path(options_of(target).as_ or (present if known else "") or default).name
