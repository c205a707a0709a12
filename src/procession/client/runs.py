"""A run: fill, start, wait, cancel, restart, and everything it can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Unpack

from procession.client import asking, events, reading, steps
from procession.client.asking import Ask
from procession.client.connection import Connection
from procession.client.errors import TimedOut, TooMany, Unavailable
from procession.client.options import RestartWishes
from procession.client.properties import Property, Value
from procession.client.restarts import RestartPlan
from procession.client.shapes import (
    Event,
    FileDetails,
    History,
    Progress,
    RunDetails,
    RunStatus,
    StepDetails,
    StepStatus,
)
from procession.client.sources import Source
from procession.client.steps import Step

POLL_SECONDS = 30  # of one long poll; the server allows 60
ANSWER_SECONDS = 30.0  # for the answer, on top of the poll


class Run:
    """A run by its id. A property is named "step.property", by the keys of the process file (or by the names)."""

    def __init__(self, connection: Connection, id: str) -> None:
        self._connection = connection
        self.id = id
        self._path = f"processruns/{id}"
        self._steps: list[Step] = []  # fixed by the run's version; only their state changes

    def __repr__(self) -> str:
        return f"Run({self.id!r})"

    def details(self) -> RunDetails:
        return reading.shape(RunDetails, self._connection.get(self._path))

    def status(self) -> RunStatus:
        return reading.shape(RunStatus, self._connection.get(f"{self._path}/runstatus"))

    def steps(self) -> list[Step]:
        """Data and action steps in order, each with its present state."""
        rows = self._connection.get(f"{self._path}/steps", {"include": "all"})
        # Kept: naming ten properties of a run must not ask for its steps ten times.
        found = [Step(self._connection, details, self.id) for details in reading.shapes(StepDetails, rows)]
        self._steps = found
        return list(found)

    def step(self, text: str) -> Step:
        """By its key, id, order or name. Raises NotFound."""
        return steps.find(self._steps or self.steps(), text, self.id)

    def property(self, reference: str) -> Property:
        """By "step.property". Raises NotFound."""
        step, name = steps.split(reference)
        return self.step(step).property(name)

    def set(self, reference: str, value: Value) -> Property:
        """Give an INPUT its value, before the run is started."""
        return self.property(reference).set(value)

    def upload(self, reference: str, source: Source, *, name: str | None = None) -> FileDetails:
        """Fill a File property, before the run is started."""
        return self.property(reference).file.upload(source, name=name)

    def start(self, *, reason: str | None = None) -> RunStatus:
        return self._act("start", reason)

    def cancel(self, *, reason: str | None = None) -> RunStatus:
        """A run that has ended stays as it is."""
        return self._act("cancel", reason)

    def _act(self, verb: str, reason: str | None) -> RunStatus:
        content = None if reason is None else {"reason": reason}
        return reading.shape(RunStatus, self._connection.post(f"{self._path}/{verb}", content))

    def restart(self, step: str, **wishes: Unpack[RestartWishes]) -> StepStatus:
        """Run again from a step, named by its key, id, order or name; see Step.restart()."""
        status = self.step(step).restart(**wishes)
        # A restart may have taken another version, with other steps.
        self._steps = []
        return status

    def restart_plan(self, step: str) -> RestartPlan:
        return self.step(step).restart_plan()

    def wait(
        self, *, on_progress: Callable[[Progress], object] | None = None, timeout_seconds: float | None = None
    ) -> RunStatus:
        """Waits by long poll until the run is over, also for one not started yet.

        `on_progress` is called with the steps whenever something changed. Raises TimedOut, and Unavailable when the
        server is gone for longer than the options allow; the run goes on, and wait() may be called again.
        """
        timing = self._connection.options.timing
        deadline = None if timeout_seconds is None else timing.monotonic() + timeout_seconds
        status = self._status(asking.get(f"{self._path}/runstatus", until=deadline))
        # Before the first wait, so that a bar is drawn at once.
        self._tell(on_progress, status)
        while not status.is_over:
            left = POLL_SECONDS if deadline is None else deadline - timing.monotonic()
            if left <= 0:
                raise TimedOut(f"{self.id} is not over after {timeout_seconds:g} s; it is {status.status}")
            try:
                # At least a second: 0 would be answered at once, again and again.
                newer = self._poll(status.revision, min(POLL_SECONDS, max(1, int(left))), deadline)
            except Unavailable as error:
                if deadline is None or timing.monotonic() < deadline:
                    raise
                text = f"{self.id} is not over after {timeout_seconds:g} s; it was {status.status}, and {error}"
                raise TimedOut(text) from error
            if newer.revision != status.revision:
                self._tell(on_progress, newer)
            status = newer
        return status

    def _tell(self, on_progress: Callable[[Progress], object] | None, status: RunStatus) -> None:
        if on_progress is not None:
            on_progress(Progress(run=status, steps=tuple(step.details for step in self.steps())))

    def _poll(self, since: int, wait_seconds: int, until: float | None) -> RunStatus:
        query = {"since": since, "wait": wait_seconds}
        path = f"{self._path}/runstatus"
        ask = asking.get(path, query, read_seconds=wait_seconds + ANSWER_SECONDS, until=until)
        try:
            return self._status(ask)
        # Who waits for more runs than may be waited for at once is told later, and not that it failed.
        except TooMany:
            return self._status(asking.get(path, until=until))

    def _status(self, ask: Ask) -> RunStatus:
        return reading.shape(RunStatus, self._connection.json(ask))

    def events(self, after: str | None = None) -> Iterator[Event]:
        """Changes, progress and log lines until the run is over; `after` is the id of the last event already seen."""
        return events.follow(self._connection, self.id, after)

    def history(self) -> History:
        """Who did what, when and why; every attempt, every write, kill receipts."""
        return reading.shape(History, self._connection.get(f"{self._path}/history"))

    def fill(self, inputs: Mapping[str, Value], files: Mapping[str, Source]) -> None:
        """Sets several values, one request each."""
        for reference, value in inputs.items():
            self.set(reference, value)
        for reference, source in files.items():
            self.upload(reference, source)
