"""The first rows between the steps of a transform, for whoever writes them: only a trial asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from procession.actions import database
from procession.actions.contract import Context
from procession.actions.database import quote

if TYPE_CHECKING:
    from procession.actions.transforming.stage import TransformRows

# An output that no settings can name: a trial asks for it (operations/rule_trials).
STAGES = "found_by_rules.stages"
_ROWS, _COLUMNS, _CHARACTERS = 5, 12, 60  # shown of each


class SeenStage(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows there are, and the first of them as texts; None for an empty cell."""

    rows: int
    columns: tuple[str, ...]
    first: tuple[tuple[str | None, ...], ...]


class SeenStages(msgspec.Struct, frozen=True, kw_only=True):
    """What was read, and what each step has made of it, in their order."""

    stages: tuple[SeenStage, ...]


def are_asked(context: Context) -> bool:
    """Whether the step is tried by somebody who wants to see them."""
    try:
        context.target(STAGES)
    except KeyError:
        return False
    return True


def seen(stage: TransformRows) -> SeenStage:
    """The rows as they are now."""
    columns = tuple(stage.columns)[:_COLUMNS]
    texts = ", ".join(f"left(CAST({quote(name)} AS VARCHAR), {_CHARACTERS})" for name in columns)
    query = f"SELECT {texts} FROM {quote(stage.relation)} LIMIT {_ROWS}"
    first = stage.work.connection.execute(query).fetchall()
    return SeenStage(
        rows=database.count(stage.work.connection, stage.relation), columns=columns, first=tuple(map(tuple, first))
    )


def told(stages: list[SeenStage]) -> str:
    """As the output takes it."""
    return msgspec.json.encode(SeenStages(stages=tuple(stages))).decode()
