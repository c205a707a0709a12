"""Request bodies: small ones as values, uploads streamed to a sink in constant memory (T5 to T8 of docs/wire.md)."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from procession.door import digests
from procession.door.contract import BodyKind, Mode, Receive, Route
from procession.model.errors import Invalid, ProcessionError, TooLarge
from procession.model.rights import PUBLIC

# Bodies are held in memory as a whole, once for each request under way.
BODY_BYTES_MAX = 1_048_576
# Four bytes a character is the most that UTF-8 takes.
TEXT_BYTES_MAX = 8_000_000  # what a file of documents.FILE_CHARACTERS_MAX can weigh
# Forms and requests for tokens: read on the event loop, and whoever sends them has proved nothing yet.
PUBLIC_BODY_BYTES_MAX = 65_536
# parse_qsl() builds a list of all: without a bound a megabyte of "&" is a million pairs.
FORM_FIELDS_MAX = 50
BODY_WAIT_SECONDS = 30  # for the next piece of a body; a client that sends nothing for so long is dropped
EXPONENT_MAX = 308  # of a number in JSON: what a double can hold, and never a number that fills the memory
# RFC 8259 section 8.1 lets a parser ignore it; Windows tools write it.
UTF8_MARK = b"\xef\xbb\xbf"


# No ProcessionError: it is answered with nothing at all.
class ClientGone(Exception):
    """The client hung up before its request was complete; nobody is left to answer."""


class Stalled(ProcessionError):
    """The body stopped arriving."""

    # RFC 9110 section 15.5.9: the client may send the request again.
    status = 408


class Encoded(ProcessionError):
    """A body that is not sent as it is; RFC 9110 section 15.5.16 asks to name what is taken."""

    status = 415
    headers: Mapping[str, str] = {"accept-encoding": "identity"}


def check_whole(headers: Mapping[str, str]) -> None:
    """Kept as it came, the body would be something else, or a part of it. Raises Encoded, Invalid."""
    # Chunked is undone by the HTTP parser; every other coding would be stored as if it were the content.
    for name, plain in (("content-encoding", {"", "identity"}), ("transfer-encoding", {"", "identity", "chunked"})):
        codings = {coding.strip().lower() for coding in headers.get(name, "").split(",")}
        if strange := codings - plain:
            raise Encoded(f"the body is encoded as {min(strange)[:40]}; send its bytes as they are")
    # RFC 9110 section 14.5.
    if "content-range" in headers:
        raise Invalid("Content-Range says that this is a part only; send the whole, or chunks by an upload session")


async def next_piece(receive: Receive) -> tuple[bytes, bool]:
    """The next piece of the body, and whether more follow. Raises ClientGone and Stalled."""
    try:
        async with asyncio.timeout(BODY_WAIT_SECONDS):
            message = await receive()
    except TimeoutError:
        raise Stalled(f"nothing of the request's body arrived for {BODY_WAIT_SECONDS} s") from None
    # ASGI's only other message here is http.disconnect.
    if message["type"] != "http.request":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


async def hang_up(receive: Receive) -> None:
    """Returns when the client has hung up. A body that nobody asked for is passed over."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def read_of(route: Route, receive: Receive, headers: Mapping[str, str]) -> bytes:
    """As read_small(), as much as a request to this route has reason to be."""
    most = PUBLIC_BODY_BYTES_MAX if route.rule is PUBLIC else BODY_BYTES_MAX
    # Only process files are longer than a request has reason to be.
    if route.body is BodyKind.TEXT and route.mode is Mode.STREAM:
        most = TEXT_BYTES_MAX
    return await read_small(receive, headers, most=most)


async def read_small(receive: Receive, headers: Mapping[str, str], *, most: int = BODY_BYTES_MAX) -> bytes:
    """The whole body, compared with its digest where it has one.

    Raises TooLarge before more than `most` bytes are held, ClientGone, Stalled, and as check_whole() does.
    """
    length = headers.get("content-length", "")
    # A hint that saves the transfer; the count below is what holds.
    if length.isdecimal() and int(length) > most:
        raise _too_large(most)
    pieces, size, more = [], 0, True
    while more:
        piece, more = await next_piece(receive)
        pieces.append(piece)
        size += len(piece)
        if size > most:
            raise _too_large(most)
    raw = b"".join(pieces)
    if raw:  # headers about no body are what old SDKs leak from call to call (T5)
        check_whole(headers)
        digests.check_bytes(headers, raw)
    return raw


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"the request's body is larger than {most} bytes")


def _exact(text: str) -> Decimal:
    # A double would make 0.1 + 0.2 of an accountant's 0.3.
    try:
        number = Decimal(text)
    except InvalidOperation:  # of an exponent with more digits than a machine word
        raise ValueError("a number is out of range") from None
    if abs(number.adjusted()) > EXPONENT_MAX:
        raise ValueError("a number is out of range")
    return number


_decoder = msgspec.json.Decoder(float_hook=_exact)


def parse_json(raw: bytes) -> dict[str, Any]:
    """A JSON object with its own keys in lower case, or {} for no body; numbers with a point are exact Decimals.

    Where two of its keys differ only by case, the last counts: an answer with mouseoverText and mouseOverText can be
    posted back. Keys inside are left alone: they may be names of steps. Raises Invalid, also for a key given twice.
    """
    raw = raw.removeprefix(UTF8_MARK).strip()  # PowerShell writes the mark
    if not raw:
        return {}
    try:
        body = _decoder.decode(raw)
        # A second reading: msgspec has no hook for pairs, and bodies are small.
        json.loads(raw, object_pairs_hook=_refuse_twins)
    # From either parser; a thousand brackets are two kilobytes.
    except RecursionError:
        raise Invalid("the body is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise Invalid(f"the body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object: {...}")
    # The public API is documented in camel case and used in every case (T5).
    return {key.lower(): value for key, value in body.items()}


def _refuse_twins(pairs: list[tuple[str, object]]) -> None:
    """msgspec takes the last of two equal keys; an amount that was given twice is a mistake, not a choice."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise Invalid(f'the body names "{name[:80]}" twice')
        seen.add(name)


def parse_form(raw: bytes, content_type: str) -> dict[str, str]:
    """The fields of a form or of a JSON object, keys in lower case, values as text (RFC 6749; the SDK sends JSON).

    Raises Invalid; a field given twice is refused (RFC 6749 section 3.2).
    """
    is_form = "json" not in content_type.lower() and not re.match(rb"\s*\{", raw.removeprefix(UTF8_MARK))
    if not is_form:
        return {key: _field(value) for key, value in parse_json(raw).items() if value is not None}
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX, errors="strict")
    except ValueError as error:
        raise Invalid(f"the body is not a valid form: {error}") from None
    fields = {key.lower(): value for key, value in pairs}
    if len(fields) < len(pairs):
        # Two scopes or two codes: which one was meant decides what is granted.
        raise Invalid("the form names one field twice")
    return fields


def _field(value: object) -> str:
    """A field left out by its type would count as not given: a scope that is no text must not mean every scope."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def parse_query(query: bytes) -> dict[str, str]:
    """The query with its names in lower case; of a repeated one the last counts. Raises Invalid."""
    if not query:
        return {}
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX, errors="strict")
    except ValueError:
        raise Invalid("the query of the address is malformed") from None
    # No text column can hold it, and a filter by it would silently find nothing.
    if any("\0" in value for _, value in pairs):
        raise Invalid("the query of the address holds a NUL character")
    return {key.lower(): value for key, value in pairs}


def repeated(raw_query: str) -> str | None:
    """The first name, in lower case, that a query which parse_query() took gives twice."""
    # raw_query is kept as latin-1, one character a byte, so that it goes back to the bytes that came.
    pairs = parse_qsl(raw_query.encode("latin-1").decode(), keep_blank_values=True)
    names = Counter(name.lower() for name, _ in pairs)
    return next((name for name, times in names.items() if times > 1), None)
