"""A reference where none is looked up is told when the file is applied, not sent out as it stands."""

from __future__ import annotations

import json
from typing import Any

import pytest

from procession.actions import registry
from procession.model import process_file
from procession.model.process_file.documents import FileMistakes

OUT = {"to": "${f.o}", "as": "o.csv"}


def mistakes(step: dict[str, Any]) -> list[str]:
    properties = [
        {"name": "x", "type": "File", "flow": "INPUT"},
        {"name": "o", "type": "File", "flow": "OUTPUT"},
        {"name": "m", "type": "String", "flow": "INPUT"},
        {"name": "u", "type": "String"},
    ]
    steps = [{"data": "F", "properties": properties}, {"name": "s", **step}]
    text = json.dumps({"process": "p", "groups": [{"group": "g", "steps": steps}]})
    try:
        process_file.parse(text, actions=registry())
    except FileMistakes as error:
        return [one.message for one in error.mistakes]
    return []


@pytest.mark.parametrize(
    ("action", "settings", "said"),
    [
        (
            "approve",
            {"title": "Post ${f.m}?", "who": {"user": "a"}},
            "only where it is the whole text; only a constant",
        ),
        ("fail", {"message": "${f.m}"}, "is not looked up here: a constant is wanted"),
        (
            "transform",
            {"source": "${f.x}", "steps": [{"filter": "a <> '${f.m}'"}], "output": OUT},
            "give it a name under inputs",
        ),
        (
            "transform",
            {"source": "${f.x}", "steps": [{"sort": ["${f.m}"]}], "output": OUT},
            "a constant is wanted",
        ),
        (
            "excel_report",
            {"sheets": [{"sheet": "S", "source": "${f.x}"}], "cells": {"S!H1": "of ${f.m}"}, "output": "${f.o}"},
            "only where it is the whole text",
        ),
        (
            "import_table",
            {"source": "${f.x}", "add": {"month": "M ${f.m}"}, "output": OUT},
            "only where it is the whole text",
        ),
        (
            "validate",
            {"source": "${f.x}", "rules": [{"name": "r", "column": "a", "one_of": ["${f.m}"]}]},
            "a constant is wanted",
        ),
        (
            "export",
            {"source": "${f.x}", "output": {"to": "${f.o}", "as": "${f.m}.csv"}},
            '"{f.m}" has no value (there are none; name it under inputs)',
        ),
        (
            "decide",
            {"rules": [{"when": {"equals": {"property": "f.m", "value": "${f.u}"}}, "set": {"f.u": "x"}}]},
            '"equals" compares with a constant; ${f.u} would not be looked up',
        ),
    ],
)
def test_a_reference_that_is_not_looked_up_is_told_once(action, settings, said):
    (message,) = mistakes({"action": action, "with": settings})

    assert said in message


def test_a_condition_of_a_step_compares_with_a_constant():
    step = {"action": "fail", "with": {"message": "x"}, "when": {"equals": {"property": "f.m", "value": "${f.u}"}}}

    assert mistakes(step) == ['"equals" compares with a constant; ${f.u} would not be looked up']


@pytest.mark.parametrize(
    ("action", "settings"),
    [
        # A program has words of its own, and what names no property is a text.
        ("run_python", {"code": "print('${f.m}')", "outputs": {"o": "${f.u}"}}),
        ("fail", {"message": "write ${step.property}"}),
        ("validate", {"source": "${f.x}", "rules": [{"name": "r", "column": "a", "between": ["${f.m}", None]}]}),
        ("import_table", {"source": {"file": "${f.x}", "sheet": "${f.m}"}, "add": {"m": "${f.m}"}, "output": OUT}),
    ],
)
def test_what_is_looked_up_and_what_is_a_text_stay(action, settings):
    assert mistakes({"action": action, "with": settings}) == []
