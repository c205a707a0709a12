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
from procession.operations.act import Act
from procession.serving import server
from procession.serving.active_home import Station, open_station
from procession.store.database import Transaction

RUN_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """The operations on a station, as one user who may do everything."""

    station: Station
    caller: Caller
    clock: SystemClock

    def publish(self, text: str) -> ProcessId:
        """A new process from its file's text."""
        definition = process_file.parse(text, file="bench.yaml", actions=self.station.office.actions)
        database = self.station.database
        return database.write(lambda tx: processes.apply(self._act(tx), text, definition=definition)).id

    def _act(self, tx: Transaction) -> Act:
        return Act(tx=tx, caller=self.caller, now=self.clock.now(), office=self.station.office)

    def run_through(self, process: ProcessId) -> None:
        """A run from its creation to its end, which must be Success."""
        ended = threading.Event()
        run = self.station.database.write(lambda tx: runs.create(self._act(tx), process, inputs={}, start=True)).id

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
