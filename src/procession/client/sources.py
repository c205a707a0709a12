"""Sources of uploads: a path, bytes or an open binary file, read in pieces, again for each attempt."""

from __future__ import annotations

import base64
import hashlib
import io
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from procession.client.asking import Body
from procession.client.errors import Invalid

# A thread for each chunk holds one of them.
BLOCK_BYTES = 2**18

Source = Path | bytes | BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A source whose size is known; `begin` is where it starts in an open file."""

    source: Source
    size_bytes: int
    begin: int = 0

    def blocks(self, offset: int = 0, size_bytes: int | None = None) -> Iterator[bytes]:
        """From `offset` on, `size_bytes` of them. Raises Invalid when the file is gone or shorter meanwhile."""
        left = self.size_bytes - offset if size_bytes is None else size_bytes
        try:
            if isinstance(self.source, Path):
                with self.source.open("rb") as file:
                    yield from _blocks(file, offset, left)
            elif isinstance(self.source, bytes):
                yield from _blocks(io.BytesIO(self.source), offset, left)
            else:
                yield from _blocks(self.source, self.begin + offset, left)
        except (OSError, ValueError) as error:
            raise _unreadable(self.source, error) from error


def content(source: Source) -> Content:
    """Opens the source to check it, and leaves its position. Raises Invalid if it cannot be read twice."""
    if not isinstance(source, Path | bytes) and not hasattr(source, "read"):
        raise TypeError(f"what is uploaded must be a Path, bytes or an open binary file, not a {type(source).__name__}")
    try:
        if isinstance(source, Path):
            return Content(source=source, size_bytes=_size_bytes(source))
        if isinstance(source, bytes):
            return Content(source=source, size_bytes=len(source))
        begin = source.tell()
        size_bytes = source.seek(0, io.SEEK_END) - begin
        # Where it stood: the caller may have read a header from it.
        source.seek(begin)
        source.read(0)  # raises if open for writing only
        return Content(source=source, size_bytes=size_bytes, begin=begin)
    except (OSError, ValueError) as error:
        raise _unreadable(source, error) from error


def _size_bytes(path: Path) -> int:
    # A pipe has no size and cannot be read twice.
    if not stat.S_ISREG(path.stat().st_mode):
        raise Invalid(f"{path} cannot be read: it is not an ordinary file")
    with path.open("rb") as file:
        return file.seek(0, io.SEEK_END)


def _unreadable(source: Source, error: OSError | ValueError) -> Invalid:
    """A closed file raises ValueError."""
    name = source if isinstance(source, Path) else "the open file"
    return Invalid(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}")


def _blocks(file: BinaryIO, offset: int, left: int) -> Iterator[bytes]:
    file.seek(offset)
    while left > 0:
        block = file.read(min(BLOCK_BYTES, left))
        if not block:
            raise Invalid("the file became shorter while it was sent")
        left -= len(block)
        yield block


def sha256(content: Content, offset: int = 0, size_bytes: int | None = None) -> bytes:
    """Hashes the source before sending: a file that changes meanwhile is refused, not stored half and half."""
    digest = hashlib.sha256()
    # Read twice on purpose: the digest goes out before the bytes.
    for block in content.blocks(offset, size_bytes):
        digest.update(block)
    return digest.digest()


def multipart(content: Content, name: str, *, digest: bytes, offset: int = 0, size_bytes: int | None = None) -> Body:
    """One file part (RFC 7578) with its SHA-256 (RFC 9530), in constant memory."""
    size = content.size_bytes - offset if size_bytes is None else size_bytes
    # Random, so that no content can hold it.
    boundary = uuid.uuid4().hex
    # Percent-encode what a quoted file name may not hold, as browsers do.
    filename = quote(name, safe=" !#$&'()+,-.;=@[]^_`{}~", encoding="utf-8") if _must_quote(name) else name
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n"
        f"Content-Digest: sha-256=:{base64.b64encode(digest).decode()}:\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()

    def open_body() -> Iterator[bytes]:
        yield head
        yield from content.blocks(offset, size)
        yield tail

    return Body(
        media_type=f"multipart/form-data; boundary={boundary}",
        open=open_body,
        size_bytes=len(head) + size + len(tail),
    )


def _must_quote(name: str) -> bool:
    return any(character in '"\\' or ord(character) < 0x20 for character in name)
