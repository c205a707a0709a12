"""A step's folder goes, by a process of its own where it holds much."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from procession.engine import removal

MUCH = removal.BYTES_HERE_MAX + 2**20
Commands = list[list[str]]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """What is started, which really runs."""
    found: Commands = []
    run = subprocess.run

    def started(command: list[str], **options: Any) -> Any:
        found.append(command)
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", started)
    return found


def test_a_small_folder_goes_without_a_process(tmp_path: Path, commands: Commands) -> None:
    (tmp_path / "step" / "below").mkdir(parents=True)
    (tmp_path / "step" / "below" / "file").write_bytes(b"x")

    removal.remove(str(tmp_path / "step"))

    assert not (tmp_path / "step").exists()
    assert commands == []


@pytest.mark.parametrize("kind", ["one big file", "many files", "deep"])
def test_a_big_folder_goes_by_a_process_that_gives_way(tmp_path: Path, commands: Commands, kind: str) -> None:
    folder = tmp_path / "a step's \u00fc"
    folder.mkdir()
    if kind == "one big file":
        (folder / "file").write_bytes(b"x" * MUCH)
    elif kind == "many files":
        for number in range(removal.FILES_HERE_MAX + 1):
            (folder / str(number)).touch()
    else:
        below = folder
        for _ in range(110):
            below = below / "d"
            below.mkdir()

    removal.remove(str(folder))

    assert not folder.exists()
    assert len(commands) == 1
    assert f"os.nice({removal.NICE})" in commands[0][4]


def test_what_cannot_be_removed_is_told_with_its_reason(tmp_path: Path, commands: Commands) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(OSError, match=os.strerror(errno.ENOTDIR)) as caught:
        removal._remove_aside(str(tmp_path / "file"))

    assert caught.value.errno == errno.ENOTDIR
    assert len(commands) == 1


def test_a_folder_that_is_gone_is_fine(tmp_path: Path, commands: Commands) -> None:
    removal.remove(str(tmp_path / "gone"))

    assert commands == []
