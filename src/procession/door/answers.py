"""Sends one answer to one request, in the form that its value needs (T9, T10, T12 of docs/wire.md)."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any

from procession.door import downloads
from procession.door.contract import (
    AssetReply,
    EmptyReply,
    ErrorHtml,
    FileReply,
    HtmlReply,
    RedirectReply,
    Reply,
    Request,
    Send,
    StreamReply,
    TextReply,
)
from procession.door.encoding import encode
from procession.door.paths import MethodNotAllowed
from procession.model.errors import ProcessionError

JSON = (b"content-type", b"application/json")
# Answers belong to one caller and change from one moment to the next.
COMMON = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
# Whoever found the queue full finds room after the next commit, which is milliseconds away.
RETRY_AFTER_SECONDS = 1
HTML = (b"content-type", b"text/html; charset=utf-8")
# A page is shown in no frame, and its address, which may hold a link's secret, is told to no other site. To our own it
# is: with no-referrer, browsers send "null" as the Origin of a form.
PAGE = ((b"referrer-policy", b"same-origin"), (b"x-frame-options", b"DENY"))
GZIP = ((b"content-encoding", b"gzip"), (b"vary", b"accept-encoding"))
GZIP_BYTES_MIN = 1_000
GZIP_LEVEL = 4  # 6 takes half as long again for a hundredth of the size
A_YEAR = (b"cache-control", b"public, max-age=31536000, immutable")


class Answer:
    """Tracks whether it has begun: after that, an error can only cut the connection."""

    __slots__ = ("_is_head", "_send", "error_html", "has_begun", "is_oauth", "request")

    def __init__(self, send: Send, *, is_head: bool) -> None:
        self._send = send
        self._is_head = is_head
        self.has_begun = False
        # Unknown until the path is read: a path that cannot be read is answered too.
        self.request: Request | None = None
        self.error_html: ErrorHtml | None = None
        self.is_oauth = False

    async def send_reply(self, reply: Any) -> None:
        match reply:
            # First, because almost every answer is one.
            case Reply(status=200):
                await self._send_json(200, encode(reply.value), reply.headers)
            case Reply():
                # Otherwise it would have no supportId, and nothing of it in the log.
                raise AssertionError("a status other than 200 is an error: raise it")
            case EmptyReply():
                # 200 and not 204: the SDK reads the body of every answer (T10).
                await self._send_whole(200, [(b"content-length", b"0"), *COMMON], b"")
            case FileReply():
                await downloads.send_file(self._asked(), self._counted, reply)
            case TextReply():
                await downloads.send_text(self._asked(), self._counted, reply)
            case StreamReply():
                await self._send_stream(reply)
            case HtmlReply():
                await self._send_html(reply, {})
            case AssetReply():
                await self._send_asset(reply)
            case RedirectReply():
                await self._send_redirect(reply)
            case _:
                await self._send_json(200, encode(reply), {})

    async def send_error(self, error: ProcessionError, support_id: str) -> None:
        """{"message", "supportId"} and what the error itself adds; nothing when an answer has begun."""
        if self.has_begun:
            # The client sees the connection end before the promised length: never a whole-looking, short file.
            raise error
        if self.error_html is not None:
            shown = self.error_html(self.request, error, support_id)
            if isinstance(shown, RedirectReply):
                await self._send_redirect(shown)
            else:
                await self._send_html(shown, error_headers(error))
            return
        fields = getattr(error, "fields", _oauth_fields(error) if self.is_oauth else {})
        body = {**fields, "message": error.message, "supportId": support_id}
        await self._send_json(error.status, encode(body), error_headers(error))

    async def _send_json(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        pairs = [JSON, (b"content-length", str(len(body)).encode()), *COMMON]
        # Latin-1 is what ASGI takes; HTTP/2 and uvicorn want the names in lower case.
        pairs += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send_whole(status, pairs, body)

    async def _send_html(self, page: HtmlReply, headers: Mapping[str, str]) -> None:
        body = page.html.encode()
        pairs = [HTML, *COMMON, *PAGE]
        if len(body) >= GZIP_BYTES_MIN and self._takes_gzip():
            body = gzip.compress(body, GZIP_LEVEL)
            pairs += GZIP
        pairs.append((b"content-length", str(len(body)).encode()))
        pairs += [(b"content-security-policy", policy(page).encode("latin-1")), *_cookies(page.cookies)]
        pairs += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send_whole(page.status, pairs, body)

    async def _send_asset(self, asset: AssetReply) -> None:
        body = asset.compressed if self._takes_gzip() else asset.body
        pairs = [(b"content-type", asset.media_type.encode()), (b"content-length", str(len(body)).encode()), A_YEAR]
        pairs.append((b"x-content-type-options", b"nosniff"))
        await self._send_whole(200, [*pairs, *(GZIP if body is asset.compressed else ())], body)

    def _takes_gzip(self) -> bool:
        """Not read to the letter: every browser sends it, and whoever refuses it by q=0 does not send it at all."""
        return self.request is not None and "gzip" in self.request.headers.get("accept-encoding", "")

    async def _send_redirect(self, reply: RedirectReply) -> None:
        location = (b"location", reply.location.encode("latin-1"))
        pairs = [location, (b"content-length", b"0"), *COMMON, *PAGE, *_cookies(reply.cookies)]
        # 303 and not 302: after a form, some browsers repeat the POST at a 302 (RFC 9110 section 15.4.4).
        await self._send_whole(303, pairs, b"")

    async def _send_stream(self, reply: StreamReply) -> None:
        # nginx holds back a stream by default, and a log would show minutes late.
        pairs = [(b"content-type", reply.media_type.encode("latin-1")), *COMMON, (b"x-accel-buffering", b"no")]
        pairs += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers.items()]
        await self._counted({"type": "http.response.start", "status": 200, "headers": pairs})
        await self._write(b"")  # the head goes out: what follows may take long to come
        if not self._is_head:
            await reply.write(self._write)
        await self._send({"type": "http.response.body", "body": b""})

    async def _write(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def _send_whole(self, status: int, pairs: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.has_begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})
        await self._send({"type": "http.response.body", "body": b"" if self._is_head else body})

    # Downloads send by themselves: has_begun must be true from their first byte on.
    async def _counted(self, message: Any) -> None:
        self.has_begun = True
        await self._send(message)

    def _asked(self) -> Request:
        assert self.request is not None
        return self.request


def _oauth_fields(error: ProcessionError) -> dict[str, str]:
    """RFC 6749 section 5.2 asks for `error` in every answer of its endpoints, whoever refused."""
    kinds = {429: "temporarily_unavailable", 503: "temporarily_unavailable"}
    # RFC 6749 section 4.1.2.1 gives these names; clients branch on them and not on the status.
    kind = kinds.get(error.status, "server_error" if error.status >= 500 else "invalid_request")
    return {"error": kind, "error_description": error.message}


def policy(page: HtmlReply) -> str:
    """The Content-Security-Policy of a page. Browsers hold redirects after a form to form-action, too."""
    targets = " ".join(["'self'", *page.form_targets])
    loads = "; ".join(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect"))
    return f"default-src 'none'; {loads}; form-action {targets}; frame-ancestors 'none'; base-uri 'none'"


def _cookies(cookies: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    return [(b"set-cookie", cookie.encode("latin-1")) for cookie in cookies]


def error_headers(error: ProcessionError) -> dict[str, str]:
    """The headers that a status demands (RFC 9110 sections 11.6.1, 15.5.6 and 15.6.4; RFC 6750 section 3)."""
    headers = dict(getattr(error, "headers", {}))
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = ", ".join(error.allow)
    elif error.status == 401:
        # setdefault: who refuses may know more, such as the missing scope.
        headers.setdefault("www-authenticate", 'Bearer error="invalid_token"')
    elif error.status == 503:
        headers.setdefault("retry-after", str(RETRY_AFTER_SECONDS))
    return headers
