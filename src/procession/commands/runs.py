"""run, status and cancel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from procession.commands import opening, views, waiting
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.commands.references import pair
from procession.model.errors import Invalid
from procession.model.files import Content
from procession.model.ids import ProcessId, RunId
from procession.model.lifecycle import RUN_ACTIVE
from procession.model.runs import Run
from procession.operations import files, runs
from procession.operations.act import Act
from procession.store import steps as step_store
from procession.store.blobs import COPY_BYTES, Blobs
from procession.store.database import Transaction


def run(console: Console, process: str, *, inputs: Sequence[str], paths: Sequence[str], wait: bool) -> int:
    """Creates, fills and starts a run, all or nothing. With `wait`, the exit code tells how it ended."""
    values = dict(pair(text, "--input") for text in inputs)
    # Read before the home is opened: a typo must change nothing.
    named = dict(pair(text, "--file") for text in paths)
    with opening.open_home(console) as opened:
        with opened.database.read() as tx:
            process_id = opening.find_process(tx, process)
        contents = {
            reference: (Path(path).name, _take(opened.resources.blobs, path)) for reference, path in named.items()
        }
        start = partial(_start, opened=opened, process=process_id, values=values, contents=contents)
        begun = opened.database.write(start)
        if wait:
            return waiting.wait(console, opened, begun.id)
        return _tell_started(console, opened, begun)


def _take(blobs: Blobs, path: str) -> Content:
    sink = blobs.sink()
    try:
        with Path(path).open("rb") as file:
            while block := file.read(COPY_BYTES):
                sink.write(block)
        return sink.finish()
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error
    finally:
        # After finish() too: it then has nothing left to remove.
        sink.abandon()


def _start(
    tx: Transaction,
    opened: OpenedHome,
    process: ProcessId,
    values: dict[str, str],
    contents: dict[str, tuple[str, Content]],
) -> Run:
    act = opening.operator(tx, opened)
    # Created, filled and started in one transaction: all or nothing.
    created = runs.create(act, process, inputs=values)
    _fill(act, created.id, contents)
    return runs.start(act, created.id)


def _fill(act: Act, run_id: RunId, contents: dict[str, tuple[str, Content]]) -> None:
    keys = {step.id: step.key for step in step_store.of_run(act.tx, run_id)}
    rows = {f"{keys[row.step]}.{row.item.key}": row for row in step_store.properties_of_run(act.tx, run_id)}
    for reference, (name, content) in contents.items():
        row = rows.get(reference)
        if row is None:
            raise Invalid(f"there is no property {reference}; there are {', '.join(rows)}")
        if row.file is None:
            raise Invalid(f"{reference} is a {row.item.type}, not a File; give its value by --input")
        files.fill(act, row.file.id, name, content)


def _tell_started(console: Console, opened: OpenedHome, begun: Run) -> int:
    is_awake = opened.home.is_awake()
    text = f"{begun.id} {views.one_line(begun.name)}: {begun.status}"
    if not is_awake:
        # Otherwise a run that waits looks like one that hangs.
        text += "; it begins when a server is started (procession serve), or use --wait"
    console.answer({**views.run_content(begun), "isServerRunning": is_awake}, text)
    return 0


def status(console: Console, text: str) -> int:
    """Raises NotFound."""
    run_id = RunId.parse(text)
    with opening.open_home(console) as opened, opened.database.snapshot() as tx:
        found = runs.find(tx, run_id)
        steps = step_store.of_run(tx, run_id)
        # In the snapshot, so that the durations belong to the states that are shown.
        steady = opened.resources.steady()
    is_awake = steady is not None
    content = {
        **views.run_content(found),
        "steps": [views.step_content(step) for step in steps],
        **({} if is_awake else {"isServerRunning": False}),
    }
    more = ""
    if found.is_held:
        more = "\nthis home is a copy, and the run is left to the original: procession adopt takes it over"
    elif not is_awake and found.status in RUN_ACTIVE:
        more = "\nno server works on this home, so the run waits: procession serve"
    console.answer(content, views.picture(found, steps, steady) + more)
    return 0


def cancel(console: Console, text: str, reason: str | None) -> int:
    """Raises NotFound. A run that has ended stays as it is."""
    run_id = RunId.parse(text)

    def operation(tx: Transaction) -> Run:
        return runs.cancel(opening.operator(tx, opened), run_id, reason=reason)

    with opening.open_home(console) as opened:
        cancelled = opened.database.write(operation)
    console.answer(views.run_content(cancelled), f"{cancelled.id} {views.one_line(cancelled.name)}: {cancelled.status}")
    return 0
