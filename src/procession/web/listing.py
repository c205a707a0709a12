"""A list that is read whole, shown a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

T = TypeVar("T")

SHOWN = 25
_DIGITS_MAX = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOfList(Generic[T]):
    """`first` counts from 1; `back` and `following` are addresses, "" where there is none."""

    items: Sequence[T]
    first: int
    total: int
    back: str
    following: str

    @property
    def last(self) -> int:
        return self.first + len(self.items) - 1


def page_of(everything: Sequence[T], query: Mapping[str, str], *, shown: int = SHOWN) -> PageOfList[T]:
    """The page that `page` of the query names; another number than there is shows the nearest one."""
    last = max(1, -(-len(everything) // shown))
    number = min(max(1, number_of(query)), last)
    start = (number - 1) * shown
    return PageOfList(
        items=everything[start : start + shown],
        first=start + 1,
        total=len(everything),
        back=_address(query, number - 1) if number > 1 else "",
        following=_address(query, number + 1) if number < last else "",
    )


def number_of(query: Mapping[str, str]) -> int:
    text = query.get("page", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX else 1


def _address(query: Mapping[str, str], number: int) -> str:
    kept = {name: value for name, value in query.items() if name not in {"page", "said"}}
    return f"?{urlencode({**kept, 'page': number})}"
