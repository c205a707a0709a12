"""A bucket of S3 or a container of Azure as the other side: objects below a prefix, seen only when they are whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from itertools import chain
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    NotFoundError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from procession.actions.contract import ConnectionInput
from procession.actions.problems import Problem
from procession.actions.reaching import addresses
from procession.actions.transferring import bucket_stores, remote_names
from procession.actions.transferring.sides import (
    BLOCK_BYTES,
    ENTRIES_MAX,
    Denied,
    Gone,
    Listing,
    NameTaken,
    RemoteFile,
    digest_of,
)
from procession.actions.transferring.tunnels import Tunnel

PAGE_OBJECTS = 1_000  # S3 gives no more at once


class BucketSide:
    """Path-style addresses; never with credentials of the machine, whatever it has."""

    can_grow = False

    def __init__(self, connection: ConnectionInput) -> None:
        address = bucket_stores.address_of(connection)
        url = urlsplit(address)
        self.place = f"{connection.options['bucket']} at {url.netloc}"
        port = url.port or (443 if url.scheme == "https" else 80)
        found = addresses.find(url.hostname or "", port, private_hosts=connection.private_hosts)
        # The library looks names up by itself and follows redirects: through a tunnel of ours to the one address.
        self._tunnel = Tunnel(found)
        # Azure copies when it has time, and lists from the beginning whatever is to be passed over.
        self._is_azure = bucket_stores.is_azure(connection)
        try:
            self._store = bucket_stores.store_of(connection, address, self._tunnel.address)
        except Problem:
            self.close()
            raise

    def close(self) -> None:
        self._tunnel.close()

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        try:
            yield
        except (NotFoundError, FileNotFoundError) as error:
            raise Gone(f"there is no {remote_names.shown(path)} in {self.place}") from error
        except (AlreadyExistsError, PreconditionError) as error:
            raise NameTaken(f"{remote_names.shown(path)} is there already") from error
        except (PermissionDeniedError, UnauthenticatedError, InvalidPathError, NotSupportedError) as error:
            raise Denied(f"{self.place}: {_words(error)}") from error
        except BaseError as error:
            raise Problem(f"{self.place}: {_words(error)}") from error

    def entries(self, folder: str) -> Listing:
        with self._told(folder):
            # Counted first, page by page: the library gathers all of a folder before it gives any.
            for number, _ in enumerate(self._steps_below(folder)):
                if number >= ENTRIES_MAX:
                    raise Problem(f"{remote_names.shown(folder)} holds more than {ENTRIES_MAX:,} objects")
            found = obstore.list_with_delimiter(self._store, f"{folder}/" if folder else None)
        # What has a further slash is no file of this folder.
        files = tuple(_remote(one) for one in found["objects"])
        others = tuple(str(one).rstrip("/").rpartition("/")[2] for one in found["common_prefixes"])
        return Listing(files=files, others=others)

    def _steps_below(self, folder: str) -> Iterator[str]:
        """Names of objects and folders, each at least once; most of what a large folder below holds is passed over."""
        start, offset, name = f"{folder}/" if folder else "", "", ""
        while True:
            inner = 0
            for one in chain.from_iterable(obstore.list(self._store, start or None, offset=offset or None)):
                before = name
                name, slash, _ = one["path"].removeprefix(start).partition("/")
                inner = inner + 1 if slash and name == before else 0
                if inner == 0:
                    yield name
                elif inner > PAGE_OBJECTS and not self._is_azure:
                    break
            else:
                return
            # The first name behind all that begin with "name/". A server that begins anew all the same is left at it.
            if offset == (offset := f"{start}{name}0"):
                return

    def find(self, path: str) -> RemoteFile | None:
        try:
            with self._told(path):
                return _remote(obstore.head(self._store, path))
        except Gone:
            return None

    def is_one_folder(self, folder: str, other: str) -> bool:
        # Keys are only ever themselves.
        return folder == other

    def read(self, path: str) -> Iterator[bytes]:
        with self._told(path):
            for block in obstore.get(self._store, path).stream(min_chunk_size=BLOCK_BYTES):
                yield bytes(block)

    def stage(self, path: str, file: BinaryIO) -> None:
        """An object has its name when all of it is there, so nothing is sent in advance."""

    def settle(self, path: str, file: BinaryIO, *, replaces: bool) -> None:
        with self._told(path):
            # In one request: the library asks whether the name is free with a whole object only, and not with parts.
            obstore.put(self._store, path, file, mode="overwrite" if replaces else "create", use_multipart=False)

    def move(self, path: str, to: str, *, replaces: bool) -> None:
        if not replaces and self.find(to) is not None:
            raise NameTaken(f"{remote_names.shown(to)} is there already")
        with self._told(path):
            # S3 knows no copy that replaces nothing.
            obstore.copy(self._store, path, to, overwrite=replaces or not self._is_azure)
            if self._is_azure and digest_of(self, to) != digest_of(self, path):
                raise Problem(f"{self.place} has not copied {remote_names.shown(path)} yet; it stays where it is")
            # Only when the copy is there: no bucket knows a rename.
            obstore.delete(self._store, path)

    def remove(self, path: str) -> None:
        try:
            with self._told(path):
                obstore.delete(self._store, path)
        except Gone:
            return


def _words(error: Exception) -> str:
    """The first line: what follows repeats it, with the structures of the library."""
    return str(error).strip().splitlines()[0][:300]


def _remote(found: Any) -> RemoteFile:
    # To the second, as lists have it: finer times would make every file another one.
    modified_at = found["last_modified"].astimezone(UTC).replace(microsecond=0)
    return RemoteFile(
        name=str(found["path"]).rpartition("/")[2], size_bytes=int(found["size"]), modified_at=modified_at
    )
