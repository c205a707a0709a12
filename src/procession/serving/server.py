"""Serves a home over HTTP until told to end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from procession import mail, walls
from procession.clock import Clock, SystemClock
from procession.config import Settings
from procession.door.limits import UserLimits
from procession.home import Home
from procession.serving import server_log
from procession.serving import walls as server_walls
from procession.serving.active_home import ActiveHome, loop_part, open_active_home
from procession.serving.services import Service, Services
from procession.walls import Wall

if TYPE_CHECKING:
    import uvicorn

log = logging.getLogger(__name__)

# The event loop, the writer and the engine hand small pieces of work to each other; Python's 5 ms until a busy thread
# lets another go would be most of what a request takes.
SWITCH_SECONDS = 0.0005
LISTING_THREADS = 4
HASHING_THREADS = 2  # each holds 19 MiB while it hashes a password
PARSING_THREADS = 2  # a file whose SQL is checked waits for a process, and the next may be read meanwhile
POOL_SECONDS_MAX = 2.0  # for the listings and hashes under way when the server is told to end
FATAL_EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h: whoever watches us starts us again
FATAL_ANSWER_SECONDS = 1.0  # for the answers of requests that met the error
CLOSE_SECONDS_MAX = 7.0  # for all parts together; with the time for requests under way less than ten


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Facts for the operator once the server is ready."""

    address: str
    home: Home
    pid: int
    walls: tuple[Wall, ...]


class Shutdown:
    """How this server ends: on request, or when a commit's outcome is unknown (ARCHITECTURE.md, invariant 6)."""

    def __init__(self) -> None:
        self.exit_code = 0
        self._stop: Callable[[], None] | None = None

    def obey(self, server: uvicorn.Server) -> None:
        """Signals, and errors that are fatal, end this server from now on."""

        def stop(*_: object) -> None:
            server.should_exit = True

        self._stop = stop
        # Ours until uvicorn sets its own, and again when it repeats, at its end, the signal that it obeyed.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
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
        """Forces an end by then, whatever hangs: a crash loses nothing."""
        timer = threading.Timer(seconds, self.now)
        timer.daemon = True
        timer.start()

    def now(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(self.exit_code)


def serve(settings: Settings, *, announce: Callable[[Ready, ActiveHome], None], clock: Clock | None = None) -> int:
    """Serve until SIGTERM or SIGINT, then end within ten seconds; gives the exit code.

    `announce` is called when requests are answered from then on. Raises Busy, SettingError, Invalid.
    """
    # Before anything is built: uvicorn and the API take a third of the time to readiness to import.
    from procession.serving import connections, listening

    sys.setswitchinterval(SWITCH_SECONDS)
    server_log.to_stderr()
    ending, open_files = Shutdown(), connections.raise_open_files()
    with listening.bind(settings) as socket:
        address = listening.address(settings, socket)
        active_home = open_active_home(settings, clock=clock or SystemClock(), on_fatal=ending.fatal)
        try:
            server = _make_server(active_home, settings, address, open_files=open_files)
            ending.obey(server)
            ready = _ready(active_home, settings, address)
            announce(ready, active_home)
            log.info("ready", extra={"address": ready.address, "walls": walls.summary(ready.walls)})
            listening.answer(server, socket)
        finally:
            if ending.exit_code:
                ending.now()
            ending.within(CLOSE_SECONDS_MAX)
            active_home.close()
    log.info("ended")
    return ending.exit_code


def _make_server(active_home: ActiveHome, settings: Settings, address: str, *, open_files: int) -> uvicorn.Server:
    from procession.oauth import routes as oauth
    from procession.serving import application, listening

    home_clock = active_home.resources.home_clock
    post = mail.loop(settings, active_home.database, active_home.clock, home_clock, address=address)
    if post is not None:
        active_home.services.start(loop_part("mail", post))
    hashing = _pool(active_home.services, "hashing", HASHING_THREADS)
    app = application.build(
        active_home.database,
        active_home.resources,
        clock=active_home.clock,
        announcements=active_home.announcements,
        settings=application.ApiSettings(
            more=oauth.routes(hashing=hashing, seconds=settings.token_seconds, provider=settings.sso),
            threads=_pool(active_home.services, "listing", LISTING_THREADS),
            hashing=hashing,
            parsing=_pool(active_home.services, "parsing", PARSING_THREADS),
            upload_bytes_max=settings.upload_bytes_max,
            limits=_user_limits(settings),
            public_url=settings.public_url,
            look_for_mail=None if post is None else post.wake,
        ),
    )
    return listening.make_server(app, settings, open_files)


def _user_limits(settings: Settings) -> UserLimits:
    return UserLimits(
        streams_max=settings.user_streams_max,
        new_runs_max=settings.user_new_runs_max,
        uploads_max=settings.user_uploads_max,
        upload_bytes_max=settings.user_upload_bytes_max,
    )


def _pool(services: Services, name: str, threads: int) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
    services.start(Service(name=name, stop=partial(pool.shutdown, cancel_futures=True), seconds_max=POOL_SECONDS_MAX))
    return pool


def _ready(active_home: ActiveHome, settings: Settings, address: str) -> Ready:
    active_home.lock.describe(f"a server at {address} (process {os.getpid()})")
    return Ready(
        address=address,
        home=active_home.home,
        pid=os.getpid(),
        walls=server_walls.of_server(settings, active_home.home, active_home.walls),
    )
