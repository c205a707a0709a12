"""The first rows of a file of a run, as steps read it: of a result on the run's page, or on a page of its own."""

from __future__ import annotations

from dataclasses import replace

from procession.door.contract import HtmlReply, StreamCall
from procession.model.errors import Unavailable
from procession.model.files import File
from procession.model.ids import FileId, RunId
from procession.operations import files, previews, run_views
from procession.operations.previews import FileQuestion
from procession.store.database import Transaction
from procession.web import preview, run, run_words
from procession.web.page import fragment, page, reader


async def show(call: StreamCall) -> HtmlReply:
    """`?attempt=N` shows it as it was in that attempt at the run. Raises NotFound, Invalid, Unavailable."""
    run_id = call.id(RunId)
    with call.database.snapshot() as tx:
        file = _file(tx, call)
        asked = _question(tx, call, file)
        view = run_views.of_run(tx, call.caller, run_id)
    found = await preview.looked_at(call, [asked])
    if file.id not in found:
        raise Unavailable("nobody is free to look at the file; try again in a moment, or download it")
    process, name = run_words.title(view)
    item = next((row.item for row in view.properties if row.file is not None and row.file.id == file.id), None)
    content = {
        "run": view.run,
        "titles": (process, name),
        "file": file,
        "file_title": file.name if item is None else item.name,
        "views": preview.shown(found[file.id], reader(call.caller.user, call.clock())),
        "query": f"?{call.request.raw_query}" if run.attempt_of(call.request.query) else "",
    }
    if "hx-request" in call.request.headers:
        return fragment(call, call.caller, call.clock(), "rows-panel", **content)
    title = f"{content['file_title']} of {process}, {name}"
    return page(call, call.caller, call.clock(), "rows", title=title, entry="/runs", **content)


def _file(tx: Transaction, call: StreamCall) -> File:
    file = preview.of_run(files.find(tx, call.id(FileId)), call.id(RunId))
    attempt = run.attempt_of(call.request.query)
    return file if attempt is None else files.at_attempt(tx, file.id, attempt)


def _question(tx: Transaction, call: StreamCall, file: File) -> FileQuestion:
    """Without what is asked of an input only: whether it is like last time."""
    asked = previews.question(tx, call.context.resources, file)
    return replace(asked, file=file, earlier=None, twins=())
