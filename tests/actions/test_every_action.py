"""The suite that every action passes, built in or not."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import openpyxl
import pytest

from procession.actions import BUILT_IN, registry
from procession.actions.contract import Action, Example
from tests.actions.context import play

EXAMPLES = [
    pytest.param(action, example, id=f"{action.kind}-{number}")
    for action in registry().values()
    for number, example in enumerate(action.examples)
]
ACTIONS = [pytest.param(action, id=action.kind) for action in registry().values()]


def _without_people(action: Action, example: Example) -> Action:
    """An action that asks people or starts a run, as it is once they have said, or that has given, what it says."""
    settle, after, child = action.settle, action.after, example.child
    if after is not None and child is not None:
        return replace(action, run=lambda context: after(context.settings, child))
    return action if settle is None else replace(action, run=lambda context: settle(context.settings, example.votes))


@pytest.mark.parametrize(("action", "example"), EXAMPLES)
def test_an_example_gives_what_it_says(action, example, tmp_path, reached):
    asked = _without_people(action, example)
    played = play(asked, tmp_path, example.settings, example.inputs, example.targets, connection=reached)

    assert played.outcome.status == example.status, played.outcome.message
    assert played.outcome.message == example.message
    assert played.outcome.rows == example.rows
    assert played.outputs.keys() == example.expected.keys()
    for reference, expected in example.expected.items():
        content = played.outputs[reference]
        assert (held(content, expected) if isinstance(expected, Mapping) else content) == expected


def held(content, expected):
    """What a workbook has in the sheets that are expected, or an archive in all of its members."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if "[Content_Types].xml" not in archive.namelist():
            return {name: archive.read(name)[: len(expected.get(name, b"x"))] for name in archive.namelist()}
    book: Any = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
    found: dict[str, list[list[object]]] = {}
    for name in expected:
        # Cells without a value at the end of a row are not told from a shorter row.
        rows = [list(row) for row in book[name].iter_rows(values_only=True)]
        found[name] = [row[: max((n for n, cell in enumerate(row, 1) if cell is not None), default=0)] for row in rows]
    return {name: rows if any(rows) else [] for name, rows in found.items()}


@pytest.mark.parametrize(("action", "example"), EXAMPLES)
def test_an_example_names_what_it_reads_and_writes(action, example):
    settings = msgspec.convert(example.settings, action.settings)

    assert set(action.reads(settings)) == set(example.inputs)
    assert set(action.writes(settings)) == set(example.targets)
    assert action.check(settings) == ()


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_has_an_example_a_title_and_published_settings(action):
    assert action.examples
    assert action.title
    assert msgspec.json.schema(action.settings)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_setting_that_does_not_exist_is_refused(action):
    settings = {**action.examples[0].settings, "colour": "red"}

    with pytest.raises(msgspec.ValidationError, match="colour"):
        msgspec.convert(settings, action.settings)


def test_the_book_holds_each_kind_once():
    assert len({action.kind for action in BUILT_IN}) == len(BUILT_IN)
    assert set(registry()) >= {action.kind for action in BUILT_IN}


# A server holds what it imports as long as it runs, and what reads files of strangers has no business in it.
@pytest.mark.parametrize(
    "opened",
    ["procession.actions as a; a.registry()", "procession.serving.active_home, procession.serving.application"],
)
def test_neither_the_book_nor_a_server_loads_what_does_the_work(opened: str):
    heavy = {
        *("duckdb", "xlsxwriter", "fastexcel"),
        *("procession.actions.reading.loading", "procession.actions.reading.columns"),
        *("procession.actions.writing.files", "procession.actions.reconciling.work"),
        *("procession.actions.tables.jobs", "procession.actions.tables.writing"),
        *("httpx2", "procession.actions.reaching.exchanges"),
    }
    heavy |= set() if "serving" in opened else {"ssl", "smtplib", "zoneinfo", "xml"}
    code = f"import sys, {opened}; print(sorted(set(sys.modules) & {heavy}))"

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert answer.stdout == "[]\n"


@pytest.mark.parametrize("action", ACTIONS)
def test_no_setting_is_of_a_type_that_ends_the_process(action):
    """msgspec 0.22: a text with a pattern beside a list or a mapping is freed twice."""
    left: list[msgspec.inspect.Type] = [msgspec.inspect.type_info(action.settings)]
    seen: set[type] = set()
    while left:
        one = left.pop()
        if isinstance(one, msgspec.inspect.UnionType):
            has_pattern = any(isinstance(t, msgspec.inspect.StrType) and t.pattern for t in one.types)
            holds = (msgspec.inspect.CollectionType, msgspec.inspect.DictType)
            assert not (has_pattern and any(isinstance(t, holds) for t in one.types)), one
            left += one.types
        elif isinstance(one, msgspec.inspect.StructType) and one.cls not in seen:
            seen.add(one.cls)
            left += [field.type for field in one.fields]
        elif isinstance(one, msgspec.inspect.CollectionType):
            left.append(one.item_type)
        elif isinstance(one, msgspec.inspect.DictType):
            left += [one.key_type, one.value_type]
        elif isinstance(one, msgspec.inspect.Metadata):
            left.append(one.type)
