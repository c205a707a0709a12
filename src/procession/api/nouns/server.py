"""Health, and the document of all routes."""

from __future__ import annotations

from procession.api.openapi import document as openapi_document
from procession.api.wire.server import Health
from procession.door.contract import Call, TextReply
from procession.model.errors import Unavailable
from procession.store import health as health_of_store


def health(call: Call) -> Health:
    """The event loop turns and the database can be read, or there would be no answer.

    Raises Unavailable where nothing can be written: a load balancer must send no more work here.
    """
    # A read, because a database file that is gone answers nothing else.
    health_of_store.check(call.tx)
    if why := call.context.resources.blobs.why_full():
        raise Unavailable(why)
    return Health(status="ok")


def openapi(call: Call) -> TextReply:
    document = openapi_document.as_seen_from(call.request.origin, call.context.document())
    return TextReply(text=document, media_type="application/json")
