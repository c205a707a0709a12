"""What the first line of a request says, for ASGI. What somebody in front of us may read in another way is refused."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import httptools

VERSIONS = frozenset({"1.0", "1.1"})  # the parser also takes 0.9 and 2.0, which are other protocols
_AUTHORITY = re.compile(rb"[A-Za-z]+://([^/?]*)")


def describe(scope: Any, *, method: bytes, target: bytes, version: str) -> None:
    """Raises ValueError."""
    # RFC 9112 section 3.2: a target has no fragment; some drop it, others do not.
    if version not in VERSIONS or b"#" in target:
        raise ValueError("not a request of HTTP/1.1")
    url = httptools.parse_url(target)
    _settle_host(scope["headers"], target, version)
    scope["method"] = method.decode("ascii")
    scope["http_version"] = version
    scope["raw_path"] = url.path
    scope["path"] = unquote(url.path.decode("ascii"))
    scope["query_string"] = url.query or b""


def _settle_host(headers: list[tuple[bytes, bytes]], target: bytes, version: str) -> None:
    """RFC 9112 sections 3.2 and 3.2.2: one host, of the target if it names one. Two of them are refused later."""
    named = [pair for pair in headers if pair[0] == b"host"]
    if len(named) <= 1 and (authority := _AUTHORITY.match(target)):
        headers[:] = [*(pair for pair in headers if pair[0] != b"host"), (b"host", authority[1])]
    elif not named and version == "1.1":
        raise ValueError("a request names its host")
