"""What a restart would do, as the client gives it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    id: str
    name: str
    step_order: str
    effect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewerVersion:
    """The newest version of the process: what differs, and why a restart cannot take it; no obstacles: it can."""

    version: int
    changes: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """A managed table that steps which run again have written; `version`: whose rows it gets back.

    None where others have changed the table since: then the rows stay until the step has run again.
    """

    table: str
    name: str
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReadBefore:
    """A managed table that the step has read, at `version`, which it reads again; `is_changed`: it has other rows now.

    With `latest_tables` the restart reads it at `present_version`.
    """

    step: str
    table: str
    name: str
    version: int
    present_version: int
    is_changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPlan:
    """What a restart would do; steps of `needs_release` happen again only when they are released by name.

    `version` is the one that the run follows; `newer_version` None: it is the newest.
    """

    runs_again: tuple[PlannedStep, ...]
    carried_over: tuple[PlannedStep, ...]
    stale: tuple[str, ...]
    repeats_effects: tuple[PlannedStep, ...]
    needs_release: tuple[PlannedStep, ...]
    version: int = 0
    newer_version: NewerVersion | None = None
    tables_taken_back: tuple[TakenBack, ...] = ()
    tables_read: tuple[TableReadBefore, ...] = ()
