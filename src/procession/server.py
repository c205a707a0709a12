"""The composition root: builds the parts, connects them, and serves until told to end.

What a server left behind, however it ended, the next one on the same home goes on with.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from procession import actions, journal, mail
from procession.clock import Clock, SystemClock
from procession.config import Settings
from procession.engine.announcements import Announcements
from procession.engine.driver import LocalEngine
from procession.engine.isolation import ForkServerIsolation, IsolationSettings
from procession.engine.isolation.contract import Limits
from procession.engine.options import EngineSettings, Tools
from procession.engine.workbench import Workbench
from procession.engine.workbench import settings as table_settings
from procession.home import EngineLock, Home, Listener
from procession.loops import Loop
from procession.operations import uploads
from procession.operations.office import Office
from procession.store.chunks import Chunks
from procession.store.database import Database

log = logging.getLogger(__name__)

# The event loop, the writer and the engine hand small pieces of work to each other; Python's 5 ms until a busy thread
# lets another go would be most of what a request takes.
SWITCH_SECONDS = 0.0005
LISTING_THREADS = 4
HASHING_THREADS = 2  # each holds 19 MiB while it hashes a password
FATAL_EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h: whoever watches us starts us again
FATAL_ANSWER_SECONDS = 1.0  # for the answers of requests that met the error
TIDYING_REST_SECONDS = 600.0  # between two looks for upload sessions that are a day old
LOOP_SECONDS_MAX = 1.0  # for a tick under way when the server is told to end
CLOSE_SECONDS_MAX = 7.0  # with the time for requests under way less than ten


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A home with its engine at work."""

    home: Home
    database: Database
    office: Office
    announcements: Announcements
    engine: LocalEngine
    listener: Listener
    lock: EngineLock
    loops: tuple[Loop, ...]
    isolation: str  # how steps are kept apart, in one line

    def close(self) -> None:
        """End every step process; runs under way go on at the next start."""
        self.listener.close()
        for loop in self.loops:
            loop.stop(deadline_seconds=LOOP_SECONDS_MAX)
        if self.office.workbench is not None:
            self.office.workbench.close()
        self.engine.close()
        self.database.close()
        self.lock.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What the operator is told when the server can be used."""

    address: str
    home: Home
    pid: int
    isolation: str
    is_open_to_others: bool  # reachable from other machines without TLS: tokens can be read on the way


def open_station(settings: Settings, *, clock: Clock, on_fatal: Callable[[str], None]) -> Station:
    """Take the home, recover what an earlier engine left, and work. Raises Busy when another engine has it."""
    home = Home(folder=settings.home)
    lock = home.take_lock(f"process {os.getpid()}")
    home.sweep_work()
    isolation = ForkServerIsolation(isolation_settings(settings, home))
    # First of all, because it takes longest and needs nothing of us while it does.
    isolation.start()
    database = home.open_database(clock, on_fatal)
    chunks = home.open_chunks()
    uploads.sweep(database, chunks)
    blobs = home.open_blobs()
    blobs.sweep()
    tools = Tools(
        database=database,
        blobs=blobs,
        isolation=isolation,
        actions=actions.book(),
        announcements=Announcements(),
        clock=clock,
        work=home.work,
        logs=home.logs,
        settings=_engine_settings(settings),
    )
    engine = LocalEngine(tools)
    database.on_look(engine.look)
    description = isolation.describe()
    engine.start()
    return Station(
        home=home,
        database=database,
        office=_open_office(settings, tools, chunks),
        announcements=tools.announcements,
        engine=engine,
        listener=home.listen(engine.look),
        lock=lock,
        loops=(_begin_tidying(database, chunks, clock),),
        isolation=description,
    )


def _open_office(settings: Settings, tools: Tools, chunks: Chunks) -> Office:
    return Office(
        actions=tools.actions,
        blobs=tools.blobs,
        chunks=chunks,
        logs=tools.logs,
        allows_network=settings.allow_network,
        workbench=_open_workbench(settings, Home(folder=settings.home)),
    )


def _begin_tidying(database: Database, chunks: Chunks, clock: Clock) -> Loop:
    loop = Loop("tidying", lambda: uploads.tidy(database, chunks, clock.now()), rest_seconds=TIDYING_REST_SECONDS)
    loop.start()
    return loop


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


def _open_workbench(settings: Settings, home: Home) -> Workbench:
    """For table jobs."""
    folder = home.work / "tables"
    bounds = isolation_settings(settings, home)
    return Workbench(folder, table_settings(readable_paths=bounds.readable_paths, writable_paths=bounds.writable_paths))


def _engine_settings(settings: Settings) -> EngineSettings:
    return EngineSettings(
        workers_max=settings.workers_max,
        grace_seconds=settings.grace_seconds,
        limits=Limits(memory_bytes_max=settings.step_memory_bytes_max),
    )


class Ending:
    """How this server ends: asked to, or because a commit's outcome is unknown (ARCHITECTURE.md, invariant 6)."""

    def __init__(self) -> None:
        self.exit_code = 0
        self._stop: Callable[[], None] | None = None

    def connect(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        if self.exit_code:
            stop()

    def fatal(self, reason: str) -> None:
        """Answer what is under way, then end; from the writer's thread."""
        log.critical(reason)
        self.exit_code = FATAL_EXIT_CODE
        self.within(FATAL_ANSWER_SECONDS)
        if self._stop is not None:
            self._stop()

    def within(self, seconds: float) -> None:
        """End by then, whatever hangs: a crash loses nothing here."""
        timer = threading.Timer(seconds, self.now)
        timer.daemon = True
        timer.start()

    def now(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.exit_code)


def serve(settings: Settings, *, announce: Callable[[Ready, Station], None], clock: Clock | None = None) -> int:
    """Serve until SIGTERM or SIGINT, then end within ten seconds; gives the exit code.

    `announce` is called when requests are answered from then on. Raises Busy, SettingError, Invalid.
    """
    # Before anything is built: uvicorn and the API take a third of the time to readiness to import.
    from procession import http

    sys.setswitchinterval(SWITCH_SECONDS)
    journal.to_stderr()
    ending = Ending()
    listening = http.bind(settings)
    with (
        listening,
        ThreadPoolExecutor(LISTING_THREADS, thread_name_prefix="listing") as threads,
        ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="hashing") as hashing,
    ):
        clock, address = clock or SystemClock(), http.address(settings, listening)
        station = open_station(settings, clock=clock, on_fatal=ending.fatal)
        post: Loop | None = None
        try:
            post = mail.begin(settings, station.database, clock, address)
            app = _build_app(station, (threads, hashing), settings, (clock, post))
            server = http.make_server(app, settings)
            ending.connect(lambda: setattr(server, "should_exit", True))
            # Ours until uvicorn sets its own, and again when it repeats, at its end, the signal that it obeyed.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: setattr(server, "should_exit", True))
            ready = _ready(station, settings, address)
            announce(ready, station)
            log.info("ready", extra={"address": ready.address, "isolation": ready.isolation})
            http.answer(server, listening)
        finally:
            if ending.exit_code:
                ending.now()
            ending.within(CLOSE_SECONDS_MAX)
            if post is not None:
                post.stop(deadline_seconds=LOOP_SECONDS_MAX)
            station.close()
    log.info("ended")
    return ending.exit_code


def _ready(station: Station, settings: Settings, address: str) -> Ready:
    station.lock.describe(f"a server at {address} (process {os.getpid()})")
    is_local = settings.host in {"127.0.0.1", "::1", "localhost"}
    return Ready(
        address=address,
        home=station.home,
        pid=os.getpid(),
        isolation=station.isolation,
        is_open_to_others=not is_local and not settings.uses_tls,
    )


def _build_app(
    station: Station,
    pools: tuple[ThreadPoolExecutor, ThreadPoolExecutor],
    settings: Settings,
    about: tuple[Clock, Loop | None],
) -> Any:
    from procession.api import app
    from procession.oauth import routes as oauth

    return app.build(
        station.database,
        station.office,
        clock=about[0],
        announcements=station.announcements,
        settings=app.ApiSettings(
            more=oauth.routes(hashing=pools[1], seconds=settings.token_seconds),
            threads=pools[0],
            hashing=pools[1],
            upload_bytes_max=settings.upload_bytes_max,
            public_url=settings.public_url,
            look_for_mail=None if about[1] is None else about[1].wake,
        ),
    )
