"""The real application on a temporary database, with a process and five people; steps move by the store's own calls."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2

from procession import actions
from procession.clock import ManualClock
from procession.door.limits import UserLimits
from procession.engine.announcements import Announcements
from procession.engine.isolation.options import IsolationSettings
from procession.engine.table_workers import TableWorkers, settings, trial_settings
from procession.model import process_file
from procession.model.ids import RunId, StepId
from procession.model.lifecycle import Outcome, StepEvent, StepStatus
from procession.model.people import SCOPES, Caller, Role, User, UserRole
from procession.model.runs import Run
from procession.oauth import routes as oauth
from procession.operations import applications, consents, home_time, people, processes, runs, uploads
from procession.operations.act import Act
from procession.operations.home_time import HomeClock
from procession.operations.resources import Resources
from procession.serving import application as app
from procession.store import applications as application_store
from procession.store import history, migrations, moves, permissions, times
from procession.store import people as people_store
from procession.store import runs as run_store
from procession.store import steps as step_store
from procession.store.chunks import PLACE_BYTES_MIN, Chunks
from procession.store.crash import CrashPoint, pass_by
from procession.store.database import Transaction
from procession.store.folder import BlobFolder
from procession.store.keyring import Keyring
from procession.store.sqlite import SqliteDatabase
from procession.store.step_log_folder import StepLogFolder
from tests.store import furnished

PROCESS = """
process: Month end
description: Closes a month
alert: {email: close@example.com}
groups:
  - group: Inputs
    steps:
      - data: Parameters
        properties:
          - {name: Amount, key: amount, type: Number, flow: INPUT, required: true, mouseover: how much, value: 10}
          - {name: Limit, key: limit, type: Decimal, flow: INPUT, decimal_points: 2, value: 1.50}
          - {name: Orders, key: orders, type: File, flow: INPUT}
          - {name: Report, key: report, type: File, flow: OUTPUT}
  - group: Work
    steps:
      - {action: wait, name: Settle, key: settle, with: {seconds: 1}}
      - {action: wait, name: Pay, key: pay, with: {seconds: 1}}
"""
PEOPLE = {"owner": "Designer", "editor": "Designer", "mate": "Subscriber", "reader": "Subscriber",
          "stranger": "Designer", "admin": "ClientAdmin"}  # fmt: skip


ADDRESS = "http://house.example"


@dataclass(slots=True, kw_only=True)
class House:
    """`told` are the runs that the engine was asked to look at."""

    app: Any
    database: SqliteDatabase
    resources: Resources
    clock: ManualClock
    announcements: Announcements
    users: dict[str, User] = field(default_factory=dict)
    process: str = "p-1"
    told: list[RunId] = field(default_factory=list)
    crash_point: CrashPoint = pass_by

    def ask(self, method: str, path: str, *, who: str = "owner", **more: Any) -> httpx2.Response:
        return asyncio.run(self.ask_async(method, path, who=who, **more))

    async def ask_async(self, method: str, path: str, *, who: str = "owner", **more: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {who}", **more.pop("headers", {})}
        return await self.request_async(method, f"/api/v1/{path}", headers=headers, **more)

    async def request_async(self, method: str, url: str, **more: Any) -> httpx2.Response:
        """Of any door, with nobody's token."""
        transport = httpx2.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url=ADDRESS) as client:
            return await client.request(method, url, **more)

    def get(self, path: str, *, who: str = "owner") -> Any:
        answer = self.ask("GET", path, who=who)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, *, who: str = "owner", **more: Any) -> Any:
        answer = self.ask("POST", path, who=who, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def new_run(self, *, start: bool = False) -> str:
        body = {"start": start}
        return str(self.post(f"processes/{self.process}/processruns", json=body)["id"])

    def step(self, run: str, key: str) -> str:
        rows = self.get(f"processruns/{run}/steps?include=all")
        return next(str(row["id"]) for row in rows if row["key"] == key)

    def caller(self, who: str) -> Caller:
        return Caller(user=self.users[who], scopes=SCOPES)

    def act(self, tx: Transaction, who: str = "owner") -> Act:
        return Act(tx=tx, caller=self.caller(who), now=self.clock.now(), resources=self.resources)

    def renew_tokens(self) -> None:
        """Everybody's token, for another day."""
        until = times.to_column(self.resources.home_clock.most() + timedelta(days=1))
        self.database.write(lambda tx: tx.run("UPDATE token SET expires_at = ?", until))

    def take(self, run: str) -> Run:
        """What the engine does when it begins: the first step that waits runs."""

        def operation(tx: Transaction) -> Run:
            now = self.clock.now()
            taken = run_store.take(
                tx,
                runs.find(tx, RunId.parse(run)),
                "engine",
                now=now,
                steady=self.clock.monotonic(),
                limit_seconds=3600.0,
            )
            step = next(row for row in step_store.of_run(tx, taken.id) if row.status is StepStatus.NOT_STARTED)
            self._begin(tx, taken, step.id)
            return taken

        return self.database.write(operation)

    def _begin(self, tx: Transaction, run: Run, step: StepId) -> None:
        now = self.clock.now()
        wait = moves.StepWrite(message="")
        moves.move(tx, step, StepStatus.NOT_STARTED, StepEvent.SCHEDULE, wait)
        began = run.worked.at(self.clock.monotonic())
        write = moves.StepWrite(message="step is currently running", started_at=now, began=began)
        moves.move(tx, step, StepStatus.SCHEDULED, StepEvent.BEGIN, write)
        attempt = history.NewAttempt(
            run=run.id,
            step=step,
            attempt=run.attempt,
            number=1,
            epoch=run.epoch,
            pid=1,
            started_ticks=1,
            boot_id="boot",
        )
        history.add_attempt(tx, attempt, now)

    def finish(self, run: str) -> None:
        """Every step succeeds and the run is Finished."""

        def operation(tx: Transaction) -> None:
            found = runs.find(tx, RunId.parse(run))
            for row in step_store.of_run(tx, found.id):
                if row.status is StepStatus.NOT_STARTED:
                    self._begin(tx, found, row.id)
                write = moves.StepWrite(message="done", finished_at=self.clock.now(), duration_seconds=1.0)
                moves.move(tx, row.id, StepStatus.RUNNING, StepEvent.SUCCEED, write)
            for tried in history.attempts_of_run(tx, found.id):
                end = history.AttemptEnd(status=StepStatus.SUCCESS, message="done", at=self.clock.now(), seconds=1.0)
                history.end_attempt(tx, tried.id, end)
            run_store.finish(tx, found, Outcome.SUCCESS, now=self.clock.now(), seconds=3.0)

        self.database.write(operation)


@contextmanager
def table_processes(place: Path) -> Iterator[TableWorkers]:
    """Real processes for table jobs; they start with the first job."""
    bounds = {"readable_paths": (str(place), "/sys/fs/cgroup"), "writable_paths": (str(place),)}
    made = TableWorkers(place / "tables", settings(**bounds))
    yield made
    made.close()


@contextmanager
def house(
    folder: Path,
    clock: ManualClock,
    table_workers: TableWorkers | None = None,
    *,
    crash_point: CrashPoint = pass_by,
    sends_mail: bool = False,
    limits: UserLimits | None = None,
) -> Iterator[House]:
    """A process of `owner`'s; `editor` and `reader` have these roles, `mate` is an executor by a group.

    A folder that was a house before is opened as server.open_active_home() opens a home.
    """
    told: list[RunId] = []
    trials = _trial_workers(folder)
    with closing(trials), recovered(folder, clock, crash_point) as found, ThreadPoolExecutor(2) as threads:
        database = found[0]
        database.on_look(told.append)
        resources = _resources(folder, found, clock, (table_workers, trials))
        wanted = app.ApiSettings(
            more=oauth.routes(hashing=threads),
            threads=threads,
            hashing=threads,
            parsing=threads,
            upload_bytes_max=100_000,
            limits=limits or UserLimits(),
            look_for_mail=(lambda: None) if sends_mail else None,
        )
        made = _built(database, resources, clock, wanted)
        made.told, made.crash_point = told, crash_point
        with database.read() as tx:
            is_new = people_store.is_empty(tx)
            made.users = {user.login: user for user in people_store.users(tx)}
        if is_new:
            database.write(lambda tx: _furnish(tx, made))
        yield made


Found = tuple[SqliteDatabase, BlobFolder, Chunks, HomeClock]


def _resources(
    folder: Path, found: Found, clock: ManualClock, workers: tuple[TableWorkers | None, TableWorkers]
) -> Resources:
    _, blobs, chunks, home_clock = found
    return Resources(
        actions=actions.registry(),
        blobs=blobs,
        chunks=chunks,
        step_logs=StepLogFolder(folder / "logs"),
        steady=clock.monotonic,
        home_clock=home_clock,
        workers=workers[0],
        trials=workers[1],
        keyring=Keyring.of_home(folder),
    )


def _trial_workers(folder: Path) -> TableWorkers:
    """Their processes start with the first step that is tried; most tests try none."""
    bounds = IsolationSettings(landlock=False, user_ids=None, weak=True, preload=())
    return TableWorkers(folder / "trials", trial_settings(bounds))


@contextmanager
def recovered(
    folder: Path, clock: ManualClock, crash_point: CrashPoint = pass_by
) -> Iterator[tuple[SqliteDatabase, BlobFolder, Chunks, HomeClock]]:
    """What server.open_active_home() does before anything arrives."""
    failures: list[str] = []
    # The migrations are where a test of crashes may crash, too.
    if crash_point is pass_by:
        furnished.place(folder / "house.sqlite")
    database = SqliteDatabase(folder / "house.sqlite", on_fatal=failures.append, crash_point=crash_point)
    migrations.migrate(database, clock.now())
    # Where it is to crash, small chunks are put at their places too.
    least = PLACE_BYTES_MIN if crash_point is pass_by else 1
    chunks = Chunks(folder / "uploads", crash_point=crash_point, place_bytes_min=least)
    uploads.sweep(database, chunks)
    home_clock = home_time.of_home(database, clock)
    blobs = BlobFolder(folder / "files", now=home_clock.least, crash_point=crash_point)
    blobs.sweep()
    yield database, blobs, chunks, home_clock
    database.close()
    assert failures == []


def _built(database: SqliteDatabase, resources: Resources, clock: ManualClock, wanted: app.ApiSettings) -> House:
    announcements = Announcements()
    application = app.build(database, resources, clock=clock, announcements=announcements, settings=wanted)
    return House(app=application, database=database, resources=resources, clock=clock, announcements=announcements)


def _furnish(tx: Transaction, made: House) -> None:
    now = made.clock.now()
    for name, role in PEOPLE.items():
        user = people.create_user(
            tx, email=f"{name}@example.com", first_name=name, last_name="Test", role=UserRole(role), now=now
        )
        made.users[name] = user
        application, _ = applications.create(tx, name=name, user_login=user.login, scopes=SCOPES, now=now)
        expires_at = now + timedelta(days=1)
        application_store.add_token(tx, consents.digest(name), application, scopes=SCOPES, expires_at=expires_at)
    definition = process_file.parse(PROCESS, file="process.yaml", actions=made.resources.actions)
    applied = processes.apply(made.act(tx), PROCESS, definition=definition)
    made.process = str(applied.id)
    group = people.create_group(tx, name="Team", now=now)
    people_store.add_member(tx, group.id, made.users["mate"].id)
    permissions.give(tx, applied.id, Role.EXECUTOR, holder=group.id)
    for name in ("editor", "reader"):
        permissions.give(tx, applied.id, Role(name), holder=made.users[name].id)
