"""A home with a running engine: the base of a server, and of a command where no server runs.

The next server on a home resumes what the last one left, however it ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from procession import actions
from procession.clock import Clock
from procession.config import Settings
from procession.engine.announcements import Announcements
from procession.engine.driver import LocalEngine
from procession.engine.isolation import ForkServerIsolation, IsolationSettings
from procession.engine.isolation.contract import Limits
from procession.engine.options import EngineSettings, Tools
from procession.engine.table_workers import Workbench
from procession.engine.table_workers import settings as table_settings
from procession.home import EngineLock, Home
from procession.loops import TickLoop
from procession.operations import uploads
from procession.operations.resources import Office
from procession.serving.services import Running, Service
from procession.store.database import Database

TIDYING_REST_SECONDS = 600.0  # between two looks for upload sessions that are a day old
# Until when each part must have stopped.
LOOP_SECONDS_MAX = 1.0  # for the tick under way
LISTENER_SECONDS_MAX = 3.0
PROCESSES_SECONDS_MAX = 5.0  # beyond the grace period of steps
DATABASE_SECONDS_MAX = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A home with its engine at work; `running` is everything that close() stops."""

    home: Home
    database: Database
    office: Office
    announcements: Announcements
    clock: Clock
    lock: EngineLock
    running: Running
    isolation: str  # how steps are kept apart, in one line

    def close(self) -> None:
        """End every step process; runs under way go on at the next start."""
        # What has not stopped may still work on the home: then its lock goes with the process.
        if not self.running.stop():
            self.lock.release()


def open_station(settings: Settings, *, clock: Clock, on_fatal: Callable[[str], None]) -> Station:
    """Take the home, recover what an earlier engine left, and work. Raises Busy when another engine has it."""
    home = Home(folder=settings.home)
    lock = home.take_lock(f"process {os.getpid()}")
    running = Running()
    try:
        tools, office = _open(settings, home, running, clock=clock, on_fatal=on_fatal)
        description = tools.isolation.describe()
        for part in _working(tools, home, office):
            running.start(part)
    except BaseException:
        if not running.stop():
            lock.release()
        raise
    return Station(
        home=home,
        database=tools.database,
        office=office,
        announcements=tools.announcements,
        clock=clock,
        lock=lock,
        running=running,
        isolation=description,
    )


def _open(
    settings: Settings, home: Home, running: Running, *, clock: Clock, on_fatal: Callable[[str], None]
) -> tuple[Tools, Office]:
    home.sweep_work()
    isolation = ForkServerIsolation(isolation_settings(settings, home))
    # First of all, because it takes longest and needs nothing of us while it does.
    running.start(_processes("step processes", isolation.start, isolation.close))
    database = home.open_database(clock, on_fatal)
    running.start(Service(name="database", stop=database.close, seconds_max=DATABASE_SECONDS_MAX))
    home.settle(database)
    office = _open_office(settings, home, clock)
    uploads.sweep(database, office.chunks)
    office.blobs.sweep()
    tools = Tools(
        database=database,
        blobs=office.blobs,
        isolation=isolation,
        actions=office.actions,
        announcements=Announcements(),
        clock=clock,
        work=home.work,
        logs=office.logs,
        settings=_engine_settings(settings),
    )
    return tools, office


def _working(tools: Tools, home: Home, office: Office) -> tuple[Service, ...]:
    """The services above the database, in starting order."""
    engine = LocalEngine(tools)
    tools.database.on_look(engine.look)
    tidy = partial(_tidy, tools, office)
    listener = home.listener(engine.look)
    return (
        _processes("engine", engine.start, engine.close, grace_seconds=tools.settings.grace_seconds),
        _processes("table jobs", None, office.bench.close),
        loop_part("tidying", TickLoop("tidying", tidy, rest_seconds=TIDYING_REST_SECONDS)),
        Service(name="listener", start=listener.start, stop=listener.close, seconds_max=LISTENER_SECONDS_MAX),
    )


def _processes(
    name: str, start: Callable[[], object] | None, stop: Callable[[], object], *, grace_seconds: float = 0.0
) -> Service:
    return Service(name=name, start=start, stop=stop, seconds_max=grace_seconds + PROCESSES_SECONDS_MAX)


def loop_part(name: str, loop: TickLoop) -> Service:
    stop = partial(loop.stop, deadline_seconds=LOOP_SECONDS_MAX)
    return Service(name=name, start=loop.start, stop=stop, seconds_max=2 * LOOP_SECONDS_MAX)


def _tidy(tools: Tools, office: Office) -> bool:
    return uploads.tidy(tools.database, office.chunks, tools.clock.now())


def _open_office(settings: Settings, home: Home, clock: Clock) -> Office:
    return Office(
        actions=actions.book(),
        blobs=home.open_blobs(),
        chunks=home.open_chunks(),
        logs=home.open_logs(),
        steady=clock.monotonic,
        allows_network=settings.allow_network,
        workbench=_open_workbench(settings, home),
    )


def _open_workbench(settings: Settings, home: Home) -> Workbench:
    """For table jobs."""
    folder = home.work / "tables"
    bounds = isolation_settings(settings, home)
    return Workbench(folder, table_settings(readable_paths=bounds.readable_paths, writable_paths=bounds.writable_paths))


def isolation_settings(settings: Settings, home: Home) -> IsolationSettings:
    """How this server keeps steps apart."""
    return IsolationSettings(
        workers_max=settings.workers_max,
        network_allowed=settings.allow_network,
        library_paths=tuple(map(str, settings.step_libraries)),
        # DuckDB looks up the container's limits, and ends its process where it may not.
        readable_paths=(
            *(path for path in ("/sys/fs/cgroup",) if Path(path).exists()),
            str(home.files),
            str(home.work),
        ),
        writable_paths=(str(home.work),),
    )


def _engine_settings(settings: Settings) -> EngineSettings:
    return EngineSettings(
        workers_max=settings.workers_max,
        grace_seconds=settings.grace_seconds,
        limits=Limits(memory_bytes_max=settings.step_memory_bytes_max),
    )
