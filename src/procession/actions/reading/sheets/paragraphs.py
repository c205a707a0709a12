"""The text that a cell of an OpenDocument shows: its paragraphs as lines, without comments, notes and drawings."""

from __future__ import annotations

import re

from procession.actions.reading.sheets.markup import Attributes, local

# Blanks in the markup stand for one; those that are meant are elements, kept apart by characters that XML cannot hold.
_SPACE, _TAB, _LINE_END = "\x01", "\x02", "\x03"
_MEANT = str.maketrans({_SPACE: " ", _TAB: "\t", _LINE_END: "\n"})
_BLANKS = re.compile(r"[ \t\r\n]+")
# As many as a cell of Excel holds; a count alone could claim a gigabyte.
_SPACES_MAX = 32_767
_ASIDE = frozenset({"annotation", "annotation-end", "note", "ruby-text", "frame", "shapes", "table"})


class Paragraphs:
    """Follows the elements inside of one cell."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._parts: list[str] = []
        self._depth = 0
        self._aside = 0  # the depth at which something began that is no text of the cell

    @property
    def is_open(self) -> bool:
        return self._depth > 0

    @property
    def are_none(self) -> bool:
        return not self._lines

    def start(self, name: str, attributes: Attributes) -> None:
        self._depth += 1
        if self._aside:
            return
        match name:
            case "s":
                count = local(attributes, "c") or "1"
                spaces = int(count) if count.isascii() and count.isdigit() and len(count) < 6 else 1
                self._parts.append(_SPACE * min(spaces, _SPACES_MAX))
            case "tab":
                self._parts.append(_TAB)
            case "line-break":
                self._parts.append(_LINE_END)
            case _ if name in _ASIDE or (self._depth == 1 and name != "p"):
                self._aside = self._depth

    def text(self, text: str) -> None:
        if self._depth and not self._aside:
            self._parts.append(text)

    def end(self) -> None:
        if self._aside == self._depth:
            self._aside = 0
        elif self._depth == 1:
            # ODF part 1, 6.1.2: blanks are collapsed, and those at the start of a paragraph dropped.
            self._lines.append(_BLANKS.sub(" ", "".join(self._parts)).lstrip(" ").translate(_MEANT))
            self._parts = []
        self._depth -= 1

    def joined(self) -> str:
        return "\n".join(self._lines)
