"""Chunks at their places in one file: never copied where they fit, and never written to once they count."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from procession.model.files import Content
from procession.model.uploads import Chunk
from procession.store import assembly
from procession.store.chunks import Chunks, ChunkSink
from procession.store.folder import BlobFolder

SESSION = "2a27a605-d05f-4199-bae0-8da44cd24f70"


@dataclass
class Upload:
    """A session as the API keeps it: a chunk has its row when it is on disk, and what it replaces is dropped then."""

    folder: Path
    rows: dict[int, Chunk] = field(default_factory=dict)
    parts: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.blobs = BlobFolder(self.folder / "files")
        self.restart()

    def restart(self) -> None:
        self.chunks = Chunks(self.folder / "uploads", place_bytes_min=1)

    def begin(self, number: int, data: bytes) -> ChunkSink:
        sink = self.chunks.sink(SESSION, number)
        sink.write(data)
        return sink

    def keep(self, number: int, sink: ChunkSink, data: bytes) -> None:
        content = sink.finish()
        assert content.sha256 == hashlib.sha256(data).hexdigest()
        before, self.parts[number] = self.rows.get(number), data
        self.rows[number] = Chunk(
            number=number, stored_as=sink.name, file_name="", sha256=content.sha256, size_bytes=len(data)
        )
        if before is not None:
            self.chunks.drop(SESSION, number, before.stored_as)

    def send(self, number: int, data: bytes) -> None:
        self.keep(number, self.begin(number, data), data)

    def join(self) -> Content:
        return self.chunks.join(SESSION, [self.rows[number] for number in sorted(self.rows)], self.blobs)

    def whole(self) -> bytes:
        return b"".join(self.parts[number] for number in sorted(self.parts))

    def content(self, content: Content) -> bytes:
        return self.blobs.path(content.sha256).read_bytes()

    @property
    def path(self) -> Path:
        return self.folder / "uploads" / SESSION / "whole"


def test_chunks_of_one_size_become_the_content_without_being_copied(tmp_path: Path) -> None:
    upload = Upload(tmp_path)
    for number in (2, 1, 4, 3):
        upload.send(number, b"%d" % number * (7 if number < 4 else 3))

    content = upload.join()

    assert upload.content(content) == upload.whole()
    assert upload.blobs.path(content.sha256).samefile(upload.path)


def test_a_chunk_that_comes_after_a_commit_changes_nothing_that_is_published(tmp_path: Path) -> None:
    upload = Upload(tmp_path)
    for number in (1, 2, 3):
        upload.send(number, b"%d" % number * 5)
    published = upload.join()

    upload.send(2, b"later")
    again = upload.join()

    assert (upload.content(published), upload.content(again)) == (b"111112222233333", b"11111later33333")


def test_a_commit_during_a_chunk_does_not_publish_what_is_still_written(tmp_path: Path) -> None:
    upload = Upload(tmp_path)
    for number in (1, 2):
        upload.send(number, b"%d" % number * 5)
    under_way = upload.begin(3, b"33")

    content = upload.join()
    under_way.write(b"333")
    under_way.abandon()

    assert upload.content(content) == b"1111122222"


def test_what_an_earlier_server_kept_is_not_written_to(tmp_path: Path) -> None:
    upload = Upload(tmp_path)
    for number in (1, 2, 3):
        upload.send(number, b"%d" % number * 5)

    upload.restart()
    upload.send(4, b"44444")
    under_way = upload.begin(2, b"xxxxx")

    assert upload.content(upload.join()) == b"11111222223333344444"
    under_way.abandon()


number = st.integers(1, 5)
size = st.sampled_from((4, 4, 4, 1, 6, 9))
act = st.one_of(
    st.tuples(st.sampled_from(("send", "send", "begin", "refuse")), number, size),
    st.tuples(st.sampled_from(("end", "abandon", "join", "restart")), number, st.just(0)),
)


@given(st.lists(act, max_size=30))
def test_whatever_comes_in_whatever_order_is_joined_as_it_was_acknowledged(acts: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        upload, published = Upload(Path(folder)), dict[str, bytes]()
        under_way: list[tuple[int, ChunkSink, bytes]] = []
        for turn, (verb, number, size) in enumerate([*acts, ("join", 1, 0)]):
            data = b"%c" % (33 + turn) * size
            if verb == "send":
                upload.send(number, data)
            elif verb == "begin":
                under_way.append((number, upload.begin(number, data), data))
            elif verb == "refuse":
                refused = upload.begin(number, data)
                refused.finish()
                upload.chunks.drop(SESSION, number, refused.name)
            elif verb == "end" and under_way:
                upload.keep(*under_way.pop())
            elif verb == "abandon" and under_way:
                under_way.pop()[1].abandon()
            elif verb == "restart":
                _lose(under_way)
                upload.restart()
            elif verb == "join":
                content = upload.join()
                published[content.sha256] = upload.whole()
            _check(upload, published)
        _lose(under_way)


def _lose(under_way: list[tuple[int, ChunkSink, bytes]]) -> None:
    """As the end of a process does: nothing is finished, and its descriptors go."""
    for _, sink, _ in under_way:
        os.close(sink._descriptor)
    under_way.clear()


def _check(upload: Upload, published: dict[str, bytes]) -> None:
    for chunk in upload.rows.values():
        kept = assembly.pieces(upload.path.parent, chunk.stored_as, chunk.size_bytes)
        assert b"".join(map(bytes, kept)) == upload.parts[chunk.number]
    for sha256, whole in published.items():
        assert upload.blobs.path(sha256).read_bytes() == whole
        assert hashlib.sha256(whole).hexdigest() == sha256
