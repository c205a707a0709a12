"""How the steps of a process name managed tables: `${table:Name}`, read at a version, or written in a mode."""

from __future__ import annotations

import re
from typing import Literal, get_args

import msgspec

# The names of tables, as the API takes them (api/wire/reading.name), and none that looks like a reference itself.
NAME_PATTERN = r"[^${}]{1,255}"
PREFIX = "table:"
WriteMode = Literal["append", "replace", "upsert", "replace_where"]
MODES: tuple[str, ...] = get_args(WriteMode)
KEYED = frozenset({"upsert", "replace_where"})  # modes that need the columns that tell rows apart
# The whole text: a table has no value that could stand within a longer one.
_REFERENCE = re.compile(rf"\$\{{{PREFIX}({NAME_PATTERN})\}}\Z")


class TableUse(msgspec.Struct, frozen=True, kw_only=True):
    """One place where a step names a table: a source without `mode`, else a target.

    `version` of a source: a number, "step.property" that holds one, or None for the version at the step's beginning.
    """

    name: str
    version: int | str | None = None
    mode: WriteMode | None = None
    key: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The table as settings and outcomes name it, whatever the version."""
        return f"{PREFIX}{self.name}"

    @property
    def place(self) -> str:
        """What tells two sources of one step apart, as its process asks for them."""
        return self.reference if self.version is None else f"{self.reference}@{self.version}"


def name_of(text: object) -> str | None:
    """The Name of "${table:Name}", None for anything else."""
    match = _REFERENCE.match(text) if isinstance(text, str) else None
    return match.group(1) if match else None


def is_table(reference: str) -> bool:
    """Whether "table:Name", and not "step.property"."""
    return reference.startswith(PREFIX)
