"""Chunked upload sessions: chunks in any order and in parallel, each checked by its hash, resumed by their id."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from procession.client import errors, reading, sources
from procession.client.asking import WORK_SECONDS_MAX, Ask
from procession.client.connection import Connection
from procession.client.shapes import FileDetails
from procession.client.sources import Content, Source

CHUNK_BYTES = 8 * 2**20
CHUNKS_MAX = 10_000
PARALLEL_MAX = 16


class UploadSession:
    """An upload session of a file. `sent`: chunks known to be on the server, number to hash."""

    def __init__(self, connection: Connection, file_id: str, id: str) -> None:
        self._connection = connection
        self.file_id = file_id
        self.id = id
        self.sent: dict[int, str] = {}

    def __repr__(self) -> str:
        return f"UploadSession({self.file_id!r}, {self.id!r})"

    def send(self, source: Source, *, chunk_bytes: int = CHUNK_BYTES, parallel: int = 4) -> None:
        """Sends the missing chunks; call it again after an error. Raises Damaged, Invalid."""
        content = sources.content(source)
        numbers = range(1, -(-content.size_bytes // chunk_bytes) + 1)
        if len(numbers) > CHUNKS_MAX:
            raise errors.Invalid(f"{len(numbers)} chunks are more than {CHUNKS_MAX}; choose larger ones")
        missing = [number for number in numbers if number not in self.sent]
        threads = max(1, min(parallel, PARALLEL_MAX)) if isinstance(source, Path | bytes) else 1
        with ThreadPoolExecutor(threads, thread_name_prefix="procession-upload") as pool:
            futures = [pool.submit(self._send_part, content, number, chunk_bytes) for number in missing]
            try:
                for future in futures:
                    future.result()
            finally:
                # After a failure start no more chunks; those under way finish.
                pool.shutdown(cancel_futures=True)

    def _send_part(self, content: Content, number: int, chunk_bytes: int) -> None:
        offset = (number - 1) * chunk_bytes
        size = min(chunk_bytes, content.size_bytes - offset)
        self._put(content, number, offset, size)

    def send_chunk(self, number: int, chunk: bytes) -> str:
        """Sends a chunk, numbered from 1, and returns its hex SHA-256. A later one with its number replaces it."""
        return self._put(sources.content(chunk), number, 0, len(chunk))

    def _put(self, content: Content, number: int, offset: int, size: int) -> str:
        digest = sources.sha256(content, offset, size)
        body = sources.multipart(content, f"chunk-{number}", digest=digest, offset=offset, size_bytes=size)
        path = f"files/{self.file_id}/uploadsessions/{self.id}/chunks/{number}"
        answer = self._connection.json(Ask(method="POST", path=path, body=body))
        told = str(answer.get("chunkHash", "")).lower() if isinstance(answer, dict) else ""
        if told != digest.hex():
            raise errors.Damaged(f"chunk {number} arrived damaged, or the file was changed while it was sent")
        self.sent[number] = told
        return told

    def commit(self, name: str | None = None) -> FileDetails:
        """Makes the chunks the file's content; `name` also renames it. Raises Invalid for a gap."""
        path = f"files/{self.file_id}/uploadsessions/{self.id}/commit"
        # The server joins a session once: a repeat returns the file as it is.
        ask = Ask(method="POST", path=path, read_seconds=WORK_SECONDS_MAX)
        done = reading.shape(FileDetails, self._connection.json(ask))
        if name is None or name == done.name:
            return done
        return reading.shape(FileDetails, self._connection.post(f"files/{self.file_id}/metadata", {"name": name}))


def begin(connection: Connection, file_id: str, session_id: str | None) -> UploadSession:
    if session_id is None:
        answer = connection.post(f"files/{file_id}/uploadsessions")
        session_id = str(reading.field(answer, "uploadSessionId"))
    return UploadSession(connection, file_id, session_id)
