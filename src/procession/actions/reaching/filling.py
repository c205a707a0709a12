"""Values of a step in its texts: each {key} replaced once, by plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from procession.actions import naming, references
from procession.actions.contract import Context, FileInput, TableInput
from procession.actions.problems import Problem


def given_of(context: Context, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The values of inputs, none of them a file. Raises Problem."""
    given = {name: references.dated(context, one, references.resolve(context, one)) for name, one in inputs.items()}
    for name, value in given.items():
        if isinstance(value, FileInput | TableInput):
            raise Problem(f"inputs.{name}: is a file, and no text that can be filled in")
    return given


def fill(pattern: str, given: Mapping[str, Any]) -> str:
    """Raises Problem for a key that has no value."""
    return naming.fill(pattern, {key: known(given, key) for key in naming.keys(pattern)})


def known(given: Mapping[str, Any], key: str) -> Any:
    """Raises Problem for a key that has no value."""
    if key not in given:
        raise Problem(f'"{{{key}}}" has no value (there are: {", ".join(given) or "none"})')
    return given[key]
