"""Drafts of processes over HTTP: one's own, kept until it is published or thrown away."""

from __future__ import annotations

import asyncio

from procession.api.wire import processes as wire
from procession.api.wire import times
from procession.door import bodies, idempotency_key
from procession.door.contract import Call, EmptyReply, StreamCall
from procession.model.errors import Invalid
from procession.model.ids import ProcessId
from procession.operations import drafts, idempotency
from procession.operations.act import Act
from procession.store.database import Transaction


def get(call: Call) -> wire.DraftShape:
    return _shown(call.act, call.id(ProcessId))


def _shown(act: Act, process: ProcessId) -> wire.DraftShape:
    draft = drafts.find(act, process)
    return wire.DraftShape(
        process=str(process),
        text=draft.text,
        isKept=draft.is_kept,
        baseVersion=draft.base_version,
        dateKept=None if draft.row is None else times.milliseconds(draft.row.kept_at),
    )


async def keep(call: StreamCall) -> wire.DraftShape:
    """With mistakes or without: only what is published has to be right."""
    process = call.id(ProcessId)
    try:
        text = call.raw.removeprefix(bodies.UTF8_MARK).decode()
    except UnicodeDecodeError:
        raise Invalid("the process file is not valid UTF-8") from None

    def operation(tx: Transaction) -> wire.DraftShape:
        act = call.admit(tx)
        idempotency.mark(act, call.keyed)
        # The one that it began from stays: whoever keeps again has not seen what others published.
        drafts.keep(act, process, text, base_version=drafts.find(act, process).base_version)
        return idempotency_key.answered(tx, call.keyed, _shown(act, process))

    return await asyncio.wrap_future(call.database.submit(operation))


def drop(call: Call) -> EmptyReply:
    drafts.drop(call.act, call.id(ProcessId))
    return EmptyReply()
