"""Reads YAML, and so JSON, as plain values with their lines and columns. Refuses what would change silently.

Scalars follow YAML 1.2's core: only true/false are bools, only decimal numbers are numbers. `yes`, `010`, `1:30`,
`0x1f` and `1993-12` stay text. Anchors, aliases and tags are refused: a process file needs none, and they hide bombs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

from procession.model.errors import Invalid

FILE_CHARACTERS_MAX = 2_000_000
# A value takes some hundred bytes here, and a file of 2 MB can hold a million.
NODES_MAX = 100_000
DEPTH_MAX = 40  # groups, steps, properties and a deep condition need about 20
# Whoever mends a hundred runs it again anyway.
MISTAKES_MAX = 100

Path = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z", re.ASCII)
_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]{1,3})?\Z", re.ASCII)
# The escaped backslash first: in \\ud83d nothing is escaped but the backslash.
_SURROGATES = re.compile(r"\\\\|\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
# The parser compares each with all before it; a file has no tags, and so no use for them.
# In a word, and not of ${step.property}.
_BARE_BRACE = re.compile(r"[^\s\[{,\"'$]\{[A-Za-z_]|(?<!\$)\{\w+\}[^\s,\]}\"']")
_TAG_DIRECTIVE = re.compile("(?:\\A\ufeff?|[\r\n\x85\u2028\u2029])%TAG")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Mistake:
    """One mistake in a file; line and column count from 1. `path` is what it is about, where that is one thing."""

    line: int
    column: int
    message: str
    file: str = ""
    path: Path = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.file or 'process file'}:{self.line}:{self.column}: {self.message}"


class FileMistakes(Invalid):
    """Every mistake of a file, in the order of its lines. The message has a line for each."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value or key stands, both from 1, and the text of a scalar written without quotes."""

    line: int
    column: int
    plain: str | None = None


@dataclass(slots=True, kw_only=True)
class Document:
    """`data`: dict, list, str, int, Decimal, bool and None; the spots are by path from the top, which is ()."""

    data: Any = None
    spots: dict[Path, Spot] = field(default_factory=dict)
    key_spots: dict[Path, Spot] = field(default_factory=dict)
    mistakes: dict[Mistake, None] = field(default_factory=dict)  # used as an ordered set
    file: str = ""

    def wrong(self, path: Path, message: str) -> None:
        """Note a mistake at the value, or at the nearest thing around it that is in the file."""
        # What is missing has no place, so the mapping that lacks it is shown.
        there = path
        while there and there not in self.spots:
            there = there[:-1]
        self.note(self.spots.get(there, Spot(1, 1)), message, path)

    def wrong_key(self, path: Path, message: str) -> None:
        self.note(self.key_spots[path], message, path)

    def note(self, spot: Spot, message: str, path: Path = ()) -> None:
        """Raises FileMistakes when there are enough."""
        mistake = Mistake(line=spot.line, column=spot.column, message=message, file=self.file, path=path)
        self.mistakes.setdefault(mistake)
        # While it is read: a hint for each of thirty thousand mistakes took a minute.
        if len(self.mistakes) >= MISTAKES_MAX:
            self.raise_mistakes()

    def raise_mistakes(self) -> None:
        """Raises FileMistakes if there are any."""
        if self.mistakes:
            # By line: they are found in two passes.
            raise FileMistakes(tuple(sorted(self.mistakes)))


def _advice(text: str, spot: Spot) -> str:
    """What the line needs most often: in one with brackets, name-{month}.csv is read as one more of them."""
    line = text.splitlines()[spot.line - 1] if spot.line <= len(text.splitlines()) else ""
    return '; a text with { in it must stand in quotes: "name-{key}.csv"' if _BARE_BRACE.search(line) else ""


def read(text: str, *, file: str = "") -> Document:
    """The document in the text; mistakes that leave it readable (a key twice) are noted in it.

    Raises FileMistakes when it cannot be read at all.
    """
    document = Document(file=file)
    if len(text) > FILE_CHARACTERS_MAX:
        document.note(Spot(1, 1), f"the file must have at most {FILE_CHARACTERS_MAX:,} characters, not {len(text):,}")
        document.raise_mistakes()
    if directive := _TAG_DIRECTIVE.search(text):
        document.note(_spot_at(text, directive.end() - 4), "tags (!) are not supported; leave out this line")
        document.raise_mistakes()
    try:
        _Builder(document, yaml.parse(_joined(text), Loader=LOADER)).build()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        spot = Spot(mark.line + 1, mark.column + 1) if mark else Spot(1, 1)
        document.note(spot, f"this is not YAML: {error.problem or error.context}{_advice(text, spot)}")
    except yaml.reader.ReaderError as error:
        # This error alone has no mark, only an offset.
        document.note(
            _spot_at(text, error.position), "this is not YAML: there is a character that no text file should have"
        )
    except UnicodeEncodeError:
        document.note(Spot(1, 1), "this is not YAML: the text is not valid Unicode")
    except _Unreadable:
        pass
    else:
        return document
    document.raise_mistakes()
    raise AssertionError("a document that cannot be read has a mistake")


def _spot_at(text: str, position: int) -> Spot:
    before = text[:position]
    return Spot(before.count("\n") + 1, len(before) - before.rfind("\n"))


def _joined(text: str) -> str:
    """Joins surrogate escapes: JSON may write one character as two (RFC 8259 section 7), YAML does not."""
    if "\\u" not in text or not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return text
    return _SURROGATES.sub(_join, text)


def _join(found: re.Match[str]) -> str:
    if found[1] is None:  # an escaped backslash: what follows is no escape
        return found[0]
    high, low = int(found[1], 16) - 0xD800, int(found[2], 16) - 0xDC00
    return chr(0x10000 + (high << 10) + low)


def resolve(text: str) -> Any:
    """What a scalar written without quotes is: None, a bool, an int, a Decimal, or else its text."""
    if text in _WORDS:
        return _WORDS[text]
    # The length first: the pattern would walk a megabyte of digits.
    if len(text) <= DIGITS_READ_MAX and _NUMBER.match(text):
        return int(text) if _INTEGER.match(text) else Decimal(text)
    return text


DIGITS_READ_MAX = 60  # longer digits stay text, which no number accepts

# The C parser is many times as fast, and not in every build of PyYAML.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Unreadable(Exception):
    """The mistake is noted; nothing behind it can be read."""


class _Builder:
    """Builds the document from YAML events, so depth and size are checked as it grows."""

    def __init__(self, document: Document, events: Iterator[Any]) -> None:
        self._document = document
        self._events = events
        self._nodes = 0

    def build(self) -> None:
        event = self._next()
        while not isinstance(event, yaml.NodeEvent | yaml.StreamEndEvent):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            self._document.spots[()] = Spot(1, 1)
            return
        self._document.data = self._node(event, ())
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._fail(event, 'there must be one document in the file; this "---" begins another')

    def _next(self) -> Any:
        return next(self._events)

    def _node(self, event: Any, path: Path) -> Any:
        self._check(event, path)
        spot = _spot(event)
        self._document.spots[path] = spot
        match event:
            case yaml.ScalarEvent():
                return event.value if spot.plain is None else resolve(event.value)
            case yaml.SequenceStartEvent():
                return self._sequence(path)
            case _:
                return self._mapping(path)

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._fail(event, "a key must be text")
            self._check(event, path)
            key = event.value
            # YAML's loaders keep the last one silently: of two amounts one would be lost.
            if key in entries:
                self._document.note(_spot(event), f'the key "{key[:60]}" is there twice', (*path, key))
            self._document.key_spots[*path, key] = _spot(event)
            entries[key] = self._node(self._next(), (*path, key))
        return entries

    def _check(self, event: Any, path: Path) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            self._fail(event, f"the file must have at most {NODES_MAX:,} values")
        if len(path) > DEPTH_MAX:
            self._fail(event, f"values may be nested at most {DEPTH_MAX} deep")
        # Nine lines of aliases can mean a billion values.
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._fail(event, "anchors (&) and aliases (*) are not supported; write it out, or put the text in quotes")
        if event.tag is not None:
            self._fail(event, "tags (!) are not supported; put the text in quotes if it begins with !")

    def _fail(self, event: Any, message: str) -> None:
        self._document.note(_spot(event), message)
        raise _Unreadable


def _spot(event: Any) -> Spot:
    # Quotes say that it is text, whatever it looks like.
    is_plain = isinstance(event, yaml.ScalarEvent) and not event.style
    return Spot(event.start_mark.line + 1, event.start_mark.column + 1, event.value if is_plain else None)
