"""run_process: runs another process as a step, once or for each row, and waits for the end without a process.

Each run is one like any other, of whoever started this one. It is started once, whatever crashes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from procession.actions import naming, references
from procession.actions.contract import Action, Context, Example, FileOutput, OutputTarget, OutputValue, StepOutcome
from procession.actions.reading.options import FileOptions
from procession.actions.rows import expressions, sources
from procession.actions.rows.called_settings import EachCall, RunProcessSettings, constants
from procession.actions.rows.sources import Sources
from procession.model.child_runs import CalledRow, ChildEnd, FileGiven, ProcessCall
from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.processes import Effect, Value
from procession.model.table_uses import TableUse


def call(settings: RunProcessSettings) -> ProcessCall:
    return ProcessCall(
        process=settings.process,
        inputs=settings.inputs,
        outputs={
            theirs: reference for theirs, text in settings.outputs.items() if (reference := references.parse(text))
        },
        waits=settings.wait,
        starts_anew=settings.again == "all",
        at_once=0 if settings.each is None else settings.each.at_once,
        stops=settings.each is not None and settings.each.stop == "at_first_failure",
    )


def run(context: Context) -> StepOutcome:
    """Reads the rows; the engine starts the runs. Never called for a single run."""
    from procession.actions.rows import called

    return called.read(context)


def refused(why: str) -> StepOutcome:
    """The run could not be started."""
    return StepOutcome(status=StepStatus.FAILED, message=f"no run was started: {why}")


def settle(asked: ProcessCall, end: ChildEnd) -> StepOutcome:
    """How the step ends by how the run ended; only one that succeeded gives anything."""
    if not asked.waits:
        return StepOutcome(status=StepStatus.SUCCESS, message=f"started process run {end.run}")
    said = f"process run {end.run} {_ended(end)}"
    # What a run left that came to nothing is on its own page; here it would look like a result.
    if end.status is not RunStatus.FINISHED or end.outcome is Outcome.FAILED:
        return StepOutcome(status=StepStatus.FAILED, message=said)
    # A value may be empty, and then clears ours; a file cannot be taken away from a property.
    empty = [theirs for theirs in asked.outputs if theirs not in end.given]
    if empty:
        # The file that stood there before would look like what the run has given.
        said += f", but gave nothing in {', '.join(empty)}; nothing was taken from it"
        return StepOutcome(status=StepStatus.FAILED, message=said)
    return StepOutcome(
        status=StepStatus.WARNING if end.outcome is Outcome.WARNING else StepStatus.SUCCESS,
        message=said,
        outputs={ours: _output(end.given[theirs]) for theirs, ours in asked.outputs.items()},
    )


def _output(value: Value | FileGiven) -> OutputValue:
    # Without bytes: the engine keeps the content that the run has, and copies nothing.
    return FileOutput(path="", name=value.name) if isinstance(value, FileGiven) else value


def _ended(end: ChildEnd) -> str:
    match end.status, end.outcome:
        case RunStatus.CANCELLED, _:
            return "was cancelled"
        case RunStatus.TIMED_OUT, _:
            return "timed out"
        # Only one that finished has an outcome.
        case _, Outcome.SUCCESS:
            return "succeeded"
        case _, Outcome.WARNING:
            return "ended with remarks"
        case _:
            return f"failed: {end.problem}" if end.problem else "failed"


# What examples are tried with; the engine keeps the call (engine/preparation).
def after(settings: RunProcessSettings, end: ChildEnd) -> StepOutcome:
    return settle(call(settings), end)


def _sources(settings: RunProcessSettings) -> tuple[Sources, ...]:
    return () if settings.each is None else (settings.each.source,)


def reads(settings: RunProcessSettings) -> tuple[str, ...]:
    inputs = (found for given in settings.inputs.values() if (found := references.parse(given)))
    return tuple(dict.fromkeys((*sources.reads(*_sources(settings)), *inputs)))


def gathers(settings: RunProcessSettings) -> bool:
    return settings.each is not None


def tables(settings: RunProcessSettings) -> tuple[TableUse, ...]:
    return sources.tables_of(*_sources(settings))


def files_read(settings: RunProcessSettings) -> tuple[FileOptions, ...]:
    return sources.files_of(*_sources(settings))


def writes(settings: RunProcessSettings) -> tuple[str, ...]:
    return tuple(dict.fromkeys(call(settings).outputs.values()))


def check(settings: RunProcessSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    return (*_mistakes(settings), *(() if settings.each is None else _of_rows(settings, settings.each)))


def check_together(steps: Sequence[RunProcessSettings]) -> list[list[tuple[str, str]]]:
    """The mistakes in the condition of each step, as setting and message."""
    asked = [step.each.where if step.each is not None else None for step in steps]
    found = expressions.mistakes([[("each.where", text, frozenset())] if text else [] for text in asked])
    return [[("each", f"{path}: {said}") for path, said in mistakes] for mistakes in found]


def _of_rows(settings: RunProcessSettings, each: EachCall) -> Iterator[str]:
    yield from sources.mistakes("each.source", each.source)
    # Every run would be given the same, which nobody means.
    if not any(naming.keys(given) for given in constants(settings)):
        yield "inputs: none has a {column} in it, so every row would run with the same inputs"
    # Thousands of runs that nobody waits for could not be cancelled with this one either.
    if not settings.wait:
        yield "wait: the runs of rows are waited for; leave it out"


def _mistakes(settings: RunProcessSettings) -> Iterator[str]:
    for name, given in settings.inputs.items():
        # Else the text would be passed on as it stands.
        if isinstance(given, str) and given.startswith("${") and references.parse(given) is None:
            yield f'inputs.{name}: "{given[:80]}" is not a reference; write ${{step.property}}, or a constant'
    # They would stay empty, and steps behind this one go on with nothing.
    if settings.outputs and not settings.wait:
        yield "outputs: a run that is not waited for has none when the step ends; leave out `wait: false`"
    # An input that the step writes itself would differ at every restart.
    for reference in writes(settings):
        if reference in reads(settings):
            yield f"outputs: ${{{reference}}} is an input of the run too; the run would change what it was given"


_SETTINGS = {
    "process": "Bank reconciliation",
    "inputs": {"parameters.account": "4010", "parameters.limit": "${values.limit}"},
    "outputs": {"results.breaks": "${values.breaks}"},
}
_INPUTS = {"values.limit": 100}
_TARGETS = {"values.breaks": OutputTarget(type="Number")}
_ROWS = (
    CalledRow(number=1, key="4010", given={"parameters.account": "4010"}),
    CalledRow(number=3, key="4030", given={"parameters.account": "4030"}),
)
EXAMPLES = (
    Example(
        settings={
            "process": "Bank reconciliation",
            "inputs": {"parameters.account": "{account}", "parameters.limit": "${values.limit}"},
            "each": {
                "source": {"file": "${files.accounts}", "columns": {"account": {"type": "Text"}}},
                "where": "is_open = 'yes'",
            },
            "outputs": {"results.breaks": "${files.breaks}"},
        },
        inputs={"files.accounts": b"account,is_open\n4010,yes\n4020,no\n4030,yes\n", "values.limit": 100},
        targets={"files.breaks": OutputTarget(type="File")},
        expected={},
        message="2 of 3 rows",
        rows=_ROWS,
    ),
    Example(
        settings=_SETTINGS,
        inputs=_INPUTS,
        targets=_TARGETS,
        child=ChildEnd(run=RunId(12), status=RunStatus.FINISHED, outcome=Outcome.WARNING, given={"results.breaks": 7}),
        expected={"values.breaks": 7},
        status=StepStatus.WARNING,
        message="process run pr-12 ended with remarks",
    ),
    Example(
        settings=_SETTINGS,
        inputs=_INPUTS,
        targets=_TARGETS,
        child=ChildEnd(
            run=RunId(12), status=RunStatus.FINISHED, outcome=Outcome.FAILED, problem="the ledger has no rows"
        ),
        expected={},
        status=StepStatus.FAILED,
        message="process run pr-12 failed: the ledger has no rows",
    ),
)

ACTION = Action(
    kind="run_process",
    effect=Effect.IDEMPOTENT,
    title="Run a process",
    settings=RunProcessSettings,
    run=run,
    call=call,
    after=after,
    reads=reads,
    writes=writes,
    gathers=gathers,
    tables=tables,
    relations=files_read,
    check=check,
    check_together=check_together,
    examples=EXAMPLES,
)
