"""The stops that ARCHITECTURE.md names are there, and no walk has more than ten."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "src" / "procession"
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
STOPS_MAX = 10
# "door/paths.Router": a module, and a name in it.
PLACE = re.compile(r"`([a-z_]+(?:/[a-z_]+)+)\.([A-Za-z_.]+)`")


def walks() -> dict[str, list[str]]:
    """The numbered stops of each, by the word before the colon."""
    section = TEXT.partition("## Three walks\n")[2].partition("\n## ")[0]
    parts = re.split(r"^(An? \w+): ", section, flags=re.MULTILINE)[1:]
    return {
        name: re.findall(r"^\d+\. .*", text, re.MULTILINE) for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


def names_of(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[str]:
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name
            case ast.ClassDef(name=name):
                yield prefix + name
                yield from names_of(node, f"{prefix}{name}.")
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name


def test_a_walk_has_at_most_ten_stops() -> None:
    found = walks()

    assert list(found) == ["A start", "A token", "An upsert"]
    assert all(0 < len(stops) <= STOPS_MAX for stops in found.values())


def test_every_stop_names_a_place() -> None:
    assert [stop for stops in walks().values() for stop in stops if not PLACE.search(stop)] == []


@pytest.mark.parametrize(("module", "name"), sorted(set(PLACE.findall(TEXT))))
def test_a_place_is_in_the_code(module: str, name: str) -> None:
    assert name in set(names_of(ast.parse((SOURCE / f"{module}.py").read_text("utf-8"))))


WORDS_MAX = 24  # of a sentence; what is longer is read twice


def sentences(text: str) -> Iterator[str]:
    """Of the prose and the lists, without what is fenced and without tables."""
    prose = re.sub(r"^(\|.*|#+ .*)$", "", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    for block in re.split(r"\n\s*\n|\n(?=\d+\. )", prose):
        yield from re.split(r"(?<=[.!?:])\s+", re.sub(r"^\d+\. ", "", " ".join(block.split())))


def test_no_sentence_is_longer_than_what_is_read_once() -> None:
    assert list(sentences("1. One two.\n2. Three: four.")) == ["One two.", "Three:", "four."]

    long = [sentence for sentence in sentences(TEXT) if len(sentence.split()) > WORDS_MAX]

    assert not long, "\n".join(long)
