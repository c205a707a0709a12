"""Puts the lines of a file into the encoding that its reader expects, and finds the row of what it cannot hold."""

from __future__ import annotations

import codecs
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from procession.actions.database import literal
from procession.actions.exporting import line_texts
from procession.actions.exporting.line_texts import TextCell
from procession.actions.problems import Problem

if TYPE_CHECKING:
    import duckdb

_BLOCK_BYTES = 1 << 20


class Unwritable(Exception):
    """The encoding has no place for this character."""

    def __init__(self, letter: str) -> None:
        super().__init__(letter)
        self.letter = letter


def join(parts: Sequence[str | Path], path: Path, encoding: str) -> None:
    """Writes texts and files of UTF-8 one after the other. Raises Unwritable."""
    # Most files are: their bytes are copied and not looked at.
    is_plain = codecs.lookup(encoding).name == "utf-8"
    # One encoder for all: a byte order mark stands at the beginning, and nowhere else.
    encoder = codecs.getincrementalencoder(encoding)("strict")
    with path.open("wb") as out:
        try:
            for part in parts:
                if isinstance(part, str):
                    out.write(encoder.encode(part))
                elif is_plain:
                    with part.open("rb") as made:
                        shutil.copyfileobj(made, out, _BLOCK_BYTES)
                else:
                    _recode(part, out, encoder)
            # Some encodings end in a state of their own, such as those of Japanese mail.
            out.write(encoder.encode("", final=True))
        except UnicodeEncodeError as error:
            raise Unwritable(error.object[error.start]) from None


def _recode(part: Path, out: BinaryIO, encoder: codecs.IncrementalEncoder) -> None:
    # Line ends as they are: they have been settled, and translating them would settle them anew.
    with part.open(encoding="utf-8", newline="") as made:
        while block := made.read(_BLOCK_BYTES):
            out.write(encoder.encode(block))


def complaint(
    connection: duckdb.DuckDBPyConnection, relation: str, cells: Sequence[TextCell], letter: str, encoding: str
) -> Problem:
    """What to say of the character: the first row and column that have it."""
    tests = [f"contains({cell.text}, {literal(letter)})" for cell in cells]
    told = f'"{letter}" (U+{ord(letter):04X}) cannot be written in {encoding}'
    found = line_texts.first_where(connection, relation, cells, tests)
    # Else in a heading or a fixed text.
    return Problem(told if found is None else f"{line_texts.place(*found)}, and {told}")
