"""A home with a running engine: the base of a server, and of a command where no server runs.

The next server on a home resumes what the last one left, however it ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from procession import actions, leases
from procession.clock import Clock
from procession.config import Settings
from procession.disk import Reserve
from procession.engine.announcements import Announcements
from procession.engine.driver import LocalEngine
from procession.engine.isolation import cgroups
from procession.engine.isolation.contract import Limits
from procession.engine.isolation.options import IsolationSettings
from procession.engine.isolation.pool import ForkServerIsolation
from procession.engine.options import EngineResources, EngineSettings, Quota
from procession.engine.table_workers import TableWorkers, trial_settings
from procession.engine.table_workers import settings as table_settings
from procession.home import EngineLock, Home
from procession.loops import TickLoop
from procession.operations import (
    approvals_of_steps,
    connections_of_steps,
    home_time,
    questions,
    runs_of_steps,
    sweeping,
    table_upkeep,
    tables_of_steps,
    uploads,
)
from procession.operations.resources import Resources
from procession.serving import following
from procession.serving.services import Service, Services
from procession.store import identity
from procession.store.database import Database
from procession.store.keyring import Keyring
from procession.walls import Wall

# A session is a day old; ten minutes more do no harm.
TIDYING_REST_SECONDS = 600.0  # between two looks for upload sessions that are a day old
HOME_CLOCK_REST_SECONDS = 10.0  # until it is noticed that somebody has set the clock
# Until when each part must have stopped.
LOOP_SECONDS_MAX = 1.0  # for the tick under way
LISTENER_SECONDS_MAX = 3.0
PROCESSES_SECONDS_MAX = 5.0  # beyond the grace period of steps
DATABASE_SECONDS_MAX = 5.0
USER_READY_MAX = 4  # processes for user code that are forked in advance


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveHome:
    """A home with its engine at work; `services` is everything that close() stops."""

    home: Home
    database: Database
    resources: Resources
    announcements: Announcements
    clock: Clock
    lock: EngineLock
    services: Services
    walls: tuple[Wall, ...]  # around steps

    def close(self) -> None:
        """End every step process; runs under way go on at the next start."""
        # What has not stopped may still work on the home: then its lock goes with the process.
        if not self.services.stop():
            self.lock.release()


def open_active_home(settings: Settings, *, clock: Clock, on_fatal: Callable[[str], None]) -> ActiveHome:
    """Take the home, recover what an earlier engine left, and work. Raises Busy when another engine has it."""
    home = Home(folder=settings.home)
    # Before anything is read: two engines on one home would run each step twice.
    lock = home.take_lock(f"process {os.getpid()}")
    services = Services()
    try:
        engine_resources, resources = _open(settings, home, services, clock=clock, on_fatal=on_fatal)
        found = engine_resources.isolation.walls()
        for part in _working(engine_resources, home, resources, settings.table_days_min):
            services.start(part)
    # Ctrl-C during the start as well: what was started must not outlive it.
    except BaseException:
        if not services.stop():
            lock.release()
        raise
    return ActiveHome(
        home=home,
        database=engine_resources.database,
        resources=resources,
        announcements=engine_resources.announcements,
        clock=clock,
        lock=lock,
        services=services,
        walls=found,
    )


def _open(
    settings: Settings, home: Home, services: Services, *, clock: Clock, on_fatal: Callable[[str], None]
) -> tuple[EngineResources, Resources]:
    # Nobody works here yet, so whatever lies there is of an engine that is gone.
    home.sweep_work()
    isolation = ForkServerIsolation(isolation_settings(settings, home, cgroup=cgroups.prepare()))
    # First of all, because it takes longest and needs nothing of us while it does.
    services.start(_processes("step processes", isolation.start, isolation.close))
    database = home.open_database(clock, on_fatal)
    services.start(Service(name="database", stop=database.close, seconds_max=DATABASE_SECONDS_MAX))
    home.settle(database)
    resources = _open_resources(settings, home, database, clock)
    # Before HTTP: later, a chunk without a row may be one that is just arriving.
    uploads.sweep(database, resources.chunks)
    resources.blobs.sweep()
    with database.read() as tx:
        homes = identity.attempt_homes(tx)
    engine_resources = EngineResources(
        database=database,
        blobs=resources.blobs,
        isolation=isolation,
        actions=resources.actions,
        announcements=Announcements(),
        clock=clock,
        work=home.work,
        step_logs=resources.step_logs,
        homes=homes,
        settings=_engine_settings(settings),
        tables=tables_of_steps.TablesOfSteps(database, resources),
        connections=connections_of_steps.ConnectionsOfSteps(database, Keyring.of_home(home.folder), clock),
        approvals=approvals_of_steps.ApprovalsOfSteps(resources.home_clock),
        child_runs=runs_of_steps.RunsOfSteps(database, resources),
    )
    return engine_resources, resources


def _working(
    engine_resources: EngineResources, home: Home, resources: Resources, table_days_min: int
) -> tuple[Service, ...]:
    """The services above the database, in starting order."""
    engine = LocalEngine(engine_resources)
    engine_resources.database.on_look(engine.look)
    tidy = partial(_tidy, engine_resources, resources)
    lease = partial(leases.hold, home.folder, leases.SWEEP, alone=True)
    sweeper = sweeping.Sweeper(engine_resources.database, resources, lease=lease, finished=home.note_sweep)
    upkeep = table_upkeep.TableUpkeep(database=engine_resources.database, resources=resources, days_min=table_days_min)
    deadlines = questions.Deadlines(
        database=engine_resources.database, home_clock=resources.home_clock, clock=engine_resources.clock
    )
    keep_time = partial(resources.home_clock.tick, engine_resources.database)
    # Commands in other processes wake the engine by it; without it they wait for the next scan.
    listener = home.listener(engine.look)
    return (
        # Nothing to start: the first request about a table does. Before the engine, whose steps need them to their end.
        _processes("table jobs", None, resources.table_workers.close),
        _processes("tried steps", None, resources.trial_workers.close),
        _processes("engine", engine.start, engine.close, grace_seconds=engine_resources.settings.grace_seconds),
        following.service(engine_resources, resources),
        loop_part("home clock", TickLoop("home clock", keep_time, rest_seconds=HOME_CLOCK_REST_SECONDS)),
        loop_part("approvals", TickLoop("approvals", deadlines.tick, rest_seconds=questions.REST_SECONDS)),
        loop_part("tidying", TickLoop("tidying", tidy, rest_seconds=TIDYING_REST_SECONDS)),
        loop_part("tables", TickLoop("tables", upkeep.tick, rest_seconds=table_upkeep.REST_SECONDS)),
        loop_part("sweep", TickLoop("sweep", sweeper.tick, rest_seconds=sweeping.REST_SECONDS)),
        Service(name="listener", start=listener.start, stop=listener.close, seconds_max=LISTENER_SECONDS_MAX),
    )


def _processes(
    name: str, start: Callable[[], object] | None, stop: Callable[[], object], *, grace_seconds: float = 0.0
) -> Service:
    return Service(name=name, start=start, stop=stop, seconds_max=grace_seconds + PROCESSES_SECONDS_MAX)


def loop_part(name: str, loop: TickLoop) -> Service:
    # Twice that for the service: the tick gets its second, and the thread one to end.
    stop = partial(loop.stop, deadline_seconds=LOOP_SECONDS_MAX)
    return Service(name=name, start=loop.start, stop=stop, seconds_max=2 * LOOP_SECONDS_MAX)


def _tidy(engine_resources: EngineResources, resources: Resources) -> bool:
    return uploads.tidy(engine_resources.database, resources.chunks, resources.home_clock.least())


def _open_resources(settings: Settings, home: Home, database: Database, clock: Clock) -> Resources:
    home_clock = home_time.of_home(database, clock)
    return Resources(
        actions=actions.registry(),
        blobs=home.open_blobs(home_clock.least),
        chunks=home.open_chunks(),
        step_logs=home.open_step_logs(),
        steady=clock.monotonic,
        home_clock=home_clock,
        allows_network=settings.allow_network,
        workers=_open_table_workers(settings, home),
        trials=TableWorkers(
            home.work / "trials",
            trial_settings(isolation_settings(settings, home, cgroup="")),
            _engine_settings(settings).quota,
        ),
        followers=following.workers(home, isolation_settings(settings, home, cgroup=""), _engine_settings(settings)),
        reserve=Reserve(str(home.folder), settings.free_bytes_min),
        keyring=Keyring.of_home(home.folder),
    )


def _open_table_workers(settings: Settings, home: Home) -> TableWorkers:
    """For table jobs."""
    folder = home.work / "tables"
    bounds = isolation_settings(settings, home, cgroup="")
    return TableWorkers(
        folder,
        table_settings(readable_paths=bounds.readable_paths, writable_paths=bounds.writable_paths),
        _engine_settings(settings).quota,
    )


def isolation_settings(settings: Settings, home: Home, *, cgroup: str) -> IsolationSettings:
    """How this server keeps steps apart; `cgroup` as cgroups.prepare() gives it."""
    return IsolationSettings(
        workers_max=settings.workers_max,
        # No more can begin at once than there are cores; one is made meanwhile. Each that waits takes 5 MB.
        user_ready=min(USER_READY_MAX, (os.cpu_count() or 1) + 1),
        network_allowed=settings.allow_network,
        more_actions=actions.others(),
        library_paths=tuple(map(str, settings.step_libraries)),
        home=str(home.folder),
        job_paths=(str(home.files), str(home.work)),
        weak=settings.isolation == "weak",
        # DuckDB looks up the container's limits, and ends its process where it may not.
        readable_paths=(
            *(path for path in ("/sys/fs/cgroup",) if Path(path).exists()),
            str(home.files),
            str(home.work),
        ),
        writable_paths=(str(home.work),),
        log_bytes_max=settings.step_log_bytes_max,
        cgroup=cgroup,
        cgroup_memory_bytes_max=settings.step_memory_bytes_max,
        cgroup_processes_max=settings.step_processes_max,
    )


def _engine_settings(settings: Settings) -> EngineSettings:
    return EngineSettings(
        workers_max=settings.workers_max,
        user_steps_max=settings.steps_of_user_max,
        user_runs_max=settings.user_runs_max,
        grace_seconds=settings.grace_seconds,
        public_url=settings.public_url,
        limits=Limits(
            memory_bytes_max=settings.step_memory_bytes_max,
            file_bytes_max=settings.step_disk_bytes_max,
            open_files_max=settings.step_open_files_max,
            processes_max=settings.step_processes_max,
        ),
        quota=Quota(
            step_bytes_max=settings.step_disk_bytes_max,
            step_files_max=settings.step_files_max,
            free_bytes_min=settings.free_bytes_min,
        ),
    )
