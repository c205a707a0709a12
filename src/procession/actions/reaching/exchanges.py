"""Requests over HTTP, each to an address that was checked, within a time for the whole of it and a size for its answer.

Redirects are followed here and nowhere else: what proves who asks, and what the user gave, goes to no other place.
"""

from __future__ import annotations

import base64
import ssl
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx2

from procession.actions.contract import ConnectionInput
from procession.actions.problems import Problem
from procession.actions.reaching import addresses, trust, urls
from procession.actions.reaching.addresses import AddressRefused, CheckedAddress
from procession.actions.reaching.urls import HttpUrl
from procession.actions.reaching.watches import TimeWatch

BODY_BYTES_MAX = 64 * 2**20  # of an answer, after it was unpacked
REDIRECTS_MAX = 5
CONNECT_SECONDS_MAX = 15.0
_PIECE_BYTES = 65_536
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SAFE = frozenset({"GET", "HEAD"})
_ONCE = frozenset({"POST", "PATCH"})
_AGENT = "Procession"


class Unanswered(Problem):
    """There is no answer. `is_in_doubt`: it may have arrived all the same."""

    def __init__(self, text: str, *, is_in_doubt: bool) -> None:
        super().__init__(text)
        self.is_in_doubt = is_in_doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAsk:
    """One request. `headers` are those beside what proves who asks; a Path is a body that is read from a file."""

    method: str
    url: HttpUrl
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Path = b""
    seconds_max: float = 60.0  # for the whole of it, redirects included


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """`body` is a file that stays until the next request; header names are in lower case.

    `may_be_done`: what was asked was taken before this answer, which is of another request (RFC 9110, 15.4.4), or of
    the same one sent again. Whatever it says is no refusal.
    """

    status: int
    headers: Mapping[str, str]
    body: Path
    size_bytes: int
    url: HttpUrl  # that gave it
    may_be_done: bool = False

    def shown(self) -> str:
        """The beginning of its body, for a message."""
        with self.body.open("rb") as file:
            text = file.read(600).decode("utf-8", "replace")
        line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
        return line if len(line) <= 200 else f"{line[:200]}..."


class HttpExchange:
    """Sends requests by one connection of the kind http, with its proof; closes with the block."""

    def __init__(self, connection: ConnectionInput, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        self._home = urls.parse(connection.options["url"])
        self._proof = _proof(connection)
        if self._proof and self._home.scheme == "http" and not connection.private_hosts:
            raise Problem(f"{connection.called} would send its secret without TLS; its address must begin with https")
        self._transports: dict[tuple[tuple[str, str, int], CheckedAddress, bool], httpx2.HTTPTransport] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for transport in self._transports.values():
            transport.close()

    def send(self, ask: HttpAsk) -> HttpAnswer:
        """The answer, whatever its status; that of the last redirect that may be followed. Raises Problem."""
        may_be_done = False
        with TimeWatch(ask.seconds_max) as watch:
            for _ in range(REDIRECTS_MAX + 1):
                with in_doubt(may_be_done):
                    answer = self._send(ask, watch)
                if answer.status not in _REDIRECTS or "location" not in answer.headers:
                    return replace(answer, may_be_done=may_be_done)
                following = self._follow(ask, answer)
                # A POST that is answered by "see there" was taken: what goes wrong from here on takes nothing back.
                may_be_done, ask = may_be_done or following.method != ask.method, following
        raise Problem(f"{ask.url.host} redirects more than {REDIRECTS_MAX} times")

    def _follow(self, ask: HttpAsk, answer: HttpAnswer) -> HttpAsk:
        to = urls.next_of(ask.url, answer.headers["location"])
        if to.origin != self._home.origin and ask.method not in _SAFE:
            raise Problem(f"{ask.url.host} redirects to {to.host}; what is sent to the connection goes nowhere else")
        if answer.status == 303 or (answer.status in {301, 302} and ask.method == "POST"):
            # RFC 9110, 15.4: the answer to what was done is fetched from there.
            kept = {name: text for name, text in ask.headers.items() if not name.lower().startswith("content-")}
            return replace(ask, method="HEAD" if ask.method == "HEAD" else "GET", url=to, body=b"", headers=kept)
        return replace(ask, url=to)

    def _places(self, url: HttpUrl) -> tuple[CheckedAddress, ...]:
        private, is_own = self._connection.private_hosts, url.host.lower() == self._home.host.lower()
        if is_own or not private:
            return addresses.find(url.host, url.port, private_hosts=private)
        try:
            # Whoever allowed this host to be private did not mean all the others that it knows.
            return addresses.find(url.host, url.port, private_hosts=False)
        except AddressRefused as error:
            # What no step may connect to, whatever is allowed, is told as that.
            addresses.find(url.host, url.port, private_hosts=True)
            raise AddressRefused(
                f"{self._home.host} leads on to {url.host}; of private hosts, {self._connection.called} reaches that of"
                " its own address alone"
            ) from error

    def _send(self, ask: HttpAsk, watch: TimeWatch) -> HttpAnswer:
        is_home = ask.url.origin == self._home.origin
        headers = {**_USUAL, "Host": ask.url.authority}
        if is_home:
            # The proof last: no header of a step, in whatever case, stands in its place or beside it.
            headers = merged(headers, ask.headers, self._proof)
        places = self._places(ask.url)
        for number, place in enumerate(places, start=1):
            try:
                return self._send_to(place, ask, headers, watch)
            except httpx2.ConnectError as error:
                if number == len(places) or watch.is_over or _is_tls(error):
                    raise _unanswered(ask, error, watch, is_in_doubt=False) from error
            except httpx2.ConnectTimeout as error:
                if number == len(places) or watch.is_over:
                    raise _unanswered(ask, error, watch, is_in_doubt=False) from error
            except (httpx2.TransportError, zlib.error, TimeoutError) as error:
                raise _unanswered(ask, error, watch, is_in_doubt=True) from error
        raise AddressRefused(f"{ask.url.host} has no address")

    def _send_to(self, place: CheckedAddress, ask: HttpAsk, headers: Mapping[str, str], watch: TimeWatch) -> HttpAnswer:
        transport = self._transport(ask.url, place, is_kept=ask.method not in _ONCE)
        seconds = watch.left
        timeout = httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS_MAX))
        # By parts, and by the address that was checked: nobody reads a text of ours once more, in another way.
        path, _, query = ask.url.target.partition("?")
        raw = path.encode() + (b"?" + query.encode() if query else b"")
        url = httpx2.URL(scheme=ask.url.scheme, host=str(place.address), port=place.port, raw_path=raw)
        request = httpx2.Request(
            ask.method,
            url,
            headers=[(name.encode(), text.encode()) for name, text in headers.items()],
            content=_pieces(ask.body) if isinstance(ask.body, Path) else ask.body,
            extensions={"timeout": timeout.as_dict(), "sni_hostname": ask.url.host, "trace": partial(_heard, watch)},
        )
        if isinstance(ask.body, Path):
            # With its size: many servers do not take a body in chunks.
            request.headers["Content-Length"] = str(ask.body.stat().st_size)
            request.headers.pop("Transfer-Encoding", None)
        response = transport.handle_request(request)
        try:
            return self._answer(ask, response, watch)
        finally:
            response.close()

    def _transport(self, url: HttpUrl, place: CheckedAddress, *, is_kept: bool) -> httpx2.HTTPTransport:
        # One for each name and address: a connection that was proved to be one name's is used for no other. What must
        # not happen twice gets a new one: of one that the server closes meanwhile, nobody knows what has arrived.
        key = (url.origin, place, is_kept)
        if key not in self._transports:
            limits = httpx2.Limits(max_keepalive_connections=1 if is_kept else 0)
            context = trust.context(url.scheme)
            self._transports[key] = httpx2.HTTPTransport(verify=context, trust_env=False, limits=limits)
        return self._transports[key]

    def _answer(self, ask: HttpAsk, response: httpx2.Response, watch: TimeWatch) -> HttpAnswer:
        # One file for all of them, as each is read before the next is asked for: 40,000 rows would fill the disk.
        path = self._folder / "answer"
        size = 0
        # By what is unpacked, as it comes: a size in a header is the server's own word.
        with path.open("wb") as file:
            for piece in _unpacked(response, ask.url.host):
                size += len(piece)
                if size > BODY_BYTES_MAX:
                    raise Problem(f"the answer of {ask.url.host} is larger than {BODY_BYTES_MAX // 2**20} MB")
                file.write(piece)
        _ = watch.left  # one that was cut in the middle may look like one that has ended
        headers = {name.lower(): text for name, text in response.headers.items()}
        return HttpAnswer(status=response.status_code, headers=headers, body=path, size_bytes=size, url=ask.url)


@contextmanager
def in_doubt(may_be_done: bool) -> Iterator[None]:
    """What may be done already stays so, however certain it is that this further request reached nobody."""
    try:
        yield
    except (AddressRefused, Unanswered) as error:
        if not may_be_done:
            raise
        raise Unanswered(str(error), is_in_doubt=True) from error


def merged(*parts: Mapping[str, str]) -> dict[str, str]:
    """Headers of which later ones replace earlier ones: their names are one in any case (RFC 9110, 5.1)."""
    found: dict[str, tuple[str, str]] = {}
    for part in parts:
        found |= {name.lower(): (name, text) for name, text in part.items()}
    return dict(found.values())


_USUAL = {"Accept": "*/*", "Accept-Encoding": "gzip", "User-Agent": _AGENT}


def _proof(connection: ConnectionInput) -> dict[str, str]:
    """The header that proves who asks. Raises Problem without telling what is wrong with a secret."""
    options, secrets = connection.options, connection.secrets
    match options.get("proof", "none"):
        case "basic":
            pair = f"{options.get('user', '')}:{secrets.get('password', '')}"
            # RFC 7617: in UTF-8.
            name, text = "Authorization", "Basic " + base64.b64encode(pair.encode()).decode()
        case "bearer":
            name, text = "Authorization", f"Bearer {secrets.get('token', '')}"
        case "header":
            name, text = str(options.get("header", "")), secrets.get("value", "")
        case _:
            return {}
    if not text or text == "Bearer ":
        # Taken away, perhaps in a hurry: without it nothing is asked. (A user without a password is a proof to some.)
        raise Problem(f"{connection.called} has no secret to prove who asks; an administrator can set it")
    if not name or not text.isprintable():
        raise Problem(f"{connection.called} has a header or a secret that no request can hold")
    return {name: text}


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _unpacked(response: httpx2.Response, host: str) -> Iterator[bytes]:
    """The body as it was before it was packed, in pieces of a bounded size: a bomb is met piece by piece."""
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    stream = response.stream
    assert isinstance(stream, httpx2.SyncByteStream)
    if packed in {"", "identity"}:
        yield from stream
        return
    if packed not in {"gzip", "x-gzip", "deflate"}:
        raise Problem(f"the answer of {host} is packed as {packed[:40]!r}, which was not asked for")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip and zlib, whichever it is
    for piece in stream:
        left = piece
        while left:
            yield unpack.decompress(left, _PIECE_BYTES)
            left = unpack.unconsumed_tail
            if unpack.eof and unpack.unused_data:
                # A second member of the same gzip (RFC 1952, 2.2): without it the answer would end early, in silence.
                left, unpack = unpack.unused_data, zlib.decompressobj(zlib.MAX_WBITS | 32)
    yield unpack.flush()
    if not unpack.eof:
        raise httpx2.RemoteProtocolError("the packed answer ends in the middle")


def _heard(watch: TimeWatch, event: str, info: Mapping[str, Any]) -> None:
    """Of every connection that is made, and of every one that gets TLS."""
    if event.endswith(("connect_tcp.complete", "start_tls.complete")):
        watch.add(info["return_value"].get_extra_info("socket"))


def _is_tls(error: Exception) -> bool:
    return isinstance(error.__cause__, ssl.SSLError) or "SSL" in str(error) or "certificate" in str(error)


def _unanswered(ask: HttpAsk, error: Exception, watch: TimeWatch, *, is_in_doubt: bool) -> Unanswered:
    is_late = watch.is_over or (isinstance(error, httpx2.TimeoutException) and is_in_doubt)
    why = watch.words if is_late else str(error) or type(error).__name__
    return Unanswered(f"{ask.url.host} does not answer: {why}", is_in_doubt=is_in_doubt)
