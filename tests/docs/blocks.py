"""The fenced blocks of a document, as they stand in it; CONTRIBUTING.md says how one is written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
KINDS = ("sh", "output", "json", "yaml", "python", "csv", "text", "nginx", "caddy", "systemd")
MARKS = ("serve", "fails", "step", "unordered", "unrunnable", "output", "program")

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^`\n]*)\n(?P<text>.*?)^ *(?P=fence) *$", re.M | re.S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block: its kind, the words after it ("serve", "file=close.yaml"), and its text."""

    document: str
    line: int
    kind: str
    text: str
    marks: frozenset[str] = field(default_factory=frozenset)
    file: str = ""

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


class Unwritable(Exception):
    """A block that no test could take; the text says where it is and why."""


def documents() -> list[Path]:
    """Every document whose blocks are run."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def read(path: Path) -> list[Block]:
    """The blocks of a document in order. Raises Unwritable for one whose kind or marks nobody knows."""
    text = path.read_text("utf-8")
    found = [_block(path.name, text, match) for match in _FENCE.finditer(text)]
    fences = len(re.findall(r"^ *`{3,}", text, re.M))
    if fences != 2 * len(found):
        raise Unwritable(f"{path.name} has {fences} lines with ```, which do not make {len(found)} blocks")
    return found


def _block(document: str, text: str, match: re.Match[str]) -> Block:
    line = text.count("\n", 0, match.start()) + 1
    kind, *words = match["info"].split() or [""]
    files = [word.removeprefix("file=") for word in words if word.startswith("file=")]
    marks = frozenset(word for word in words if not word.startswith("file="))
    if kind not in KINDS or not marks <= set(MARKS):
        known = f"a kind ({', '.join(KINDS)}), then marks ({', '.join(MARKS)}, file=NAME)"
        raise Unwritable(f'{document}:{line}: "```{match["info"]}" is unknown: write {known}')
    indent = len(match["indent"])
    lines = [item[indent:] if item[:indent].isspace() else item for item in match["text"].splitlines(keepends=True)]
    return Block(
        document=document,
        line=line,
        kind=kind,
        text="".join(lines),
        marks=marks,
        file=files[0] if files else "",
    )
