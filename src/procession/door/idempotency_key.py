"""The header Idempotency-Key: read from a request, and an answer kept for its repetition (docs/wire.md)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec import UNSET, Raw

from procession.door.contract import BodyKind, EmptyReply, Mode, Reply, Request, Route
from procession.door.encoding import encode
from procession.model.errors import Invalid
from procession.model.ids import UserId
from procession.operations import idempotency
from procession.operations.idempotency import KeyedRequest
from procession.store.database import Transaction

T = TypeVar("T")

HEADER = "idempotency-key"
# A blank or a control character is a mistake of a template, and then every request has the same key.
_KEY = re.compile(r"[!-~]{1,255}\Z")
# Fields whose value is shown once: an answer that has one is not kept.
SECRETS = ("clientSecret", "setPasswordLink")


def counts_for(route: Route) -> bool:
    """Files and chunks replace what they had before: sending them twice does no harm, and the key says nothing."""
    is_whole = route.mode is Mode.WRITE or route.body in {BodyKind.JSON, BodyKind.TEXT, BodyKind.ROWS}
    return route.method == "POST" and is_whole and bool(route.rule.scope)


def keyed(route: Route, request: Request, user: UserId, ids: Mapping[str, Any]) -> KeyedRequest | None:
    """None without the header. Raises Invalid for a key that is none."""
    key = request.headers.get(HEADER)
    if key is None or not counts_for(route):
        return None
    if not _KEY.match(key):
        raise Invalid("the Idempotency-Key must be 1 to 255 printable ASCII characters without blanks")
    # Of the user and the route: keys of two scripts that both count from 1 do not meet.
    about = [str(user), route.pattern, {name: str(value) for name, value in ids.items()}, key]
    return KeyedRequest(hash=hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest(), asked="")


def asked(request: Request, body_hash: str) -> str:
    """Of the query and the body's hex SHA-256."""
    # The body as it came, not as it was read: two spellings of one value are two requests. With the key, which is kept
    # nowhere: a body may hold a password, and whoever has a backup could try all words on a hash of the body alone.
    return hashlib.sha256(f"{request.headers[HEADER]}\n{request.raw_query}\n{body_hash}".encode()).hexdigest()


def answered(tx: Transaction, keyed: KeyedRequest | None, reply: T) -> T:
    """The answer, kept in the transaction that does what was asked."""
    if keyed is not None:
        idempotency.keep(tx, keyed, kept(reply))
    return reply


def kept(reply: Any) -> bytes | None:
    """The answer as it is kept; None for one that is not."""
    if isinstance(reply, EmptyReply):
        return b""
    value = reply.value if isinstance(reply, Reply) else reply
    if any(getattr(value, name, UNSET) is not UNSET for name in SECRETS):
        return None
    return encode(value)


def again(answer: bytes) -> Reply | EmptyReply:
    """The answer that was kept."""
    return Reply(value=Raw(answer)) if answer else EmptyReply()
