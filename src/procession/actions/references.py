"""References in settings: `${step.property}` and `${table:Name}`, looked up and never evaluated.

There is no expression language here, and there must never be one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Annotated

import msgspec

from procession.actions.contract import Context, InputValue
from procession.model import table_uses
from procession.model.processes import KEY_PATTERN

_PROPERTY, _TABLE = rf"{KEY_PATTERN}\.{KEY_PATTERN}", rf"{table_uses.PREFIX}{table_uses.NAME_PATTERN}"
PATTERN = rf"^\$\{{{_PROPERTY}\}}$"
PATTERN_OF_TABLES = rf"^\$\{{{_TABLE}\}}$"
PATTERN_WITH_TABLES = rf"^\$\{{({_PROPERTY}|{_TABLE})\}}$"
DATE_CHARACTERS = 10  # of 2025-01-31
NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$"

ReferenceText = Annotated[str, msgspec.Meta(pattern=PATTERN, description="${step.property}")]
PlaceText = Annotated[
    str, msgspec.Meta(pattern=PATTERN_WITH_TABLES, description="${step.property}, or ${table:Name} for a managed table")
]
TableText = Annotated[str, msgspec.Meta(pattern=PATTERN_OF_TABLES, description="${table:Name}")]
Name = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN, description="letters, digits and _; not a digit first")]
# A constant may stand for a reference; a text that begins with "${" is always a reference.
Given = str | int | float | bool | None

# The whole text or nothing: "${a.b}.csv" would be an expression language in its beginnings.
_REFERENCE = re.compile(rf"\$\{{({KEY_PATTERN}\.{KEY_PATTERN})\}}\Z")


def parse(text: object) -> str | None:
    """ "step.property" of "${step.property}", None for anything else."""
    match = _REFERENCE.match(text) if isinstance(text, str) else None
    return match.group(1) if match else None


def named(text: object) -> str | None:
    """ "step.property" or "table:Name" of a reference to either, None for anything else."""
    table = table_uses.name_of(text)
    return parse(text) if table is None else f"{table_uses.PREFIX}{table}"


def only(values: Iterable[object]) -> tuple[str, ...]:
    """The references among `values` as "step.property" or "table:Name", each once, in order."""
    return tuple(dict.fromkeys(found for found in map(named, values) if found))


def mistakes(path: str, value: object) -> tuple[str, ...]:
    """Mistakes in a value that may be a reference, in the user's words."""
    # Told when the file is applied, because a constant of this text would be passed on as it stands.
    if isinstance(value, str) and value.startswith("${") and named(value) is None:
        return (
            f'{path}: "{value}" is not a reference; write ${{step.property}} with the keys of a step and a property,'
            " or ${table:Name}",
        )
    return ()


def resolve(context: Context, given: Given) -> InputValue:
    """The value of a reference or a constant; a constant with a fraction is a Decimal."""
    reference = parse(given)
    if reference is not None:
        value = context.value(reference)
        # As in conditions: a box that nobody ticked is not ticked. NOT NULL would be neither, and take no row.
        return False if value is None and context.type_of(reference) == "CheckBox" else value
    # By its shortest text: 0.1 of the file means 0.1.
    return Decimal(str(given)) if isinstance(given, float) else given


def dated(context: Context, given: Given, value: InputValue) -> InputValue | date:
    """A Datepicker's value as a date; any other as it is."""
    reference = parse(given)
    if reference is not None and isinstance(value, str) and context.type_of(reference) == "Datepicker":
        # Only here a text is known to be a date: its property says so.
        return date.fromisoformat(value[:DATE_CHARACTERS])
    return value
