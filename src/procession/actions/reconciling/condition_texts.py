"""SQL conditions of rules as texts: what is wrong with them before there is a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from procession.actions import database
from procession.actions.reconciling.reconcile_settings import ReconcileSettings

if TYPE_CHECKING:
    from procession.actions.sql.sql_reading import Facts

_SIDES = ("left", "right")
_UNREAD = "cannot be understood; is something nested too deeply?"
ONE = "is not one condition: write a comparison of columns, such as amount < 0, without SELECT"


def check_together(steps: Sequence[ReconcileSettings]) -> list[list[tuple[str, str]]]:
    """Mistakes in the conditions of each step, as setting and message; all are read by one process."""
    from procession.actions.sql import sql_reading

    given = [list(_given(step)) for step in steps]
    texts = [statement(text) for one in given for _, text in one]
    facts = iter(sql_reading.read(texts) if texts else [])
    # What was read no more after too many bad texts is refused with them.
    return [[(path, said) for path, _ in one if (said := _mistake(next(facts, None)))] for one in given]


def _given(step: ReconcileSettings) -> Iterator[tuple[str, str]]:
    for number, rule in enumerate(step.rules):
        for side in _SIDES:
            text = None if rule.where is None else getattr(rule.where, side)
            if text is not None:
                yield f"rules[{number}].where.{side}", text


def statement(text: str) -> str:
    """The condition as a statement that can be parsed."""
    # The line's end ends a comment that would hide the bracket.
    return f"SELECT ({text}\n)"


def _mistake(facts: Facts | None) -> str:
    if facts is None:
        return _UNREAD
    if "error" in facts:
        return f"is no condition: {database.complaint(facts['error'], {})}"
    if facts["telling"]:
        return f"{facts['telling'][1]} is not available here"
    kinds = [statement["kind"] for statement in facts["statements"]]
    named = any(statement["parameters"] for statement in facts["statements"])
    return "" if kinds == ["SELECT"] and not named else ONE
