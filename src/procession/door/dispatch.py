"""The one ASGI application of every door: path, proof, permission, handler, answer, in this order and for every route.

Nothing is answered around it: every body of a status other than 200 is {"message", "supportId"} (T12), and the same
supportId stands in the server's log.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import logging
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import msgspec

from procession.door import answers, bodies, conditions, idempotency_key, requests
from procession.door.context import HandlerContext
from procession.door.contract import (
    BodyKind,
    Call,
    ErrorHtml,
    FileReply,
    Handler,
    Later,
    Mode,
    Proof,
    Receive,
    Refusal,
    Request,
    RequestDatabase,
    Route,
    Scope,
    Send,
    Space,
    StreamCall,
    StreamHandler,
    StreamReply,
)
from procession.door.ids import parse_ids
from procession.door.lasting import Lasting
from procession.door.limits import UserCounts, UserLimit
from procession.door.paths import Router, normalise
from procession.model.errors import ProcessionError, Unavailable
from procession.model.rights import PUBLIC, Rule
from procession.operations import idempotency
from procession.operations.act import Act
from procession.operations.idempotency import KeyedRequest, RepeatedRequest

if TYPE_CHECKING:
    from procession.model.people import Caller
    from procession.store.database import Transaction

log = logging.getLogger("procession.api")  # what operators filter by

LASTING = (StreamReply, FileReply)  # while they are sent, their caller may lose the right to them
DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """The dispatcher's dependencies; serving/ builds it.

    `proofs` says for each space how a caller is proved. `permit` is the one function that decides a permission: it
    raises NotFound or Forbidden, and is called for every route before its handler. `threads` runs listings.
    `public_url` is where users reach us, "" as each request says. `error_html`: nothing is where a browser asks.
    """

    database: RequestDatabase
    proofs: Mapping[Space, Proof]
    permit: Callable[[Transaction, Caller, Rule, Mapping[str, Any]], None]
    clock: Callable[[], datetime]
    threads: Executor
    context: HandlerContext
    limits: UserCounts
    public_url: str = ""
    error_html: ErrorHtml | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request and the route that it found; `texts` are the ids of its path, not parsed yet."""

    route: Route
    request: Request
    texts: Mapping[str, str]


class Api:
    """ASGI. A route without a rule does not start: Route demands one, and PUBLIC has to be written out."""

    __slots__ = ("_lasting", "_router", "_server")

    def __init__(self, server: Server, routes: Iterable[Route]) -> None:
        self._server = server
        self._router = Router(routes)
        self._lasting = Lasting(database=server.database, context=server.context)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        began = asyncio.get_running_loop().time()
        answer = answers.Answer(send, is_head=scope["method"] == "HEAD")
        try:
            await self._answer(scope, receive, answer)
        # Nobody is there to read an answer, and the log must not count it as our fault.
        except bodies.ClientGone:
            log.info("client gone", extra=_fields(scope, began))
        except ProcessionError as error:
            await self._refuse(error, answer, _fields(scope, began))
        # Uvicorn cancels at the end of the server: a request that swallows it would hold the server up.
        except asyncio.CancelledError:
            raise
        # The outermost frame of a request: whatever went wrong, the client gets a message and the log the traceback.
        except Exception as error:
            await self._fail(error, answer, _fields(scope, began))

    async def _answer(self, scope: Scope, receive: Receive, answer: answers.Answer) -> None:
        # ASGI's `path` is decoded already: an encoded slash would have become a separator. `raw_path` is optional in
        # ASGI.
        path = normalise(scope.get("raw_path") or scope["path"].encode())
        # Set before the route is looked up: a path that leads nowhere is an error in the form of its space too.
        answer.is_oauth = path.space is Space.OAUTH
        if path.space is Space.ROOT and requests.wants_html(scope):
            answer.error_html = self._server.error_html
        route, texts = self._router.find(scope["method"], path)
        answer.error_html = route.error_html
        asked = Asked(route=route, request=requests.read(scope, self._server.public_url), texts=texts)
        answer.request = asked.request
        reply = await self._run(asked, receive)
        # Only these can take long enough for the caller's right to end meanwhile.
        if isinstance(reply, LASTING):
            # Before the head is sent: one stream too many can still be answered with a status.
            with self._place(asked, reply):
                await self._watched(answer.send_reply(reply), asked, receive)
        else:
            await answer.send_reply(reply)

    async def _watched(self, work: Awaitable[Any], asked: Asked, receive: Receive | None = None) -> Any:
        def recheck() -> datetime | None:
            with self._server.database.read() as tx:
                return self._act(asked, tx).caller.until

        return await self._lasting.watched(work, recheck, receive)

    def _place(self, asked: Asked, reply: Any) -> AbstractContextManager[None]:
        """The caller's, among what they may have open. Raises TooMany once it is entered."""
        if asked.route.limit is not UserLimit.STREAMS or not isinstance(reply, StreamReply):
            return nullcontext()
        with self._server.database.read() as tx:
            return self._server.limits.stream(self._admit(tx, asked)[0].caller.user.id)

    async def _run(self, asked: Asked, receive: Receive) -> Any:
        route = asked.route
        # On the event loop: a read by key takes less time than a thread needs to wake.
        if route.mode is Mode.READ and route.body is BodyKind.NONE:
            reply, call = self._read(asked)
            if isinstance(reply, Later):
                with self._server.limits.stream(call.caller.user.id):
                    work = reply.handler(self._stream(asked, call.caller, call.ids, receive))
                    return await self._watched(work, asked, receive)
            return reply
        if route.mode is Mode.LISTING:
            # A list may read thousands of rows, and everybody else waits for the event loop.
            loop = asyncio.get_running_loop()
            return (await loop.run_in_executor(self._server.threads, self._read, asked))[0]
        with self._server.database.read() as tx:
            act, ids = self._admit(tx, asked)
        # The act's transaction ends here; only who asks is carried on.
        caller = act.caller
        # RFC 9110 section 13.1: a condition that is ignored would let the change happen that it should prevent.
        if route.method != "GET" and not route.is_conditional:
            conditions.check_unknown(asked.request.headers)
        try:
            with self._new_run(route, caller):
                if route.mode is Mode.STREAM:
                    return await self._run_stream(asked, caller, ids, receive)
                return await self._write(asked, caller, ids, receive)
        except RepeatedRequest as error:
            return idempotency_key.again(error.answer)

    def _new_run(self, route: Route, caller: Caller) -> AbstractContextManager[None]:
        if route.limit is not UserLimit.NEW_RUNS:
            return nullcontext()
        return self._server.limits.new_run(caller.user.id, self._server.context.resources.home_clock.most())

    async def _run_stream(self, asked: Asked, caller: Caller, ids: Mapping[str, Any], receive: Receive) -> Any:
        route, keyed = asked.route, self._keyed(asked, caller, ids)
        handler = cast("StreamHandler", route.handler)
        # Uploads carry no key: sending a file twice leaves the same file.
        if route.body is BodyKind.STREAM:
            return await self._watched(handler(self._stream(asked, caller, ids, receive)), asked)
        body: dict[str, Any] = {}
        if route.body in {BodyKind.JSON, BodyKind.TEXT, BodyKind.FORM}:
            raw = await bodies.read_of(route, receive, asked.request.headers)
            body = {"raw": raw} if route.body is BodyKind.TEXT else {"body": _parsed(asked, raw)}
            if keyed is not None:
                keyed = replace(keyed, asked=idempotency_key.asked(asked.request, hashlib.sha256(raw).hexdigest()))
                with self._server.database.read() as tx:
                    idempotency.check(tx, keyed, self._server.context.resources.home_clock.least())
        return await handler(self._stream(asked, caller, ids, receive, keyed=keyed, **body))

    def _keyed(self, asked: Asked, caller: Caller | None, ids: Mapping[str, Any]) -> KeyedRequest | None:
        return None if caller is None else idempotency_key.keyed(asked.route, asked.request, caller.user.id, ids)

    def _admit(self, tx: Transaction, asked: Asked) -> tuple[Act, dict[str, Any]]:
        """The caller's act and the ids, if the rule permits."""
        now, resources = self._server.clock(), self._server.context.resources
        # No caller is proved: these routes ask for a proof of their own kind, such as a client secret.
        if asked.route.rule is PUBLIC:
            nobody: Any = None
            return Act(tx=tx, caller=nobody, now=now, resources=resources), parse_ids(asked.texts)
        # The caller first, the ids after: without a token a malformed id must answer 401, not 404.
        caller = self._server.proofs[asked.route.space](tx, asked.request, resources.home_clock.most())
        ids = parse_ids(asked.texts)
        self._server.permit(tx, caller, asked.route.rule, ids)
        return Act(tx=tx, caller=caller, now=now, resources=resources), ids

    def _act(self, asked: Asked, tx: Transaction) -> Act:
        return self._admit(tx, asked)[0]

    def _read(self, asked: Asked) -> tuple[Any, Call]:
        with self._server.database.snapshot() as tx:
            act, ids = self._admit(tx, asked)
            call = Call(act=act, request=asked.request, ids=ids, context=self._server.context)
            return cast("Handler", asked.route.handler)(call), call

    async def _write(self, asked: Asked, caller: Caller, ids: Mapping[str, Any], receive: Receive) -> Any:
        raw = await bodies.read_of(asked.route, receive, asked.request.headers)
        body, keyed = _parsed(asked, raw), self._keyed(asked, caller, ids)
        if keyed is not None:
            keyed = replace(keyed, asked=idempotency_key.asked(asked.request, hashlib.sha256(raw).hexdigest()))

        # May be performed twice when another operation of the same commit fails, so it changes nothing but its
        # transaction.
        def operation(tx: Transaction) -> Any:
            # Check again under the write lock: the caller may have lost the right meanwhile.
            act, ids = self._admit(tx, asked)
            # In the transaction of the change: a crash in between would either lose the change or do it twice.
            idempotency.mark(act, keyed)
            call = Call(act=act, request=asked.request, ids=ids, context=self._server.context, body=body, raw=raw)
            reply = cast("Handler", asked.route.handler)(call)
            return idempotency_key.answered(tx, keyed, reply)

        reply = await asyncio.wrap_future(self._server.database.submit(operation))
        # Only now, after the commit, which had to keep what the refusal wrote.
        if isinstance(reply, Refusal):
            raise reply.error
        return reply

    def _stream(
        self, asked: Asked, caller: Caller, ids: Mapping[str, Any], receive: Receive, **body: Any
    ) -> StreamCall:
        server = self._server
        return StreamCall(
            database=server.database,
            request=asked.request,
            caller=caller,
            admit=partial(self._act, asked),
            ids=ids,
            clock=server.clock,
            context=server.context,
            receive=receive,
            **body,
        )

    async def _refuse(self, error: ProcessionError, answer: answers.Answer, fields: dict[str, Any]) -> None:
        support_id = str(uuid.uuid4())
        level = logging.ERROR if error.status >= 500 else logging.INFO
        log.log(level, error.message, extra={**fields, "supportId": support_id, "status": error.status})
        await answer.send_error(error, support_id)

    async def _fail(self, error: Exception, answer: answers.Answer, fields: dict[str, Any]) -> None:
        support_id = str(uuid.uuid4())
        # Never the exception's own text: it may hold values of other users.
        told = ProcessionError(f"something went wrong on our side; the server's log has the cause under {support_id}")
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            told = Unavailable(f"the server's disk takes no more ({error.strerror}); nothing was changed")
        log.error("request failed", exc_info=error, extra={**fields, "supportId": support_id, "status": told.status})
        await answer.send_error(told, support_id)


def _parsed(asked: Asked, raw: bytes) -> Mapping[str, Any]:
    if asked.route.body is BodyKind.JSON:
        return bodies.parse_json(raw)
    if asked.route.body is BodyKind.FORM:
        return bodies.parse_form(raw, asked.request.headers.get("content-type", ""))
    return {}


def _fields(scope: Scope, began: float) -> dict[str, Any]:
    # The query is left out: it may hold what people search for.
    duration_ms = round((asyncio.get_running_loop().time() - began) * 1000, 1)
    return {"method": scope["method"], "path": scope["path"][:500], "duration_ms": duration_ms}
