"""Asks the application itself, without a client in between: thousands of requests in one event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from procession.model.errors import ProcessionError

App = Callable[..., Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`path` begins with /, as it goes over the wire; `token` None sends none."""

    method: str
    path: str | bytes
    token: str | None = None
    query: str = ""
    body: bytes = b""
    content_type: str = "application/json"
    headers: Headers = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def message(self) -> str:
        """Of a refusal, "" of anything else."""
        try:
            found = json.loads(self.body)["message"]
        except (ValueError, KeyError, TypeError):
            return ""
        return found if isinstance(found, str) else ""

    def json(self) -> Any:
        return json.loads(self.body)


async def ask(app: App, question: Question) -> Said:
    """The answer, once it is complete or was cut off."""
    parts: list[dict[str, Any]] = []
    pieces = [{"type": "http.request", "body": question.body, "more_body": False}]
    is_answered = asyncio.Event()

    async def receive() -> Any:
        if not pieces:
            await is_answered.wait()
        return pieces.pop() if pieces else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        parts.append(message)
        # A client that hangs up on what would go on for ever as soon as it begins.
        is_over = message["type"] == "http.response.body" and not message.get("more_body", False)
        if (
            is_over
            or (b"content-type", b"text/event-stream") in message.get("headers", ())
            or "follow" in question.query
        ):
            is_answered.set()

    try:
        await app(_scope(question), receive, send)
    except ProcessionError:
        assert parts, "an error after the answer has begun cuts the connection; before, it is answered"
    head, *rest = parts
    return Said(
        status=head["status"],
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head["headers"]},
        body=b"".join(part.get("body", b"") for part in rest),
    )


def _scope(question: Question) -> dict[str, Any]:
    raw = question.path if isinstance(question.path, bytes) else question.path.encode()
    headers = [(b"host", b"house.example"), (b"content-type", question.content_type.encode()), *question.headers]
    if question.token is not None:
        headers.append((b"authorization", b"Bearer " + question.token.encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": question.method,
        "scheme": "http",
        "path": unquote(raw.decode("latin-1")),
        "raw_path": raw,
        "query_string": question.query.encode(),
        "headers": headers,
        "client": ("127.0.0.1", 50_000),
        "server": ("house.example", 80),
    }
