"""The port of step logs: what each attempt at a step has printed, found by the attempt's number.

store/step_log_folder.py implements it. The log that users read is in store/log_items.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

PIECE_BYTES = 2**18


class StepLogs(Protocol):
    def append(self, attempt: int, text: bytes) -> int:
        """Gives how many of its bytes are kept, at least one: a disk may fill up in the middle of it.

        Only one writer for each attempt. Raises OSError when none can be kept.
        """

    def read(self, attempt: int, offset: int, size: int = PIECE_BYTES) -> bytes:
        """What there is from `offset` on, at most `size` bytes; b"" at the end, and for one that said nothing."""

    def size_bytes(self, attempt: int) -> int:
        """0 for one that said nothing."""

    def parts(self) -> list[str]:
        """Parts of the logs, each a thousand attempts or fewer."""

    def stored(self, part: str) -> list[int]:
        """The attempts of a part that have said something."""

    def remove(self, attempt: int) -> None:
        """One that is gone already is fine."""


def pieces(logs: StepLogs, attempt: int, start: int, length: int) -> Iterator[bytes]:
    """So many bytes of a log, or what there is of them."""
    while length > 0 and (piece := logs.read(attempt, start, min(length, PIECE_BYTES))):
        start, length = start + len(piece), length - len(piece)
        yield piece
