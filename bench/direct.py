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
from procession.serving.active_home import ActiveHome, open_active_home
from procession.store.database import Transaction

RUN_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """The operations on a home at work, as one user who may do everything."""

    active_home: ActiveHome
    caller: Caller
    clock: SystemClock

    def publish(self, text: str) -> ProcessId:
        """A new process from its file's text."""
        definition = process_file.parse(text, file="bench.yaml", actions=self.active_home.resources.actions)
        database = self.active_home.database
        return database.write(lambda tx: processes.apply(self._act(tx), text, definition=definition)).id

    def _act(self, tx: Transaction) -> Act:
        return Act(tx=tx, caller=self.caller, now=self.clock.now(), resources=self.active_home.resources)

    def run_through(self, process: ProcessId) -> None:
        """A run from its creation to its end, which must be Success."""
        ended = threading.Event()
        run = self.active_home.database.write(lambda tx: runs.create(self._act(tx), process, inputs={}, start=True)).id

        def look() -> None:
            with self.active_home.database.read() as tx:
                if runs.find(tx, run).status in RUN_FINAL:
                    ended.set()

        forget = self.active_home.announcements.listen(run, look)
        look()
        assert ended.wait(RUN_SECONDS_MAX)
        forget()
        with self.active_home.database.read() as tx:
            assert runs.find(tx, run).outcome is Outcome.SUCCESS


@contextmanager
def opened(home: Path, *, workers_max: int) -> Iterator[Direct]:
    """With the server's own settings, threads' switching included."""
    clock, switching = SystemClock(), sys.getswitchinterval()
    sys.setswitchinterval(server.SWITCH_SECONDS)
    active_home = open_active_home(
        Settings(home=home, workers_max=workers_max, user_steps_max=workers_max), clock=clock, on_fatal=sys.exit
    )
    try:
        user = active_home.database.write(
            lambda tx: people.create_user(
                tx,
                email="ada@example.com",
                first_name="Ada",
                last_name="Byron",
                role=UserRole.CLIENT_ADMIN,
                now=clock.now(),
            )
        )
        yield Direct(active_home=active_home, caller=Caller(user=user, scopes=SCOPES), clock=clock)
    finally:
        active_home.close()
        sys.setswitchinterval(switching)
