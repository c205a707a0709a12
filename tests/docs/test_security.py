"""SECURITY.md points at what is there, in sentences that can be read."""

from __future__ import annotations

import re

from tests.figures import ROOT

TEXT = (ROOT / "SECURITY.md").read_text("utf-8")
WORDS_MAX = 25


def test_every_promise_points_at_a_test_that_is_there() -> None:
    paths = set(re.findall(r"\b(?:tests|docs)/[a-z_/.]+[a-z]", TEXT))

    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_its_sentences_are_short() -> None:
    lines = [line for line in TEXT.splitlines() if not line.startswith(("|", "    ", "#"))]
    sentences = re.split(r"[.:?!]\s", " ".join(lines).replace("- **", ". "))

    assert [one for one in sentences if len(one.split()) >= WORDS_MAX] == []
