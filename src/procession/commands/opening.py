"""A home opened for one command, beside a running server or without one; the command acts as an administrator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial

from procession import actions, leases
from procession.clock import Clock, SystemClock
from procession.commands.console import Console
from procession.config import Settings
from procession.home import Busy, Home
from procession.model.errors import NotFound
from procession.model.ids import ActionStepId, DataStepId, ProcessId, RunId, StepId, parse_step
from procession.model.people import SCOPES, Caller, User, UserRole
from procession.model.steps import StepRow
from procession.operations import home_time, people, steps
from procession.operations.act import Act
from procession.operations.resources import Resources
from procession.store import identity
from procession.store import people as people_store
from procession.store import processes as process_store
from procession.store import runs as run_store
from procession.store import steps as step_store
from procession.store.database import Database, Transaction
from procession.store.keyring import Keyring

ADMIN_EMAIL = "admin@localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedHome:
    """What a command works with."""

    settings: Settings
    home: Home
    database: Database
    resources: Resources
    clock: Clock


@contextmanager
def open_home(console: Console, *, may_create: bool = False, is_alone: bool = False) -> Iterator[OpenedHome]:
    """Opens the home. Commits wake the engine that works on it, if any.

    Raises NotFound if there is none, unless the command `may_create` it: a typo must not make a new home.
    Raises Busy while `prune` has the home to itself; `is_alone`: the caller is that prune.
    """
    settings, clock = console.settings(), SystemClock()
    home = Home(folder=settings.home)
    if not (may_create or home.exists()):
        raise NotFound(no_home(home))
    # Before the lease, whose file lies in the home.
    home.prepare()
    # prune has it already, and would wait for itself.
    with nullcontext(True) if is_alone else leases.hold(home.folder, leases.COMMANDS) as is_free:
        if not is_free:
            raise Busy(f"procession prune is at work on {home.folder}; try again when it is done")
        yield from _opened(console, settings, home, clock)


def _opened(console: Console, settings: Settings, home: Home, clock: Clock) -> Iterator[OpenedHome]:
    database = home.open_database(clock)
    # Another process runs the engine: it has to be told across processes.
    database.on_look(home.wake)
    _settle(home, database)
    home_clock = home_time.of_home(database, clock)
    resources = Resources(
        actions=actions.registry(),
        blobs=home.open_blobs(home_clock.least),
        chunks=home.open_chunks(),
        step_logs=home.open_step_logs(),
        steady=partial(_steady, home, clock),
        home_clock=home_clock,
        allows_network=settings.allow_network,
        keyring=Keyring.of_home(home.folder),
    )
    try:
        with database.read() as tx:
            is_empty = people_store.is_empty(tx)
        yield OpenedHome(settings=settings, home=home, database=database, resources=resources, clock=clock)
        # Told at the end, when the command has perhaps made one.
        if is_empty:
            _tell_admin(console, database)
    finally:
        database.close()


def _settle(home: Home, database: Database) -> None:
    """A copy must know that it is one before anything new is begun in it; a server that works here has seen to that."""
    with database.read() as tx:
        if identity.find(tx).is_at(home.place()):
            return
    # A server that works here has the lock, and has looked itself.
    with suppress(Busy):
        lock = home.take_lock(f"a command (process {os.getpid()})")
        try:
            home.settle(database)
        finally:
            lock.release()


def _steady(home: Home, clock: Clock) -> float | None:
    # The steady clock is one for all processes of a machine, so a server's stopwatches can be read.
    return clock.monotonic() if home.is_awake() else None


def _tell_admin(console: Console, database: Database) -> None:
    """Tells about the administrator that was created."""
    with database.read() as tx:
        made = people_store.user_by_email(tx, ADMIN_EMAIL)
    if made is not None:
        console.remark(
            f"made {made.login} ({made.email}) the administrator of this new home; "
            f"procession user link {made.login} gives a link to set a password"
        )


def no_home(home: Home) -> str:
    return f"there is no home at {home.folder}: procession serve, apply or user create make one"


def operator(tx: Transaction, opened: OpenedHome, login: str | None = None) -> Act:
    """The user a command acts as: the one named, else the first ClientAdmin, created as `admin` in a new home."""
    return acting(tx, opened, people.find_user(tx, login) if login else _first_admin(tx, opened))


def acting(tx: Transaction, opened: OpenedHome, user: User) -> Act:
    """Acts as this user with every scope."""
    caller = Caller(user=user, scopes=SCOPES)
    return Act(tx=tx, caller=caller, now=opened.clock.now(), resources=opened.resources)


def viewer(tx: Transaction) -> Caller:
    """The user a read-only command acts as. Raises NotFound."""
    return Caller(user=people.first_admin(tx), scopes=SCOPES)


def _first_admin(tx: Transaction, opened: OpenedHome) -> User:
    ensure_admin(tx, opened.clock)
    return people.first_admin(tx)


def ensure_admin(tx: Transaction, clock: Clock) -> None:
    """Creates the first user of a home. It can sign in only once an application acts for it."""
    if not people_store.is_empty(tx):
        return
    people.create_user(
        tx, email=ADMIN_EMAIL, first_name="Admin", last_name="Admin", role=UserRole.CLIENT_ADMIN, now=clock.now()
    )


def find_process(tx: Transaction, text: str) -> ProcessId:
    """By its name, else by its id. Raises NotFound."""
    # The name first: a process may be called p-1.
    row = process_store.by_name(tx, text)
    if row is None and text.lower().startswith(ProcessId.prefix + "-"):
        row = process_store.find(tx, ProcessId.parse(text))
    if row is None:
        raise NotFound(f'there is no process "{text}"')
    return row.id


def find_step(tx: Transaction, run: RunId, text: str) -> StepRow:
    """By its key, its id or its order ("2.1"). Raises NotFound."""
    rows = step_store.of_run(tx, run)
    # What is in the file comes before what only the server knows.
    row = next((row for row in rows if text in {row.key, row.order}), None)
    if row is None and text.lower().startswith((f"{DataStepId.prefix}-", f"{ActionStepId.prefix}-")):
        step: StepId = parse_step(text)
        row = steps.find(tx, step, run=run)
    if row is None:
        if run_store.find(tx, run) is None:
            raise NotFound(f"there is no process run {run}")
        raise NotFound(f"there is no step {text} in {run}; there are {', '.join(row.key for row in rows)}")
    return row
