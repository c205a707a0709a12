"""run_python: a script of the user's, as the program of a process of its own (docs/scripts.md).

Nothing here confines the script: that is engine/isolation's work. This file gives it its names and hears how it ended.
"""

from __future__ import annotations

import builtins
import errno
import linecache
import sys
import traceback
from types import ModuleType, TracebackType

from procession.actions import references, values
from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.problems import Problem
from procession.actions.scripting import script_settings
from procession.actions.scripting.script_settings import RunPythonSettings, ScriptTarget
from procession.actions.scripting.scripts import Outputs, Remarks, as_script_value, flush_standard
from procession.model.lifecycle import StepStatus

MESSAGE_CHARACTERS_MAX = 2_000
NO_NETWORK = "the step asks for the network, and this server does not allow it (PROCESSION_ALLOW_NETWORK)"

# Raised on purpose with a text for people; of any other kind the name says more than the text ("KeyError: 'amount'").
_SPEAKING_ERRORS = (Exception, ValueError, RuntimeError, AssertionError)

_LIMITS = {
    errno.EMFILE: "how many files a process of a step may have open is set by PROCESSION_STEP_OPEN_FILES_MAX",
    errno.EFBIG: "how much of the disk a step may take is set by PROCESSION_STEP_DISK_BYTES_MAX",
}
_PROCESSES = "how many processes and threads a step may have is set by PROCESSION_STEP_PROCESSES_MAX"


def run(context: Context) -> StepOutcome:
    settings: RunPythonSettings = context.settings
    # Said at once: a script would find out after minutes, by a time-out.
    if settings.network and not context.has_network:
        return _failed(NO_NETWORK)
    named = {name: _reference_of(target) for name, target in settings.outputs.items()}
    remarks = Remarks(context)
    outputs = Outputs(context, {name: context.target(reference) for name, reference in named.items()}, remarks)
    try:
        main = _main(context, outputs, remarks)
    except Problem as problem:
        return _failed(str(problem))
    failure = _execute(context, main, remarks)
    if failure is None:
        # Only of a script that ended well: outputs of half a script are worse than none.
        failure = _keep(context, main, outputs)
    if failure is not None:
        return _failed(_placeless(context, failure))
    remarks.hear_copies()
    return StepOutcome(
        status=StepStatus.WARNING if remarks.has_warnings else StepStatus.SUCCESS,
        message=_placeless(context, remarks.text())[:MESSAGE_CHARACTERS_MAX],
        outputs={named[name]: value for name, value in outputs.kept.items()},
    )


def _reference_of(target: str | ScriptTarget) -> str:
    return references.only([script_settings.options_of(target).to])[0]


def _placeless(context: Context, text: str) -> str:
    """Without the place of the step's folder on the server: everybody who sees the run reads its message."""
    return text.replace(f"{context.folder}/", "")


def _failed(message: str) -> StepOutcome:
    return StepOutcome(status=StepStatus.FAILED, message=message[:MESSAGE_CHARACTERS_MAX])


def _main(context: Context, outputs: Outputs, remarks: Remarks) -> ModuleType:
    """The module that the script runs in: classes and functions of it are found again where Python looks for them."""
    settings: RunPythonSettings = context.settings
    # A module of its own: pickle and multiprocessing look classes up in __main__.
    main = ModuleType("__main__")
    # Before the script is begun: nothing of ours may pass for its own.
    inputs = {name: as_script_value(context, name, given) for name, given in settings.inputs.items()}
    main.__file__ = context.begin_program(settings.code)
    vars(main).update(
        __builtins__=builtins,
        inputs=inputs,
        outputs=outputs,
        message=remarks.message,
        warn=remarks.warn,
        progress=context.progress,
        idempotency_key=context.idempotency_key,
    )
    return main


def _execute(context: Context, main: ModuleType, remarks: Remarks) -> str | None:
    """Run the script to its end, threads and exit functions included; None, or why it failed in the user's words."""
    settings: RunPythonSettings = context.settings
    source = f"<{context.step_key}>"
    # So that the traceback in the log shows the lines of a script whose file nobody knows.
    linecache.cache[source] = (len(settings.code), None, settings.code.splitlines(keepends=True), source)
    # Put back afterwards, because exit functions of our own look there.
    before = sys.modules["__main__"]
    sys.modules["__main__"] = main
    try:
        with remarks.of_failures():
            failure = _run_script(context, main, source)
            context.end_program()
    finally:
        sys.modules["__main__"] = before
    return failure


def _run_script(context: Context, main: ModuleType, source: str) -> str | None:
    settings: RunPythonSettings = context.settings
    try:
        exec(script_settings.compiled(settings.code, source), vars(main))  # noqa: S102 - the user's own script, in its own process
    except SystemExit as error:
        # sys.exit() in a fork ends the fork, and must not go on as the step.
        if context.is_copy:
            context.end_program()
            context.close_files(vars(main))
            raise
        return _exit_reason(error)
    # KeyboardInterrupt and the like too: a script may raise them itself.
    except BaseException as error:  # whatever it raises is how it ended
        flush_standard()
        context.log(_traceback(error, source))
        return _reason(error, source)
    return None


def _keep(context: Context, main: ModuleType, outputs: Outputs) -> str | None:
    """Take the outputs: values before the script's names go, files when all are closed. None, or why not."""
    try:
        # Before the names go: a value may be a lazy one of the script's own classes.
        outputs.keep_values()
        problem = context.close_files(vars(main))
        if not problem:
            outputs.keep_files()
    except values.DoesNotFit as error:
        return str(error)
    return problem or None


def _exit_reason(error: SystemExit) -> str | None:
    match error.code:
        case None:
            return None
        case int(code):
            return f"the script ended with exit code {int(code)}" if code else None
        case code:  # Python prints it, and ends with 1
            return str(code).strip() or "the script ended with exit code 1"


def _reason(error: BaseException, source: str) -> str:
    if isinstance(error, MemoryError):
        return "the script ran out of memory"
    text = _words(error)
    if not (text and type(error) in _SPEAKING_ERRORS):
        text = "".join(traceback.format_exception_only(error)[-1:]).strip()
    if isinstance(error, SyntaxError) and error.filename == source:
        return f"{text} (line {error.lineno})"
    if (limit := _limit(error)) is not None:
        text = f"{text}; {limit}"
    # The last line of the script itself: deeper frames are a library's.
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == source]
    return f"{text} (line {lines[-1]})" if lines else text


def _limit(error: BaseException) -> str | None:
    """The setting of the limit that the script ran into, if it did."""
    if isinstance(error, OSError) and error.errno in _LIMITS:
        return _LIMITS[error.errno]
    # What forks or starts a thread: EAGAIN is also the word of a pipe that is full.
    is_birth = isinstance(error, BlockingIOError) and "fork" in _last_line(error)
    return _PROCESSES if is_birth or "start new thread" in _words(error) else None


def _last_line(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].name} {frames[-1].line}" if frames else ""


def _words(error: BaseException) -> str:
    try:
        return str(error).strip()
    except Exception:  # the text is the script's own code too
        return ""


def _traceback(error: BaseException, source: str) -> str:
    return "".join(traceback.format_exception(type(error), error, _from_script(error.__traceback__, source)))


def _from_script(frames: TracebackType | None, source: str) -> TracebackType | None:
    """Without our own frames at the top, which tell the user nothing."""
    while frames is not None and frames.tb_frame.f_code.co_filename != source:
        frames = frames.tb_next
    return frames


def wants_network(settings: RunPythonSettings) -> bool:
    return bool(settings.network)


EXAMPLE = Example(
    settings={
        "inputs": {"orders": "${files.orders}"},
        "outputs": {"count": "${files.count}", "big": "${files.big}"},
        "code": """\
import csv
from decimal import Decimal
with inputs["orders"].open() as file:
    rows = list(csv.DictReader(file, delimiter=";"))
outputs["count"] = len(rows)
outputs.file("big", "big.txt").write_text("\\n".join(row["id"] for row in rows if Decimal(row["amount"]) > 100))
message(f"{len(rows)} orders read")
""",
    },
    inputs={"files.orders": ("orders.csv", b"id;amount\n1;12.50\n2;250.00\n3;300.00\n")},
    targets={"files.count": OutputTarget(type="Number"), "files.big": OutputTarget(type="File")},
    expected={"files.count": 3, "files.big": b"2\n3"},
    message="3 orders read",
)

ACTION = Action(
    kind="run_python",
    title="Run a Python script",
    settings=RunPythonSettings,
    run=run,
    reads=script_settings.reads,
    writes=script_settings.writes,
    tables=script_settings.tables,
    examples=(EXAMPLE,),
    check=script_settings.check,
    runs_user_code=True,
    wants_network=wants_network,
)
