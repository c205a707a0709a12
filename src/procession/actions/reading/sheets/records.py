"""The records of a part of a binary workbook (XLSB): a number, a length and that many bytes, one after the other."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from procession.actions.problems import Problem

Record = tuple[int, bytes]
# Four bytes of a length can announce 256 MiB, all of which would be held until the record ends.
_BYTES_MAX = 16 << 20


def records(chunks: Iterable[bytes], what: str) -> Iterator[Record]:
    """Raises Problem that names `what` when a record has no end."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        at = 0
        while (head := _head(rest, at)) is not None:
            number, start, end = head
            if end - start > _BYTES_MAX:
                raise Problem(f"{what} is damaged: it has a record of {end - start:,} bytes")
            if end > len(rest):
                break
            yield number, rest[start:end]
            at = end
        rest = rest[at:]
    if rest:
        raise Problem(f"{what} is damaged: it ends within a record")


def _head(content: bytes, at: int) -> tuple[int, int, int] | None:
    """Number, start and end of the record at a place; None when its head is not all there."""
    try:
        number = content[at]
        at += 1
        if number & 0x80:
            number = number & 0x7F | (content[at] & 0x7F) << 7
            at += 1
        length = 0
        # MS-XLSB, Record: seven bits a byte, the lowest first; the eighth says that one more follows.
        for shift in (0, 7, 14, 21):
            byte = content[at]
            at += 1
            length |= (byte & 0x7F) << shift
            if not byte & 0x80:
                break
    except IndexError:
        return None
    return number, at, at + length


def wide(content: bytes, at: int = 0) -> tuple[str, int]:
    """The text at a place, and where it ends. Raises struct.error or ValueError when it is damaged."""
    (length,) = struct.unpack_from("<I", content, at)
    if length == 0xFFFFFFFF:  # "no text", which some records may say
        return "", at + 4
    end = at + 4 + 2 * length
    if end > len(content):
        raise ValueError("a text has no end")
    return content[at + 4 : end].decode("utf-16-le"), end
