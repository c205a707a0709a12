"""What is uploaded: a path, bytes or an open binary file, read piece by piece, as often as an attempt asks for it."""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from procession.client.asking import Body
from procession.client.errors import Invalid

BLOCK_BYTES = 2**18

Source = Path | bytes | BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A source whose size is known; `begin` is where it starts in an open file."""

    source: Source
    size_bytes: int
    begin: int = 0

    def blocks(self, offset: int = 0, size_bytes: int | None = None) -> Iterator[bytes]:
        """From `offset` on, `size_bytes` of them. Raises Invalid when the file has become shorter meanwhile."""
        left = self.size_bytes - offset if size_bytes is None else size_bytes
        if isinstance(self.source, Path):
            with self.source.open("rb") as file:
                yield from _blocks(file, offset, left)
        elif isinstance(self.source, bytes):
            yield from _blocks(io.BytesIO(self.source), offset, left)
        else:
            yield from _blocks(self.source, self.begin + offset, left)


def content(source: Source) -> Content:
    """Raises Invalid for a path that cannot be read, and for an open file that cannot be read twice."""
    try:
        if isinstance(source, Path):
            return Content(source=source, size_bytes=source.stat().st_size)
        if isinstance(source, bytes):
            return Content(source=source, size_bytes=len(source))
        begin = source.tell()
        return Content(source=source, size_bytes=source.seek(0, io.SEEK_END) - begin, begin=begin)
    except OSError as error:
        name = source if isinstance(source, Path) else "the open file"
        raise Invalid(f"{name} cannot be read: {error.strerror or error}") from error


def _blocks(file: BinaryIO, offset: int, left: int) -> Iterator[bytes]:
    file.seek(offset)
    while left > 0:
        block = file.read(min(BLOCK_BYTES, left))
        if not block:
            raise Invalid("the file became shorter while it was sent")
        left -= len(block)
        yield block


def multipart(content: Content, name: str, *, offset: int = 0, size_bytes: int | None = None) -> Body:
    """One file part (RFC 7578), in constant memory."""
    size = content.size_bytes - offset if size_bytes is None else size_bytes
    boundary = uuid.uuid4().hex
    # What a quoted file name may not hold is percent-encoded, as browsers do.
    filename = quote(name, safe=" !#$&'()+,-.;=@[]^_`{}~", encoding="utf-8") if _must_quote(name) else name
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
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
