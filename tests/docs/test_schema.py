"""`procession schema` takes what `procession apply` takes, and refuses mistakes where an editor can show them."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import jsonschema_rs
import pytest
import yaml

from procession import actions
from procession.model import process_file
from procession.model.process_file import schema
from procession.model.process_file.documents import FileMistakes
from tests.docs.blocks import ROOT

SCHEMA = schema.schema(actions.registry())
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)
EXAMPLES = sorted(ROOT.glob("examples/*/*.yaml"))
STEPS = [
    pytest.param({"action": kind, "with": dict(example.settings)}, id=f"{kind}-{number}")
    for kind, action in actions.registry().items()
    for number, example in enumerate(action.examples)
]
PROCESS = """
process: Close
groups:
  - group: All
    steps:
      - data: Data
        properties:
          - {name: Month, type: String, flow: INPUT, required: true}
          - {name: Items, type: File, flow: INPUT}
          - {name: Open, type: File, flow: OUTPUT}
      - action: run_sql
        with: {sql: SELECT 1, inputs: {items: "${data.items}"}, outputs: {result: "${data.open}"}}
      - action: reconcile
        needs: [run_sql]
        with: {left: "${data.items}", right: "${data.open}", amount: amount, rules: [{name: All, equal: [id]}]}
      - action: run_python
        when: {equals: {property: data.month, value: "2026-11"}}
        retry: {times: 2}
        with: {code: "print(1)"}
"""
STEP = ("groups", 0, "steps")
# Where, what is written there instead, and where the schema says so.
MISTAKES: dict[str, tuple[tuple[str | int, ...], Any, tuple[str | int, ...]]] = {
    "a key nobody knows": (("proces",), "Close", ()),
    "no name": (("process",), None, ("process",)),
    "groups that are no list": (("groups",), "All", ("groups",)),
    "an action that does not exist": ((*STEP, 1, "action"), "run_sq", (*STEP, 1, "action")),
    "a setting of another action": ((*STEP, 1, "with", "code"), "print(1)", (*STEP, 1, "with")),
    "a setting that is missing": ((*STEP, 3, "with"), {"inputs": {}}, (*STEP, 3, "with")),
    "no settings": ((*STEP, 1, "with"), ..., (*STEP, 1)),
    "a setting of another type": ((*STEP, 1, "with", "sql"), 5, (*STEP, 1, "with", "sql")),
    "an unknown file option": (
        (*STEP, 1, "with", "inputs", "items"),
        {"file": "${data.items}", "delimeter": ";"},
        (*STEP, 1, "with", "inputs", "items"),
    ),
    "a rule without columns": ((*STEP, 2, "with", "rules", 0, "equal"), [], (*STEP, 2, "with", "rules", 0, "equal")),
    "a type that does not exist": ((*STEP, 0, "properties", 0, "type"), "Money", (*STEP, 0, "properties", 0, "type")),
    "a property without a name": ((*STEP, 0, "properties", 0, "name"), ..., (*STEP, 0, "properties", 0)),
    "a condition nobody knows": ((*STEP, 3, "when"), {"done": "run_sql"}, (*STEP, 3, "when")),
    "too many tries": ((*STEP, 3, "retry", "times"), 1_000, (*STEP, 3, "retry", "times")),
    "a wrong duration": (("time_limit",), "soon", ("time_limit",)),
}


class _AsEditorsRead(yaml.SafeLoader):
    """YAML 1.2, where `on` is a word; in 1.1 it is true, and the key of a join would be no text."""


_AsEditorsRead.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_process_fits(path: Any) -> None:
    VALIDATOR.validate(yaml.load(path.read_text("utf-8"), Loader=_AsEditorsRead))  # noqa: S506 - a safe loader


@pytest.mark.parametrize("step", STEPS)
def test_every_example_of_an_action_fits(step: dict[str, Any]) -> None:
    VALIDATOR.validate({"process": "One", "groups": [{"group": "All", "steps": [step]}]})


def test_words_and_numbers_without_quotes_fit_as_they_are_read() -> None:
    text = PROCESS.replace("process: Close", "process: 2026").replace("name: Month", "name: 11")

    process_file.parse(text.replace("data.month", "data.11"), actions=actions.registry())
    VALIDATOR.validate(yaml.safe_load(text))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused_at_its_place_by_schema_and_parser(name: str) -> None:
    place, value, shown = MISTAKES[name]
    data = deepcopy(yaml.safe_load(PROCESS))
    VALIDATOR.validate(data)

    _put(data, place, value)

    assert shown in {tuple(error.instance_path) for error in VALIDATOR.iter_errors(data)}
    with pytest.raises(FileMistakes):
        process_file.parse(yaml.safe_dump(data, sort_keys=False), actions=actions.registry())


def _put(data: Any, place: tuple[str | int, ...], value: Any) -> None:
    *way, last = place
    for part in way:
        data = data[part]
    if value is ...:
        del data[last]
    else:
        data[last] = value


def test_every_key_says_what_it_means() -> None:
    assert [place for place, one in _keys(SCHEMA, "") if not one.get("description")] == []


def _keys(part: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every key of every mapping that a process file may have."""
    if isinstance(part, list):
        for one in part:
            yield from _keys(one, place)
    if not isinstance(part, dict):
        return
    for name, one in part.items():
        if name == "properties" and part.get("type") == "object":
            yield from ((f"{place}.{key}", schema) for key, schema in one.items())
            for key, schema in one.items():
                yield from _keys(schema, f"{place}.{key}")
        else:
            yield from _keys(one, f"{place}.{name}")
