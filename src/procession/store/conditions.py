"""The WHERE of a list whose reader chose what it shows: a condition counts where its value is given."""

from __future__ import annotations

from typing import Any

from procession.model.ids import UserId


def given(*choices: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Its text and its parameters. Each choice is a text with the values in it; it is left out where they are None."""
    # A condition with a NULL parameter is never true in SQL, so it has to go altogether.
    chosen = [(text, values) for text, *values in choices if None not in values]
    # An empty WHERE is no SQL; the planner drops this one.
    text = " AND ".join(text for text, _ in chosen) or "1 = 1"
    return text, tuple(value for _, values in chosen for value in values)


def permitted(column: str, resource: str, reader: UserId | None) -> tuple[Any, ...]:
    """The choice of what this reader has any role on; None sees all. `resource` is a column of permission."""
    # None makes given() leave the whole choice out.
    number = reader and reader.number
    text = (
        f"{column} IN (SELECT q.{resource} FROM permission q WHERE q.user_id = ? OR q.group_id IN"
        " (SELECT m.group_id FROM user_group_member m WHERE m.user_id = ?))"
    )
    return text, number, number
