"""What is the folder of contents' own: crashes between its steps."""

from __future__ import annotations

from pathlib import Path

import pytest

from procession.store.folder import BlobFolder


def test_the_sweep_removes_what_a_crash_left_and_nothing_else(tmp_path: Path) -> None:
    def crash(point: str) -> None:
        if point == "before publication":
            raise KeyboardInterrupt

    halted = BlobFolder(tmp_path / "files", crash_point=crash).sink()
    halted.write(b"half")
    with pytest.raises(KeyboardInterrupt):
        halted.finish()
    blobs = BlobFolder(tmp_path / "files")
    sink = blobs.sink()
    sink.write(b"whole")
    content = sink.finish()

    assert blobs.sweep() == 1
    assert blobs.sweep() == 0
    assert b"".join(blobs.read(content.sha256)) == b"whole"


def test_a_content_that_is_there_already_is_as_durable_as_a_new_one(tmp_path: Path) -> None:
    points: list[str] = []
    blobs = BlobFolder(tmp_path / "files", crash_point=points.append)
    for _ in range(2):
        sink = blobs.sink()
        sink.write(b"the same")
        sink.finish()

    # The folders are synced before the last point: whoever was first may not have come so far when the second asks.
    assert points == ["before publication", "after publication", "after publication"]
