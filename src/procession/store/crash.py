"""Named points at which a crash would hurt most; the crash tests stop the process there, nothing else does anything."""

from __future__ import annotations

from collections.abc import Callable

CrashPoint = Callable[[str], None]


def pass_by(point: str) -> None:
    """What a real server does at a crash point: go on."""
