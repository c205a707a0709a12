"""The packages that requirements/*.txt pin, as `make lock` writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>.+))?\Z")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\Z")
_OURS = "procession (pyproject.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """`hashes` are the SHA-256 of the release's files; `wanted_by` names packages, or groups of pyproject.toml."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    wanted_by: tuple[str, ...]

    @property
    def groups(self) -> frozenset[str]:
        """The groups of pyproject.toml that name it; "" is what the program itself needs."""
        named = (one.removeprefix(_OURS).strip(":)") for one in self.wanted_by if one.startswith(_OURS))
        return frozenset(named)


def read(path: Path) -> tuple[Pin, ...]:
    """Raises ValueError for a package without a version or a hash, and for a file that pins nothing."""
    pins = tuple(map(_pin, _blocks(path.read_text("utf-8"))))
    if not pins:
        raise ValueError(f"{path} pins no package")
    return pins


def _blocks(text: str) -> Iterator[list[str]]:
    """The lines of each package: its pin, its hashes, and who wants it."""
    block: list[str] = []
    for line in text.splitlines():
        if line[:1].strip() and line[:1] != "#":
            if block:
                yield block
            block = []
        if block or line[:1] not in {"#", ""}:
            block.append(line.strip().removesuffix("\\").strip())
    if block:
        yield block


def _pin(block: list[str]) -> Pin:
    found = _PIN.match(block[0])
    hashes = tuple(match[1] for match in map(_HASH.match, block) if match)
    if found is None or not hashes:
        raise ValueError(f"this line does not pin a package by version and hash: {block[0]}")
    comments = (line.removeprefix("#").strip().removeprefix("via").strip() for line in block if line.startswith("#"))
    return Pin(
        name=found["name"].lower(),
        version=found["version"],
        marker=found["marker"] or "",
        hashes=hashes,
        wanted_by=tuple(one for one in comments if one and not one.startswith("-c ")),
    )
