"""The lines of a text file with their numbers; encodings are obeyed or refused, never tried one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading import text
from procession.actions.reading.options import FileOptions

LINE_CHARACTERS_MAX = 1 << 20
# What the formats begin with, in the code of mainframes.
_EBCDIC = tuple(start.encode("cp037") for start in (":20:", "{1:", "01,", "OFXHEADER", "<?xml", "<OFX", "<Document"))
_EBCDIC_BLANKS = b"\x40\x15\x25\x0d\x00"


def refuse_ebcdic(source: FileInput, head: bytes) -> None:
    """Raises Problem: which of a dozen such codes it is, nobody can see."""
    if head.lstrip(_EBCDIC_BLANKS).startswith(_EBCDIC):
        raise Problem(f"{source.called} is written in EBCDIC; have the transfer translate it to ASCII or UTF-8")


def read(source: FileInput, encoding: str | None, folder: Path, warnings: list[str]) -> Iterator[tuple[int, str]]:
    """Each line with its number from 1, without its end. Raises Problem."""
    prepared = text.prepare(source, FileOptions(encoding=encoding), folder)
    if prepared.warning:
        warnings.append(prepared.warning)
    number = prepared.lines_before
    try:
        # Python's file ends lines at LF, CR and CRLF only; splitlines() would at U+2028 too, in the middle of a text.
        with prepared.path.open(encoding="utf-8") as file:
            file.seek(prepared.start)
            while line := file.readline(LINE_CHARACTERS_MAX + 1):
                number += 1
                if len(line) > LINE_CHARACTERS_MAX:
                    raise Problem(f"line {number} of {source.called} has more than {LINE_CHARACTERS_MAX:,} characters")
                if "\0" in line:
                    raise Problem(f"line {number} of {source.called} holds a zero byte; send the file again, as text")
                yield number, line.removesuffix("\n")
    except UnicodeDecodeError:
        raise Problem(f"{source.called} cannot be read: {text.wrong_byte(prepared.path)}") from None
