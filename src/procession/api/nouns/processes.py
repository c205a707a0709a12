"""Processes over HTTP: listed, read, created and published from process files."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import msgspec

from procession.api.wire import items, reading, times
from procession.api.wire import processes as wire
from procession.api.wire import steps as steps_wire
from procession.door import bodies, idempotency_key
from procession.door.contract import Call, StreamCall, TextReply
from procession.model import process_file
from procession.model.errors import Invalid
from procession.model.ids import ProcessId
from procession.model.process_file import rendering
from procession.model.process_file.documents import FileMistakes
from procession.model.processes import StepKind
from procession.operations import idempotency, processes
from procession.store.database import Transaction

VERSIONS_MAX = 10**9


class Mistaken(Invalid):
    """A process file with mistakes: the message has them all, `mistakes` each with its place."""

    def __init__(self, error: FileMistakes) -> None:
        super().__init__(error.message)
        # Beside the message, so that an editor can mark the lines.
        self.fields = {
            "mistakes": [
                {"line": mistake.line, "column": mistake.column, "message": mistake.message}
                for mistake in error.mistakes
            ]
        }


def listed(call: Call) -> list[items.Named]:
    query = call.request.query
    rows = processes.listed(
        call.tx,
        call.caller,
        name=query.get("name") or None,
        created_after=reading.maybe_moment(query, "dateCreatedStart"),
        created_before=reading.maybe_moment(query, "dateCreatedEnd"),
    )
    return [items.named(row.id, row.name) for row in rows]


def get(call: Call) -> wire.ProcessShape:
    return _shown(call.tx, call.id(ProcessId))


async def create(call: StreamCall) -> wire.AppliedProcess:
    return await _apply(call, None)


async def publish(call: StreamCall) -> wire.AppliedProcess:
    return await _apply(call, call.id(ProcessId))


async def _apply(call: StreamCall, process_id: ProcessId | None) -> wire.AppliedProcess:
    """Parsed in a thread: a large file must hold up neither the event loop nor the writer, nor whoever needs a pool."""
    text = _text(call.raw)
    resources = call.context.resources
    try:
        # Before the transaction: everybody's commit would wait for the parser.
        read = partial(process_file.parse, text, actions=resources.actions)
        definition = await call.context.parsing.run(call.caller.user.id, len(call.raw), read)
    except FileMistakes as error:
        raise Mistaken(error) from None

    def operation(tx: Transaction) -> wire.AppliedProcess:
        act = call.admit(tx)
        idempotency.mark(act, call.keyed)
        applied = processes.apply(act, text, definition=definition, process=process_id)
        shown = msgspec.structs.asdict(_shown(tx, applied.id))
        return idempotency_key.answered(tx, call.keyed, wire.AppliedProcess(**shown, remarks=applied.remarks))

    return await asyncio.wrap_future(call.database.submit(operation))


def _text(raw: bytes) -> str:
    try:
        # Notepad writes the mark; YAML would take it for a part of the first key.
        text = raw.removeprefix(bodies.UTF8_MARK).decode()
    except UnicodeDecodeError:
        raise Invalid("the process file is not valid UTF-8") from None
    if not text.strip():
        raise Invalid("the body is empty; send the process file, as YAML or JSON")
    return text


def _shown(tx: Transaction, process_id: ProcessId) -> wire.ProcessShape:
    row, definition = processes.find(tx, process_id)
    return wire.process(
        row.id, definition, created_at=row.created_at, modified_at=row.modified_at, modified_by=row.modified_by
    )


def definition(call: Call) -> Any:
    """YAML, as it was applied where it was a file; JSON for a client that asks for it; ?version=N as it was then."""
    given = call.request.query.get("version")
    number = reading.whole(given, field="version", least=1, most=VERSIONS_MAX) if given else None
    text, process = processes.definition(call.tx, call.id(ProcessId), number)
    # Not a comparison of weights: whoever can read JSON asks for it.
    if "json" in call.request.headers.get("accept", "").lower():
        return rendering.render(process)
    return TextReply(text=text, media_type="application/yaml; charset=utf-8")


def versions(call: Call) -> list[wire.Version]:
    return [
        wire.Version(
            version=row.number,
            author=row.author,
            dateCreated=times.seven_digits(row.created_at),
            hash=row.sha256,
            comment=row.comment,
        )
        for row in processes.versions(call.tx, call.id(ProcessId))
    ]


def steps(call: Call) -> list[steps_wire.DataStep] | list[steps_wire.AnyStep]:
    """Data steps, as documented; ?include=all shows action steps too, as it does for a run."""
    rows = processes.steps_of(call.tx, call.id(ProcessId))
    if reading.includes_all(call.request.query):
        _, process = processes.definition(call.tx, call.id(ProcessId))
        actions = {step.key: step.action for step in process.steps}
        return [steps_wire.any_step(row, action=actions.get(row.key, ""), attempts=0) for row in rows]
    return [steps_wire.data_step(row) for row in rows if row.kind is StepKind.DATA]
