"""The fields of SWIFT's MT940 and MT942: a tag between colons, and the lines until the next one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from procession.actions.problems import Problem

LINES_MAX, CHARACTERS_MAX = 2_000, 200_000  # of a field; the standard has six lines of 65
END = "-"  # what stands at the end of a message
_TAG = re.compile(r":([0-9]{2}[A-Z]?|NS):(.*)", re.DOTALL)
# In a text only a tag of these formats ends it: ":12:30 h" is a time of day.
_TAGS = "12 13 13D 20 21 25 25P 28 28C 34 34F 60 60F 60M 61 62 62F 62M 64 65 86 90 90C 90D NS"
_KNOWN = frozenset(_TAGS.split())
_FREE = frozenset({"61", "86", "NS"})
_CONTROLS = "\x01\x02\x03\x1a\ufeff"  # of the transfer


@dataclass(slots=True, kw_only=True)
class SwiftField:
    """`line` is the number of its first line."""

    tag: str
    line: int
    lines: list[str] = field(default_factory=list)

    @property
    def value(self) -> str:
        return self.lines[0].strip()


def fields(lines: Iterable[tuple[int, str]], called: str) -> Iterator[SwiftField]:
    """Every field, and an END where a message ends. What stands between messages is left out. Raises Problem."""
    current: SwiftField | None = None
    size = 0
    for number, raw in lines:
        line = raw.strip(_CONTROLS).rstrip("\r")
        if line.startswith("{"):  # the envelope; the first field may stand behind it
            yield from _ended(current, number)
            current, line = None, line.rpartition("{4:")[2] if "{4:" in line else ""
        found = _TAG.match(line)
        if found and (current is None or found[1] in _KNOWN or current.tag not in _FREE):
            if current is not None:
                yield current
            current, size = SwiftField(tag=found[1], line=number, lines=[found[2]]), len(line)
        elif line.rstrip() == END or line.startswith("-}"):
            yield from _ended(current, number)
            current = None
        elif current is not None and line.strip():
            current.lines.append(line)
            size += len(line)
            if len(current.lines) > LINES_MAX or size > CHARACTERS_MAX:
                raise Problem(
                    f"line {current.line} of {called}: the field :{current.tag}: is longer than any bank writes"
                )
    yield from _ended(current, 0)


def _ended(current: SwiftField | None, number: int) -> Iterator[SwiftField]:
    if current is not None:
        yield current
    yield SwiftField(tag=END, line=number, lines=[""])
