"""A run in every state, made by the store's own calls as the engine makes them, without an engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from procession.model.figures import Figures
from procession.model.files import Content
from procession.model.ids import RunId, StepId
from procession.model.lifecycle import Outcome, RunStatus, StepEvent, StepStatus
from procession.model.processes import AlertWhen, Value
from procession.model.runs import HistoryKind, Run
from procession.model.steps import StepRow
from procession.operations import runs
from procession.store import ends, files, history, moves, writes
from procession.store import runs as run_store
from procession.store import steps as step_store
from procession.store.database import Transaction
from procession.store.moves import StepWrite
from procession.store.writes import PropertyWrite
from tests.api.house import House

PROCESS = """
process: Standing orders
groups:
  - group: Inputs
    steps:
      - data: Parameters
        key: p
        properties:
          - {name: Month, key: month, type: String, flow: INPUT, required: true, value: "1993-12"}
          - {name: Amount, key: amount, type: Decimal, flow: INPUT, decimal_points: 2, value: -12345.60}
          - {name: Paid on, key: paid, type: Datepicker, flow: INPUT, value: "1993-12-31"}
          - {name: Is final, key: final, type: CheckBox, flow: INPUT, value: true}
          - {name: Note, key: note, type: Text, flow: INPUT, value: "  "}
          - {name: Orders, key: orders, type: File, flow: INPUT}
          - {name: Summary, key: summary, type: String, flow: OUTPUT}
          - {name: Matched, key: matched, type: Number, flow: OUTPUT}
          - {name: Report, key: report, type: File, flow: OUTPUT}
  - group: Check
    steps:
      - action: run_python
        name: Match orders
        key: match
        with:
          inputs: {orders: "${p.orders}"}
          outputs: {summary: "${p.summary}", matched: "${p.matched}", report: "${p.report}"}
          code: pass
      - {action: wait, name: Only in March, key: march, when: {equals: {property: p.month, value: "1993-03"}}, with: {seconds: 1}}
      - {action: wait, name: Send the mail, key: mail, needs: [match], with: {seconds: 1}}
      - {action: wait, name: Pay, key: pay, effect: once, with: {seconds: 1}}
"""
EVENTS = {
    StepStatus.SUCCESS: StepEvent.SUCCEED,
    StepStatus.WARNING: StepEvent.WARN,
    StepStatus.FAILED: StepEvent.FAIL,
}
OUTPUTS: Mapping[str, Value] = {"p.summary": "784 orders executed", "p.matched": Decimal(784)}


@dataclass(slots=True, kw_only=True)
class Play:
    """One run, moved on by hand."""

    house: House
    figures: Figures = field(default_factory=dict)  # of the steps that end
    id: str

    @property
    def run(self) -> Run:
        with self.house.database.read() as tx:
            return runs.find(tx, RunId.parse(self.id))

    def row(self, key: str) -> StepRow:
        with self.house.database.read() as tx:
            return next(row for row in step_store.of_run(tx, RunId.parse(self.id)) if row.key == key)

    def take(self) -> Play:
        """Running, its data step done."""
        clock = self.house.clock

        def operation(tx: Transaction) -> None:
            steady, limit = clock.monotonic(), 3600.0
            taken = run_store.take(
                tx, runs.find(tx, RunId.parse(self.id)), "engine", now=clock.now(), steady=steady, limit_seconds=limit
            )
            history.add(tx, taken, HistoryKind.TAKEN, {}, now=clock.now())

        self.house.database.write(operation)
        self.announce()
        return self

    def begin(self, key: str, *, number: int = 1) -> int:
        """The step is at work; gives the row id of its try."""
        clock, row, run = self.house.clock, self.row(key), self.run

        def operation(tx: Transaction) -> int:
            if row.status is StepStatus.NOT_STARTED:
                moves.move(tx, row.id, row.status, StepEvent.SCHEDULE, StepWrite(message=""))
            began = run.worked.at(clock.monotonic())
            write = StepWrite(message="step is currently running", started_at=clock.now(), began=began)
            moves.move(tx, row.id, StepStatus.SCHEDULED, StepEvent.BEGIN, write)
            self._tell(tx, row.id, StepStatus.RUNNING, "step is currently running")
            new = history.NewAttempt(
                run=run.id,
                step=row.id,
                attempt=run.attempt,
                number=number,
                epoch=run.epoch,
                pid=1,
                started_ticks=1,
                boot_id="boot",
            )
            return history.add_attempt(tx, new, clock.now())

        made: int = self.house.database.write(operation)
        self.announce()
        return made

    def end(
        self, key: str, status: StepStatus = StepStatus.SUCCESS, message: str = "done", seconds: float = 2.0
    ) -> Play:
        """The step that is at work ends so."""
        clock, row = self.house.clock, self.row(key)

        def operation(tx: Transaction) -> None:
            write = StepWrite(message=message, finished_at=clock.now(), duration_seconds=seconds)
            moves.move(tx, row.id, StepStatus.RUNNING, EVENTS[status], write)
            self._tell(tx, row.id, status, message)
            for tried in history.attempts_of_step(tx, row.id):
                end = history.AttemptEnd(
                    status=status, message=message, at=clock.now(), seconds=seconds, figures=self.figures
                )
                history.end_attempt(tx, tried.id, end)
                history.mark_gone(tx, tried.id)

        self.house.database.write(operation)
        self.announce()
        return self

    def perform(self, key: str, status: StepStatus = StepStatus.SUCCESS, message: str = "done") -> Play:
        self.begin(key)
        return self.end(key, status, message)

    def skip(self, key: str, message: str) -> Play:
        row = self.row(key)

        def operation(tx: Transaction) -> None:
            moves.move(tx, row.id, row.status, StepEvent.SKIP, StepWrite(message=message))
            self._tell(tx, row.id, StepStatus.SKIPPED, message)

        self.house.database.write(operation)
        return self

    def write(self, key: str, outputs: Mapping[str, Value], *, report: bytes = b"", name: str = "report.csv") -> Play:
        """What the step has written."""
        run, step = self.run, self.row(key)
        content = self._content(report) if report else None

        def operation(tx: Transaction) -> None:
            rows = step_store.by_reference(tx, run.id)
            for reference, value in outputs.items():
                base = {"property": rows[reference].id, "step": step.id, "attempt": run.attempt}
                writes.write_property(tx, PropertyWrite(**base, value=value), self.house.clock.now())  # type: ignore[arg-type]
            if content is not None:
                base = {"property": rows["p.report"].id, "step": step.id, "attempt": run.attempt}
                written = PropertyWrite(**base, file_name=name, content=content)  # type: ignore[arg-type]
                writes.write_property(tx, written, self.house.clock.now())

        self.house.database.write(operation)
        return self

    def log(self, key: str, text: bytes) -> None:
        """More of the log of its last try."""
        with self.house.database.read() as tx:
            attempt = history.attempts_of_step(tx, self.row(key).id)[-1].id
        self.house.resources.step_logs.append(attempt, text)
        self.house.announcements.grow(RunId.parse(self.id))

    def finish(self, outcome: Outcome = Outcome.SUCCESS, seconds: float = 13.0) -> Play:
        clock = self.house.clock

        def operation(tx: Transaction) -> None:
            run = run_store.finish(tx, runs.find(tx, RunId.parse(self.id)), outcome, now=clock.now(), seconds=seconds)
            detail = {"status": RunStatus.FINISHED, "outcome": outcome, "durationInSeconds": seconds}
            ending = ends.RunEnding(kind=HistoryKind.FINISHED, detail=detail, login="owner", when=AlertWhen.NEVER)
            ends.record(tx, run, ending, clock.now())

        self.house.database.write(operation)
        self.announce()
        return self

    def receipt(self, key: str, *, processes: int, survivors: int = 0) -> Play:
        """Of the processes of a step that was ended."""
        detail = {"processes": processes, "signals": ["TERM"], "durationInMilliseconds": 18}
        detail |= {"survivors": [1] * survivors, "pid": 7, "method": "cgroup"}
        row = self.row(key)

        def operation(tx: Transaction) -> None:
            history.append(
                tx, RunId.parse(self.id), HistoryKind.KILLED, detail, now=self.house.clock.now(), step=row.id
            )
            for tried in history.attempts_of_step(tx, row.id):
                history.mark_gone(tx, tried.id)

        self.house.database.write(operation)
        self.announce()
        return self

    def fill(self, data: bytes = b"a;b\n", name: str = "orders.csv") -> Play:
        """The file among its inputs, before it starts."""
        content = self._content(data)

        def operation(tx: Transaction) -> None:
            row = step_store.by_reference(tx, RunId.parse(self.id))["p.orders"]
            assert row.file is not None
            files.fill(tx, row.file.id, name=name, content=content)

        self.house.database.write(operation)
        return self

    def start(self) -> Play:
        self.house.post(f"processruns/{self.id}/start")
        return self

    def announce(self) -> None:
        self.house.announcements.ring(RunId.parse(self.id))

    def _tell(self, tx: Transaction, step: StepId, status: StepStatus, message: str) -> None:
        detail = {"status": status, "message": message}
        history.append(tx, RunId.parse(self.id), HistoryKind.STEP, detail, now=self.house.clock.now(), step=step)

    def _content(self, data: bytes) -> Content:
        sink = self.house.resources.blobs.sink()
        sink.write(data)
        return sink.finish()


def play(house: House, text: str = PROCESS, *, prefix: str = "December 1993") -> Play:
    """A new run of a process of the owner's, not started; the process is made once."""
    name = text.split("process:")[1].split("\n", maxsplit=1)[0].strip()
    found = [row["id"] for row in house.get("processes") if row["name"] == name]
    headers = {"content-type": "application/yaml"}
    process = found[0] if found else house.post("processes", content=text.encode(), headers=headers)["id"]
    return Play(house=house, id=house.post(f"processes/{process}/processruns", json={"namePrefix": prefix})["id"])


def failed(house: House, message: str, *, key: str = "match") -> Play:
    """A run that ended so."""
    made = play(house).fill().start().take().perform("p")
    return made.perform(key, StepStatus.FAILED, message).finish(Outcome.FAILED)


def well(house: House, *, report: bytes = b"a;b\n1;2\n") -> Play:
    """A run that ended well, with results."""
    made = play(house).fill().start().take().perform("p")
    made.write("match", OUTPUTS, report=report)
    made.perform("match", message="784 matched").skip("march", "skipped: its condition does not hold")
    return made.perform("mail").perform("pay").finish()


def column(house: House, sql: str, *parameters: object) -> str:
    """The one value that the statement finds."""
    with house.database.read() as tx:
        row = tx.one(sql, *parameters)
    assert row is not None
    return str(row[0])
