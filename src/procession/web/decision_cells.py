"""Rules of a decision as cells of a table, and back: what a cell cannot say stays as the process file has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from procession.model.process_file import documents
from procession.model.processes import AtomKind, Join, PropertyType
from procession.web import setting_texts
from procession.web.setting_shapes import Shape, ShapeKind
from procession.web.setting_texts import ABSENT

# As the heading of a column says it, below the property.
ATOMS = {
    str(AtomKind.EQUALS): "is",
    str(AtomKind.NOT_EQUALS): "is not",
    str(AtomKind.GREATER): "is greater than",
    str(AtomKind.AT_LEAST): "is at least",
    str(AtomKind.LESS): "is less than",
    str(AtomKind.AT_MOST): "is at most",
}
_NUMBERS = frozenset({str(PropertyType.NUMBER), str(PropertyType.DECIMAL)})
_NUMBER = Shape(kind=ShapeKind.NUMBER)
_TRUTHS = {"yes": True, "no": False}

Types = Mapping[str, str]  # of properties, by "step.property"


class DecisionColumn(NamedTuple):
    """What a column asks: `atom` of the property; "" for a column of values to set."""

    atom: str
    property: str


Cells = dict[DecisionColumn, str]


def of_when(when: Any, types: Types) -> Cells | None:
    """What each column says of a condition; None where columns cannot say it."""
    if when is ABSENT:
        return {}
    if not isinstance(when, dict):
        return None
    parts = when[Join.ALL] if when.keys() == {Join.ALL} else [when]
    found: Cells = {}
    for part in parts if isinstance(parts, list) and parts else [None]:
        question, text = _of_part(part, types)
        # Twice the same question has no two cells.
        if question is None or text is None or question in found:
            return None
        found[question] = text
    return found


def _of_part(part: Any, types: Types) -> tuple[DecisionColumn | None, str | None]:
    if not isinstance(part, dict) or len(part) != 1:
        return None, None
    ((atom, subject),) = part.items()
    if atom not in ATOMS or not isinstance(subject, dict) or subject.keys() != {"property", "value"}:
        return None, None
    name = subject["property"]
    if not _is_name(name):
        return None, None
    return DecisionColumn(atom, name), shown(subject["value"], types.get(name, ""))


def _is_name(name: Any) -> bool:
    # A blank parts it from its type in a heading.
    return isinstance(name, str) and name.isprintable() and name != "" and " " not in name


def of_values(values: Any, types: Types) -> Cells | None:
    """The same of what is set."""
    if values is ABSENT:
        return {}
    if not isinstance(values, dict) or not all(map(_is_name, values)):
        return None
    found = {DecisionColumn("", name): shown(value, types.get(name, "")) for name, value in values.items()}
    return None if None in found.values() else {question: text or "" for question, text in found.items()}


def when_of(cells: Cells, types: Types) -> Any:
    """The condition that the cells say, or ABSENT. Raises Invalid for a number that can be two."""
    parts = [
        {question.atom: {"property": question.property, "value": value}} for question, value in _read(cells, types)
    ]
    return {str(Join.ALL): parts} if len(parts) > 1 else parts[0] if parts else ABSENT


def values_of(cells: Cells, types: Types) -> dict[str, Any]:
    """The same of what is set."""
    return {question.property: value for question, value in _read(cells, types)}


def _read(cells: Cells, types: Types) -> Iterable[tuple[DecisionColumn, Any]]:
    for question, text in cells.items():
        yield question, read(text, types.get(question.property, ""), question.property)


def shown(value: Any, kind: str) -> str | None:
    """A value of a property of this type as the text of a cell; None where it would be read as another one."""
    text = _text(value, kind)
    if not text or not setting_texts.is_line(text):
        return None
    again = read(text, kind, "")
    return text if type(again) is type(value) and again == value else None


def _text(value: Any, kind: str) -> str:
    if isinstance(value, dict | list) or value is None:
        return ""
    # Of what type it must be, nobody knows: then a text that looks like a number stands in quotes, as in the file.
    is_open = not kind and isinstance(value, str)
    return f'"{value}"' if is_open and _unquoted(value) != value else setting_texts.shown(value)


def read(text: str, kind: str, label: str) -> Any:
    """The value of a cell that is not empty. Raises Invalid for a number that can be two."""
    text = text.strip()
    if kind in _NUMBERS:
        return setting_texts.read(_NUMBER, text, label)
    if kind == PropertyType.CHECK_BOX:
        return _TRUTHS.get(text, text)
    return text if kind else _unquoted(text)


def _unquoted(text: str) -> Any:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return _TRUTHS[text] if text in _TRUTHS else documents.resolve(text)
