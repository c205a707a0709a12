"""What a folder takes, and that it goes, whatever somebody has made in it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest

from procession import disk
from procession.home import Home

MANY = 1_000_000


def deep(folder: Path, levels: int) -> None:
    """Folders within folders, deeper than any path may be long."""
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("below", dir_fd=handle)
        below = os.open("below", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)


def test_a_file_with_holes_takes_what_it_takes(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**12)
        file.write(b"x" * 100_000)

    found = disk.taken(str(tmp_path), files_max=MANY)

    assert 100_000 <= found.size_bytes < 1_000_000
    assert found.files == 1


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to("/usr")

    assert disk.taken(str(tmp_path / "folder"), files_max=MANY).files == 1


def test_a_folder_that_its_owner_closed_is_counted_by_its_owner() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "closed").mkdir()
        (folder / "closed" / "file").write_bytes(b"x" * 100_000)
        (folder / "closed").chmod(0o300)

        found = as_somebody(partial(disk.taken, name, files_max=MANY), owns=(folder, folder / "closed"))

    assert (found.files, found.has_hidden) == (2, False)


def test_a_folder_that_nobody_can_look_into_is_told() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder of somebody else")
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "closed").mkdir(mode=0o300)

        assert as_somebody(partial(disk.taken, name, files_max=MANY), owns=(Path(name),)).has_hidden


def as_somebody(look: Callable[[], disk.FolderSize], *, owns: Iterable[Path]) -> disk.FolderSize:
    """What an ordinary user finds."""
    if os.geteuid() == 0:
        for path in owns:
            os.chown(path, 65534, 65534)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with suppress(PermissionError):
            os.setresuid(65534, 65534, 65534)
        os.write(writer, json.dumps(asdict(look())).encode())
        os._exit(0)
    os.close(writer)
    said = os.read(reader, 4096)
    os.close(reader)
    os.waitpid(pid, 0)
    return disk.FolderSize(**json.loads(said))


def test_counting_ends_at_the_limit(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "file").touch()

    assert disk.taken(str(tmp_path), files_max=5).files in range(6, 22)


def test_folders_too_deep_to_be_counted_are_told(tmp_path: Path) -> None:
    deep(tmp_path, disk.DEPTH_MAX + 10)

    assert disk.taken(str(tmp_path), files_max=MANY).is_too_deep


def test_a_folder_that_is_gone_takes_nothing(tmp_path: Path) -> None:
    assert disk.taken(str(tmp_path / "gone"), files_max=MANY) == disk.FolderSize()


@pytest.mark.parametrize("levels", [3, 1_500])
def test_a_folder_goes_however_deep_it_is(tmp_path: Path, levels: int) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "file").touch()
    (place / "link").symlink_to("/etc")
    deep(place, levels)

    disk.remove(str(place))

    assert list(tmp_path.iterdir()) == []


def test_a_folder_goes_that_is_closed_to_its_owner(tmp_path: Path) -> None:
    place = tmp_path / "place"
    inner = place / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    for folder in (inner, inner.parent, place):
        folder.chmod(0)

    disk.remove(str(place))

    assert not place.exists()


def test_a_folder_that_is_gone_is_removed(tmp_path: Path) -> None:
    disk.remove(str(tmp_path / "gone"))


def test_a_small_disk_keeps_a_twentieth_free(tmp_path: Path) -> None:
    whole = os.statvfs(tmp_path)

    assert disk.reserve_bytes(str(tmp_path), 1) == 1
    assert disk.reserve_bytes(str(tmp_path), 10**18) == whole.f_blocks * whole.f_frsize // 20


def test_a_server_starts_after_one_that_left_a_folder_deeper_than_python_recurses(tmp_path: Path) -> None:
    home = Home(folder=tmp_path / "home")
    home.prepare()
    (home.work / "4").mkdir()
    deep(home.work / "4", 1_100)

    home.sweep_work()

    assert list(home.work.iterdir()) == []
