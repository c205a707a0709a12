"""One value of a setting as the text of its field, and back: a value that its field cannot say is never guessed."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any, Final

import yaml

from procession.model import typed_numbers
from procession.model.errors import Invalid
from procession.model.process_file import documents, rendering
from procession.web.setting_shapes import SCALAR, Shape, ShapeKind

YAML_WIDTH = 100
# What an empty field can mean besides nothing, by what a hidden field beside it says.
_BARE: dict[str, Any] = {"null": None, "{}": {}, "[]": [], '""': ""}
_WORDS = {True: "yes", False: "no"}


class _Absent:
    """What a file does not say; None is something that it can say."""


ABSENT: Final = _Absent()


def bare(value: Any) -> str:
    """What to say beside an empty field that stands for this value; "" for one that a field can show."""
    return next((text for text, one in _BARE.items() if type(one) is type(value) and one == value), "")


def of_bare(text: str, value: Any) -> Any:
    """What was read, or where that is nothing, the value that the file had there."""
    is_nothing = value is ABSENT or (isinstance(value, dict | list) and not value)
    return copy.copy(_BARE[text]) if is_nothing and text in _BARE else value


def shown(value: Any) -> str:
    """A scalar as it stands in its field, anything else as YAML."""
    match value:
        case None:
            return ""
        case bool():
            return _WORDS[value]
        case str():
            return value
        case Decimal():
            return format(value, "f")
        case dict() | list():
            return as_yaml(value) if value else ""
        case _:
            return str(value)


def as_yaml(value: Any) -> str:
    """As a process file has it, without the last line break."""
    text: str = yaml.dump(value, Dumper=rendering.FileDumper, sort_keys=False, allow_unicode=True, width=YAML_WIDTH)
    return (text[: -len("...\n")] if text.endswith("\n...\n") else text).removesuffix("\n")


def read(shape: Shape, text: str, label: str) -> Any:
    """The value that was typed, or ABSENT. Raises Invalid for a number that can be two."""
    match shape.kind:
        case ShapeKind.NUMBER:
            return _number(text, label)
        case ShapeKind.VALUE:
            return text.strip() if text.strip().startswith("${") else _number(text, label)
        case ShapeKind.CHOICE:
            return next((one for one in shape.options if shown(one) == text), text or ABSENT)
        case ShapeKind.LONG:
            return text if text.strip() else ABSENT
        case _:
            # A blank may be meant, as a mark between columns; blanks around a name never are.
            return (text.strip() or text) or ABSENT


def _number(text: str, label: str) -> Any:
    text = text.strip()
    if not text:
        return ABSENT
    # As a file reads it first: what a file takes for a number is not ambiguous.
    found = documents.resolve(text)
    if isinstance(found, int | Decimal) and not isinstance(found, bool):
        return found
    try:
        return documents.resolve(typed_numbers.plain(text))
    except typed_numbers.Ambiguous as error:
        raise Invalid(f"{label}: “{text}” can be {error.grouped} or {error.fraction}; type the one you mean") from None
    except ValueError:
        return text


def is_line(text: str) -> bool:
    """Whether a field of one line gives back the very text: browsers change line breaks."""
    return text == text.strip() and text.isprintable()


def says(shape: Shape, value: Any) -> bool:
    """Whether a field of this shape gives back this very value."""
    if shape.kind not in SCALAR or isinstance(value, dict | list) or value is None:
        return False
    text = shown(value)
    if not (text.isprintable() or (shape.kind is ShapeKind.LONG and _is_plain(text)) or text == "\t"):
        return False
    try:
        again = read(shape, text, "")
    except Invalid:
        return False
    # Equal is not enough: true equals 1, and the file would say something else.
    return type(again) is type(value) and bool(again == value)


def _is_plain(text: str) -> bool:
    return all(character in "\n\t" or character.isprintable() for character in text)
