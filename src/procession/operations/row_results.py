"""What the runs of a step's rows have given: how the step ends, and a file that lists every row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence, Set

from procession.actions.kinds import run_process
from procession.actions.rows import called_ends
from procession.actions.writing import csv_cells
from procession.engine.step_runs import StepCall, WaitEnd
from procession.model.child_runs import FileGiven, RowsEnd
from procession.model.files import Content
from procession.operations import copies
from procession.store import child_rows as store
from procession.store import child_runs, history
from procession.store import steps as step_store
from procession.store.blobs import Blobs
from procession.store.child_rows import ShownRow
from procession.store.database import Transaction

ROWS_AT_ONCE = 200  # looked up together: a text may have 100,000 characters
HEADINGS = ("row", "process_run", "state", "problem")
_FILE_NAME = "runs.csv"


def collect(tx: Transaction, blobs: Blobs, call: StepCall, targets: Mapping[str, str]) -> WaitEnd | None:
    """None: somebody has restarted a run since they were all over, and it is waited for.

    Slow. Raises OSError; what was written then is swept as everything that no row names.
    """
    if (refused := child_runs.of_attempt(tx, call.attempt)) is not None:
        return WaitEnd(outcome=run_process.refused(refused.why))
    counts = store.counts(tx, call.attempt)
    if counts.under_way:
        return None
    files, contents = dict[str, FileGiven](), dict[str, Content]()
    taken = _files_of(tx, call)
    for ours in dict.fromkeys(call.call.outputs.values()):
        # By name, as a definition keeps them: the order of a mapping in a file means nothing.
        names = sorted(name for name, target in call.call.outputs.items() if target == ours)
        if names[0] not in taken:
            files[ours] = FileGiven(name=targets.get(ours) or _FILE_NAME)
            contents[ours] = _listed(tx, blobs, call.attempt, (counts.rows, names))
    only = _only(tx, call) if taken and counts.rows == 1 else {}
    for name in taken & only.keys():
        ours = call.call.outputs[name]
        files[ours], contents[ours] = only[name]
    end = RowsEnd(
        counts=counts,
        first=_first_failure(tx, call.attempt) if counts.failed else "",
        remark="; ".join(filter(None, (history.remark_of(tx, call.attempt), _versions(tx, call)))),
        missing=_missing(tx, call, taken, only.keys()) if counts.succeeded + counts.warned else (),
        files=files,
    )
    return WaitEnd(outcome=called_ends.settle_rows(end), contents=contents)


def _files_of(tx: Transaction, call: StepCall) -> set[str]:
    """The outputs that are files of a single run."""
    named = child_runs.named(tx, call.run.process, call.run.version)
    called = named.get(call.call.process)
    rows = [] if called is None else step_store.properties_of_process(tx, called)
    return {row.reference for row in rows if row.file is not None} & call.call.outputs.keys()


def _only(tx: Transaction, call: StepCall) -> dict[str, tuple[FileGiven, Content]]:
    """The files that the only run has left, if it came to something."""
    (row,) = store.between(tx, call.attempt, 1, 1)
    if row.child is None or not row.has_succeeded:
        return {}
    left = step_store.by_reference(tx, row.child)
    found = {}
    for name in call.call.outputs.keys() & left.keys():
        file, content = left[name].file, copies.content_of(left[name])
        if file is not None and content is not None:
            found[name] = FileGiven(name=file.name), content
    return found


def _missing(tx: Transaction, call: StepCall, files: set[str], given: Set[str]) -> tuple[str, ...]:
    """The outputs that a run which succeeded does not have, or has left without a file."""
    # A version that was published meanwhile may have dropped them: empty cells would look like what was given.
    lacking = store.lacking(tx, call.attempt, sorted(call.call.outputs.keys() - files))
    return tuple(sorted({*lacking, *(files - given)}))


def _versions(tx: Transaction, call: StepCall) -> str:
    """What to tell of runs that this try has started, and that followed different versions."""
    first, last = store.versions(tx, call.attempt)
    return "" if first == last else f"its runs are of versions {first} to {last} of the process, published meanwhile"


def _first_failure(tx: Transaction, attempt: int) -> str:
    (row,) = store.worst(tx, attempt, limit=1)
    said = f": {row.problem}" if row.problem else ""
    return f'"{row.key}" {"was refused" if row.child is None else f"({row.child}) {row.said}"}{said}'


def _listed(tx: Transaction, blobs: Blobs, attempt: int, asked: tuple[int, Sequence[str]]) -> Content:
    """A CSV file: a line for each row of the step, in order, also for those that failed or never started."""
    sink = blobs.sink()
    try:
        for block in _blocks(tx, attempt, asked):
            sink.write(block.encode())
        return sink.finish()
    except BaseException:
        sink.abandon()
        raise


def _blocks(tx: Transaction, attempt: int, asked: tuple[int, Sequence[str]]) -> Iterator[str]:
    rows, names = asked
    yield _csv([[*HEADINGS, *names]])
    for first in range(1, rows + 1, ROWS_AT_ONCE):
        places = (first, first + ROWS_AT_ONCE - 1)
        texts = store.texts(tx, attempt, places, names)
        yield _csv([_line(row, texts, names) for row in store.between(tx, attempt, *places)])


def _line(row: ShownRow, texts: Mapping[tuple[int, str], str], names: Sequence[str]) -> list[str]:
    # What a run left that came to nothing would look like a result beside the others.
    given = [texts.get((row.place, name), "") if row.has_succeeded else "" for name in names]
    return [row.key, "" if row.child is None else str(row.child), row.said, row.problem, *given]


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    # Cells of anybody's files are among it, and spreadsheets open it: an apostrophe more is the rule of every export.
    csv.writer(text, lineterminator="\n").writerows(
        [[csv_cells.harmless_heading(cell) for cell in row] for row in rows]
    )
    return text.getvalue()
