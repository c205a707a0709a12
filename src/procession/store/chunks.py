"""The bytes of chunks on disk: a folder a session, durable before their row is written, one content at the commit.

Not in store/blobs, where contents are shared by their hash and never removed: a chunk goes with its session.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

from procession.model.files import Content
from procession.model.uploads import Chunk
from procession.store import ahead, assembly
from procession.store.assembly import Assembly
from procession.store.blobs import Blobs
from procession.store.crash import CrashPoint, pass_by
from procession.store.folder import sync_folders

PLACE_BYTES_MIN = 1 << 20  # smaller chunks are joined at the commit: the second writing of so little costs nothing
WHOLE_BYTES_MAX = 64 << 30  # of an assembled file, holes included; more than an upload may have


class Chunks:
    """Below one folder of the home. `session` is a uuid of ours, never a client's text."""

    def __init__(
        self, folder: Path, *, crash_point: CrashPoint = pass_by, place_bytes_min: int = PLACE_BYTES_MIN
    ) -> None:
        self.folder = folder
        self._crash_point = crash_point
        self._place_bytes_min = place_bytes_min
        # Two chunks of a session that arrive at once must find the same assembly.
        self._lock = threading.Lock()
        self._assemblies: dict[str, Assembly] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def sink(self, session: str, number: int) -> ChunkSink:
        """Where the bytes of a chunk go while they arrive."""
        with contextlib.suppress(FileExistsError):  # Path.mkdir(exist_ok=True) stumbles when it goes meanwhile
            # At each chunk and not at the beginning of the session: an empty session leaves nothing on disk.
            (self.folder / session).mkdir()
        return ChunkSink(self._assembly(session), number, self._crash_point)

    def _assembly(self, session: str) -> Assembly:
        with self._lock:
            if session not in self._assemblies:
                self._assemblies[session] = Assembly(
                    self.folder / session, place_bytes_min=self._place_bytes_min, size_bytes_max=WHOLE_BYTES_MAX
                )
            return self._assemblies[session]

    def join(self, session: str, chunks: Sequence[Chunk], blobs: Blobs) -> Content:
        """One content of all of them, in this order, durable; in constant memory.

        Raises FileNotFoundError when the session was removed meanwhile.
        """
        whole = self._assembly(session)
        with whole.sealed(chunks) as content:
            # Without links between the folders, the bytes go through a sink, as they would anywhere else.
            if content is not None and blobs.adopt(whole.path, content):
                return content
        return self._copy(session, chunks, blobs)

    def _copy(self, session: str, chunks: Sequence[Chunk], blobs: Blobs) -> Content:
        sink = blobs.sink()
        try:
            for chunk in chunks:
                for piece in assembly.pieces(self.folder / session, chunk.stored_as, chunk.size_bytes):
                    sink.write(piece)
            return sink.finish()
        except BaseException:
            sink.abandon()
            raise

    def drop(self, session: str, number: int, name: str) -> None:
        """A chunk that no row names. What is gone already is fine."""
        if assembly.offset_of(name) is None:
            (self.folder / session / name).unlink(missing_ok=True)
        else:
            # The file stays: other chunks of the session lie in it.
            self._assembly(session).free(number)

    def remove(self, session: str) -> None:
        """All chunks of the session. What is gone already is fine."""
        with self._lock:
            self._assemblies.pop(session, None)
        # What stays behind is found by the next sweep.
        shutil.rmtree(self.folder / session, ignore_errors=True)

    def sweep(self, kept: set[str]) -> int:
        """Remove every chunk but "session/name" in `kept`; only while nothing arrives. Gives how many."""
        paths = {assembly.path_of(self.folder / session, name) for session, _, name in (k.partition("/") for k in kept)}
        removed = 0
        for folder in self.folder.iterdir():
            for file in list(folder.iterdir()):
                if file not in paths:
                    file.unlink()
                    removed += 1
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()
        return removed


class ChunkSink:
    """A chunk under way: at its place in the session's one file while it fits, else in a file of its own."""

    def __init__(self, whole: Assembly, number: int, crash_point: CrashPoint) -> None:
        self.size_bytes = 0
        self._whole = whole
        self._number = number
        self._crash_point = crash_point
        # Of this chunk alone: the client may send a digest with each.
        self._hash = hashlib.sha256()
        self._is_abandoned = False
        self._offset = whole.claim(number)
        # A new name each time: a chunk sent again must not change the bytes of the one that a row names.
        self.name = secrets.token_hex(16) if self._offset is None else f"{secrets.token_hex(16)}@{self._offset}"
        try:
            self._descriptor = _opened(assembly.path_of(whole.folder, self.name))
        except BaseException:
            self._leave_place(is_free=True)
            raise
        self._is_open = True

    def write(self, block: bytes | bytearray | memoryview) -> None:
        # The size is known only at the end: a chunk may be longer than those before it.
        if self._offset is not None and self.size_bytes + len(block) > self._whole.stride:
            self._move_out()
        at = (self._offset or 0) + self.size_bytes
        assembly.write_all(self._descriptor, iter((memoryview(block),)), at)
        self._hash.update(block)
        self.size_bytes += len(block)

    def _move_out(self) -> None:
        """It is larger than its place: what came so far goes on in a file of its own."""
        name = secrets.token_hex(16)
        path = self._whole.folder / name
        descriptor = _opened(path)
        try:
            assembly.write_all(descriptor, assembly.pieces(self._whole.folder, self.name, self.size_bytes), 0)
        except BaseException:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        os.close(self._descriptor)
        self._leave_place(is_free=True)
        self.name, self._descriptor, self._offset = name, descriptor, None

    def finish(self) -> Content:
        """Durable from here on."""
        self._crash_point("before chunk")
        # Before the hashing, so that disk and processor work at the same time.
        ahead.start(self._descriptor)
        self._whole.land(self._number, self.name, self.size_bytes)  # hashes while the disk works
        # The row that is written next is a promise to the client, who may throw the chunk away.
        os.fsync(self._descriptor)
        sync_folders(self._whole.folder)
        self._close()
        self._crash_point("after chunk")
        return Content(sha256=self._hash.hexdigest(), size_bytes=self.size_bytes)

    def abandon(self) -> None:
        """Leave nothing. Safe to call twice."""
        if self._is_abandoned:
            return
        self._is_abandoned = True
        if self._is_open:
            self._close()
        if self._offset is None:
            (self._whole.folder / self.name).unlink(missing_ok=True)
        else:
            self._whole.free(self._number)

    def _close(self) -> None:
        self._is_open = False
        os.close(self._descriptor)
        self._leave_place(is_free=False)

    def _leave_place(self, *, is_free: bool) -> None:
        if self._offset is not None:
            self._whole.leave(self._number, is_free=is_free)


def _opened(path: Path) -> int:
    # Readable too: the hash of the whole is made of what was written.
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
