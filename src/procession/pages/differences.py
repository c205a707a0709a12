"""What differs between two texts, line by line, in a time that is bounded."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

# Comparing takes, in the worst case, the product of the lines that differ.
COMPARED_LINES_MAX = 2_000
SHOWN_LINES_MAX = 400
_AROUND = 3  # equal lines that are shown before and after


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffLine:
    """`kind` is "+", "-", " ", or "…" for equal lines that are left out."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`problem` says why nothing, or not all of it, is shown."""

    lines: Sequence[DiffLine]
    problem: str = ""


def between(old: str, new: str) -> Difference:
    before, after = old.splitlines(), new.splitlines()
    if before == after:
        return Difference(lines=(), problem="The text is the same.")
    start = _common(before, after)
    end = min(_common(before[::-1], after[::-1]), min(len(before), len(after)) - start)
    # What is equal at both ends needs no comparing: most changes are a few lines of a long file.
    changed = before[start : len(before) - end], after[start : len(after) - end]
    if max(map(len, changed)) > COMPARED_LINES_MAX:
        return Difference(lines=(), problem=f"More than {COMPARED_LINES_MAX:,} lines differ, too many to show here.")
    around = max(0, start - _AROUND)
    tail = min(len(before), len(before) - end + _AROUND)
    told = difflib.unified_diff(
        before[around:tail], after[around : len(after) - len(before) + tail], lineterm="", n=_AROUND
    )
    lines = [_line(line) for line in list(told)[2:]]
    lines = lines[1:] if lines and lines[0].kind == "…" else lines
    if len(lines) > SHOWN_LINES_MAX:
        return Difference(lines=lines[:SHOWN_LINES_MAX], problem=f"Only the first {SHOWN_LINES_MAX} lines are shown.")
    return Difference(lines=lines)


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """How many lines both begin with."""
    many = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        many += 1
    return many


def _line(line: str) -> DiffLine:
    return DiffLine(kind="…", text="") if line.startswith("@@") else DiffLine(kind=line[:1], text=line[1:])
