"""The generated pages of docs/ say what the code says; `make docs` writes them anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from procession import actions
from tests.docs import action_reference, process_reference, settings_reference
from tests.docs.blocks import ROOT

PAGES: dict[str, Callable[[], str]] = {
    "actions.md": lambda: action_reference.page(actions.registry()),
    "process-file.md": lambda: process_reference.page(actions.registry()),
    "settings.md": settings_reference.page,
}


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_what_the_code_says(name: str, request: pytest.FixtureRequest) -> None:
    text, file = PAGES[name](), ROOT / "docs" / name
    if request.config.getoption("--write-docs"):
        file.write_text(text, encoding="utf-8")

    assert file.read_text("utf-8") == text, f"docs/{name} is out of date; to renew it: make docs"


def test_every_variable_that_is_read_has_its_line() -> None:
    assert settings_reference.variables() == settings_reference.documented()
