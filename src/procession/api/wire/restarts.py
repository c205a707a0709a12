"""Restarts on the wire: asked for, and planned."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from procession.api.wire.scalars import (
    AStep,
    ATable,
    Count,
    Effect,
    Why,
)

# ruff: noqa: RUF036  (the wire's names, and its order of types)


class Restart(Struct, frozen=True, kw_only=True):
    """`release` names steps declared `once` that may happen a second time, by key or id.

    With `version`, the run goes on with the newest version of its process; with `tables`, steps read the present
    versions of tables, not those that they have read before.
    """

    reason: Why | None | UnsetType = UNSET
    version: Literal["latest"] | None | UnsetType = UNSET
    tables: Literal["latest"] | None | UnsetType = UNSET
    release: Annotated[list[str], Meta(max_length=1_000)] | None | UnsetType = UNSET


class PlannedStep(Struct, frozen=True, kw_only=True):
    id: AStep
    name: str
    stepOrder: str
    effect: Effect


class NewerVersion(Struct, frozen=True, kw_only=True):
    """The newest version: what differs, and why a restart from here cannot take it; no obstacles: it can."""

    version: Count
    changes: list[str]
    obstacles: list[str]


class TakenBack(Struct, frozen=True, kw_only=True):
    """A table that steps which run again have written; `version`: whose rows it gets back.

    It is null where others have changed the table since: then the rows stay until the step has run again.
    """

    table: ATable
    name: str
    version: Count | None


class TableReadBefore(Struct, frozen=True, kw_only=True):
    """A table that a step has read, at `version`, which it reads again; `isChanged`: its rows are others since.

    With `tables: latest` the restart reads it at `presentVersion`, or at what it is once it was taken back.
    """

    step: AStep
    table: ATable
    name: str
    version: Count
    presentVersion: Count
    isChanged: bool


class RestartPlanShape(Struct, frozen=True, kw_only=True):
    """What restartfromhere would do; `repeatsEffects` are steps that would touch the outside world a second time.

    `version` is the one that the run follows; `newerVersion` is null where that is the newest.
    """

    runsAgain: list[PlannedStep]
    carriedOver: list[PlannedStep]
    stale: list[AStep]
    repeatsEffects: list[PlannedStep]
    needsRelease: list[PlannedStep]
    version: Count
    newerVersion: NewerVersion | None
    tablesTakenBack: list[TakenBack]
    tablesRead: list[TableReadBefore]
