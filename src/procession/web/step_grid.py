"""The grid of a process: its steps down, its last runs across, the newest beside the names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from procession.model.ids import RunId
from procession.model.lifecycle import StepStatus
from procession.model.processes import Process
from procession.operations.grids import RUNS_MAX, Failure, Grid
from procession.pages import formats, names, statuses
from procession.store.grids import GridCell, GridRun

ROWS_MAX = 30  # steps of which all rows are shown; of more only those in which something happened
_WORDS = {
    StepStatus.NOT_STARTED: "not reached",
    StepStatus.SCHEDULED: "queued",
    StepStatus.RUNNING: "running",
    StepStatus.SUCCESS: "done",
    StepStatus.WARNING: "with remarks",
    StepStatus.FAILED: "failed",
    StepStatus.CANCELLED: "cancelled",
    StepStatus.SKIPPED: "skipped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """One step of one run; `address` only where there is something to read."""

    status: StepStatus
    word: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GridLine:
    name: str
    keeps_failing: bool
    squares: Sequence[Square]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridColumn:
    day: str
    address: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A sentence on a step that keeps failing."""

    order: str
    text: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownGrid:
    """`hidden` is how many steps are left out because nothing happened in them."""

    columns: Sequence[GridColumn]
    lines: Sequence[GridLine]
    warned: Sequence[Warned]
    hidden: int
    steps: int


def made(grid: Grid, process: Process, zone: ZoneInfo, *, is_whole: bool) -> ShownGrid:
    """All rows if `is_whole` is asked for, or there are few."""
    today = {step.key: f"{step.order} {step.name}" for step in process.steps}
    # Without those that are gone, a run that failed in one would look well.
    gone = {cell.key: f"{cell.order} {cell.name}, no longer a step" for cell in grid.gone(today)}
    rows = {**today, **gone}
    is_long = len(rows) > ROWS_MAX and not is_whole
    shown = [_line(grid, key, name) for key, name in rows.items() if not is_long or _has_trouble(grid, key)]
    return ShownGrid(
        columns=[_column(run, process, zone) for run in grid.runs],
        lines=shown,
        warned=list(_warned(grid, process)),
        hidden=len(rows) - len(shown),
        steps=len(rows),
    )


def _has_trouble(grid: Grid, key: str) -> bool:
    return any(cell.status in {StepStatus.FAILED, StepStatus.WARNING} for cell in grid.of_step(key))


def _line(grid: Grid, key: str, name: str) -> GridLine:
    return GridLine(
        name=name,
        keeps_failing=grid.failure(key) is not None,
        squares=[_square(grid.cells.get((key, run.id)), run.id) for run in grid.runs],
    )


def _square(cell: GridCell | None, run: RunId) -> Square:
    if cell is None:
        return Square(status=StepStatus.NOT_STARTED, word="not a step then", address="")
    has_more = cell.status in {StepStatus.FAILED, StepStatus.WARNING, StepStatus.RUNNING}
    # Its number in that run, which may have another one today.
    address = f"/runs/{run}?step={cell.order}" if has_more else ""
    return Square(status=cell.status, word=_WORDS[cell.status], address=address)


def _column(run: GridRun, process: Process, zone: ZoneInfo) -> GridColumn:
    day = run.at.astimezone(zone).date()
    word = statuses.of_run(run.status, run.outcome).word
    return GridColumn(
        day=f"{day.day} {formats.MONTHS[day.month - 1]}",
        address=f"/runs/{run.id}",
        title=f"{names.run_name(run.name, process.name)}, {formats.day(day)}: {word}",
    )


def _warned(grid: Grid, process: Process) -> Iterator[Warned]:
    for step in process.steps:
        failure = grid.failure(step.key)
        if failure is not None:
            yield Warned(
                order=step.order,
                text=_sentence(failure, len(grid.runs)),
                address=f"/runs/{failure.latest}?step={step.order}",
            )


def _sentence(failure: Failure, runs: int) -> str:
    of = f"in {failure.count} of the last {min(runs, RUNS_MAX)} runs"
    message = names.first_line(failure.message)
    if not message:
        return of
    if failure.times == failure.count:
        return f"{of}, each time: {message}"
    return f"{of}, {failure.times} {'time' if failure.times == 1 else 'times'}: {message}"
