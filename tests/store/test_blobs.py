"""What every store of contents behind the port keeps: what a step may hand in, and what is read of it again."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from procession.model.errors import Invalid, NotFound
from procession.store.blobs import COPY_BYTES, Blobs

AT_FDCWD, RENAME_EXCHANGE = -100, 2


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
    assert b"".join(blobs.read(content.sha256)) == source.read_bytes()
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


def kept(blobs: Blobs, data: bytes) -> str:
    sink = blobs.sink()
    sink.write(data)
    return sink.finish().sha256


@pytest.mark.parametrize(
    ("start", "length"), [(0, 5), (COPY_BYTES - 1, 2), (3, 2 * COPY_BYTES), (2 * COPY_BYTES, 99), (9 * COPY_BYTES, 1)]
)
def test_a_part_of_a_content_is_read(blobs: Blobs, start: int, length: int) -> None:
    data = bytes(range(256)) * (2 * COPY_BYTES // 256) + b"the end"
    sha256 = kept(blobs, data)

    pieces = list(blobs.read(sha256, start, length))

    assert b"".join(pieces) == data[start : start + length]
    assert max(map(len, pieces), default=0) <= COPY_BYTES


def test_many_readers_that_stop_hold_little(blobs: Blobs) -> None:
    """A thousand clients that read no further than the first megabyte held three of them each."""
    sha256 = kept(blobs, b"x" * (2 * COPY_BYTES))
    stopped = [blobs.read(sha256) for _ in range(100)]

    held = sum(len(next(reading)) for reading in stopped)
    stopped.clear()

    assert held < 12 * COPY_BYTES
    assert len(next(blobs.read(sha256))) == COPY_BYTES


def test_an_empty_content_is_one_too(blobs: Blobs) -> None:
    sha256 = kept(blobs, b"")

    assert (list(blobs.read(sha256)), blobs.size_bytes(sha256), blobs.fetch(sha256).read_bytes()) == ([], 0, b"")
    assert blobs.stored() == {sha256}


def test_a_content_that_is_gone_is_said_so_by_each_question(blobs: Blobs) -> None:
    reading = blobs.read("0" * 64)

    assert blobs.size_bytes("0" * 64) is None
    with pytest.raises(NotFound, match="missing on the server's disk"):
        next(reading)
    with pytest.raises(NotFound, match="missing on the server's disk"):
        blobs.fetch("0" * 64)


def test_what_is_read_stays_whole_when_it_is_dropped_meanwhile(blobs: Blobs) -> None:
    data = b"x" * (COPY_BYTES + 1)
    sha256 = kept(blobs, data)
    reading = blobs.read(sha256)
    first = next(reading)

    assert blobs.drop(sha256, before=None, is_named=set().__contains__) == len(data)
    assert first + b"".join(reading) == data
    assert blobs.stored() == set()


def test_only_what_is_old_and_named_by_no_row_is_dropped(blobs: Blobs) -> None:
    sha256 = kept(blobs, b"a")

    assert blobs.drop(sha256, before=datetime.fromtimestamp(0, UTC), is_named=set().__contains__) is None
    assert blobs.drop(sha256, before=None, is_named={sha256}.__contains__) is None
    assert blobs.drop(sha256, before=None, is_named=set().__contains__) == 1
    assert blobs.drop(sha256, before=None, is_named=set().__contains__) is None


def test_many_publish_the_same_content_at_once(blobs: Blobs) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(kept, [blobs] * 40, [b"same" * 10_000] * 40))

    assert blobs.stored() == found and len(found) == 1
    assert blobs.sweep() == 0
