"""The engine's settings, and the tools it is handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from procession.actions.contract import Action
from procession.clock import Clock
from procession.engine.announcements import Announcements
from procession.engine.isolation.contract import Isolation, Limits
from procession.shortages import PATIENCE_SECONDS, REST_SECONDS
from procession.store.blobs import Blobs
from procession.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Limits of one engine; all times in seconds."""

    workers_max: int = 16  # steps that run at the same time
    runs_max: int = 64  # runs under work at the same time; the others wait in the store
    grace_seconds: float = 5.0  # between TERM and KILL
    beat_seconds: float = 1.0  # how much of a run's duration a crash may lose
    scan_seconds: float = 5.0  # how soon a run is found whose announcement was lost
    progress_seconds: float = 0.25  # how often a step's progress is written at most
    short_seconds: float = REST_SECONDS  # before what the machine was too short of is tried again
    patience_seconds: float = PATIENCE_SECONDS  # how long a step waits for that before it ends
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What the engine works with; serving/ builds it."""

    database: Database
    blobs: Blobs
    isolation: Isolation
    actions: Mapping[str, Action]
    announcements: Announcements
    clock: Clock
    work: Path  # folders of attempts under way
    logs: Path  # logs of attempts: logs/<id // 1000>/<id>.log
    settings: EngineSettings


def log_path(logs: Path, attempt: int) -> Path:
    """Where the log of a step's attempt is."""
    return logs / str(attempt // 1000) / f"{attempt}.log"
