"""The order of a list: what its address asks for, and where the headers of its table lead."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from procession.model.errors import Invalid

T = TypeVar("T")

# Of another order: a page of the list, or a note on what was done, is none of it.
_LEFT_OUT = ("order", "page", "cursor", "said")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """By the column `key`, the greatest first if `is_down`. `usual` is the order of an address that asks for none."""

    key: str
    is_down: bool
    usual: str
    kept: Mapping[str, str]
    greatest_first: Collection[str] = ()

    @property
    def asked(self) -> str:
        """As it stands in the address; "" for the usual one."""
        found = _text(self.key, is_down=self.is_down)
        return "" if found == self.usual else found

    def aria(self, key: str) -> str:
        if key != self.key:
            return ""
        return "descending" if self.is_down else "ascending"

    def address(self, key: str) -> str:
        """Of the same list by that column, or the other way round if it is sorted by it already."""
        is_down = not self.is_down if key == self.key else key in self.greatest_first
        order = _text(key, is_down=is_down)
        return f"?{urlencode({**self.kept, **({} if order == self.usual else {'order': order})})}"

    def sorted(self, items: Iterable[T], by: Mapping[str, Callable[[T], Any]]) -> list[T]:
        """None comes last either way; what is alike stays in the order in which it was."""
        told = [(by[self.key](item), item) for item in items]
        # None cannot be compared, and reversing the whole would bring it to the top.
        filled = [one for one in told if one[0] is not None]
        filled.sort(key=lambda one: one[0], reverse=self.is_down)
        return [item for _, item in filled] + [item for value, item in told if value is None]


def read(query: Mapping[str, str], keys: Collection[str], usual: str, greatest_first: Collection[str] = ()) -> Order:
    """Raises Invalid for what the list cannot be sorted by."""
    asked = query.get("order", "") or usual
    # A column of a table may have a name that begins so.
    is_down = asked.startswith("-") and asked not in keys
    key = asked[1:] if is_down else asked
    if key not in keys:
        raise Invalid(f'this list cannot be sorted by "{key[:80]}"; it can by {", ".join(keys)}')
    kept = {name: value for name, value in query.items() if value and name not in _LEFT_OUT}
    return Order(key=key, is_down=is_down, usual=usual, kept=kept, greatest_first=greatest_first)


def _text(key: str, *, is_down: bool) -> str:
    return f"-{key}" if is_down else key
