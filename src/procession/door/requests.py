"""The envelope of a request, from what ASGI says of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from procession.door import bodies
from procession.door.contract import Request, Scope
from procession.model.errors import Invalid

# Narrow on purpose: the Host becomes part of links in mails and of redirects.
_HOST = re.compile(r"(([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?)?\Z")


def read(scope: Scope, public_url: str) -> Request:
    """`public_url` is where users reach us; "" takes the Host header's word.

    Raises Invalid for a Host that is none, or two of them (RFC 9112 section 3.2): links to us are made of it.
    """
    # RFC 9110 section 5.5: blanks around a value are no part of it. h11 leaves those at the end.
    pairs = [(name.decode("latin-1"), value.decode("latin-1").strip(" \t")) for name, value in scope["headers"]]
    headers = dict(pairs)
    if len(headers) < len(pairs):
        headers = _joined(pairs)
    # Two of them are a list by now, which is no host.
    if not _HOST.match(headers.get("host", "")):
        raise Invalid("the header Host does not name one host")
    query = scope["query_string"]
    return Request(
        method=scope["method"],
        path=scope["path"],
        origin=public_url or f"{scope['scheme']}://{headers.get('host', 'localhost')}",
        headers=headers,
        query=bodies.parse_query(query),
        raw_query=query.decode("latin-1"),
        client=(scope.get("client") or ("",))[0],
    )


def wants_html(scope: Scope) -> bool:
    """Whether a browser asks, and not a program."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """A repeated one is a list (RFC 9110 section 5.3): somebody in front of us may have looked at another line."""
    headers: dict[str, list[str]] = {}
    # Put together at the end: a head may hold ten thousand of one name.
    for name, value in pairs:
        headers.setdefault(name, []).append(value)
    # RFC 9113 section 8.2.3 lets a client split its cookies.
    return {name: ("; " if name == "cookie" else ", ").join(values) for name, values in headers.items()}
