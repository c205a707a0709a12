"""Files moved to another folder there, or deleted: those that a pattern means, or exactly those of an earlier list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.references import parse
from procession.actions.transferring import fetching, remote_names
from procession.actions.transferring.sides import Gone, RemoteFile, digest_of
from procession.actions.transferring.work import LIST_BYTES_MAX, FileTransfer, Transferred, listed, mark


def shift(transfer: FileTransfer) -> None:
    """Raises Problem, with what was done before."""
    settings = transfer.settings
    if settings.to is not None and _same(settings.to, settings.path):
        # Where case counts for nothing, a file that is moved onto itself would be deleted.
        raise Problem("path and to are the same folder")
    found = fetching.chosen(transfer) if settings.pattern is not None else _of_list(transfer)
    if settings.do == "move":
        found = _free(transfer, found)
    for number, one in enumerate(found):
        try:
            _act(transfer, one)
        except Problem as error:
            raise Problem(f"{error}{transfer.so_far()}") from error
        transfer.done.append(Transferred(file=one))
        transfer.context.progress((number + 1) / len(found), f"{settings.do} {one.name}"[:200])
    if settings.pattern is not None:
        _count_before(transfer)


def _same(folder: str, other: str) -> bool:
    return remote_names.folded(remote_names.joined(folder)) == remote_names.folded(remote_names.joined(other))


def _act(transfer: FileTransfer, one: RemoteFile) -> None:
    settings, side, path = transfer.settings, transfer.side, transfer.at(one.name)
    # Before the act: done and not recorded, it would be a file that vanished.
    transfer.context.record(_mark(transfer, one))
    if settings.to is None:
        side.remove(path)
        return
    try:
        side.move(path, _target(transfer, one), replaces=settings.overwrite)
    except Gone:
        # Whoever else works on that folder was faster; a missing folder to move to is another matter.
        if side.find(path) is not None:
            raise Problem(f"there is no folder {remote_names.shown(settings.to)} in {side.place}") from None
        raise


def _mark(transfer: FileTransfer, one: RemoteFile) -> str:
    return mark(transfer.settings.do, transfer.at(one.name), str(one.size_bytes), str(one.modified_at))


def _target(transfer: FileTransfer, one: RemoteFile) -> str:
    return remote_names.joined(transfer.settings.to or "", one.name)


def _free(transfer: FileTransfer, found: Sequence[RemoteFile]) -> list[RemoteFile]:
    """Those that can have their names there; what an earlier try has copied already is only taken away here."""
    left = []
    # All are looked at before the first is moved, as with put.
    for one in found:
        there = transfer.side.find(_target(transfer, one))
        if there is None or transfer.settings.overwrite:
            left.append(one)
        elif _is_half_moved(transfer, one, there):
            transfer.side.remove(transfer.at(one.name))
            transfer.done.append(Transferred(file=one, was_done=True))
        else:
            raise Problem(
                f"{remote_names.shown(one.name)} is in {remote_names.shown(transfer.settings.to or '')} already;"
                " nothing was moved, and only overwrite: true replaces it"
            )
    return left


def _is_half_moved(transfer: FileTransfer, one: RemoteFile, there: RemoteFile) -> bool:
    """A bucket moves by a copy and a removal, and a crash may come between them."""
    # Both: the same size is no same file, and only what this step has begun is its own to take away.
    if there.size_bytes != one.size_bytes or _mark(transfer, one) not in transfer.context.journal:
        return False
    side = transfer.side
    return digest_of(side, transfer.at(one.name)) == digest_of(side, _target(transfer, one))


def _of_list(transfer: FileTransfer) -> list[RemoteFile]:
    """The files of the list that are there as it says; of the others, those that this step has dealt with count."""
    wanted = _read_list(transfer)
    found, gone, changed = [], [], []
    for one in wanted:
        there = transfer.side.find(transfer.at(one.name))
        if there is not None and there.is_as(one):
            found.append(one)
        elif there is not None:
            changed.append(one.name)
        elif _mark(transfer, one) in transfer.context.journal:
            transfer.done.append(Transferred(file=one, was_done=True))
        else:
            gone.append(one.name)
    transfer.remark("not there any more", gone)
    transfer.remark("left where they are, as they have changed since they were listed", changed)
    return found


def _read_list(transfer: FileTransfer) -> list[RemoteFile]:
    reference = parse(transfer.settings.listed)
    assert reference is not None
    value = transfer.context.value(reference)
    if not isinstance(value, FileInput):
        raise Problem(f"{reference} holds no list")
    # Asked of the size, before it is read.
    if value.size_bytes > LIST_BYTES_MAX:
        raise Problem(f"{value.called} is larger than {LIST_BYTES_MAX:,} bytes, and no list of transfer_files")
    return listed(Path(value.path).read_bytes(), value.called)


def _count_before(transfer: FileTransfer) -> None:
    """What an earlier try has dealt with is gone by now, and the pattern finds it no more."""
    # By size and time too: a new file of the same name is no deed of an earlier try.
    mine = {_mark(transfer, one.file) for one in transfer.done}
    earlier = {entry for entry in transfer.context.journal if entry.startswith(f"{transfer.settings.do} ")}
    transfer.before = len(earlier - mine)
