"""docs/permissions.md says what the rules say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rights import document
from tests.rights.labels import every_route, label

FILE = Path(__file__).parents[2] / "docs" / "permissions.md"


def test_the_document_is_what_the_rules_say(request: pytest.FixtureRequest) -> None:
    text = document.page(every_route())
    if request.config.getoption("--write-docs", default=False):
        FILE.write_text(text, encoding="utf-8")

    assert FILE.read_text("utf-8") == text, f"docs/permissions.md is out of date; to renew it: {document.RENEW}"


def test_every_request_is_in_it_once() -> None:
    lines = document.page(every_route()).splitlines()

    for route in every_route():
        assert len([line for line in lines if line.startswith(f"| `{label(route)}` |")]) == 1


def test_no_words_are_kept_for_what_is_gone() -> None:
    free = {
        label(route) for route in every_route() if route.rule.scope and not route.rule.of and not route.rule.user_role
    }

    assert set(document.OTHERWISE) == free
    assert set(document.BESIDES) <= {label(route) for route in every_route()}
