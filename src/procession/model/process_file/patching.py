"""A mapping of a process file set anew on its own lines: what did not change stays as its author wrote it.

Where lines cannot say it, as within brackets, there is no patch; whoever asks writes the whole anew then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from procession.model.process_file import rendering
from procession.model.process_file.documents import Document, Path, Spot

WIDTH = 120
_INDENT = 2


class NoPatch(Exception):
    """The lines of the value do not stand by themselves."""


def dumped(data: Any) -> str:
    """As a process file writes it."""
    text: str = yaml.dump(data, Dumper=rendering.FileDumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text


class Patch:
    """Gives the lines of a value after a change, with its comments."""

    def __init__(self, document: Document, lines: Sequence[str]) -> None:
        self._document = document
        self._lines = lines

    def top(self, new: dict[str, Any]) -> list[str]:
        """All lines of the file. Raises NoPatch."""
        first = min(self._key_line((), key) for key in self._document.data)
        return [*self._lines[:first], *self.mapping((), new, len(self._lines))]

    def mapping(self, path: Path, new: dict[str, Any], end: int) -> list[str]:
        """All lines from the first key of the mapping at `path` to `end`. Raises NoPatch."""
        old = self._at(path)
        keys = list(old)
        starts = [self._key_line(path, key) for key in keys]
        # Keys that share a line, or come from an anchor, cannot be cut apart by lines.
        if not keys or len(set(starts)) < len(keys) or sorted(starts) != starts:
            raise NoPatch
        column = self._document.key_spots[*path, keys[0]].column - 1
        found: dict[str, list[str]] = {}
        for key, start, until in zip(keys, starts, [*starts[1:], end], strict=True):
            own = self._own_end(start, until, column)
            # Comments here lead to the next key, and must stay when this one goes.
            tail = list(self._lines[own:until])
            found[key] = [*self._entry(path, key, new, (start, own)), *tail]
        return self._joined(keys, new, found, column)

    def _joined(self, keys: list[str], new: dict[str, Any], found: dict[str, list[str]], column: int) -> list[str]:
        """New ones stand behind the one that they follow in what is wanted, the first behind its dash."""
        order, before = list(keys), 0
        for key, value in new.items():
            if key not in found:
                order.insert(before + 1, key)
                found[key] = _block({key: value}, column)
            before = order.index(key)
        return [line for key in order for line in found[key]]

    def _entry(self, path: Path, key: str, new: dict[str, Any], span: tuple[int, int]) -> list[str]:
        """A key and its value; a mapping's first key may stand behind a dash, which it keeps."""
        start, end = span
        place, old = (*path, key), self._at((*path, key))
        column = self._document.key_spots[place].column - 1
        lead = self._lines[start][:column]
        if key not in new:
            # The dash of the item stands before its first key, and would go with it.
            if lead.strip():
                raise NoPatch
            return []
        if same(old, new[key]):
            return list(self._lines[start:end])
        spot = self._document.spots[place]
        first = spot.line - 1
        if first > start:
            first = self._lead(first, spot.column - 1) if isinstance(old, list) else first
            inner = self._inner(place, new[key], end)
            if inner is not None:
                return [*self._lines[start:first], *inner]
        lines = _like({key: new[key]}, column, is_flow=first == start and isinstance(old, dict | list) and bool(old))
        lines = self._remarked(place, lines, end - start)
        return [lead + lines[0][column:], *lines[1:]]

    def _remarked(self, place: Path, lines: list[str], before: int) -> list[str]:
        """With the comment behind a value that had no quotes; `before` is how many lines it had."""
        spot = self._document.spots[place]
        # Behind quotes or several lines it is not known where the value ends.
        if not spot.plain or len(lines) > 1 or before > 1:
            return lines
        rest = self._lines[spot.line - 1].rstrip("\n")[spot.column - 1 + len(spot.plain) :]
        return [lines[0].rstrip("\n") + rest + "\n"] if rest.lstrip().startswith("#") else lines

    def _inner(self, place: Path, value: Any, end: int) -> list[str] | None:
        old = self._at(place)
        try:
            if isinstance(value, dict) and isinstance(old, dict) and value:
                return self.mapping(place, value, end)
            if isinstance(value, list) and isinstance(old, list) and value:
                return self._sequence(place, value, end)
        # Only this value is written anew then; the lines around it still stay.
        except NoPatch:
            pass
        return None

    def _sequence(self, path: Path, new: list[Any], end: int) -> list[str]:
        """Items on lines of their own; one that is only moved brings its lines along."""
        old = self._at(path)
        spots = [self._document.spots[*path, index] for index in range(len(old))]
        dash = self._dash(spots[0])
        starts = [spot.line - 1 for spot in spots]
        if len(set(starts)) < len(starts) or any(self._dash(spot) != dash for spot in spots):
            raise NoPatch
        ends = [self._own_end(start, until, dash) for start, until in zip(starts, [*starts[1:], end], strict=True)]
        # With the comments that lead to it.
        spans = list(zip([self._lead(starts[0], dash), *ends[:-1]], starts, ends, strict=True))
        lines: list[str] = []
        for value, before in zip(new, paired(old, new), strict=True):
            if before is None:
                lines += _behind_dash(_block(value, dash + _INDENT), dash)
            else:
                lines += self.item((*path, before), value, spans[before])
        return [*lines, *self._lines[ends[-1] : end]]

    def item(self, place: Path, value: Any, span: tuple[int, int, int]) -> list[str]:
        """Of a sequence; `span` is where the comments before it begin, its dash, and the line after its last."""
        lead, start, end = span
        old = self._at(place)
        if same(old, value):
            return list(self._lines[lead:end])
        inner = self._inner(place, value, end) if isinstance(old, dict) else None
        if inner is None:
            dash = self._dash(self._document.spots[place])
            is_flow = self._lines[start].lstrip(" -").startswith(("{", "[")) and bool(old)
            anew = self._remarked(place, _like(value, dash + _INDENT, is_flow=is_flow), end - start)
            inner = _behind_dash(anew, dash)
        return [*self._lines[lead:start], *inner]

    def _dash(self, spot: Spot) -> int:
        """The column of the dash before an item. Raises NoPatch where more stands before it."""
        before = self._lines[spot.line - 1][: spot.column - 1]
        if before.strip() != "-":
            raise NoPatch
        return before.index("-")

    def _lead(self, first: int, column: int) -> int:
        """With the comments right above, at this column."""
        while self._lines[first - 1].startswith(" " * column + "#"):
            first -= 1
        return first

    def _own_end(self, start: int, until: int, column: int) -> int:
        """Without the blank lines and comments that lead to what comes next."""
        end = until
        while end > start + 1 and self._leads(self._lines[end - 1], column):
            end -= 1
        return end

    def _leads(self, line: str, column: int) -> bool:
        bare = line.lstrip(" ")
        return not bare.strip() or (bare.startswith("#") and len(line) - len(bare) <= column)

    def _key_line(self, path: Path, key: str) -> int:
        spot = self._document.key_spots[*path, key]
        if self._lines[spot.line - 1][: spot.column - 1].strip(" -"):
            raise NoPatch
        return spot.line - 1

    def _at(self, path: Path) -> Any:
        data = self._document.data
        for part in path:
            data = data[part]
        return data


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down: 1 is not true, and 1.50 not 1.5. Keys have no order."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other)


def paired(old: Sequence[Any], new: Sequence[Any]) -> list[int | None]:
    """Of each new item the old one that it was: the same, else that of its place, else the next; None for one more."""
    found: list[int | None] = []
    left = dict(enumerate(old))
    for value in new:
        like = next((index for index, one in left.items() if same(one, value)), None)
        found.append(like)
        left.pop(-1 if like is None else like, None)
    # After every equal item has found its own: a place must not take one that only moved.
    for at, before in enumerate(found):
        if before is None and left:
            found[at] = at if at in left else next(iter(left))
            left.pop(found[at] or 0)
    return found


def _block(data: Any, columns: int) -> list[str]:
    """Lines that begin at this column."""
    pad = " " * columns
    text = dumped(data)
    # Behind a scalar that stands alone, which it does not here.
    text = text[: -len("...\n")] if text.endswith("\n...\n") else text
    return [pad + line if line.strip() else line for line in text.splitlines(keepends=True)]


def _like(data: Any, columns: int, *, is_flow: bool) -> list[str]:
    """On one line where it was, and still fits."""
    if is_flow:
        # Without a width that breaks it: whether the one line fits is decided below.
        text = yaml.dump(
            data, Dumper=rendering.FileDumper, sort_keys=False, allow_unicode=True, width=2**31, default_flow_style=True
        ).rstrip("\n")
        is_entry = len(data) == 1 and isinstance(next(iter(data.values()), None), dict | list)
        line = " " * columns + (text[1:-1] if is_entry else text)
        if len(line) <= WIDTH and "\n" not in line:
            return [line + "\n"]
    return _block(data, columns)


def _behind_dash(lines: list[str], dash: int) -> list[str]:
    return [" " * dash + "- " + lines[0].lstrip(" "), *lines[1:]]
