"""What a form says of an action's settings: the other way of setting_fields."""

from __future__ import annotations

from typing import Any

import msgspec

from procession.model.errors import Invalid
from procession.model.process_file import documents
from procession.web import decision_reading, setting_texts
from procession.web.decision_reading import DecisionForm
from procession.web.forms import Form
from procession.web.setting_fields import FIELDS_MAX
from procession.web.setting_shapes import BOXES, SCALAR, Shape, ShapeField, ShapeKind
from procession.web.setting_texts import ABSENT

ADD, MORE, TAKE, UP, DOWN, MOVE, KIND, USE = "add", "more", "take", "up", "down", "move", "kind", "use"
VERBS = frozenset({ADD, MORE, TAKE, UP, DOWN, MOVE, KIND, USE})


class RowPress(msgspec.Struct, frozen=True, kw_only=True):
    """A button among settings: `place` is the name of the row or the field, or of the list to add one to.

    `value` is what the field shall hold, or the number of the row, from 0, whose place a moved one takes.
    """

    verb: str
    place: str
    value: str = ""

    @property
    def at(self) -> int:
        """The value as a number; of what is none, the first place."""
        return int(self.value) if self.value.isascii() and self.value.isdecimal() and len(self.value) < 6 else 0

    def focus(self, form: Form) -> str:
        """Where the one who pressed it goes on."""
        rows, _, number = self.place.rpartition(".")
        at = int(number) if number.isdecimal() else 0
        match self.verb:
            case "more":
                return f"{self.place}.more"
            case "add":
                return f"{self.place}.{form.one(f'{self.place}.n')}"
            case "up":
                return f"up-{rows}.{max(at - 1, 0)}"
            case "down":
                return f"down-{rows}.{min(at + 1, max(count(form, rows) - 1, 0))}"
            case "take":
                return rows
            case "move":
                return f"{rows}.{self.at}"
            case "use":
                return self.place
        return f"{self.place}.kind"


NONE_PRESSED = RowPress(verb="", place="")


def press_of(do: str) -> RowPress | None:
    """Of a button's value, such as "up with.rules.1"."""
    verb, _, rest = do.partition(" ")
    place, _, value = rest.partition(" ")
    return RowPress(verb=verb, place=place, value=value) if verb in VERBS and place else None


def read(form: Form, shape: Shape | None, pressed: RowPress = NONE_PRESSED) -> dict[str, Any]:
    """The settings of a step, after what the button does. Raises Invalid."""
    found: dict[str, Any] = _Reader(form, pressed).struct("with", shape or Shape(kind=ShapeKind.STRUCT))
    return found


def read_values(text: str, what: str) -> Any:
    """Lists and mappings as YAML. Raises Invalid with the place."""
    try:
        document = documents.read(text)
        document.raise_mistakes()
    except documents.FileMistakes as error:
        first = error.mistakes[0]
        raise Invalid(f"{what}, line {first.line}: {first.message}") from None
    return document.data


def count(form: Form, rows: str) -> int:
    """How many rows the page has shown; of what is no number, none."""
    text = form.one(f"{rows}.n")
    return min(int(text), FIELDS_MAX) if text.isascii() and text.isdecimal() and len(text) < 6 else 0


class _Reader:
    def __init__(self, form: Form, pressed: RowPress) -> None:
        self._form = form
        self._pressed = pressed

    def _value(self, shape: Shape, name: str, label: str) -> Any:
        return setting_texts.of_bare(self._form.one(f"{name}.bare"), self._read(shape, name, label))

    def _read(self, shape: Shape, name: str, label: str) -> Any:
        if self._form.has(f"{name}.raw"):
            text = self._form.one(name)
            # A field shows no line break at its end, which may be a part of a text.
            return read_values(f"{text}\n", label) if text.strip(" \t\r\n") else ABSENT
        match shape.kind:
            case ShapeKind.STRUCT:
                found = self.struct(name, shape)
                is_said = shape.tag is None or len(found) > 1 or self._form.has(f"{name}.said")
                return found if is_said else ABSENT
            case ShapeKind.LIST | ShapeKind.DECISIONS:
                return self._list(shape, name, label)
            case ShapeKind.ROWS:
                return self._rows(shape, name, label)
            case ShapeKind.KINDS:
                return self._kind(shape, name, label)
            case ShapeKind.LINES:
                return self._lines(shape, name, label)
            case ShapeKind.NOTHING:
                return None
            case _:
                is_offered = self._pressed.verb == USE and self._pressed.place == name
                return setting_texts.read(shape, self._pressed.value if is_offered else self._form.one(name), label)

    def struct(self, name: str, shape: Shape) -> dict[str, Any]:
        found: dict[str, Any] = _started(shape)
        tables = [field for field in shape.fields if decision_reading.is_table(self._form, f"{name}.{field.name}")]
        for table in tables:
            found |= self._table(table, name)
        for field in shape.fields:
            if tables and field.name in {tables[0].name, decision_reading.OTHERWISE}:
                continue
            value = self._field(field, f"{name}.{field.name}")
            if value is not ABSENT:
                found[field.name] = value
        for number in range(FIELDS_MAX):
            place = f"{name}.-{number}"
            if not self._form.has(f"{place}.key"):
                break
            key = self._form.one(f"{place}.key")
            if (value := self._value(Shape(kind=ShapeKind.RAW), place, key)) is not ABSENT:
                found[key] = value
        return found

    def _table(self, field: ShapeField, name: str) -> dict[str, Any]:
        """The rules of a decision, and what holds otherwise."""
        place = f"{name}.{field.name}"
        table = DecisionForm(self._form, place, read_values)
        rows = [table.rule(f"{place}.{number}", f"Rule {number + 1}") for number in range(count(self._form, place))]
        if self._pressed == RowPress(verb=ADD, place=place):
            rows.append({})
        rules = [row for row in self._arranged(place, rows) if row is not ABSENT]
        found = {
            field.name: setting_texts.of_bare(self._form.one(f"{place}.bare"), rules or ABSENT),
            decision_reading.OTHERWISE: table.otherwise(f"{name}.{decision_reading.OTHERWISE}"),
        }
        return {key: value for key, value in found.items() if value is not ABSENT}

    def _field(self, field: ShapeField, name: str) -> Any:
        if field.shape.kind is ShapeKind.FLAG and not self._form.has(f"{name}.raw"):
            return setting_texts.of_bare(self._form.one(f"{name}.bare"), self._flag(field, name))
        return self._filled(field.shape, name, field.label)

    def _filled(self, shape: Shape, name: str, label: str) -> Any:
        """A box of fields that are all empty says nothing."""
        value = self._value(shape, name, label)
        is_nothing = shape.kind in BOXES and not value and not self._form.has(f"{name}.bare")
        return ABSENT if is_nothing else value

    def _flag(self, field: ShapeField, name: str) -> Any:
        """Said where the file said it, or where it is not what the action takes without being told."""
        is_ticked, before = self._form.has(name), self._form.one(f"{name}.was")
        return is_ticked if before == "said" or is_ticked != bool(field.default) else ABSENT

    def _lines(self, shape: Shape, name: str, label: str) -> list[Any]:
        assert shape.item is not None
        lines = self._form.one(name).split("\n")
        return [setting_texts.read(shape.item, line, label) for line in lines if line.strip()]

    def _list(self, shape: Shape, name: str, label: str) -> list[Any]:
        assert shape.item is not None
        # A card is there though nothing is filled in yet.
        value_of = self._value if shape.item.kind is ShapeKind.STRUCT else self._filled
        rows = [value_of(shape.item, f"{name}.{number}", label) for number in range(count(self._form, name))]
        if self._pressed == RowPress(verb=ADD, place=name):
            rows.append(_started(shape.item))
        return [value for value in self._arranged(name, rows) if value is not ABSENT]

    def _rows(self, shape: Shape, name: str, label: str) -> dict[str, Any]:
        assert shape.item is not None
        rows: list[tuple[str, Any]] = []
        for number in range(count(self._form, name)):
            place = f"{name}.{number}.key"
            is_offered = self._pressed.verb == USE and self._pressed.place == place
            key = (self._pressed.value if is_offered else self._form.one(place)).strip()
            value = self._value(shape.item, f"{name}.{number}.v", key or label)
            rows.append((key, "" if value is ABSENT else value))
        found: dict[str, Any] = {}
        for key, value in self._arranged(name, rows):
            # A mapping would keep the last one silently.
            if key in found:
                raise Invalid(f"{label}: “{key[:60]}” is there twice; give one of them another name")
            if key:
                found[key] = value
            elif value not in ("", {}, []):
                raise Invalid(f"{label}: give “{setting_texts.shown(value)[:60]}” a name, or empty it")
        return found

    def _arranged(self, name: str, rows: list[Any]) -> list[Any]:
        """After the button of one of these rows."""
        place, _, number = self._pressed.place.rpartition(".")
        if place != name or not number.isdecimal() or int(number) >= len(rows):
            return rows
        at = int(number)
        row = rows.pop(at)
        if self._pressed.verb == TAKE:
            return rows
        places = {UP: at - 1, DOWN: at + 1, MOVE: self._pressed.at}
        rows.insert(max(places.get(self._pressed.verb, at), 0), row)
        return rows

    def _kind(self, shape: Shape, name: str, label: str) -> Any:
        kinds = shape.kinds
        wanted, before = self._chosen(kinds, f"{name}.kind"), self._chosen(kinds, f"{name}.was")
        # The page showed the fields of the kind before, so only that kind can read them.
        value = self._filled(before, f"{name}.v", label)
        return value if wanted == before else _converted(wanted, value, label)

    def _chosen(self, kinds: tuple[Shape, ...], name: str) -> Shape:
        text = self._form.one(name)
        return kinds[int(text)] if text in {str(number) for number in range(len(kinds))} else kinds[0]


def _started(shape: Shape) -> dict[str, Any]:
    return {} if shape.tag is None else {shape.tag[0]: shape.tag[1]}


def _converted(shape: Shape, value: Any, label: str) -> Any:
    """What was typed as another kind, taken along as far as it goes."""
    if shape.kind is ShapeKind.NOTHING:
        return None
    if shape.kind is ShapeKind.STRUCT:
        # A column that is called alike on both sides is the start of one that is not.
        # Where nothing must be there, the first: of a source of rows that is its file.
        named = [field for field in shape.fields if field.shape.kind in SCALAR]
        names = [field.name for field in named if field.is_required] or [field.name for field in named[:1]]
        filled = {} if isinstance(value, dict | list) or value in (ABSENT, None) else dict.fromkeys(names, value)
        return {**_started(shape), **filled}
    if isinstance(value, dict):
        value = next((one for one in value.values() if not isinstance(one, dict | list)), ABSENT)
    if shape.kind not in SCALAR:
        is_list = shape.kind in {ShapeKind.LIST, ShapeKind.LINES}
        return ([] if value in (ABSENT, None) else [value]) if is_list else {}
    return ABSENT if value in (ABSENT, None) else setting_texts.read(shape, setting_texts.shown(value), label)
