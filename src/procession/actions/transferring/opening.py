"""Which side a connection leads to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from procession.actions.contract import ConnectionInput
from procession.actions.problems import Problem
from procession.actions.transferring.sides import OtherSide


@contextmanager
def opened(connection: ConnectionInput | None) -> Iterator[OtherSide]:
    """Raises Problem where it cannot be reached."""
    if connection is None:
        raise Problem("the step has no connection")
    side = _open(connection)
    try:
        yield side
    finally:
        side.close()


def _open(connection: ConnectionInput) -> OtherSide:
    find = SIDES.get(connection.kind)
    if find is None:
        raise Problem(f"{connection.called} is of the kind {connection.kind}, which holds no files")
    return find()(connection)


# Each brings a library of its own, and a step needs one of them.
def _sftp() -> Callable[[ConnectionInput], OtherSide]:
    from procession.actions.transferring.sftp import SftpSide

    return SftpSide


def _bucket() -> Callable[[ConnectionInput], OtherSide]:
    from procession.actions.transferring.buckets import BucketSide

    return BucketSide


def _folder() -> Callable[[ConnectionInput], OtherSide]:
    from procession.actions.transferring.folders import FolderSide

    return FolderSide


SIDES: dict[str, Callable[[], Callable[[ConnectionInput], OtherSide]]] = {
    "sftp": _sftp,
    "s3": _bucket,
    "folder": _folder,
}
