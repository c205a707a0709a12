"""How long a client may be slow: a grace, which time uses up and bytes earn again."""

from __future__ import annotations

LOOK_SECONDS = 1.0
# A client on the worst of lines is faster. Without a rate, a byte now and then would hold a socket for ever.
BYTES_A_SECOND_MIN = 1_024
BODY_GRACE_SECONDS = 30.0
ANSWER_GRACE_SECONDS = 60.0  # a client that is busy with the first part of an answer reads on later


class Patience:
    """With one client that sends, or reads. What it earns by haste is never more than the grace."""

    __slots__ = ("_grace", "_left", "_moved")

    def __init__(self, grace_seconds: float) -> None:
        self._grace = self._left = grace_seconds
        self._moved = 0

    def moved(self, size_bytes: int) -> None:
        """So many bytes came, or went."""
        self._moved += size_bytes

    def is_over(self, waited_seconds: float) -> bool:
        """After so many more seconds of waiting for the client alone."""
        self._left = min(self._grace, self._left + self._moved / BYTES_A_SECOND_MIN) - waited_seconds
        self._moved = 0
        return self._left <= 0

    def is_thin(self) -> bool:
        """Half of it is used up."""
        return self._left < self._grace / 2

    def renew(self) -> None:
        """For the next request."""
        self._left, self._moved = self._grace, 0
