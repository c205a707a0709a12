"""Text of users as a person reads it: what could drive a terminal, or turn the line around, is shown as text."""

from __future__ import annotations

import unicodedata


def line(text: str) -> str:
    """In one line: an escape is shown as \\x1b, a mark of direction as \\u202e, and every kind of blank as a blank."""
    return text if text.isprintable() else "".join(map(_character, text))


def lines(text: str) -> str:
    """The same for each line."""
    return "\n".join(map(line, text.split("\n")))


def _character(character: str) -> str:
    if character.isprintable():
        return character
    if character in "\n\t" or unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
