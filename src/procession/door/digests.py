"""Digests that a client sends with its bytes (RFC 9530, RFC 3230, RFC 1864): compared with what arrived."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from procession.model.errors import Invalid

HEADERS = ("content-digest", "repr-digest", "digest", "content-md5")
# The weak ones are checked too: they find what broke on the way, and nobody proves anything by them.
ALGORITHMS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512, "sha": hashlib.sha1, "md5": hashlib.md5}
# With and without the colons: RFC 9530 has them, RFC 3230 before it has not. Possessive (+), as in downloads.
_ENTRY = re.compile(r"\s*+([A-Za-z0-9-]{1,40}+)\s*+=\s*+:?([A-Za-z0-9+/]*+={0,2}+):?\s*+\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a header says the bytes hash to."""

    header: str
    algorithm: str
    digest: bytes


class Hashed:
    """Bytes as they come, hashed by whatever the headers promise; by nothing where they promise nothing."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Names of headers in lower case. Raises Invalid for a digest that cannot be compared."""
        self.promises = list(_promises(headers))
        # One for each algorithm, not for each header: the same bytes are hashed once.
        self._hashes: dict[str, Any] = {one.algorithm: ALGORITHMS[one.algorithm]() for one in self.promises}

    def add(self, data: bytes) -> None:
        for hashing in self._hashes.values():
            hashing.update(data)

    def keeps(self, promise: Promise) -> bool:
        return bool(self._hashes[promise.algorithm].digest() == promise.digest)


def check(promised: Hashed, *others: Hashed) -> None:
    """Raises Invalid unless each promise is kept by one of them: some send the digest of the file, some of the body."""
    for promise in promised.promises:
        if not any(hashed.keeps(promise) for hashed in (promised, *others)):
            names = f"another {promise.algorithm} than {promise.header} says"
            raise Invalid(f"the bytes that arrived have {names}; nothing was changed")


def check_bytes(headers: Mapping[str, str], data: bytes) -> None:
    """Raises Invalid."""
    hashed = Hashed(headers)
    hashed.add(data)
    check(hashed)


def _promises(headers: Mapping[str, str]) -> Iterator[Promise]:
    # ASGI servers drop trailers: the promise could never be compared, and would count as kept.
    if any(name in headers.get("trailer", "").lower() for name in HEADERS):
        raise Invalid("a digest in the trailer is not read here; send it in the head of the request")
    for header in HEADERS:
        if header in headers:
            text = headers[header]
            yield from _entries(header, ["md5=" + text] if header == "content-md5" else text.split(","))


def _entries(header: str, texts: Sequence[str]) -> Iterator[Promise]:
    """An algorithm that is not known here may stand beside one that is (RFC 9530 section 2), not alone."""
    known = False
    for text in texts:
        found = _ENTRY.match(text)
        if found is None:
            raise _malformed(header)
        algorithm = found[1].lower()
        if algorithm in ALGORITHMS:
            known = True
            yield Promise(header=header, algorithm=algorithm, digest=_decoded(header, algorithm, found[2]))
    if not known:
        raise Invalid(f"{header} names no algorithm that is compared here; use sha-256")


def _decoded(header: str, algorithm: str, text: str) -> bytes:
    try:
        # Without validate, characters that do not belong are skipped, and two texts are one digest.
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _malformed(header) from None
    if len(digest) != ALGORITHMS[algorithm]().digest_size:
        raise _malformed(header)
    return digest


def _malformed(header: str) -> Invalid:
    example = "the base64 of 16 bytes" if header == "content-md5" else "sha-256=:<base64>:"
    return Invalid(f"{header} is malformed; it must be like {example}")
