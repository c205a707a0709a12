"""What a run's page lets a browser save: one file, all results as a zip, a step's whole log."""

from __future__ import annotations

from procession.door import archives
from procession.door.contract import Call, FileReply, StreamReply, TextReply
from procession.model.errors import Invalid
from procession.model.ids import FileId, RunId, StepId
from procession.operations import contents, files, results, run_views, steps
from procession.web import run

LOG = "text/plain; charset=utf-8"


def file(call: Call) -> FileReply:
    """`?attempt=N` gives it as it was in that attempt at the run."""
    attempt = run.attempt_of(call.request.query)
    if attempt is None:
        found = files.find(call.tx, call.id(FileId))
    else:
        found = files.at_attempt(call.tx, call.id(FileId), attempt)
    read = contents.of_file(call.context.resources, found)
    return FileReply(read=read, size_bytes=found.size_bytes, name=found.name or "file", sha256=found.sha256 or "")


def log(call: Call) -> FileReply | TextReply:
    """Of the step's last try, or of the last one in `?attempt=N`, or of its `?try=N`, counted from its first.

    Shown as text, never as anything else. Raises Invalid.
    """
    query = call.request.query
    tries = steps.tries(call.tx, call.id(RunId), call.id(StepId), attempt=run.attempt_of(query))
    number = run.whole_of(query, "try")
    if number is not None and number > len(tries.numbers):
        raise Invalid(f"this step has no try {number}; it has {len(tries.numbers)}")
    wanted = tries.latest if number is None else tries.numbers[number - 1]
    if wanted is None:
        return TextReply(text="", media_type=LOG)
    read, size = contents.of_log(call.context.resources, wanted)
    # A log that is empty has no range, and a FileReply of nothing could not be read.
    return FileReply(read=read, size_bytes=size, media_type=LOG) if size else TextReply(text="", media_type=LOG)


def zipped(call: Call) -> StreamReply:
    """All results of the run."""
    attempt = run.attempt_of(call.request.query)
    view = run_views.of_run(call.tx, call.caller, call.id(RunId), attempt=attempt)
    return archives.reply(results.archive(call.context.resources, view))
