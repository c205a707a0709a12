"""The shapes of uploads in chunks (docs/wire.md, Files and uploads)."""

from __future__ import annotations

import msgspec


class UploadStarted(msgspec.Struct, frozen=True, kw_only=True):
    """Both spellings are sent: the documents have the first, solvexia-sdk reads the second."""

    uploadSessionId: str
    uploadsessionid: str


class ChunkKept(msgspec.Struct, frozen=True, kw_only=True):
    """`chunkHash` is the hex SHA-256 of the bytes that are on our disk."""

    fileId: str
    uploadSessionId: str
    chunkId: int
    chunkHash: str
