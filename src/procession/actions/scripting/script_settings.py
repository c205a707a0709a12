"""Settings of run_python: the script, what it is given, and where its results go."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from types import CodeType
from typing import Annotated

import msgspec

from procession.actions import references
from procession.actions.references import Given, Name, PlaceText, ReferenceText, TableText
from procession.actions.writing import exports
from procession.actions.writing.exports import OutputOptions
from procession.model import table_uses
from procession.model.table_uses import TableUse, WriteMode

# A script in a process file; larger programs belong in a library of the server.
CODE_CHARACTERS_MAX = 262_144


class ScriptSource(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A managed table for a script, at a version."""

    table: Annotated[TableText, msgspec.Meta(description="the managed table")]
    version: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | ReferenceText | None,
        msgspec.Meta(description="the one to read; the present one when the step begins if left out"),
    ] = None


class ScriptTarget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A managed table that takes rows of a script."""

    to: Annotated[TableText, msgspec.Meta(description="the managed table")]
    mode: Annotated[
        WriteMode,
        msgspec.Meta(
            description="add rows, replace all, change those of the same key and add the others, or replace all rows of"
            " the keys that there are"
        ),
    ]
    key: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=128)]],
        msgspec.Meta(max_length=20, description="for upsert and replace_where: columns that tell rows apart"),
    ] = []


class RunPythonSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: Annotated[str, msgspec.Meta(max_length=CODE_CHARACTERS_MAX, description="the Python script")]
    inputs: Annotated[
        dict[Name, Given | ScriptSource],
        msgspec.Meta(description="what the script finds in `inputs`: references, managed tables, or constants"),
    ] = {}
    outputs: Annotated[
        dict[Name, PlaceText | ScriptTarget],
        msgspec.Meta(description="the properties and tables that the script fills through `outputs`"),
    ] = {}
    network: Annotated[bool, msgspec.Meta(description="needs a server that allows it (PROCESSION_ALLOW_NETWORK)")] = (
        False
    )


def source_of(given: Given | ScriptSource) -> ScriptSource | None:
    """The table that an input names, None for any other."""
    if isinstance(given, ScriptSource):
        return given
    return ScriptSource(table=str(given)) if table_uses.name_of(given) is not None else None


def use_of(source: ScriptSource) -> TableUse:
    # Without its mode, so that the engine takes it for a source.
    name = table_uses.name_of(source.table)
    assert name is not None, "its pattern says so"
    return TableUse(name=name, version=references.parse(source.version) or source.version)


def options_of(target: str | ScriptTarget) -> OutputOptions:
    """As the outputs of other actions, so that tables are checked alike."""
    if isinstance(target, ScriptTarget):
        return OutputOptions(to=target.to, mode=target.mode, key=target.key)
    return OutputOptions(to=target)


def reads(settings: RunPythonSettings) -> tuple[str, ...]:
    named: list[object] = []
    for given in settings.inputs.values():
        named += [given.table, given.version] if isinstance(given, ScriptSource) else [given]
    return references.only(named)


def writes(settings: RunPythonSettings) -> tuple[str, ...]:
    return references.only(options_of(target).to for target in settings.outputs.values())


def tables(settings: RunPythonSettings) -> tuple[TableUse, ...]:
    sources = (source_of(given) for given in settings.inputs.values())
    # Each once: the engine holds one version for a place.
    read = dict.fromkeys(use_of(source) for source in sources if source is not None)
    return (*read, *exports.tables_of(options_of(target) for target in settings.outputs.values()))


def check(settings: RunPythonSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express, in the user's words."""
    found = [m for name, given in settings.inputs.items() for m in references.mistakes(f"inputs.{name}", given)]
    found += _mistakes_of_outputs(settings)
    # Compiled and not run: whoever applies a file need not trust it.
    try:
        compiled(settings.code, "<code>")
    except SyntaxError as error:
        found.append(f"code, line {error.lineno or 1}: {error.msg}")
    except (ValueError, RecursionError, MemoryError):
        found.append("code: Python cannot read it; it is nested too deeply or holds a NUL character")
    return tuple(found)


def _mistakes_of_outputs(settings: RunPythonSettings) -> Iterator[str]:
    taken: dict[str, str] = {}
    for name, target in settings.outputs.items():
        options = options_of(target)
        if table_uses.name_of(options.to) is None:
            continue
        yield from exports.check(f"outputs.{name}", options)
        # Rows of the one would be lost: a step gives a table one set of rows.
        if (before := taken.setdefault(options.to, name)) != name:
            yield f"outputs.{name}: goes to the table of outputs.{before}; give all its rows through one output"


def compiled(code: str, source: str) -> CodeType:
    """Raises what compile() does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a remark of Python's about the user's style is not a mistake
        # Without our own `from __future__`, which would change the script's annotations.
        return compile(code, source, "exec", dont_inherit=True)
