"""The README keeps its promises of form, links lead somewhere, and the picture shows what the demonstration says."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from tests.docs import blocks, comparing
from tests.docs.blocks import ROOT

README = ROOT / "README.md"
WORDS_MAX = 700
PAGES = [*blocks.documents(), ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]


def test_the_readme_is_short() -> None:
    assert len(README.read_text("utf-8").split()) <= WORDS_MAX


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.name))
def test_every_link_leads_to_a_file_and_to_a_heading(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), f"{page.name} links to {target}, which does not exist"
        if anchor:
            assert anchor in _anchors(file), f"{page.name} links to {target}, and there is no such heading"


def _anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_picture_shows_what_the_demonstration_says() -> None:
    said = next(block.text for block in blocks.read(README) if block.kind == "output")
    shown = re.sub(r"<tspan[^>]*>|</tspan>", "", (ROOT / "docs" / "demo.svg").read_text("utf-8"))
    lines = {
        line.removesuffix("…")
        for line in comparing.plain(unescape("\n".join(re.findall(r"<text[^>]*>(.*)</text>", shown))))
    }

    for line in comparing.plain(said):
        is_shown = any(line.startswith(part) for part in lines)
        assert line == "..." or is_shown, f"docs/demo.svg is out of date (tools/picture draws it): no {line!r}"
