"""The fields of an action's settings, filled in: what each says, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from procession.model.process_file.documents import Mistake, Path
from procession.web import decision_nodes, setting_texts
from procession.web.forms import Form
from procession.web.setting_nodes import SettingNode, one_of
from procession.web.setting_shapes import BOXES, KEPT, RAW, Shape, ShapeField, ShapeKind
from procession.web.setting_texts import ABSENT, as_yaml, shown

# Of one step: with more a page is slow, and a browser's form too large to be read.
FIELDS_MAX = 600
BEYOND = "This step has too many settings for one form; this one is written as in the process file."
UNSAID = "A form cannot say this value; it is written as in the process file."
UNKNOWN = "The action has no such setting. Empty it to take it away."

NO_TYPES: Mapping[str, str] = {}

# Settings that name what the step writes: an INPUT is no choice there.
_OUTPUTS = frozenset({("outputs",), ("output",), ("rejects",), ("more",)})
_MEANT = re.compile(r'did you mean "([^"]+)"\?')
_NAMING = frozenset({ShapeKind.REFERENCE, ShapeKind.VALUE, ShapeKind.TEXT})


def of_step(
    shape: Shape | None,
    given: Mapping[str, Any],
    mistakes: Mapping[Path, tuple[Mistake, ...]],
    types: Mapping[str, str] = NO_TYPES,
) -> SettingNode:
    """All settings of a step; `mistakes` by their place below `with`, `types` of properties by "step.property".

    Without a shape each setting is YAML.
    """
    field = ShapeField(name="with", label="", help="", shape=shape or RAW, is_required=True)
    return _Builder(mistakes, types).struct(field, "with", given, ())


def mistakes_of(node: SettingNode, above: str = "") -> Iterable[tuple[Mistake, SettingNode, str]]:
    """Every mistake with the field that it stands at, and what leads to that: "rule 2, tolerance"."""
    label = ", ".join(part for part in (above, node.label.lower()) if part)
    for mistake in node.mistakes:
        yield mistake, node, label
    for child in node.children:
        # One of several kinds goes by the same name as the field of all of them.
        yield from mistakes_of(child, above if node.kind in {ShapeKind.KINDS, ShapeKind.LIST} else label)


def typed(node: SettingNode, form: Form) -> SettingNode:
    """With what was typed, where it could not be kept."""
    children = tuple(typed(child, form) for child in node.children)
    place = f"{node.name}.kind" if node.kind == ShapeKind.KINDS else node.name
    text = node.text if node.kind in KEPT else form.one(place)
    key = node.key
    if key is not None and form.has(f"{node.name.removesuffix('.v')}.key"):
        key = form.one(f"{node.name.removesuffix('.v')}.key")
    return replace(node, children=children, text=text, key=key)


def _item(shape: Shape, label: str) -> ShapeField:
    return ShapeField(name="", label=label, help="", shape=shape, is_required=True)


class _Builder:
    """`_left` are mistakes that no field has taken yet; a value that is not there is ABSENT."""

    def __init__(self, mistakes: Mapping[Path, tuple[Mistake, ...]], types: Mapping[str, str]) -> None:
        self._left, self._types = dict(mistakes), types
        self._count = 0

    def _node(self, field: ShapeField, name: str, value: Any, path: Path) -> SettingNode:
        self._count += 1
        shape = field.shape
        is_long = isinstance(value, list | dict) and len(value) > FIELDS_MAX - self._count
        if is_long or self._count > FIELDS_MAX:
            return self.raw(field, name, value, path, BEYOND)
        bare = "" if value is ABSENT else setting_texts.bare(value)
        if bare and shape.kind is not ShapeKind.RAW and (shape.kind in BOXES or not says(shape, value)):
            return replace(self._shown(field, name, ABSENT, path), bare=bare)
        return self._shown(field, name, value, path)

    def _shown(self, field: ShapeField, name: str, value: Any, path: Path) -> SettingNode:
        shape = field.shape
        if shape.kind is ShapeKind.RAW or (value is not ABSENT and not says(shape, value)):
            return self.raw(field, name, value, path, UNSAID)
        match shape.kind:
            case ShapeKind.STRUCT:
                return self.struct(field, name, {} if value is ABSENT else value, path)
            case ShapeKind.LIST | ShapeKind.DECISIONS:
                return self._list(field, name, [] if value is ABSENT else value, path)
            case ShapeKind.ROWS:
                return self._rows(field, name, {} if value is ABSENT else value, path)
            case ShapeKind.KINDS:
                return self._kinds(field, name, value, path)
            case _:
                return self._leaf(field, name, value, path)

    def struct(self, field: ShapeField, name: str, given: Mapping[str, Any], path: Path) -> SettingNode:
        fields = field.shape.fields
        known = {one.name for one in fields} | ({field.shape.tag[0]} if field.shape.tag else set())
        table = next((one for one in fields if self._is_table(one, given)), None)
        # The table has a row for it.
        others = [one for one in fields if table is None or one.name != decision_nodes.OTHERWISE]
        children = [
            decision_nodes.of(self, one, name, given, self._types)
            if one is table
            else self._node(one, f"{name}.{one.name}", given.get(one.name, ABSENT), (*path, one.name))
            for one in others
        ]
        for number, key in enumerate(key for key in given if key not in known):
            other = ShapeField(name=key, label=key, help="", shape=RAW, is_required=False)
            found = self.raw(other, f"{name}.-{number}", given[key], (*path, key), UNKNOWN)
            children.append(replace(found, key=key))
        is_said = field.shape.tag is not None and bool(given)
        return self.made(field, name, path, children=children, is_set=bool(given), was="said" if is_said else "")

    def _is_table(self, field: ShapeField, given: Mapping[str, Any]) -> bool:
        """Whether the rules of a decision can be a table: of too many cells, or of what is no list, it is none."""
        if field.shape.kind is not ShapeKind.DECISIONS or not isinstance(given.get(field.name, []), list):
            return False
        return decision_nodes.cells_in(given, field.name, self._types) <= decision_nodes.CELLS_MAX

    def _list(self, field: ShapeField, name: str, values: list[Any], path: Path) -> SettingNode:
        assert field.shape.item is not None
        item, noun = field.shape.item, one_of(field.label)
        rows = [
            self._node(_item(item, f"{noun} {number + 1}"), f"{name}.{number}", value, (*path, number))
            for number, value in enumerate(values)
        ]
        if item.kind is not ShapeKind.STRUCT:
            spare = self._node(_item(item, f"Another {noun.lower()}"), f"{name}.{len(values)}", ABSENT, (*path, ""))
            rows.append(replace(spare, is_spare=True))
        has_cards = item.kind is ShapeKind.STRUCT
        return self.made(field, name, path, kind="list", children=rows, is_set=bool(values), has_cards=has_cards)

    def _rows(self, field: ShapeField, name: str, values: Mapping[str, Any], path: Path) -> SettingNode:
        assert field.shape.item is not None
        rows = []
        for number, (key, value) in enumerate([*values.items(), ("", ABSENT)]):
            row = _item(field.shape.item, key or f"Another {one_of(field.label).lower()}")
            found = self._node(row, f"{name}.{number}.v", value, (*path, key))
            rows.append(replace(found, key=key, is_spare=not key, key_columns=field.shape.key_columns))
        grid = tuple(one.label for one in field.shape.item.fields) if field.shape.item.is_grid else ()
        return self.made(field, name, path, children=rows, is_set=bool(values), grid=grid)

    def _kinds(self, field: ShapeField, name: str, value: Any, path: Path) -> SettingNode:
        kinds = field.shape.kinds
        chosen = kinds[0] if value is ABSENT else next(one for one in kinds if says(one, value))
        inner = self._node(replace(field, shape=chosen, help="", default=None), f"{name}.v", value, path)
        return self.made(
            field,
            name,
            path,
            children=[inner],
            text=str(kinds.index(chosen)),
            was=str(kinds.index(chosen)),
            options=tuple((str(number), one.label) for number, one in enumerate(kinds)),
            is_set=value is not ABSENT,
        )

    def _leaf(self, field: ShapeField, name: str, value: Any, path: Path) -> SettingNode:
        shape, is_set = field.shape, value is not ABSENT
        text = "" if not is_set else shown(value)
        if shape.kind is ShapeKind.LINES and is_set:
            text = "\n".join(shown(one) for one in value)
        kind = ShapeKind.LONG if shape.kind is ShapeKind.LINES else shape.kind
        if kind is ShapeKind.FLAG:
            text = "yes" if (value if is_set else field.default) else ""
        return self.made(
            replace(field, shape=replace(shape, kind=kind)),
            name,
            path,
            text=text,
            was="said" if is_set else "",
            options=tuple((shown(one), shown(one)) for one in shape.options),
            is_set=is_set,
        )

    def raw(self, field: ShapeField, name: str, value: Any, path: Path, note: str) -> SettingNode:
        text = "" if value is ABSENT else as_yaml(value)
        field = replace(field, shape=RAW, default=None)
        return self.made(field, name, path, text=text, note=note, is_set=value is not ABSENT)

    def made(self, field: ShapeField, name: str, path: Path, **more: Any) -> SettingNode:
        """With the mistakes at its place, and those below it that none of its fields has taken."""
        here = [place for place in self._left if place[: len(path)] == path]
        mistakes = tuple(mistake for place in here for mistake in self._left.pop(place))
        return SettingNode(
            **{
                "name": name,
                "kind": str(field.shape.kind),
                "label": field.label,
                "help": field.help,
                "usual": "" if field.default is None or field.default == "" else shown(field.default),
                "is_required": field.is_required,
                "is_wanted": field.is_wanted,
                "is_output": path[:1] in _OUTPUTS,
                "takes_names": field.shape.takes_names,
                "columns": field.shape.columns,
                "makes_columns": field.makes_columns,
                **more,
                "children": tuple(more.get("children", ())),
                "mistakes": mistakes,
                "offer": _offer(field.shape.kind, mistakes),
            }
        )


def _is_said_by_a_line(shape: Shape, value: Any) -> bool:
    return setting_texts.says(shape, value) and bool(shown(value).strip())


def _offer(kind: ShapeKind, mistakes: Iterable[Mistake]) -> str:
    """The nearest right value, where a message names one."""
    meant = next((found[1] for one in mistakes if (found := _MEANT.search(one.message))), "")
    if kind is ShapeKind.CHOICE:
        return meant
    return f"${{{meant}}}" if meant and kind in _NAMING else ""


def says(shape: Shape, value: Any) -> bool:
    """Whether fields of this shape give back this very value, whatever stands deeper in it."""
    match shape.kind:
        case ShapeKind.FLAG:
            return isinstance(value, bool)
        case ShapeKind.NOTHING:
            return value is None
        case ShapeKind.KINDS:
            return any(says(one, value) for one in shape.kinds)
        case ShapeKind.LIST:
            return isinstance(value, list)
        case ShapeKind.ROWS:
            return isinstance(value, dict) and all(key and setting_texts.is_line(key) for key in value)
        case ShapeKind.STRUCT:
            return isinstance(value, dict) and (shape.tag is None or value.get(shape.tag[0]) == shape.tag[1])
        case ShapeKind.LINES:
            assert shape.item is not None
            return isinstance(value, list) and all(_is_said_by_a_line(shape.item, one) for one in value)
        case _:
            return setting_texts.says(shape, value)
