"""The table of a decision among the fields of a step: one row a rule, its conditions and what it sets as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from msgspec.structs import replace

from procession.model.process_file.documents import Path
from procession.web import decision_cells, setting_texts
from procession.web.decision_cells import ATOMS, Cells, DecisionColumn, Types
from procession.web.setting_nodes import SettingNode
from procession.web.setting_shapes import RAW, Shape, ShapeField, ShapeKind
from procession.web.setting_texts import ABSENT

CELLS_MAX = 3_000  # of some 290 rules with four columns; a cell is less to show than a field with its help
OTHERWISE = "otherwise"  # the setting beside the rules, whose row is the last
_PARTS = ("name", "when", "set")
_KEPT = "The table cannot show this; it is written as in the process file."


class Nodes(Protocol):
    """What makes nodes of the fields of a step (setting_fields)."""

    def made(self, field: ShapeField, name: str, path: Path, **more: Any) -> SettingNode: ...
    def raw(self, field: ShapeField, name: str, value: Any, path: Path, note: str) -> SettingNode: ...


def cells_in(given: Mapping[str, Any], rules: str, types: Types) -> int:
    """How many fields the table would have."""
    table = _Table(given.get(rules), given.get(OTHERWISE, ABSENT), types)
    return (len(table.rules) + 2) * (len(table.questions) + len(table.targets) + 4)


def of(nodes: Nodes, field: ShapeField, name: str, given: Mapping[str, Any], types: Types) -> SettingNode:
    """`name` and `given` are of the settings that hold the rules, in the field `field`, and what holds otherwise."""
    rules = given.get(field.name, ABSENT)
    table = _Table(rules, given.get(OTHERWISE, ABSENT), types)
    place = f"{name}.{field.name}"
    rows = [_row(nodes, table, (place, n), rule) for n, rule in enumerate(table.rules)]
    return nodes.made(
        field,
        place,
        (field.name,),
        children=[_heads(nodes, table, place), *rows, _otherwise(nodes, table, f"{name}.{OTHERWISE}")],
        is_set=rules is not ABSENT,
        bare="" if rules is ABSENT else setting_texts.bare(rules),
    )


class _Table:
    """The rules with what its columns ask and set, in the order in which the rules first do."""

    def __init__(self, rules: Any, otherwise: Any, types: Types) -> None:
        self.rules: list[Any] = rules if isinstance(rules, list) else []
        self.otherwise, self.types = otherwise, types
        whens, sets = dict[DecisionColumn, None](), dict[DecisionColumn, None]()
        for rule in self.rules:
            if is_shown(rule):
                whens.update(dict.fromkeys(decision_cells.of_when(rule.get("when", ABSENT), types) or ()))
                sets.update(dict.fromkeys(decision_cells.of_values(rule.get("set", ABSENT), types) or ()))
        sets.update(dict.fromkeys(decision_cells.of_values(otherwise, types) or ()))
        self.questions, self.targets = [*whens, DecisionColumn("equals", "")], [*sets, DecisionColumn("", "")]


def is_shown(rule: Any) -> bool:
    """Whether a row can be made of a rule, some of its cells perhaps as text."""
    if not isinstance(rule, dict) or not rule.keys() <= set(_PARTS):
        return False
    name = rule.get("name", "x")
    return isinstance(name, str) and name != "" and setting_texts.is_line(name)


def _heads(nodes: Nodes, table: _Table, place: str) -> SettingNode:
    """What is asked, of which properties, and which are set. A last one of each is empty, for another column."""
    asked = [
        _choice(nodes, f"{place}.c{n}.is", f"Condition {n + 1} asks", question.atom, ATOMS)
        for n, question in enumerate(table.questions)
    ]
    of = {typed_name(name, table.types): name for name in table.types}
    properties = [
        [
            _choice(nodes, f"{place}.{letter}{n}.of", f"{what} {n + 1}: property", typed_name(name, table.types), of)
            for n, (_, name) in enumerate(columns)
        ]
        for letter, what, columns in (("c", "Condition", table.questions), ("s", "Value", table.targets))
    ]
    boxes = [
        nodes.made(_field("heads"), f"{place}.heads", (place, str(n)), kind="heads", children=one)
        for n, one in enumerate((asked, *properties))
    ]
    return nodes.made(_field("heads"), f"{place}.heads", (place, "heads"), kind="heads", children=boxes)


def typed_name(name: str, types: Types) -> str:
    """A property with its type, so that a form says how its cells are read."""
    return f"{name} {types.get(name, '')}".strip()


def _choice(nodes: Nodes, name: str, label: str, text: str, options: Mapping[str, str]) -> SettingNode:
    shape = Shape(kind=ShapeKind.CHOICE)
    found = nodes.made(_field(label, shape), name, (name,), text=text, options=tuple(options.items()))
    return replace(found, is_required=bool(text))


def _field(label: str, shape: Shape = RAW) -> ShapeField:
    return ShapeField(name="", label=label, help="", shape=shape, is_required=False)


def _row(nodes: Nodes, table: _Table, where: tuple[str, int], rule: Any) -> SettingNode:
    rules, number = where
    place, path, label = f"{rules}.{number}", ("rules", number), f"Rule {number + 1}"
    if not is_shown(rule):
        return nodes.raw(_field(label), place, rule, path, _KEPT)
    name = nodes.made(_field("Name", _TEXT), f"{place}.name", (*path, "name"), text=rule.get("name", ""))
    when, values = rule.get("when", ABSENT), rule.get("set", ABSENT)
    boxes = [
        _box(nodes, (f"{place}.when", (*path, "when")), when, _cells(table, when, is_set=False)),
        _box(nodes, (f"{place}.set", (*path, "set")), values, _cells(table, values, is_set=True)),
    ]
    return nodes.made(
        _field(label), place, path, kind="decision", text=setting_texts.as_yaml(rule), children=[name, *boxes]
    )


_TEXT = Shape(kind=ShapeKind.TEXT)


def _otherwise(nodes: Nodes, table: _Table, place: str) -> SettingNode:
    """The last row, whose cells are all of them values."""
    given, path = table.otherwise, (OTHERWISE,)
    bare = "" if given is ABSENT else setting_texts.bare(given)
    shown = ABSENT if bare else given
    box = _box(nodes, (f"{place}.set", path), shown, _cells(table, shown, is_set=True))
    was = "" if shown is ABSENT else setting_texts.as_yaml(shown)
    return nodes.made(_field("Otherwise"), place, path, kind=OTHERWISE, text=was, children=[box], bare=bare)


def _cells(table: _Table, value: Any, *, is_set: bool) -> list[str] | None:
    """The text of each column, None where they cannot say it all."""
    found: Cells | None = (decision_cells.of_values if is_set else decision_cells.of_when)(value, table.types)
    columns: Iterable[DecisionColumn] = table.targets if is_set else table.questions
    return None if found is None else [found.get(question, "") for question in columns]


def _box(nodes: Nodes, where: tuple[str, Path], value: Any, cells: list[str] | None) -> SettingNode:
    (name, path), what = where, "Sets" if where[0].endswith(".set") else "When"
    if cells is None:
        return nodes.raw(_field(what), name, value, path, _KEPT)
    letter = "s" if what == "Sets" else "c"
    texts = [
        nodes.made(_field(f"{what} {n + 1}", _TEXT), f"{name}.{letter}{n}", (name, n), text=text)
        for n, text in enumerate(cells)
    ]
    return nodes.made(_field(what), name, path, kind="cells", children=texts)
