"""A request as a value, and bodies that can be sent again from the start."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from procession.client import reading

KEY_HEADER = "Idempotency-Key"
JSON = "application/json"
# Nothing is sent meanwhile, so the usual time for the next byte would be over.
WORK_SECONDS_MAX = 600.0  # gigabytes are joined, converted and synced before the answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """`open` restarts the content for each attempt; `size_bytes` None: sent in chunks, length unknown."""

    media_type: str
    open: Callable[[], Iterator[bytes]]
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """`path` is relative to /api/v1. `is_repeatable`: sending it twice is harmless.

    It is not sent again after `until`, on the client's clock.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    is_repeatable: bool = True
    # For one request that is known to take longer, such as a long poll.
    read_seconds: float | None = None
    until: float | None = None


def get(path: str, query: Mapping[str, object] | None = None, **more: Any) -> Ask:
    """Query parameters that are None are left out. Raises Invalid for a date and time without a zone."""
    given = {name: _text(value) for name, value in (query or {}).items() if value is not None}
    return Ask(method="GET", path=path, query=given, **more)


def _text(value: object) -> str:
    # str(True) is "True", which the API does not know.
    if isinstance(value, bool):
        return "true" if value else "false"
    return reading.moment_text(value) if isinstance(value, datetime) else str(value)


def post(path: str, content: Any = None) -> Ask:
    """JSON, with a key."""
    return keyed(path, None if content is None else fixed(reading.encode(content), JSON))


def keyed(path: str, body: Body | None, query: Mapping[str, str] | None = None) -> Ask:
    """A POST with a key of its own, by which the server knows a second sending (docs/wire.md, What Procession adds)."""
    return Ask(method="POST", path=path, query=query or {}, body=body, headers={KEY_HEADER: str(uuid.uuid4())})


def fixed(content: bytes, media_type: str) -> Body:
    return Body(media_type=media_type, open=lambda: iter((content,)), size_bytes=len(content))


def segment(text: str) -> str:
    """Any text as exactly one segment of a path."""
    # Dots alone would be taken for a step upwards by proxies and by httpx.
    return quote(text, safe="").replace(".", "%2E") if set(text) <= {"."} else quote(text, safe="")
