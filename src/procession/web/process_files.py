"""A process file comes in by a form: a new process, or a version of one. Mistakes are shown with their lines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from procession.door import bodies, uploads
from procession.door.contract import Call, HtmlReply, RedirectReply, StreamCall
from procession.model import process_file
from procession.model.errors import Forbidden, Invalid, TooLarge
from procession.model.files import Content
from procession.model.ids import ProcessId
from procession.model.process_file.documents import FileMistakes
from procession.operations import processes
from procession.operations.processes import Applied
from procession.store.database import Transaction
from procession.web.forms import Form
from procession.web.page import page

LINE_CHARACTERS_MAX = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMistake:
    """`text` is the line of the file that it is in."""

    line: int
    column: int
    message: str
    text: str


def form_of_new(call: Call) -> HtmlReply:
    """For a process that there is not yet."""
    return _form(call, "a process")


def form_of_version(call: Call) -> HtmlReply:
    """For the next version of a process."""
    row, _ = processes.find(call.tx, call.id(ProcessId))
    return _form(call, row.name, of=row.id)


def _form(call: Call, name: str, of: ProcessId | None = None) -> HtmlReply:
    title = "Upload a process file" if of is None else f"New version of {name}"
    return page(
        call,
        call.caller,
        call.now,
        "upload",
        title=title,
        entry="/processes",
        of=of,
        process_name=name,
        problem="",
        mistakes=[],
        file_name="",
    )


async def create(call: StreamCall, _form: Form) -> HtmlReply | RedirectReply:
    """A new process, or the next version of the one that the file names."""
    return await _apply(call, None)


async def publish(call: StreamCall, _form: Form) -> HtmlReply | RedirectReply:
    """The next version of this process."""
    return await _apply(call, call.id(ProcessId))


async def _apply(call: StreamCall, of: ProcessId | None) -> HtmlReply | RedirectReply:
    memory = _Memory()
    file_name = ""
    try:
        upload = await uploads.receive_file(call.receive, call.request.headers, memory, most=bodies.TEXT_BYTES_MAX)
        file_name = upload.name
        text = _text(b"".join(memory.pieces))
        applied = await _applied(call, text, of)
    except FileMistakes as error:
        return await asyncio.to_thread(_refused, call, of, file_name, "", list(_shown(error, text)))
    except (Invalid, TooLarge, Forbidden, uploads.NotMultipart) as error:
        return await asyncio.to_thread(_refused, call, of, file_name, error.message, [])
    if applied.is_new:
        # Of a first version there is nothing to compare.
        compare = f"?compare={applied.version}#versions" if applied.version > 1 else ""
        return RedirectReply(location=f"/processes/{applied.id}{compare}")
    return RedirectReply(location=f"/processes/{applied.id}?same=1")


def _text(raw: bytes) -> str:
    try:
        # Notepad writes the mark; YAML would take it for a part of the first key.
        text = raw.removeprefix(bodies.UTF8_MARK).decode()
    except UnicodeDecodeError:
        raise Invalid("the file is no text in UTF-8; save it as UTF-8 and upload it again") from None
    if not text.strip():
        raise Invalid("the file is empty; choose a process file, which is YAML or JSON")
    return text


async def _applied(call: StreamCall, text: str, of: ProcessId | None) -> Applied:
    """Read in a thread: a large file must hold up neither the event loop nor the writer."""
    read = partial(process_file.parse, text, actions=call.context.resources.actions)
    definition = await call.context.parsing.run(call.caller.user.id, len(text), read)

    def operation(tx: Transaction) -> Applied:
        return processes.apply(call.admit(tx), text, definition=definition, process=of)

    return await asyncio.wrap_future(call.database.submit(operation))


def _shown(error: FileMistakes, text: str) -> Iterator[ShownMistake]:
    lines = text.splitlines()
    for mistake in error.mistakes:
        line = lines[mistake.line - 1] if 1 <= mistake.line <= len(lines) else ""
        yield ShownMistake(
            line=mistake.line, column=mistake.column, message=mistake.message, text=line[:LINE_CHARACTERS_MAX]
        )


def _refused(
    call: StreamCall, of: ProcessId | None, file_name: str, problem: str, mistakes: Sequence[ShownMistake]
) -> HtmlReply:
    """The form again, with what is wrong with the file; nothing was kept of it."""
    with call.database.read() as tx:
        name = "a process" if of is None else processes.find(tx, of)[0].name
    title = "Upload a process file" if of is None else f"New version of {name}"
    return page(
        call,
        call.caller,
        call.clock(),
        "upload",
        title=title,
        entry="/processes",
        of=of,
        process_name=name,
        problem=problem,
        mistakes=mistakes,
        file_name=file_name,
        status_code=400,
    )


class _Memory:
    """Holds the file: it is read as a whole, and kept only as a version."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    def finish(self) -> Content:
        return Content(sha256="", size_bytes=sum(map(len, self.pieces)))

    def abandon(self) -> None:
        self.pieces.clear()
