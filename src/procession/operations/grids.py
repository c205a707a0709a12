"""How the steps of a process have gone in its last runs, and which of them keeps failing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from procession.model.ids import ProcessId, RunId
from procession.model.lifecycle import STEP_DONE, StepStatus
from procession.store import grids
from procession.store.database import Transaction
from procession.store.grids import GridCell, GridRun

RUNS_MAX = 30
# Twice can be chance; three times in thirty is a pattern that somebody should see.
KEEPS_FAILING_MIN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """`runs` newest first; `cells` by the key of a step and the run."""

    runs: Sequence[GridRun]
    cells: Mapping[tuple[str, RunId], GridCell]

    def of_step(self, key: str) -> list[GridCell]:
        """Newest first; runs of a version without the step are left out."""
        return [cell for run in self.runs if (cell := self.cells.get((key, run.id))) is not None]

    def gone(self, keys: Collection[str]) -> list[GridCell]:
        """One cell of each step that these runs had and that is not among `keys`, the steps of today."""
        found = {cell.key: cell for cell in reversed(list(self.cells.values())) if cell.key not in keys}
        return sorted(found.values(), key=lambda cell: [int(part) for part in cell.order.split(".")])

    def usual_seconds(self, key: str) -> float | None:
        """The median of how long it took where it came to its end."""
        took = [cell.seconds for cell in self.of_step(key) if cell.status in STEP_DONE and cell.seconds is not None]
        return median(took) if took else None

    def failure(self, key: str) -> Failure | None:
        """How it keeps failing; None where it does not."""
        failed = [cell for cell in self.of_step(key) if cell.status is StepStatus.FAILED]
        if len(failed) < KEEPS_FAILING_MIN:
            return None
        message, times = Counter(cell.message for cell in failed).most_common(1)[0]
        return Failure(count=len(failed), message=message, times=times, latest=failed[0].run, order=failed[0].order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A step that failed `count` times, `times` of them with this message; `order` is its number in the latest run."""

    count: int
    message: str
    times: int
    latest: RunId
    order: str


def of_process(tx: Transaction, process: ProcessId) -> Grid:
    """Of the last RUNS_MAX runs that were started."""
    runs, cells = grids.of_process(tx, process, runs_max=RUNS_MAX)
    return Grid(runs=runs, cells={(cell.key, cell.run): cell for cell in cells})
