"""A file of a process or a run: metadata, uploads and downloads in constant memory, upload sessions."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from procession.client import asking, errors, reading, sources, uploads
from procession.client.asking import Ask
from procession.client.connection import Connection
from procession.client.shapes import FileDetails
from procession.client.sources import BLOCK_BYTES, Source
from procession.client.uploads import CHUNK_BYTES, UploadSession

_SHA256_TAG = re.compile(r'"([0-9a-f]{64})"')


class File:
    """A file by its id."""

    def __init__(self, connection: Connection, id: str) -> None:
        self._connection = connection
        self.id = id

    def __repr__(self) -> str:
        return f"File({self.id!r})"

    def details(self) -> FileDetails:
        return reading.shape(FileDetails, self._connection.get(f"files/{self.id}/metadata"))

    def rename(self, name: str) -> FileDetails:
        return reading.shape(FileDetails, self._connection.post(f"files/{self.id}/metadata", {"name": name}))

    def upload(self, source: Source, *, name: str | None = None) -> FileDetails:
        """Uploads in one request; `name` None: the source's. Starts over if the connection breaks.

        Raises Invalid if the source changes while it is sent; the file keeps its content.
        """
        content = sources.content(source)
        body = sources.multipart(content, name or name_of(source), digest=sources.sha256(content))
        # The content is replaced, so a second upload changes nothing.
        ask = Ask(method="POST", path=f"files/{self.id}", body=body, read_seconds=asking.WORK_SECONDS_MAX)
        return reading.shape(FileDetails, self._connection.json(ask))

    def upload_in_chunks(
        self, source: Source, *, name: str | None = None, chunk_bytes: int = CHUNK_BYTES, parallel: int = 4
    ) -> FileDetails:
        """For large files and bad lines: chunks in parallel, each verified by hash and retried by itself.

        An open file is sent by one thread: it has one position.
        """
        session = self.session()
        session.send(source, chunk_bytes=chunk_bytes, parallel=parallel)
        return session.commit(name or name_of(source))

    def session(self, session_id: str | None = None) -> UploadSession:
        """A new upload session, or an earlier one by id, to resume it."""
        return uploads.begin(self._connection, self.id, session_id)

    def download(self, target: Path | BinaryIO) -> int:
        """Downloads the content and returns its size in bytes. Raises NotFound for a file that was never filled.

        A path gets the whole content or is left as it was. A broken connection goes on where it broke, as long as the
        content is still the same. Raises Damaged when the hash is not the one the server told, Invalid for a path that
        cannot be written.
        """
        if not isinstance(target, Path):
            return _Download(self._connection, self.id, target).run()
        # Beside the target: a rename works only within one file system.
        part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
        try:
            with part.open("xb") as file:
                size = _Download(self._connection, self.id, file).run()
            part.replace(target)
        except OSError as error:
            raise errors.Invalid(f"{target} cannot be written: {error.strerror or error}") from error
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
        return size

    @contextmanager
    def open(self) -> Iterator[Iterator[bytes]]:
        """Yields the content as it arrives, for a program that needs no file."""
        with self._connection.stream(asking.get(f"files/{self.id}", headers={"accept": "*/*"})) as response:
            yield response.iter_bytes(BLOCK_BYTES)

    def read(self) -> bytes:
        """The whole content, for small files."""
        with self.open() as blocks:
            return b"".join(blocks)


def name_of(source: Source) -> str:
    if isinstance(source, Path):
        return source.name
    return Path(str(getattr(source, "name", "") or "upload")).name


class _Download:
    """A download into an open file, with what it needs to resume after a break."""

    def __init__(self, connection: Connection, file_id: str, target: BinaryIO) -> None:
        self._connection, self._file_id, self._target = connection, file_id, target
        self._size, self._tag, self._hash = 0, "", hashlib.sha256()

    def run(self) -> int:
        options = self._connection.options
        breaks = 0
        while True:
            size_before = self._size
            try:
                self._receive()
                break
            except errors.Unavailable:
                # A line that breaks every gigabyte still makes progress: only breaks in a row count.
                breaks = 1 if self._size > size_before else breaks + 1
                # Without a tag, the rest could belong to another content.
                if not self._tag or breaks >= options.attempts_max:
                    raise
                options.timing.rest(options.backoff(breaks))
        told = _SHA256_TAG.fullmatch(self._tag)
        if told is not None and told[1] != self._hash.hexdigest():
            raise errors.Damaged(f"{self._file_id} arrived damaged: its SHA-256 is not the one the server told")
        return self._size

    def _receive(self) -> None:
        # Compressed by a proxy, ranges and hashes would be of other bytes.
        headers = {"accept": "*/*", "accept-encoding": "identity"}
        if self._size:
            # If-Range: of another content nothing is sent from the middle.
            headers |= {"range": f"bytes={self._size}-", "if-range": self._tag}
        with self._connection.stream(asking.get(f"files/{self._file_id}", headers=headers)) as response:
            if self._size and response.status_code != 206:
                raise errors.Damaged(f"{self._file_id} was changed while it was downloaded; begin again")
            tag = response.headers.get("etag", "")
            # A weak tag does not promise the same bytes (RFC 9110 section 8.8.1).
            self._tag = "" if tag.startswith("W/") else tag
            # As they arrive: a larger block would be lost with a break.
            for block in response.iter_bytes():
                self._target.write(block)
                self._hash.update(block)
                self._size += len(block)
