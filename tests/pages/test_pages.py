"""How pages look, whatever they say: statuses, files, errors."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import pytest

from procession.model.errors import NotFound
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.pages import assets, environment, statuses

PAGES = Path(environment.__file__).parent
DECISIONS = Path(__file__).parents[2] / "docs" / "decisions"
ICONS = set(re.findall(r'<symbol id="(\w+)"', (PAGES / "static" / "icons.svg").read_text("utf-8")))
TAGS = [
    *(statuses.of_run(status, outcome, missing=missing) for status in RunStatus for outcome in (None, *Outcome) for missing in (0, 2)),
    *(statuses.of_step(status, is_over=is_over) for status in StepStatus for is_over in (False, True)),
]  # fmt: skip


def test_every_status_has_a_word_and_an_icon_that_is_there() -> None:
    assert {tag.icon for tag in TAGS} <= ICONS
    assert all(tag.word and tag.kind in {"", "ok", "bad", "warn", "running"} for tag in TAGS)


def test_two_words_never_share_icon_and_colour() -> None:
    """Colour is never alone: whoever sees none tells them apart by their shape."""
    by_icon: dict[tuple[str, str], set[str]] = {}
    for tag in TAGS:
        by_icon.setdefault((tag.icon, tag.kind), set()).add(tag.word)

    assert {words for words in map(frozenset, by_icon.values()) if len(words) > 1} == {
        frozenset({"Finished", "Done"}),
        frozenset({"Not started", "Not reached"}),
    }


def test_what_needs_a_person_is_filled() -> None:
    assert statuses.of_run(RunStatus.NOT_STARTED, missing=2).word == "Waiting for inputs"
    assert statuses.of_run(RunStatus.FINISHED, Outcome.FAILED).kind == "bad"
    assert statuses.of_run(RunStatus.FINISHED, Outcome.SUCCESS).kind == "ok"
    assert statuses.of_step(StepStatus.NOT_STARTED, is_over=True).word == "Not reached"


def served(name: str) -> bytes:
    """As it lies there, without the lines of our own scripts that are comments."""
    lines = (PAGES / "static" / name).read_bytes().splitlines(keepends=True)
    if name not in assets.OWN:
        return b"".join(lines)
    kept, is_inside = [], False
    for line in lines:
        is_inside = is_inside or line.lstrip().startswith(b"/*")
        if not is_inside and not line.lstrip().startswith(b"//"):
            kept.append(line)
        is_inside = is_inside and not line.rstrip().endswith(b"*/")
    return b"".join(kept)


@pytest.mark.parametrize("name", assets.MEDIA_TYPES)
def test_a_file_is_named_by_its_content(name: str) -> None:
    address = assets.address(name)

    found = assets.get(address.removeprefix(assets.PREFIX))

    assert found.body == served(name) == gzip.decompress(found.compressed)
    assert hashlib.sha256(found.body).hexdigest()[:12] in address


@pytest.mark.parametrize("name", ["procession.css", "../environment.py", "htmx.000000000000.min.js", ""])
def test_no_other_name_opens_a_file(name: str) -> None:
    with pytest.raises(NotFound):
        assets.get(name)


@pytest.mark.parametrize(
    ("name", "decision"),
    [
        ("htmx.min.js", "0023-htmx.md"),
        ("hx-sse.min.js", "0023-htmx.md"),
        ("codemirror.min.js", "0024-codemirror.md"),
    ],
)
def test_what_others_wrote_is_as_the_decision_names_it(name: str, decision: str) -> None:
    digest = hashlib.sha256((PAGES / "static" / name).read_bytes()).hexdigest()

    assert f"`{name}` {digest}" in (DECISIONS / decision).read_text("utf-8")


def test_the_licence_of_the_editor_is_in_its_file() -> None:
    head = (PAGES / "static" / assets.EDITOR).read_text("utf-8")[:1500]

    assert "Marijn Haverbeke" in head and "The above copyright notice and this permission notice shall be" in head


def test_no_template_has_a_style_or_a_script_of_its_own() -> None:
    """The policy would refuse it, and it would be seen only by whoever looks."""
    for path in (PAGES / "templates").rglob("*.html"):
        source = path.read_text("utf-8")
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|<script(?! src=)|\|\s*safe|hx-on|javascript:", source), (
            path.name
        )


def test_what_a_page_loads_weighs_less_than_its_budget() -> None:
    weights = {
        name: len(assets.get(assets.address(name).removeprefix(assets.PREFIX)).compressed)
        for name in assets.MEDIA_TYPES
    }

    # Only pages on which files are chosen load it.
    assert weights.pop("upload.js") <= 4096
    # The editor is loaded where a process is edited as text, and nowhere else.
    assert weights.pop(assets.EDITOR) <= 130_000
    assert sum(weights.values()) <= 30_000
    asks = [path.name for path in (PAGES / "templates").rglob("*.html") if assets.EDITOR in path.read_text("utf-8")]
    assert asks == ["edit.html"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("no such run", "No such run."), ("Is it?", "Is it?"), ("", ""), ("\u00e9t\u00e9", "\u00c9t\u00e9.")],
)
def test_a_message_is_a_sentence(text: str, shown: str) -> None:
    assert environment.sentence(text) == shown


def test_the_scripts_are_one_file_so_that_each_is_there_when_htmx_starts() -> None:
    bundle = assets.get(assets.address(assets.BUNDLE).removeprefix(assets.PREFIX)).body

    assert bundle == b"\n".join(served(name) for name in assets.BUNDLED)
    # htmx 4 asks what it finds at the next task, and a file of its own may come later than that.
    assert b"setTimeout(" in (PAGES / "static" / "htmx.min.js").read_bytes()


def test_our_own_script_is_small() -> None:
    assert len(served("procession.js")) <= 4096
