"""Small charts as SVG: places and sizes are attributes, because a page has no styles of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

KINDS = ("ok", "warn", "bad")  # from the bottom to the top
WIDTH, HEIGHT, STEP = 32, 102, 48  # of a bar, of the largest one, from bar to bar
_BASE, _LEFT, _GAP = 126, 8, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBar:
    """`middle` is where its texts stand, `top` where its number does."""

    name: str
    total: int
    x: int
    middle: int
    top: float
    pieces: Sequence[Piece]


def bars(days: Sequence[tuple[str, Sequence[int]]]) -> list[DayBar]:
    """One for each name; its numbers are those of KINDS."""
    most = max((sum(numbers) for _, numbers in days), default=0) or 1
    return [_bar(place, name, numbers, most) for place, (name, numbers) in enumerate(days)]


def _bar(place: int, name: str, numbers: Sequence[int], most: int) -> DayBar:
    top, pieces = float(_BASE), []
    for kind, number in zip(KINDS, numbers, strict=True):
        if number:
            # What happened once is seen beside what happened a thousand times.
            height = max(round(number / most * HEIGHT, 1) - _GAP, 2.0)
            top = round(top - height - _GAP, 1)
            pieces.append(Piece(kind=kind, y=top, height=height))
    x = _LEFT + place * STEP
    return DayBar(name=name, total=sum(numbers), x=x, middle=x + WIDTH // 2, top=top - 6, pieces=pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One run of a strip: what went wrong stands higher."""

    kind: str
    x: int
    y: int
    height: int


_HEIGHTS = {"bad": 12, "warn": 9}


def strip(kinds: Sequence[str]) -> list[Mark]:
    """Runs by how they ended, from left to right; a kind is a class of the style sheet."""
    return [
        Mark(kind=kind, x=place * 8, y=13 - _HEIGHTS.get(kind, 5), height=_HEIGHTS.get(kind, 5))
        for place, kind in enumerate(kinds)
    ]
