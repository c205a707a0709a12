"""The list of advisories is true of this repository."""

from __future__ import annotations

import ast
import re

import pytest

from tests.advisories.known import HELD, KNOWN, WAS_WRONG, Advisory
from tests.figures import ROOT

NUMBER = re.compile(r"CVE-20\d\d-\d{4,6}|GHSA(-[0-9a-z]{4}){3}|[\w.-]+/[\w.-]+#\d+")


@pytest.mark.parametrize("one", KNOWN, ids=[one.number for one in KNOWN])
def test_the_test_that_shows_it_is_there(one: Advisory) -> None:
    path, _, name = one.test.partition("::")

    found = {
        node.name for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))) if isinstance(node, ast.FunctionDef)
    }

    assert name in found
    assert NUMBER.fullmatch(one.number) and one.here in {HELD, WAS_WRONG} and one.happened


def test_each_is_named_once_and_there_are_enough() -> None:
    numbers = [one.number for one in KNOWN]

    assert len(numbers) == len(set(numbers)) >= 50
