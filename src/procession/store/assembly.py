"""Chunks of one session put at their places in one file as they come, and hashed in their order.

A session whose chunks have one size, but for the last, is whole with its last chunk: the commit gives the file its
lasting name and copies nothing. Everything else is kept in files of its own and joined.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from procession.model.files import Content
from procession.model.uploads import Chunk

# Each reader holds one buffer of this size, so a dozen commits take a dozen megabytes.
PIECE_BYTES = 1 << 20


class Assembly:
    """Of one session. A place is written to by one sink, and by nobody once a row may name what is in it.

    `stride` is the size of the first large chunk that landed, 0 before. What an earlier server has begun is not gone on
    with: which of its places hold what counts is not known here.
    """

    def __init__(self, folder: Path, *, place_bytes_min: int, size_bytes_max: int) -> None:
        self.folder = folder
        self.path = folder / "whole"
        self.stride = 0
        self._place_bytes_min = place_bytes_min
        self._size_bytes_max = size_bytes_max
        self._lock = threading.Lock()
        # By number and not by offset: a chunk sent again must not write over the one that a row names.
        self._taken: set[int] = set()  # numbers whose place may hold what counts
        self._writing = 0
        # After a restart nobody knows which places are in use; files of their own are always safe.
        self._is_sealed = self.path.exists()
        self._landed: dict[int, tuple[str, int]] = {}  # name and size by number
        # Apart from _lock: hashing takes seconds, and claim() must not wait for it.
        self._hashing = threading.Lock()
        self._hash = hashlib.sha256()
        self._hashed: list[str] = []  # names, in order

    def claim(self, number: int) -> int | None:
        """Where the chunk's place begins; None: it needs a file of its own."""
        with self._lock:
            offset = (number - 1) * self.stride
            is_free = bool(self.stride) and number not in self._taken and not self._is_sealed
            # A client that sends chunk 10,000 first would make a sparse file as large as it likes.
            if not is_free or offset + self.stride > self._size_bytes_max:
                return None
            self._taken.add(number)
            self._writing += 1
            return offset

    def leave(self, number: int, *, is_free: bool) -> None:
        """The sink writes no more. `is_free`: nothing in its place counts."""
        with self._lock:
            self._writing -= 1
        if is_free:
            self.free(number)

    def free(self, number: int) -> None:
        with self._lock:
            # The bytes stay in the file: whoever claims the place next writes over them, or the commit does.
            self._taken.discard(number)

    def land(self, number: int, name: str, size_bytes: int) -> None:
        """All bytes of the chunk are written, if not synced; hash what is whole from the beginning."""
        with self._lock:
            if not self.stride and size_bytes >= self._place_bytes_min:
                self.stride = size_bytes
            self._landed[number] = (name, size_bytes)
        # Whoever hashes now takes this chunk too, when its turn comes; nobody has to wait.
        if self._hashing.acquire(blocking=False):
            try:
                self._hash_landed()
            finally:
                self._hashing.release()

    def _hash_landed(self) -> None:
        while (found := self._landed.get(len(self._hashed) + 1)) is not None:
            try:
                self._add(*found)
            except FileNotFoundError:  # replaced meanwhile: the commit begins anew
                return

    def _add(self, name: str, size_bytes: int) -> None:
        # A read that fails half way leaves a hash of half a chunk, which nothing could correct.
        before = self._hash.copy()
        try:
            for piece in pieces(self.folder, name, size_bytes):
                self._hash.update(piece)
        except BaseException:
            self._hash = before
            raise
        self._hashed.append(name)

    @contextmanager
    def sealed(self, chunks: Sequence[Chunk]) -> Iterator[Content | None]:
        """What the file holds when it is these chunks and nothing else; it is not written to from then on, and synced.

        None: they must be joined. One commit at a time.
        """
        with self._hashing:
            yield self._complete(chunks) if self._seal(chunks) else None

    def _seal(self, chunks: Sequence[Chunk]) -> bool:
        with self._lock:
            # A sink that still writes belongs to a chunk that no row names; joining does not care.
            if self._writing or not self.path.exists():
                return False
            # From here on no place is given out: the file is to become a content.
            was_sealed, self._is_sealed = self._is_sealed, True
        strays = [chunk for chunk, at in _places(chunks) if offset_of(chunk.stored_as) != at]
        # Once it has a second name it is a content, which nobody may change.
        return not strays or not (was_sealed or any(offset_of(chunk.stored_as) is not None for chunk in strays))

    def _complete(self, chunks: Sequence[Chunk]) -> Content | None:
        with self.path.open("r+b", buffering=0) as file:
            for chunk, at in _places(chunks):
                if offset_of(chunk.stored_as) is None:
                    write_all(file.fileno(), pieces(self.folder, chunk.stored_as, chunk.size_bytes), at)
            size = sum(chunk.size_bytes for chunk in chunks)
            # A chunk that was replaced by a shorter one leaves its old end behind.
            if os.fstat(file.fileno()).st_size != size:
                return None
            # The chunks were synced one by one, but not what was put at its place just now.
            os.fsync(file.fileno())
        return Content(sha256=self._hash_of(chunks), size_bytes=size)

    def _hash_of(self, chunks: Sequence[Chunk]) -> str:
        names = [chunk.stored_as for chunk in chunks]
        if self._hashed != names[: len(self._hashed)]:
            # A chunk was sent again after it was hashed: a hash cannot be taken back.
            self._hash, self._hashed = hashlib.sha256(), []
        for chunk in chunks[len(self._hashed) :]:
            self._add(chunk.stored_as, chunk.size_bytes)
        return self._hash.hexdigest()


def _places(chunks: Sequence[Chunk]) -> Iterator[tuple[Chunk, int]]:
    """Each with where it begins in the whole."""
    at = 0
    for chunk in chunks:
        yield chunk, at
        at += chunk.size_bytes


def offset_of(name: str) -> int | None:
    """Where the place of a chunk of this name begins; None for a file of its own."""
    # The place is in the name, so that the row says where the bytes are, after a restart too.
    _, _, offset = name.partition("@")
    return int(offset) if offset else None


def path_of(folder: Path, name: str) -> Path:
    return folder / name if offset_of(name) is None else folder / "whole"


def pieces(folder: Path, name: str, size_bytes: int) -> Iterator[memoryview]:
    """The bytes of a chunk, in constant memory; each piece is good until the next is asked for."""
    # One buffer for all pieces: 64 GB in new ones would be 64,000 allocations.
    buffer = memoryview(bytearray(min(PIECE_BYTES, max(size_bytes, 1))))
    with path_of(folder, name).open("rb", buffering=0) as file:
        file.seek(offset_of(name) or 0)
        while size_bytes and (got := file.readinto(buffer[:size_bytes])):
            yield buffer[:got]
            size_bytes -= got


def write_all(descriptor: int, parts: Iterator[memoryview], offset: int) -> None:
    for part in parts:
        view = part
        while view:
            # pwrite(2) and not seek and write: other sinks write to the same file.
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written
