"""Which program is measured: the one of this folder, or an earlier commit with an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import procession


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A program: the Python that runs it, and the folder with its package."""

    name: str
    python: str
    packages: Path

    @property
    def command(self) -> tuple[str, ...]:
        return (self.python, "-m", "procession")

    def environment(self) -> Mapping[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.packages)}


NEW = Side(name="new", python=sys.executable, packages=Path(procession.__file__).resolve().parents[1])


def earlier(commit: str, folder: Path) -> Side:
    """That commit as a git worktree in `folder`, with an environment of its own; made when they are missing."""
    place = folder.resolve() / commit
    if not place.exists():
        _run("git", "worktree", "add", "--detach", str(place), commit)
    _run("make", "--silent", "-C", str(place), ".venv/run.stamp")
    return Side(name="old", python=str(place / ".venv/bin/python"), packages=place / "src")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)
