"""Fields made from a process's properties, and what somebody typed into them: one kind of field for each type."""

from __future__ import annotations

import colorsys
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from procession.model import typed_numbers, values
from procession.model.errors import Invalid
from procession.model.processes import Flow, Property, PropertyType, SystemVariable, Value
from procession.model.steps import PropertyRow
from procession.model.typed_numbers import Ambiguous
from procession.pages import formats
from procession.pages.formats import Reader
from procession.web.forms import Form

RADIOS_MAX = 5
MONTH_ENDS = 2
SET = "set"  # the name of buttons that fill in a value: "step.property=value"
_NAMED = re.compile(r'property ".*?" ', re.DOTALL)  # the label stands above the message
_NUMBERS = frozenset({PropertyType.NUMBER, PropertyType.DECIMAL})
_ASKED = {
    PropertyType.DATEPICKER: "choose a date",
    PropertyType.FILE: "add the file",
    PropertyType.DROPDOWN: "choose one",
    PropertyType.NUMBER: "fill in a number",
    PropertyType.DECIMAL: "fill in a number",
}
_HEX = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})\Z")
_COLORS = {
    **dict.fromkeys(("red", "darkred", "crimson", "firebrick", "maroon", "tomato"), "bad"),
    **dict.fromkeys(("orange", "darkorange", "yellow", "gold", "goldenrod", "brown"), "warn"),
}
_RED_DEGREES, _YELLOW_DEGREES = 15, 70  # on the wheel of colours; beyond is green and blue
_GREY_SATURATION = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMistake:
    """Why a value was not taken; `choices` are what it may have meant: a label, and the value as a field takes it."""

    text: str
    choices: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What a form says: the new values by "step.property", the mistakes, and the texts as they were typed."""

    values: Mapping[str, Value] = field(default_factory=dict)
    mistakes: Mapping[str, FieldMistake] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A property as a page asks for it. `buttons` fill in: a label, and what the button says."""

    row: PropertyRow
    kind: str
    text: str = ""
    mistake: str = ""
    buttons: Sequence[tuple[str, str]] = ()

    @property
    def id(self) -> str:
        return str(self.row.id)

    @property
    def name(self) -> str:
        return self.row.reference

    @property
    def item(self) -> Property:
        return self.row.item

    @property
    def help(self) -> str:
        """What the designer says of it, and what a number may look like."""
        said = [self.item.mouseover.strip()] if self.item.mouseover.strip() else []
        if self.item.decimal_points is not None and self.item.type is PropertyType.DECIMAL:
            points = self.item.decimal_points
            said.append(f"{points} decimal {'place' if points == 1 else 'places'}")
        return ". ".join(text.rstrip(".") for text in said)

    @property
    def described_by(self) -> str:
        """The ids of what a screen reader adds to the label."""
        named = [f"{self.id}-h"] if self.help else []
        return " ".join([*named, f"{self.id}-e"] if self.mistake else named)

    @property
    def note_kind(self) -> str:
        """Of a designer's note: few colours, each with a meaning."""
        return note_kind(self.item.foreground_color or "")


def note_kind(color: str) -> str:
    """Bad for a red, warn for an orange or yellow, else "": a note to read."""
    color = color.strip().lower()
    found = _HEX.match(color)
    if found is None:
        return _COLORS.get(color, "")
    digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
    red, green, blue = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    hue, saturation, _ = colorsys.rgb_to_hsv(red, green, blue)
    degrees = hue * 360
    if saturation < _GREY_SATURATION or _YELLOW_DEGREES < degrees < 360 - _RED_DEGREES:
        return ""
    return "warn" if _RED_DEGREES < degrees <= _YELLOW_DEGREES else "bad"


def is_asked(item: Property) -> bool:
    """Whether a person is asked for it."""
    return item.visible and item.flow is Flow.INPUT and item.type is not PropertyType.SYSTEM_VARIABLE


def is_shown(item: Property) -> bool:
    """Asked for, or a note, or what Procession fills in."""
    is_note = item.type is PropertyType.TEXT and item.flow is Flow.NONE and bool(item.value)
    is_filled_in = item.type is PropertyType.SYSTEM_VARIABLE and item.flow is not Flow.OUTPUT
    return item.visible and (is_asked(item) or is_note or is_filled_in)


def asks_for(row: PropertyRow) -> str:
    """What is to be done about a missing input."""
    return _ASKED.get(row.item.type, "fill it in")


def made(row: PropertyRow, typed: Typed, reader: Reader) -> Field:
    """The field of a property that is_shown() and is no file."""
    item, mistake = row.item, typed.mistakes.get(row.reference)
    # What was understood is shown as such; only a mistake stays as it was typed.
    text = typed.texts.get(row.reference, "") if mistake else shown(item, item.value, reader)
    buttons = [(label, f"{row.reference}={value}") for label, value in (mistake.choices if mistake else ())]
    if item.type is PropertyType.DATEPICKER:
        buttons = [(formats.day(day), f"{row.reference}={day}") for day in month_ends(_today(reader))]
    return Field(row=row, kind=_kind(item), text=text, mistake=mistake.text if mistake else "", buttons=buttons)


def _kind(item: Property) -> str:
    match item.type:
        case PropertyType.TEXT if item.flow is Flow.NONE:
            return "note"
        case PropertyType.DROPDOWN:
            return "radios" if len(item.options) <= RADIOS_MAX else "select"
        case kind:
            return kind.value.lower()


def system_text(item: Property, login: str, process_name: str) -> str:
    """What a system variable will be, as far as it is known before the start."""
    known = {SystemVariable.USERNAME: login, SystemVariable.PROCESS_NAME: process_name}
    return known.get(item.variable, "") if item.variable else ""


def shown(item: Property, value: Value, reader: Reader) -> str:
    """The value as its field holds it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, int | Decimal) and item.type in _NUMBERS:
        return typed_numbers.shown(value, separator=reader.separator, mark=reader.mark)
    return str(value)


def _today(reader: Reader) -> date:
    return reader.now.astimezone(reader.zone).date()


def month_ends(today: date) -> list[date]:
    """The last ones, newest first; today may be one."""
    first = (today + timedelta(days=1)).replace(day=1)
    found: list[date] = []
    while len(found) < MONTH_ENDS:
        found.append(first - timedelta(days=1))
        first = found[-1].replace(day=1)
    return found


def read(form: Form, rows: Iterable[PropertyRow], reader: Reader) -> Typed:
    """What the form changes of the properties; a field that was not sent stays as it is."""
    new: dict[str, Value] = {}
    mistakes: dict[str, FieldMistake] = {}
    texts: dict[str, str] = {}
    chosen, _, given = form.one(SET).partition("=")
    for row in rows:
        item, name = row.item, row.reference
        if not is_asked(item) or item.type is PropertyType.FILE or not (form.has(name) or chosen == name):
            continue
        texts[name] = given if chosen == name else form.one(name)
        # As it was shown is as it is: what the page writes need not be what it would read.
        if chosen != name and texts[name] == shown(item, item.value, reader) and item.value is not None:
            continue
        try:
            value = _value(item, texts[name], None if chosen == name else reader)
        except Ambiguous as error:
            mistakes[name] = _asked_back(item, texts[name], error, reader)
        except Invalid as error:
            mistakes[name] = FieldMistake(text=_as_sentence(error.message))
        else:
            if value != item.value and not (value is None and item.value == ""):
                new[name] = value
    return Typed(values=new, mistakes=mistakes, texts=texts)


def _value(item: Property, text: str, reader: Reader | None) -> Value:
    """What a button says (`reader` is None) is written as the API writes it."""
    if item.type is PropertyType.CHECK_BOX:
        return bool(text)
    if text == "" or (item.type in _NUMBERS and not text.strip()):
        return None
    if item.type in _NUMBERS and reader is not None:
        try:
            text = typed_numbers.plain(text)
        except Ambiguous:
            raise
        except ValueError:
            said, examples = text[: values.SHOWN_CHARACTERS_MAX], [reader.number(one) for one in ("1234.50", "-0.5")]
            raise Invalid(f"must be a number such as {' or '.join(examples)}, not “{said}”") from None
    return values.normalise(item, text)


def _asked_back(item: Property, text: str, error: Ambiguous, reader: Reader) -> FieldMistake:
    meant, words = [], []
    for plain in (error.grouped, error.fraction):
        words.append(typed_numbers.shown(Decimal(plain), separator=reader.separator, mark=reader.mark))
        try:
            value = values.normalise(item, plain)
        except Invalid:
            continue
        meant.append((shown(item, value, reader), plain))
    return FieldMistake(text=f"“{text}” can be {' or '.join(words)}. Which one is meant?", choices=meant)


def _as_sentence(message: str) -> str:
    said = _NAMED.sub("", message, count=1)
    return f"{said[:1].upper()}{said[1:]}"
