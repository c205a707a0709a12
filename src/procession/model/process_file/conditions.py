"""Conditions (`when`, `skip_when`) of a process file: read as trees, then checked against the steps before them."""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any

from procession.model import values
from procession.model.conditions import STEP_ATOMS
from procession.model.errors import Invalid
from procession.model.process_file.documents import Document, Path
from procession.model.process_file.names import REFERENCE, Names
from procession.model.process_file.sheets import Sheet, did_you_mean, shown
from procession.model.processes import (
    Atom,
    AtomKind,
    Condition,
    Join,
    Junction,
    Property,
    PropertyType,
    SystemVariable,
    Value,
)

_EQUALITY = frozenset({AtomKind.EQUALS, AtomKind.NOT_EQUALS})
# The options of a Dropdown have an order on the screen and no meaning.
_UNORDERED = frozenset({PropertyType.CHECK_BOX, PropertyType.DROPDOWN})
_TEXTS = frozenset({PropertyType.STRING, PropertyType.TEXT, PropertyType.SYSTEM_VARIABLE})
_WHOLE_DAYS = frozenset({AtomKind.AT_LEAST, AtomKind.LESS})
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(rf"{_DAY.pattern}T\d\d:\d\d:\d\d", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)
_WORDS = (*Join, *AtomKind)


def read(document: Document, path: Path, data: Any, *, names: Names, earlier: Set[str]) -> Condition | None:
    """The condition at `path`; `earlier` are the keys that it may name. None when a part is wrong (and noted)."""
    if not isinstance(data, dict) or len(data) != 1:
        document.wrong(path, f"a condition must be one of {', '.join(_WORDS)} and what it is about, not {shown(data)}")
        return None
    word, subject = next(iter(data.items()))
    path = (*path, word)
    if word in (Join.ALL, Join.ANY):
        return _read_list(document, path, subject, names=names, earlier=earlier)
    if word == Join.NOT:
        part = read(document, path, subject, names=names, earlier=earlier)
        return part and Junction(join=Join.NOT, parts=(part,))
    if word not in _WORDS:
        hint = did_you_mean(word, _WORDS) or f"; expected {', '.join(_WORDS)}"
        document.wrong_key(path, f'a condition cannot say "{word[:60]}"{hint}')
        return None
    kind = AtomKind(word)
    if kind in STEP_ATOMS:
        spot = document.spots[path]
        # As it is written: a step called 010 is no number.
        key = spot.plain if spot.plain is not None else subject
        is_known = check_step(document, path, key, names=names, earlier=earlier)
        return Atom(kind=kind, subject=key) if is_known else None
    return _read_property_atom(document, path, kind, subject, names=names)


def _read_list(document: Document, path: Path, data: Any, *, names: Names, earlier: Set[str]) -> Condition | None:
    if not isinstance(data, list) or not data:
        document.wrong(path, f"{path[-1]} must be a list of conditions, not {shown(data)}")
        return None
    parts = [read(document, (*path, index), part, names=names, earlier=earlier) for index, part in enumerate(data)]
    good = tuple(part for part in parts if part is not None)
    return Junction(join=Join(str(path[-1])), parts=good) if len(good) == len(parts) else None


def check_step(document: Document, path: Path, key: Any, *, names: Names, earlier: Set[str]) -> bool:
    """Whether `key` names an earlier step. Notes the mistake if not."""
    if key in earlier if isinstance(key, str) else False:
        return True
    if isinstance(key, str) and key in names.steps:
        document.wrong(path, f'step "{key}" is not before this step; a step can only wait for steps above it')
    else:
        hint = did_you_mean(key, names.steps) if isinstance(key, str) else ""
        document.wrong(path, f"there is no step with the key {shown(key)}{hint}")
    return False


def _read_property_atom(document: Document, path: Path, kind: AtomKind, subject: Any, *, names: Names) -> Atom | None:
    if kind is AtomKind.UPDATED:
        item = _find(document, path, subject, names)
        if item is not None and item.type is not PropertyType.FILE:
            document.wrong(path, f'updated asks about a File; "{subject}" is a {item.type}')
            return None
        return None if item is None else Atom(kind=kind, subject=subject)
    sheet = Sheet(document, path, subject, what=f'"{kind}"', keys=("property", "value"))
    if not sheet.required("property", what=f'"{kind}"'):
        return None
    if "value" not in sheet:
        sheet.wrong("value", f'"{kind}" needs "value"')
        return None
    item = _find(document, sheet.at("property"), sheet.data["property"], names)
    if item is None:
        return None
    if (given := sheet.data["value"]) and (why := looked_up_nowhere(given, names)):
        sheet.wrong("value", f'"{kind}" compares with a constant; {why}')
        return None
    ok, value = read_value(sheet, item)
    if item.type is PropertyType.FILE or (item.type in _UNORDERED and kind not in _EQUALITY):
        sheet.wrong("property", f'"{kind}" cannot compare a {item.type}')
        return None
    if ok and (why := _misleading(kind, item, value)):
        sheet.wrong("value", f'"{kind}" {why}')
        return None
    return Atom(kind=kind, subject=sheet.data["property"], value=value) if ok else None


def looked_up_nowhere(given: object, names: Names) -> str:
    """Why a text that names a property is not what that property holds, or ""."""
    found = REFERENCE.fullmatch(given) if isinstance(given, str) else None
    return f"{given} would not be looked up" if found and found[1] in names.properties else ""


def _misleading(kind: AtomKind, item: Property, value: Value) -> str:
    """Why texts would not be compared as what they mean, or ""."""
    text = str(value or "")
    if item.variable is SystemVariable.CURRENT_DATE_TIME:
        # The moment has a time behind its day: as texts, the day itself is before all of its moments.
        if text and not (_MOMENT.fullmatch(text) or (_DAY.fullmatch(text) and kind in _WHOLE_DAYS)):
            return "compares a moment of UTC; write at_least or less with a day such as 2026-11-30"
    elif item.type in _TEXTS and kind not in _EQUALITY and _NUMBER.fullmatch(text):
        return (
            f'compares the letters of a {item.type}, where 9 is more than 10; make "{item.name}" a Number or a Decimal'
        )
    return ""


def read_value(sheet: Sheet, item: Property) -> tuple[bool, Value]:
    """The sheet's `value` as a value of the property, and whether it fits. Notes the mistake if not."""
    is_text = item.type not in (PropertyType.NUMBER, PropertyType.DECIMAL, PropertyType.CHECK_BOX)
    # A text of digits keeps its zeros; a number is compared as one.
    raw = sheet.plain_or_value("value") if is_text else sheet.data["value"]
    try:
        return True, values.normalise(item, raw)
    except Invalid as error:
        sheet.wrong("value", error.message)
        return False, None


def _find(document: Document, path: Path, reference: Any, names: Names) -> Property | None:
    item = names.properties.get(reference) if isinstance(reference, str) else None
    if item is None:
        hint = did_you_mean(reference, names.properties) if isinstance(reference, str) else ""
        document.wrong(path, f"there is no property {shown(reference)}{hint}")
    return item
