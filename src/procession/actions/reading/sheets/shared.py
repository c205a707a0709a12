"""The parts of an Office workbook that its sheets share: cell styles and texts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from procession.actions.problems import Problem
from procession.actions.reading.sheets import formats
from procession.actions.reading.sheets.areas import CELLS_MAX, DIGITS_MAX
from procession.actions.reading.sheets.containers import Container
from procession.actions.reading.sheets.formats import Shows
from procession.actions.reading.sheets.markup import Attributes, Handlers, feed, parse
from procession.actions.reading.sheets.values import unescaped

_SECTIONS = frozenset({"numFmts", "cellXfs"})
_PIECE = 64 << 10  # bytes that are parsed at a time


def styles(container: Container, part: str) -> list[Shows]:
    """What each cell style shows, by its number. Without styles every cell shows what it is."""
    codes: dict[int, str] = {}
    number_ids: list[int] = []
    section = ""  # formats of conditional styles (dxfs) have ids of their own

    def start(name: str, attributes: Attributes) -> None:
        nonlocal section
        number = attributes.get("numFmtId", "0")
        number = number if number.isascii() and number.isdigit() and len(number) <= DIGITS_MAX else "0"
        if name in _SECTIONS:
            section = name
        elif name == "numFmt" and section == "numFmts":
            codes[int(number)] = attributes.get("formatCode", "")
        elif name == "xf" and section == "cellXfs":
            number_ids.append(int(number))

    def end(name: str) -> None:
        nonlocal section
        section = "" if name == section else section

    if part in container:
        parse(container.chunks(part), Handlers(start=start, end=end), f'the styles of "{container.file_name}"')
    return formats.of_styles(number_ids, codes)


def strings(container: Container, part: str) -> list[str]:
    """The shared strings, by their number: all runs of rich text, without what tells how it is spoken."""
    found: list[str] = []
    deque(_strings(container, part, found), maxlen=0)
    return found


class FirstStrings:
    """The same strings, read as far as they are asked for."""

    def __init__(self, container: Container, part: str) -> None:
        self._found: list[str] = []
        self._rest = _strings(container, part, self._found)

    def __getitem__(self, number: int, /) -> str:
        while number >= len(self._found) and next(self._rest, self) is not self:
            pass
        return self._found[number]

    def __len__(self) -> int:
        deque(self._rest, maxlen=0)
        return len(self._found)


def _what(container: Container) -> str:
    return f'the texts of "{container.file_name}"'


def _strings(container: Container, part: str, found: list[str]) -> Iterator[None]:
    """Adds to `found`, and pauses after each piece of the file."""
    parts: list[str] = []
    is_text = is_spoken = False

    def start(name: str, _: Attributes) -> None:
        nonlocal is_text, is_spoken
        if name == "rPh":
            is_spoken = True
        elif name == "t":
            is_text = not is_spoken

    def end(name: str) -> None:
        nonlocal is_text, is_spoken
        if name == "t":
            is_text = False
        elif name == "rPh":
            is_spoken = False
        elif name == "si":
            found.append(unescaped("".join(parts)))
            parts.clear()
            if len(found) > CELLS_MAX:
                raise Problem(f'"{container.file_name}" has more than {CELLS_MAX:,} texts')

    def text(part: str) -> None:
        if is_text:
            parts.append(part)

    if part in container:
        chunks = container.chunks(part)
        pieces = (chunk[at : at + _PIECE] for chunk in chunks for at in range(0, len(chunk), _PIECE))
        yield from feed(pieces, Handlers(start=start, end=end, text=text), _what(container))
