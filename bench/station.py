"""A home with its engine at work and no HTTP: what serving/ composes, called from this process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from procession.clock import SystemClock
from procession.config import Settings
from procession.model import process_file
from procession.model.ids import ProcessId
from procession.model.lifecycle import RUN_FINAL, Outcome
from procession.model.people import SCOPES, Caller, UserRole
from procession.operations import people, processes, runs
from procession.serving import server
from procession.serving.station import Station, open_station

RUN_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """The operations on a station, as one user who may do everything."""

    station: Station
    caller: Caller
    clock: SystemClock

    def publish(self, text: str) -> ProcessId:
        """A new process from its file's text."""
        office, user, now = self.station.office, self.caller.user, self.clock.now()
        definition = process_file.parse(text, file="bench.yaml", actions=office.actions)
        return self.station.database.write(
            lambda tx: processes.apply(tx, office, user, text, definition=definition, now=now)
        ).id

    def run_through(self, process: ProcessId) -> None:
        """A run from its creation to its end, which must be Success."""
        office, now, ended = self.station.office, self.clock.now(), threading.Event()
        run = self.station.database.write(
            lambda tx: runs.create(tx, office, self.caller, process, inputs={}, start=True, now=now)
        ).id

        def look() -> None:
            with self.station.database.read() as tx:
                if runs.find(tx, run).status in RUN_FINAL:
                    ended.set()

        forget = self.station.announcements.listen(run, look)
        look()
        assert ended.wait(RUN_SECONDS_MAX)
        forget()
        with self.station.database.read() as tx:
            assert runs.find(tx, run).outcome is Outcome.SUCCESS


@contextmanager
def opened(home: Path, *, workers_max: int) -> Iterator[Direct]:
    """With the server's own settings, threads' switching included."""
    clock, switching = SystemClock(), sys.getswitchinterval()
    sys.setswitchinterval(server.SWITCH_SECONDS)
    station = open_station(Settings(home=home, workers_max=workers_max), clock=clock, on_fatal=sys.exit)
    try:
        user = station.database.write(
            lambda tx: people.create_user(
                tx,
                email="ada@example.com",
                first_name="Ada",
                last_name="Byron",
                role=UserRole.CLIENT_ADMIN,
                now=clock.now(),
            )
        )
        yield Direct(station=station, caller=Caller(user=user, scopes=SCOPES), clock=clock)
    finally:
        station.close()
        sys.setswitchinterval(switching)
