"""The bytes of chunks on disk: a folder a session, durable before their row is written, joined at the commit.

Not in store/blobs, where contents are shared by their hash and never removed: a chunk goes with its session.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from procession.model.files import Content
from procession.store.blobs import COPY_BYTES, Blobs
from procession.store.crash import CrashPoint, pass_by
from procession.store.folder import FileSink, sync_folders


class Chunks:
    """Below one folder of the home. `session` is a uuid of ours, never a client's text."""

    def __init__(self, folder: Path, *, crash_point: CrashPoint = pass_by) -> None:
        self.folder = folder
        self._crash_point = crash_point
        folder.mkdir(parents=True, exist_ok=True)

    def sink(self, session: str) -> FileSink:
        """Where the bytes of a chunk go while they arrive; the name of its path is the chunk's."""
        folder = self.folder / session
        folder.mkdir(exist_ok=True)
        return FileSink(folder / secrets.token_hex(16), self._settle)

    def join(self, session: str, names: Iterable[str], blobs: Blobs) -> Content:
        """One content of all of them, in this order, durable; in constant memory.

        Raises FileNotFoundError when the session was removed meanwhile.
        """
        sink = blobs.sink()
        buffer = bytearray(COPY_BYTES)
        try:
            for name in names:
                with (self.folder / session / name).open("rb", buffering=0) as file:
                    while size := file.readinto(buffer):
                        sink.write(memoryview(buffer)[:size])
            return sink.finish()
        except BaseException:
            sink.abandon()
            raise

    def remove(self, session: str, name: str = "") -> None:
        """One chunk, or all of the session. What is gone already is fine."""
        if name:
            (self.folder / session / name).unlink(missing_ok=True)
        else:
            shutil.rmtree(self.folder / session, ignore_errors=True)

    def sweep(self, kept: set[str]) -> int:
        """Remove every chunk but "session/name" in `kept`; only while nothing arrives. Gives how many."""
        removed = 0
        for folder in self.folder.iterdir():
            for file in list(folder.iterdir()):
                if f"{folder.name}/{file.name}" not in kept:
                    file.unlink()
                    removed += 1
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()
        return removed

    def _settle(self, sink: FileSink, _: Content) -> None:
        self._crash_point("before chunk")
        sink.sync()
        sync_folders(sink.path.parent)
        self._crash_point("after chunk")
