"""Step logs on this disk: a file for each attempt that said something."""

from __future__ import annotations

import os
from pathlib import Path

from procession.store.step_logs import PIECE_BYTES

# A folder of a million files is slow to list on ext4, and slower to back up.
ATTEMPTS_IN_A_FOLDER = 1000


class StepLogFolder:
    """The logs below one folder of the home."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, attempt: int) -> Path:
        return self._folder / str(attempt // ATTEMPTS_IN_A_FOLDER) / f"{attempt}.log"

    def append(self, attempt: int, text: bytes) -> int:
        path = self.path(attempt)
        # Attempts begin in any order: each may be the first of its thousand.
        path.parent.mkdir(parents=True, exist_ok=True)
        # Opened each time: a descriptor for every step under way would be a thousand of them.
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            # Not synced: a log line is worth less than the millisecond, and nothing is promised of it.
            return os.write(handle, text)
        finally:
            os.close(handle)

    def read(self, attempt: int, offset: int, size: int = PIECE_BYTES) -> bytes:
        try:
            with self.path(attempt).open("rb") as file:
                file.seek(offset)
                return file.read(size)
        except FileNotFoundError:
            return b""

    def size_bytes(self, attempt: int) -> int:
        try:
            return self.path(attempt).stat().st_size
        except FileNotFoundError:
            return 0

    def parts(self) -> list[str]:
        return sorted(path.name for path in self._folder.glob("[0-9]*"))

    def stored(self, part: str) -> list[int]:
        return [int(path.stem) for path in (self._folder / part).glob("*.log") if path.stem.isdecimal()]

    def remove(self, attempt: int) -> None:
        self.path(attempt).unlink(missing_ok=True)
