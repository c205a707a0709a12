"""The environment of the peers: one venv in a folder that the caller keeps, filled system by system."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

VERSIONS = Path(__file__).with_name("requirements.txt")


class NotInstalled(Exception):
    """The packages of a system could not be installed; says why."""


def python(folder: Path) -> str:
    """Of the venv in that folder, made when it is missing."""
    place = folder.resolve() / "venv"
    found = place / "bin/python"
    if not found.exists():
        _run([*_uv(), "venv", "--quiet", "--python", sys.executable, str(place)])
    return str(found)


def install(venv: str, packages: Sequence[str]) -> None:
    """In the versions of requirements.txt; which index they come from is left to the machine's own settings."""
    _run([*_uv(), "pip", "install", "--quiet", "--python", venv, "--constraint", str(VERSIONS), *packages])


def _uv() -> list[str]:
    return [str(Path(sys.executable).with_name("uv"))]


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NotInstalled(f"{command[0]} is missing: make .venv/dev.stamp") from error
    except subprocess.CalledProcessError as error:
        lines = [line.strip() for line in error.stderr.splitlines() if line.strip()]
        raise NotInstalled(" ".join(lines[-3:])) from error
