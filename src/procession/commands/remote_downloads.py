"""download from a server instead of a home, by our client, which checks what arrives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from procession.client import errors
from procession.client.files import File
from procession.client.runs import Run
from procession.commands import downloads, remote
from procession.commands.console import Console
from procession.commands.downloads import Fetch, FoundFile, Selection, Target
from procession.config import ServerAccess
from procession.model.errors import ProcessionError


def download(console: Console, access: ServerAccess, wanted: Selection, target: Target) -> int:
    """Raises NotFound, Invalid."""
    with remote.opened(access) as client:
        run = client.run(wanted.run)
        status = run.status().status
        downloads.save(console, (run.id, status), downloads.choose(run.id, wanted, list(_files(run))), target)
    return 0


def _files(run: Run) -> Iterator[FoundFile]:
    for step in run.steps():
        # Action steps have no properties, and asking would be an error.
        if step.details.kind != "Data":
            continue
        for item in step.properties():
            if item.data_type == "File":
                # A file that was never filled has no name: that is all the API tells of it.
                name = item.file.details().name
                fetch = _fetcher(item.file) if name else None
                yield FoundFile(reference=f"{step.key}.{item.key}", flow=item.flow, name=name, fetch=fetch)


def _fetcher(file: File) -> Fetch:
    def fetch(target: BinaryIO) -> tuple[int, str]:
        hashing = _Hashing(target)
        try:
            size = file.download(cast("BinaryIO", hashing))
        except errors.ProcessionError as error:
            raise ProcessionError(error.message) from error
        return size, hashing.digest.hexdigest()

    return fetch


class _Hashing:
    """A file that knows the SHA-256 of what was written into it."""

    def __init__(self, target: BinaryIO) -> None:
        self.digest = hashlib.sha256()
        self._target = target

    def write(self, block: bytes) -> int:
        self.digest.update(block)
        return self._target.write(block)
