"""The bytes behind a file and behind a step's log, for whoever sends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from procession.model.errors import NotFound
from procession.model.files import File
from procession.operations.resources import Resources
from procession.store import step_logs
from procession.store.blobs import gone

# So many bytes from a start on, in pieces; it may block.
ReadPart = Callable[[int, int], Iterator[bytes]]


def of_file(resources: Resources, file: File) -> ReadPart:
    """Raises NotFound for an empty file, and for a content that is gone."""
    if file.sha256 is None:
        raise NotFound(f"file {file.id} is empty: nothing has been uploaded or written to it yet")
    # A missing content is told now: once the head is sent, only the connection can be cut.
    if resources.blobs.size_bytes(file.sha256) is None:
        raise gone()
    return partial(resources.blobs.read, file.sha256)


def of_log(resources: Resources, attempt: int) -> tuple[ReadPart, int]:
    """What the attempt with this row id has printed, and how many bytes it is."""
    return partial(step_logs.pieces, resources.step_logs, attempt), resources.step_logs.size_bytes(attempt)
