"""A whole engine on a temporary home, with real processes: what the engine's tests and the benchmarks work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from procession import actions
from procession.actions.contract import Action
from procession.clock import Clock, SystemClock
from procession.engine.announcements import Announcements
from procession.engine.driver import LocalEngine
from procession.engine.isolation.contract import Isolation
from procession.engine.isolation.options import IsolationSettings
from procession.engine.isolation.pool import ForkServerIsolation
from procession.engine.options import EngineResources, EngineSettings
from procession.engine.step_connections import StepConnections
from procession.engine.step_tables import TableDraft
from procession.engine.table_workers import TableWorkers
from procession.model import process_file
from procession.model.connections import ConnectionKind
from procession.model.ids import ProcessId, RunId
from procession.model.lifecycle import RUN_FINAL, StepStatus
from procession.model.people import SCOPES, Caller, UserRole
from procession.model.restart import Wish
from procession.model.runs import HistoryRow, Run
from procession.model.steps import StepRow
from procession.operations import connections, files, home_time, people, processes, runs
from procession.operations.act import Act
from procession.operations.approvals_of_steps import ApprovalsOfSteps
from procession.operations.connections import NewConnection
from procession.operations.connections_of_steps import ConnectionsOfSteps
from procession.operations.resources import Resources
from procession.operations.runs_of_steps import RunsOfSteps
from procession.operations.tables_of_steps import TablesOfSteps
from procession.store import connections as connection_store
from procession.store import history, identity, steps
from procession.store.chunks import Chunks
from procession.store.crash import CrashPoint, pass_by
from procession.store.database import Transaction
from procession.store.folder import BlobFolder
from procession.store.keyring import Keyring
from procession.store.migrations import migrate
from procession.store.sqlite import SqliteDatabase
from procession.store.step_log_folder import StepLogFolder
from tests.store import furnished
from tests.support import PATIENCE_SECONDS, wait_until


class SetClock(SystemClock):
    """The machine's clock: somebody sets it, and hours pass at once."""

    def __init__(self) -> None:
        self.jumped_seconds = 0.0
        self.passed_seconds = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.jumped_seconds + self.passed_seconds)

    def monotonic(self) -> float:
        return super().monotonic() + self.passed_seconds

    def since_boot(self) -> float:
        return super().since_boot() + self.passed_seconds


class InterruptedTables:
    """The real tables of steps; `before_prepare` does something at the one moment that a test is about."""

    def __init__(self, tables: TablesOfSteps) -> None:
        self.begin, self.inputs, self.targets = tables.begin, tables.inputs, tables.targets
        self.publish, self._prepare = tables.publish, tables.prepare
        self.before_prepare: Callable[[], None] = lambda: None
        self.after_prepare: Callable[[], None] = lambda: None

    def prepare(self, *given: Any) -> tuple[TableDraft, ...]:
        self.before_prepare()
        drafts = self._prepare(*given)
        self.after_prepare()
        return drafts


@dataclass
class World:
    home: Path
    clock: Clock = field(default_factory=SystemClock)
    settings: EngineSettings = field(default_factory=partial(EngineSettings, grace_seconds=0.5))
    isolation: IsolationSettings = field(default_factory=IsolationSettings)
    crash_point: CrashPoint = pass_by
    make_isolation: Callable[[IsolationSettings], Isolation] = ForkServerIsolation
    workers: TableWorkers | None = None  # of tables; whoever made them ends them
    more_actions: Mapping[str, Action] = field(default_factory=dict)
    connections: StepConnections | None = None

    def __post_init__(self) -> None:
        self.fatal: list[str] = []
        if self.crash_point is pass_by:
            furnished.place(self.home / "procession.db")
        self.db = SqliteDatabase(self.home / "procession.db", on_fatal=self.fatal.append, crash_point=self.crash_point)
        migrate(self.db, self.clock.now())
        self.blobs = BlobFolder(self.home / "files", crash_point=self.crash_point)
        self.announcements = Announcements()
        self.resources = Resources(
            actions={**actions.registry(), **self.more_actions},
            blobs=self.blobs,
            chunks=Chunks(self.home / "uploads", crash_point=self.crash_point),
            step_logs=StepLogFolder(self.home / "logs"),
            steady=self.steady,
            home_clock=home_time.of_home(self.db, self.clock),
            workers=self.workers,
            keyring=Keyring.of_home(self.home),
        )
        self.tables = InterruptedTables(TablesOfSteps(self.db, self.resources))
        self.engine = self.new_engine()
        self.db.on_look(lambda run: self.engine.look(run))
        self.caller = self._caller()

    def new_engine(self) -> LocalEngine:
        with self.db.read() as tx:
            homes = identity.attempt_homes(tx)
        return LocalEngine(
            EngineResources(
                database=self.db,
                blobs=self.blobs,
                isolation=self.make_isolation(self.isolation),
                actions=self.resources.actions,
                announcements=self.announcements,
                clock=self.clock,
                work=self.home / "work",
                step_logs=StepLogFolder(self.home / "logs"),
                homes=homes,
                settings=self.settings,
                tables=self.tables,
                connections=self.step_connections,
                approvals=ApprovalsOfSteps(self.resources.home_clock),
                child_runs=RunsOfSteps(self.db, self.resources),
            )
        )

    @property
    def step_connections(self) -> StepConnections:
        return self.connections or ConnectionsOfSteps(self.db, Keyring.of_home(self.home), self.clock)

    def steady(self) -> float:
        return self.clock.monotonic()

    def _caller(self) -> Caller:
        with self.db.read() as tx:
            found = tx.one("SELECT count(*) FROM user_account")
        assert found is not None
        if not found[0]:
            self.add_user("ada")
        with self.db.read() as tx:
            return Caller(user=people.first_admin(tx), scopes=SCOPES)

    def add_user(self, name: str) -> Caller:
        """Somebody else who may do everything."""
        user = self.db.write(
            lambda tx: people.create_user(
                tx,
                email=f"{name}@example.com",
                first_name=name.title(),
                last_name="Byron",
                role=UserRole.CLIENT_ADMIN,
                now=self.clock.now(),
            )
        )
        return Caller(user=user, scopes=SCOPES)

    def act(self, tx: Transaction) -> Act:
        return Act(tx=tx, caller=self.caller, now=self.clock.now(), resources=self.resources)

    def apply(self, text: str) -> ProcessId:
        return self.applied(text).id

    def applied(self, text: str) -> processes.Applied:
        definition = process_file.parse(text, file="test.yaml", actions=self.resources.actions)

        def operation(tx: Transaction) -> processes.Applied:
            if self.connections is not None:
                self._make_connections(tx)
            return processes.apply(self.act(tx), text, definition=definition)

        return self.db.write(operation)

    def _make_connections(self, tx: Transaction) -> None:
        """What the port of a test gives is there by name for whoever applies a process."""
        for name in ("share", "shore"):
            if connection_store.by_name(tx, name) is None:
                wanted = NewConnection(
                    name=name, kind=ConnectionKind.FOLDER, options={"path": "/srv/outside"}, by_operator=True
                )
                connections.add(self.act(tx), wanted)

    def create(self, process: ProcessId, inputs: Mapping[str, object] | None = None) -> Run:
        return self.db.write(lambda tx: runs.create(self.act(tx), process, inputs=inputs or {}))

    def start(self, run: RunId) -> Run:
        return self.db.write(lambda tx: runs.start(self.act(tx), run))

    def cancel(self, run: RunId) -> Run:
        return self.db.write(lambda tx: runs.cancel(self.act(tx), run))

    def restart(
        self, run: RunId, key: str, release: frozenset[str] = frozenset(), *, takes_latest: bool = False
    ) -> StepRow:
        step = self.step(run, key).id
        wish = Wish(reason="because", release=release, takes_latest=takes_latest)
        return self.db.write(lambda tx: runs.restart(self.act(tx), run, step, wish=wish))

    def begin(self, text: str, inputs: Mapping[str, object] | None = None) -> RunId:
        """Apply, create and start."""
        run = self.create(self.apply(text), inputs).id
        self.start(run)
        return run

    def begin_many(self, text: str, count: int) -> list[RunId]:
        """Apply once, create and start so many, in one transaction."""
        process = self.apply(text)

        def begin(tx: Transaction) -> list[RunId]:
            return [runs.create(self.act(tx), process, inputs={}, start=True).id for _ in range(count)]

        return self.db.write(begin)

    def upload(self, run: RunId, reference: str, path: Path) -> None:
        key, _, name = reference.partition(".")
        with self.db.read() as tx:
            row = next(row for row in steps.properties_of(tx, self.step(run, key).id) if row.item.key == name)
        assert row.file is not None
        file = row.file.id
        sink = self.blobs.sink()
        sink.write(path.read_bytes())
        content = sink.finish()
        self.db.write(lambda tx: files.fill(self.act(tx), file, path.name, content))

    def run(self, run: RunId) -> Run:
        with self.db.read() as tx:
            return runs.find(tx, run)

    def steps(self, run: RunId) -> dict[str, StepRow]:
        with self.db.read() as tx:
            return {step.key: step for step in steps.of_run(tx, run)}

    def step(self, run: RunId, key: str) -> StepRow:
        return self.steps(run)[key]

    def statuses(self, run: RunId) -> dict[str, StepStatus]:
        return {key: step.status for key, step in self.steps(run).items()}

    def value(self, run: RunId, reference: str) -> object:
        key, _, name = reference.partition(".")
        with self.db.read() as tx:
            rows = steps.properties_of(tx, self.step(run, key).id)
        row = next(row for row in rows if row.item.key == name)
        if row.file is None:
            return row.item.value
        return None if row.file.sha256 is None else self.blobs.path(row.file.sha256).read_bytes()

    def history(self, run: RunId) -> list[HistoryRow]:
        with self.db.read() as tx:
            return history.of_run(tx, run)

    def wait(self, run: RunId, deadline_seconds: float = PATIENCE_SECONDS) -> Run:
        """Until the run is final."""
        wait_until(lambda: self.run(run).status in RUN_FINAL, deadline_seconds)
        return self.run(run)

    def wait_for(self, run: RunId, key: str, status: StepStatus) -> None:
        wait_until(lambda: self.step(run, key).status is status)

    def close(self) -> None:
        self.engine.close()
        self.db.close()
