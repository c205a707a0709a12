"""The forms of an action's settings: what a form shows and a browser sends back is what the file said, to the letter."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession import actions
from procession.actions.column_names import ColumnName
from procession.model.process_file import documents, editing, patching
from procession.pages import environment
from procession.web import edit_names, setting_fields, setting_reading, setting_shapes
from procession.web.forms import Form
from procession.web.setting_reading import RowPress
from procession.web.setting_shapes import Shape
from tests.support import examples
from tests.web import sent, setting_values

ACTIONS = actions.registry()
NAMES = edit_names.NameChoices(all=(), writable=())


class _Colour(StrEnum):
    RED = "red"
    NO = "no"


class _Circle(msgspec.Struct, frozen=True, kw_only=True, tag="circle", tag_field="shape"):
    radius: float
    colours: list[_Colour] = []


class _Square(msgspec.Struct, frozen=True, kw_only=True, tag="square", tag_field="shape"):
    side: int | None = None
    inner: dict[str, _Circle] = {}


class _Everything(msgspec.Struct, frozen=True, kw_only=True):
    """More than any action of ours asks for."""

    figure: _Circle | _Square
    figures: list[_Circle | _Square]
    note: str
    size: Literal[1, 2, "large"]
    either: bool | None
    texts: list[str] = []
    rows: list[list[int]] = []
    values: dict[str, str | float | bool | None] = {}
    nested: dict[str, dict[str, list[str]]] = {}
    column: ColumnName | None = None
    columns: list[ColumnName] = []
    renamed: dict[ColumnName, str] = {}
    anything: Any = None
    loud: bool = True
    quiet: bool = False


SETTINGS = {kind: action.settings for kind, action in ACTIONS.items()}


def form_of(settings: dict[str, Any], shape: Shape | None) -> sent.Sent:
    """What a browser sends of the form, nothing changed."""
    node = setting_fields.of_step(shape, settings, {})
    return sent.fields(f'<form id="form">{macros().fields(node, NAMES, "")}</form>', "form")


@cache
def macros() -> Any:
    return environment.environment().get_template("setting-parts.html").make_module()


def read(given: sent.Sent, shape: Shape | None, pressed: RowPress = setting_reading.NONE_PRESSED) -> dict[str, Any]:
    pairs = [(name, value) for name, values in given.items() for value in values]
    return setting_reading.read(Form.of(pairs), shape, pressed)


def different(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    pairs = {name: (one.get(name, "nothing"), other.get(name, "nothing")) for name in {**one, **other}}
    return {name: pair for name, pair in pairs.items() if not patching.same(*pair)}


# Few of each: they are made of the same sources, targets and values, which all actions together try hundreds of times.
@pytest.mark.parametrize("kind", sorted(SETTINGS))
@examples(6)
@given(data=st.data())
def test_settings_sent_back_unchanged_leave_the_file_as_it_is(kind: str, data: st.DataObject) -> None:
    _require_unchanged(kind, SETTINGS[kind], data.draw(setting_values.of_settings(SETTINGS[kind])))


@examples(15)
@given(settings=setting_values.of_settings(_Everything))
def test_every_kind_of_field_sent_back_unchanged_leaves_the_file_as_it_is(settings: dict[str, Any]) -> None:
    _require_unchanged("everything", _Everything, settings)


def _require_unchanged(kind: str, taken: type[msgspec.Struct], settings: dict[str, Any]) -> None:
    step = {"action": kind, "name": "x", "with": settings}
    text = "# mine\n" + patching.dumped({"process": "p", "groups": [{"group": "g", "steps": [step]}]})
    told = documents.read(text).data["groups"][0]["steps"][0]

    shape = setting_shapes.of_settings(taken)
    again = read(form_of(told["with"], shape), shape)

    assert not different(again, told["with"])
    assert editing.changed(text, "1.1", {**told, "with": again}) == text


@examples(10)
@given(
    settings=st.dictionaries(st.sampled_from(["a", "b c", "-0"]), setting_values.of_settings(_Everything), max_size=3)
)
def test_settings_of_an_action_that_is_not_installed_stay(settings: dict[str, Any]) -> None:
    assert patching.same(read(form_of(settings, None), None), settings)


def test_many_outputs_are_folded_until_one_of_them_has_a_mistake() -> None:
    shape = setting_shapes.of_settings(SETTINGS["reconcile"])
    named = ("matched", "only_left", "only_right", "summary", "report")
    wrong = {("outputs", "report"): (documents.Mistake(line=9, column=1, message="is no property"),)}

    def page(count: int, **mistakes: Any) -> str:
        given = {"outputs": {name: f"${{d.{name}}}" for name in named[:count]}}
        return str(macros().fields(setting_fields.of_step(shape, given, **{"mistakes": {}, **mistakes}), NAMES, ""))

    folded = '<summary class="small">Outputs: 5 are said</summary>'
    assert f"<details>{folded}" in page(5)
    assert f"<details open>{folded}" in page(5, mistakes=wrong)
    assert "are said</summary>" not in page(4)
