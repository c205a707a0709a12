"""The content store: what a step may hand in, and what a crash leaves."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import threading
from pathlib import Path

import pytest

from procession.model.errors import Invalid, NotFound
from procession.store.blobs import Blobs

AT_FDCWD, RENAME_EXCHANGE = -100, 2


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "files")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A step's."""
    made = tmp_path / "work" / "1"
    made.mkdir(parents=True)
    return made


def test_a_file_of_a_step_is_kept_under_its_hash(blobs: Blobs, folder: Path) -> None:
    source = folder / "result.csv"
    source.write_bytes(b"a;b\n" * 1_000_000)

    content = blobs.take(source, inside=folder)

    assert content.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert content.size_bytes == 4_000_000
    with blobs.open(content.sha256) as file:
        assert file.read() == source.read_bytes()
    assert blobs.sweep() == 0


def test_the_same_content_is_kept_once_and_its_copy_dropped(blobs: Blobs, folder: Path) -> None:
    source = folder / "result.csv"
    source.write_bytes(b"a")

    first, second = blobs.take(source, inside=folder), blobs.take(source, inside=folder)

    assert first == second
    assert blobs.sweep() == 0


def test_a_link_is_refused(blobs: Blobs, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("no")
    (folder / "link").symlink_to(secret)

    with pytest.raises(Invalid, match="is a link"):
        blobs.take(folder / "link", inside=folder)


def test_a_file_outside_is_refused_by_whatever_path(blobs: Blobs, folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("no")
    (folder / "door").symlink_to(tmp_path)

    for path in (secret, folder / ".." / ".." / "secret", folder / "door" / "secret", Path(f"{folder}2") / "x"):
        with pytest.raises(Invalid, match=r"outside the step's folder|is a link"):
            blobs.take(path, inside=folder)


def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(blobs: Blobs, folder: Path, tmp_path: Path) -> None:
    """A step that is still there exchanges the two as fast as it can."""
    outside = tmp_path / "outside"
    for place in (outside, folder / "sub"):
        place.mkdir()
        (place / "result").write_text(place.name)
    (folder / "link").symlink_to(outside)
    libc, is_over = ctypes.CDLL(None), threading.Event()

    def exchange() -> None:
        while not is_over.is_set():
            libc.renameat2(AT_FDCWD, bytes(folder / "sub"), AT_FDCWD, bytes(folder / "link"), RENAME_EXCHANGE)

    thread = threading.Thread(target=exchange)
    thread.start()
    taken = set()
    try:
        for _ in range(2_000):
            with contextlib.suppress(Invalid):
                taken.add(blobs.take(folder / "sub" / "result", inside=folder).sha256)
    finally:
        is_over.set()
        thread.join()

    assert taken == {hashlib.sha256(b"sub").hexdigest()}


def test_what_is_no_file_is_refused_and_nobody_waits_for_it(blobs: Blobs, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "sub").mkdir()

    for name in ("pipe", "sub"):
        with pytest.raises(Invalid, match="is not a file"):
            blobs.take(folder / name, inside=folder)
    with pytest.raises(Invalid, match="does not exist"):
        blobs.take(folder / "nothing", inside=folder)


def test_an_abandoned_content_leaves_nothing(blobs: Blobs) -> None:
    sink = blobs.sink()
    sink.write(b"half")

    sink.abandon()
    sink.abandon()

    assert blobs.sweep() == 0


def test_the_sweep_removes_what_a_crash_left_and_nothing_else(tmp_path: Path) -> None:
    def crash(point: str) -> None:
        if point == "before publication":
            raise KeyboardInterrupt

    halted = Blobs(tmp_path / "files", crash_point=crash).sink()
    halted.write(b"half")
    with pytest.raises(KeyboardInterrupt):
        halted.finish()
    blobs = Blobs(tmp_path / "files")
    sink = blobs.sink()
    sink.write(b"whole")
    content = sink.finish()

    assert blobs.sweep() == 1
    assert blobs.sweep() == 0
    with blobs.open(content.sha256) as file:
        assert file.read() == b"whole"


def test_a_content_that_is_there_already_is_as_durable_as_a_new_one(tmp_path: Path) -> None:
    points: list[str] = []
    blobs = Blobs(tmp_path / "files", crash_point=points.append)
    for _ in range(2):
        sink = blobs.sink()
        sink.write(b"the same")
        sink.finish()

    # The folders are synced before the last point: whoever was first may not have come so far when the second asks.
    assert points == ["before publication", "after publication", "after publication"]


def test_a_content_that_is_gone_is_said_so(blobs: Blobs) -> None:
    with pytest.raises(NotFound, match="missing on the server's disk"):
        blobs.open("0" * 64)
