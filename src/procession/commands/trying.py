"""try: one step of a process file on the first rows of its inputs, beside a running server or without one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from procession import actions
from procession.commands import opening
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.commands.references import pair, read_text
from procession.engine.isolation.options import IsolationSettings
from procession.engine.table_workers import TableWorkers, settings, trial_settings
from procession.model import process_file
from procession.model.errors import Invalid
from procession.model.lifecycle import StepStatus
from procession.model.previews import Preview
from procession.model.processes import Process, PropertyType
from procession.operations import step_trials, trial_inputs
from procession.operations.resources import Resources
from procession.operations.step_trials import TriedOutput, TriedStep
from procession.operations.trial_inputs import TrialFile, TrialOf

FIGURES_SHOWN = 20
LOG_LINES_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenInputs:
    """The options of the command, as they were typed."""

    paths: Sequence[str]
    values: Sequence[str]
    rows: int


def try_step(console: Console, path: str, text: str, *, given: GivenInputs) -> int:
    """Raises NotFound, Invalid, and FileMistakes with what is wrong with the file."""
    # Read before the home is opened: a typo must change nothing.
    content = read_text(path)
    with opening.open_home(console) as opened, tempfile.TemporaryDirectory(prefix="procession-try-") as folder:
        process = process_file.parse(content, file=path, actions=opened.resources.actions)
        step = step_trials.find_step(process, text)
        with _workers(opened, Path(folder)) as resources:
            trial = TrialOf(
                process=process,
                step=step,
                files=_files(process, given.paths, Path(folder)),
                values=_values(process, given.values),
                rows=given.rows,
            )
            with opened.database.read() as tx:
                trial = step_trials.with_home(tx, resources, opening.viewer(tx), trial)
            tried = step_trials.run(resources, trial)
    console.answer(_content(tried), f"step {step.order} {step.name}: {_told(tried)}")
    return 1 if tried.status is StepStatus.FAILED else 0


@contextmanager
def _workers(opened: OpenedHome, folder: Path) -> Iterator[Resources]:
    """Processes of this command's own, which a server beside it knows nothing of."""
    # Not in the home: a server that starts meanwhile sweeps what it finds there.
    home, own = str(opened.home.files), str(folder)
    # DuckDB looks up the container's limits, and ends its process where it may not.
    readable = [path for path in ("/sys/fs/cgroup",) if Path(path).exists()] + [home, own]
    bounds = IsolationSettings(
        more_actions=actions.others(),
        library_paths=tuple(map(str, opened.settings.step_libraries)),
        home=own,
        job_paths=(own,),
        weak=opened.settings.isolation == "weak",
        readable_paths=tuple(readable),
        writable_paths=(own,),
    )
    tables = TableWorkers(folder / "tables", settings(readable_paths=tuple(readable), writable_paths=(own,)))
    trials = TableWorkers(folder / "trials", trial_settings(bounds))
    try:
        yield replace(opened.resources, workers=tables, trials=trials)
    finally:
        trials.close()
        tables.close()


def _files(process: Process, texts: Sequence[str], folder: Path) -> dict[str, TrialFile]:
    """Copied to where the processes may look, and nowhere else."""
    found: dict[str, TrialFile] = {}
    for number, text in enumerate(texts):
        reference, path = pair(text, "--file")
        if trial_inputs.property_of(process, reference).type is not PropertyType.FILE:
            raise Invalid(f"{reference} is no file: give it by --value")
        target = folder / f"given-{number}"
        try:
            shutil.copyfile(path, target)
        except OSError as error:
            raise Invalid(f"{path} cannot be read: {error.strerror}") from error
        found[reference] = TrialFile(path=target, name=Path(path).name)
    return found


def _values(process: Process, texts: Sequence[str]) -> dict[str, Any]:
    given = dict(pair(text, "--value") for text in texts)
    return {reference: trial_inputs.value_of(process, reference, text) for reference, text in given.items()}


# --- told ----------------------------------------------------------------------------------------------------------


def _content(tried: TriedStep) -> dict[str, Any]:
    return {
        "status": tried.status,
        "message": tried.message,
        # As texts: JSON's numbers would lose digits of money in most programs that read it.
        "figures": [{"name": name, "value": str(value)} for name, value in tried.figures.items()],
        "inputs": list(tried.remarks),
        "outputs": [_output_content(one) for one in tried.outputs],
        "log": tried.log,
        "sends": tried.sends,
    }


def _output_content(one: TriedOutput) -> dict[str, Any]:
    base = {"reference": one.reference, "name": one.name}
    if one.preview is None:
        return {**base, "value": one.value}
    seen = one.preview
    columns = [column.name for column in seen.columns]
    return {**base, "rows": seen.rows, "columns": columns, "first": [list(row) for row in seen.first]}


def _told(tried: TriedStep) -> str:
    # All that such a step says; it has written nothing that could be shown.
    if tried.sends:
        return f"nothing was sent; it would do this:\n{tried.message}"
    lines = [f"{tried.status}", *([tried.message] if tried.message else [])]
    lines += [f"  given: {remark}" for remark in tried.remarks]
    lines += [f"  {name}: {value}" for name, value in list(tried.figures.items())[:FIGURES_SHOWN]]
    for one in tried.outputs:
        lines += _output_lines(one)
    # Last, and marked: a script may print what looks like ours.
    lines += [f"  | {line}" for line in tried.log.splitlines()[:LOG_LINES_SHOWN]]
    return "\n".join([*lines, "nothing was published or written"])


def _output_lines(one: TriedOutput) -> list[str]:
    # A value has no rows.
    if one.preview is None:
        return [f"{one.name} ({one.reference}): {one.value}"]
    seen: Preview = one.preview
    if not seen.is_read:
        return [f"{one.name} ({one.reference}): {seen.problem or seen.trouble}"]
    rows = [[column.name for column in seen.columns], *([text or "" for text in row] for row in seen.first)]
    return [f"{one.name} ({one.reference}): {seen.rows:,} rows", *(f"  {' | '.join(row)}" for row in rows)]
