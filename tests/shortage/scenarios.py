"""What runs do while something is short: each small, each with one right end, whatever was short on the way."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from procession.engine.isolation import processes
from procession.model.errors import Unavailable
from procession.model.ids import ProcessId, RunId
from procession.model.lifecycle import RUN_FINAL, Outcome, RunStatus, StepStatus
from procession.model.runs import HistoryKind, HistoryRow
from tests.engine import outside, steps
from tests.engine.world import World
from tests.support import wait_until

WORKERS = 3
END_SECONDS = 20.0
LINES = 30  # of one step's log

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """A world with the folder in which the steps of a scenario leave marks, and its processes."""

    world: World
    folder: Path

    def ask(self, operation: Callable[[], T]) -> T:
        """As clients do it: when nothing was saved, again in a moment."""
        answers: list[T] = []

        def attempt() -> bool:
            try:
                answers.append(operation())
            except Unavailable:
                return False
            return True

        wait_until(attempt, END_SECONDS)
        return answers[-1]

    def apply(self, text: str) -> ProcessId:
        return self.ask(partial(self.world.apply, text))

    def begin(self, text: str) -> RunId:
        process = self.apply(text)
        run = self.ask(partial(self.world.create, process)).id
        self.ask(partial(self.world.start, run))
        return run

    def wait(self, run: RunId) -> None:
        self.world.wait(run, END_SECONDS)

    def mark(self) -> Path:
        """A path of no other scenario."""
        return self.folder / uuid.uuid4().hex


def files_and_logs(place: Place) -> None:
    """A file from one step to the next, and every line of a log once."""
    give, take = steps.item("f", "File", "OUTPUT"), steps.item("g", "File", "OUTPUT")
    talk = f"for n in range({LINES}): print('line', n)\noutputs.file('f').write_text('x' * 1000)"
    copy = "outputs.file('g').write_bytes(inputs['f'].read_bytes() + b'y')"
    run = place.begin(
        steps.process(
            steps.data("d", give, take),
            steps.python("talk", talk, outputs={"f": "${d.f}"}),
            steps.wait("rest"),
            steps.python("copy", copy, inputs={"f": "${d.f}"}, outputs={"g": "${d.g}"}),
        )
    )
    place.wait(run)
    _is(place, run, Outcome.SUCCESS)
    assert place.world.value(run, "d.g") == b"x" * 1000 + b"y"
    with place.world.db.read() as tx:
        sql = "SELECT a.id FROM step_attempt a JOIN step s ON s.id = a.step_id WHERE s.run_id = ? AND s.key = 'talk'"
        [(attempt,)] = tx.all(sql, run.number)
    log = place.world.resources.step_logs.read(attempt, 0).decode().splitlines()
    assert log == [f"line {number}" for number in range(LINES)]


def records_what_it_does(place: Place) -> None:
    """Outside, each line once, and the next try goes on behind them."""
    connections = place.world.connections
    assert isinstance(connections, outside.Connections)
    left = outside.lines(connections.folder)
    retry = {"retry": {"times": 1, "wait": 0.01}}
    run = place.begin(steps.process(outside.leaving("a", lines=3, fails_at=2, more=retry)))
    place.wait(run)
    _is(place, run, Outcome.SUCCESS)
    assert place.world.step(run, "a").message == "left 1 lines"
    assert outside.lines(connections.folder) == [*left, "1", "2", "3"]


def fails_and_is_tried_again(place: Place) -> None:
    mark = place.mark()
    code = f"import os\nis_first = not os.path.exists({str(mark)!r})\n{steps.mark(mark)}if is_first: raise ValueError('no')"
    retry = {"times": 1, "wait": 0.01}
    run = place.begin(steps.process(steps.python("a", code, retry=retry)))
    place.wait(run)
    _is(place, run, Outcome.SUCCESS)
    assert len(steps.marks(mark)) == 2, "tried once more, and no more"


def is_cancelled(place: Place) -> None:
    """Dead, and the receipt says no more than was seen."""
    mark = place.mark()
    run = place.begin(steps.process(steps.python("a", steps.mark(mark) + steps.stay(place.mark()))))
    wait_until(partial(steps.marks, mark), END_SECONDS)
    place.ask(partial(place.world.cancel, run))
    assert place.world.run(run).status is RunStatus.CANCELLED
    [receipt] = wait_until(partial(_killed, place.world, run), END_SECONDS)
    _is_true(place.world, run, receipt.detail)


def is_over_its_limit(place: Place) -> None:
    mark = place.mark()
    code = (
        steps.mark(mark) + "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + steps.stay(place.mark())
    )
    run = place.begin(steps.process(steps.python("a", code, time_limit="0.3s")))
    place.wait(run)
    _is(place, run, Outcome.FAILED)
    assert place.world.step(run, "a").message == "timed out after 0.3 s"
    [receipt] = wait_until(partial(_killed, place.world, run), END_SECONDS)
    _is_true(place.world, run, receipt.detail)


def is_restarted(place: Place) -> None:
    mark = place.mark()
    code = f"import os\nif not os.path.exists({str(mark)!r}): raise ValueError('no')"
    run = place.begin(steps.process(steps.wait("first"), steps.python("a", code)))
    place.wait(run)
    _is(place, run, Outcome.FAILED)
    mark.touch()
    place.ask(partial(place.world.restart, run, "a"))
    place.wait(run)
    _is(place, run, Outcome.SUCCESS)


def takes_every_slot(place: Place) -> None:
    """Steps that end only when all of them run: it ends if every slot is free, and no sooner."""
    folder = place.mark()
    folder.mkdir()
    code = (
        f"import os, time\nopen({str(folder)!r} + '/' + os.urandom(8).hex(), 'w').close()\n"
        f"while len(os.listdir({str(folder)!r})) < {WORKERS}: time.sleep(0.002)\nprint('all are here')"
    )
    run = place.begin(steps.process(*(steps.python(f"s{n}", code, needs=[]) for n in range(WORKERS))))
    place.wait(run)
    _is(place, run, Outcome.SUCCESS)


SCENARIOS: tuple[Callable[[Place], None], ...] = (
    files_and_logs,
    records_what_it_does,
    fails_and_is_tried_again,
    is_cancelled,
    is_over_its_limit,
    is_restarted,
    takes_every_slot,
)


def _is(place: Place, run: RunId, outcome: Outcome) -> None:
    found = place.world.run(run)
    told = {key: step.message for key, step in place.world.steps(run).items() if step.status is not StepStatus.SUCCESS}
    assert (found.status in RUN_FINAL, found.outcome) == (True, outcome), told


def _killed(world: World, run: RunId) -> list[HistoryRow]:
    return [row for row in world.history(run) if row.kind is HistoryKind.KILLED]


def _is_true(world: World, run: RunId, receipt: object) -> None:
    """Nobody is there any more of whom it says so."""
    assert isinstance(receipt, dict)
    assert receipt["survivors"] == []
    assert receipt["method"] != "already gone", "it stayed until it was ended"
    with world.db.read() as tx:
        sql = "SELECT a.pid, a.started_ticks FROM step_attempt a JOIN step s ON s.id = a.step_id WHERE s.run_id = ?"
        marks = tx.all(sql, run.number)
    assert [pid for pid, ticks in marks if processes.is_running(pid, ticks)] == []
