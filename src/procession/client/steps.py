"""A step of a process or a run: its state, its properties, its log, a restart from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Unpack

from procession.client import asking, reading
from procession.client.connection import Connection
from procession.client.errors import Invalid, NotFound
from procession.client.options import RestartWishes
from procession.client.properties import Property
from procession.client.restarts import RestartPlan
from procession.client.shapes import Approval, StepDetails, StepStatus


class Step:
    """`details` are a snapshot; `run_id` None: a step of a process."""

    def __init__(self, connection: Connection, details: StepDetails, run_id: str | None = None) -> None:
        self._connection = connection
        self.details = details
        self.id, self.name, self.key = details.id, details.name, details.key
        self._run_id = run_id

    def __repr__(self) -> str:
        return f"Step({self.id!r}, {self.details.step_order!r}, {self.name!r})"

    def properties(self) -> list[Property]:
        """Of a data step."""
        rows = self._connection.get(f"steps/{self.id}/properties")
        return [Property(self._connection, self.id, row) for row in reading.objects(rows)]

    def property(self, text: str) -> Property:
        """By its key, its name or its id. Raises NotFound, which names those there are."""
        # Asked each time: a run's steps write their outputs meanwhile.
        found = self.properties()
        for item in found:
            if text in {item.key, item.name, item.id}:
                return item
        names = ", ".join(item.key or item.name for item in found)
        raise NotFound(f"there is no property {text} in {self.key or self.name}; there are {names}")

    def status(self) -> StepStatus:
        return reading.shape(StepStatus, self._connection.get(f"{self._path()}/runstatus"))

    def restart(self, **wishes: Unpack[RestartWishes]) -> StepStatus:
        """Run again from here. Raises Invalid where what comes before has changed in the version that is wished."""
        reason, release = wishes.get("reason"), wishes.get("release")
        content: dict[str, object] = {} if reason is None else {"reason": reason}
        if release:
            content["release"] = list(release)
        if wishes.get("latest"):
            content["version"] = "latest"
        if wishes.get("latest_tables"):
            content["tables"] = "latest"
        return reading.shape(StepStatus, self._connection.post(f"{self._path()}/restartfromhere", content or None))

    def restart_plan(self) -> RestartPlan:
        """What restart() would do."""
        return reading.shape(RestartPlan, self._connection.get(f"{self._path()}/restartplan"))

    def approval(self) -> Approval:
        """What the step asks people to decide. Raises NotFound for one that asks nobody."""
        return reading.shape(Approval, self._connection.get(f"{self._path()}/approval"))

    def approve(self, *, comment: str = "", signed: str | None = None) -> Approval:
        """Say yes to what approval() shows: `signed` is its hash, and without it to what there is now.

        Raises Forbidden for whoever may not decide, Conflict where what is shown has changed or it is decided.
        """
        return self._decide("approved", comment, signed)

    def reject(self, *, comment: str = "", signed: str | None = None) -> Approval:
        """Say no; raises as approve() does."""
        return self._decide("rejected", comment, signed)

    def _decide(self, decision: str, comment: str, signed: str | None) -> Approval:
        content = {
            "decision": decision,
            "comment": comment,
            "signed": self.approval().signed if signed is None else signed,
        }
        return reading.shape(Approval, self._connection.post(f"{self._path()}/approval", content))

    def log(self, attempt: int | None = None) -> str:
        """The whole log of its latest try, or of the last try in the given attempt of the run."""
        with self._log(attempt=attempt) as blocks:
            return b"".join(blocks).decode("utf-8", "replace")

    def follow_log(self) -> Iterator[str]:
        """Lines as they are written, until the step is over."""
        path = f"{self._path()}/log"
        ask = asking.get(path, {"follow": 1}, headers={"accept": "text/plain"}, read_seconds=FOLLOW_SECONDS_MAX)
        with self._connection.stream(ask) as response:
            yield from response.iter_lines()

    @contextmanager
    def _log(self, attempt: int | None) -> Iterator[Iterator[bytes]]:
        ask = asking.get(f"{self._path()}/log", {"attempt": attempt}, headers={"accept": "text/plain"})
        with self._connection.stream(ask) as response:
            yield response.iter_bytes()

    def _path(self) -> str:
        if self._run_id is None:
            raise NotFound(f"{self.id} is a step of a process, and only a run's steps have a state")
        return f"processruns/{self._run_id}/steps/{self.id}"


# A step may print nothing while it runs; by default none may run for a day.
FOLLOW_SECONDS_MAX = 86_400.0


def split(reference: str) -> tuple[str, str]:
    """Step and property of "step.property". Raises Invalid."""
    step, dot, name = reference.partition(".")
    if not (step and dot and name):
        raise Invalid(f'a property is named like step.property, not "{reference}"')
    return step, name


def find(steps: Sequence[Step], text: str, place: str) -> Step:
    """By its key, its id, its order ("2.1") or its name. Raises NotFound, which names those there are."""
    for step in steps:
        # Key before name: a key is unique in a process, a name need not be.
        if text in {step.key, step.details.step_order, step.name} or text.lower() == step.id:
            return step
    names = ", ".join(step.key or step.name for step in steps)
    raise NotFound(f"there is no step {text} in {place}; there are {names}")
