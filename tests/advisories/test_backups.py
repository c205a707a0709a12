"""Archives that write elsewhere, that never end, and that grow: what programs were attacked by that unpack them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import BinaryIO

import pytest

from procession.commands import archive
from procession.model.errors import Invalid

CONTENT = f"files/{'a' * 2}/{'b' * 62}"
SECONDS_MAX = 10


class Sink(io.BytesIO):
    """Counts what is written, and keeps none of it."""

    size = 0

    def write(self, data: object) -> int:
        assert isinstance(data, bytes)
        self.size += len(data)
        assert self.size < 10_000_000, "a small archive has become a large file"
        return len(data)


def packed(*members: tuple[str, dict[str, object]]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, fields in members:
            info = tarfile.TarInfo(name)
            for field, value in fields.items():
                setattr(info, field, value)
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return file.getvalue()


def forged(**patches: bytes) -> bytes:
    """The head of one member with bytes of its own at the places of the format, and the right sum."""
    places = {"size": 124, "kind": 156, "sparse": 386, "whole": 483}
    head = bytearray(tarfile.TarInfo("procession.db").tobuf(tarfile.GNU_FORMAT))
    for name, data in patches.items():
        head[places[name] : places[name] + len(data)] = data
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + bytes(1024)


def number(value: int) -> bytes:
    return (value & (2**96 - 1) | (1 << 95 if value < 0 else 0)).to_bytes(12, "big")


ARCHIVES = {
    "parent": packed(("../../etc/cron.d/x", {"size": 1})),
    "root": packed(("/etc/cron.d/x", {"size": 1})),
    "inside": packed(("files/../../x", {"size": 1})),
    "link": packed(("procession.db", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"})),
    "hard link": packed(("procession.db", {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"})),
    "folder link": packed(("files", {"type": tarfile.SYMTYPE, "linkname": "/etc"}), (CONTENT, {"size": 1})),
    "pipe": packed(("procession.db", {"type": tarfile.FIFOTYPE})),
    "device": packed(("procession.db", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5})),
    "twice": packed(("procession.db", {"size": 1}), ("procession.db", {"size": 1})),
    "sparse": forged(kind=b"S", sparse=b"%011o\0%011o\0" % (0, 0), whole=b"77777777777\0"),
    "negative": forged(size=number(-512)),
    "more negative": forged(size=number(-1024)),
    "huge": forged(size=number(2**62)),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_forged_backup_is_refused_before_it_writes_anywhere_else(tmp_path: Path, name: str) -> None:
    (tmp_path / "forged.tar").write_bytes(ARCHIVES[name])
    placed: list[str] = []

    def place(member: str) -> BinaryIO:
        placed.append(member)
        return Sink()

    with pytest.raises(Invalid):
        archive.read(tmp_path / "forged.tar", place)

    assert set(placed) <= {"procession.db"}
