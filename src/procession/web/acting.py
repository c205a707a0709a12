"""How a form's handler does one thing in one transaction, and shows its page again, with the reason, when refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from procession.door.contract import Call, StreamCall
from procession.model.errors import Conflict, Forbidden, Invalid
from procession.operations.act import Act

T = TypeVar("T")

# What the page itself can say, with what was typed still in its fields. All else is an error page.
REFUSALS = (Invalid, Forbidden, Conflict)


async def done(call: StreamCall, operation: Callable[[Act], T]) -> T:
    """The operation's result, once it is on disk. Raises what `operation` raises."""
    future = call.database.submit(lambda tx: operation(call.admit(tx)))
    result: T = await asyncio.wrap_future(future)
    return result


async def looked(call: StreamCall, show: Callable[..., T], **more: Any) -> T:
    """What a handler of a page answers, for the same request; in a thread, because it reads and renders."""

    def read() -> T:
        with call.database.snapshot() as tx:
            return show(given(call, call.admit(tx)), **more)

    return await asyncio.to_thread(read)


def given(call: StreamCall, act: Act) -> Call:
    return Call(act=act, request=call.request, ids=call.ids, context=call.context, raw=call.raw)
