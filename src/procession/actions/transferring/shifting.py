"""Files moved to another folder there, or deleted: those that a pattern means, or exactly those of an earlier list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
    if settings.to is not None and same_folder(settings.to, settings.path):
        # Where case counts for nothing, a file that is moved onto itself would be deleted.
        raise Problem("path and to are the same folder")
    by_pattern = settings.pattern is not None
    found = [Transferred(file=one) for one in fetching.chosen(transfer)] if by_pattern else _of_list(transfer)
    if settings.do == "move":
        found = _free(transfer, found)
    try:
        _act_on_all(transfer, found)
    except Problem as error:
        raise Problem(f"{error}{transfer.so_far()}") from error
    if by_pattern:
        _count_before(transfer)


def same_folder(folder: str, other: str) -> bool:
    return remote_names.folded(remote_names.joined(folder)) == remote_names.folded(remote_names.joined(other))


def _act_on_all(transfer: FileTransfer, found: Sequence[Transferred]) -> None:
    replaced = list[str]()
    for number, one in enumerate(found):
        # Right before the act, and by its bytes: a file that is written anew within a second keeps its size and time.
        if one.sha256 and digest_of(transfer.side, transfer.at(one.file.name)) != one.sha256:
            replaced.append(one.file.name)
            continue
        _act(transfer, one.file)
        transfer.done.append(one)
        transfer.context.progress((number + 1) / len(found), f"{transfer.settings.do} {one.file.name}"[:200])
    transfer.remark("left where they are, as they hold something else since they were listed", replaced)


def _act(transfer: FileTransfer, one: RemoteFile) -> None:
    settings, side, path = transfer.settings, transfer.side, transfer.at(one.name)
    # Before the act: done and not recorded, it would be a file that vanished.
    if (entry := _mark(transfer, one)) not in transfer.earlier:
        transfer.context.record(entry)
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


def _free(transfer: FileTransfer, found: Sequence[Transferred]) -> list[Transferred]:
    """Those that can have their names there; what is there already, whole, is only taken away here."""
    left, moved = [], []
    # All are looked at before the first is moved, as with put.
    for one in found:
        there = transfer.side.find(_target(transfer, one.file))
        if there is None or transfer.settings.overwrite:
            left.append(one)
        elif _is_moved(transfer, one, there):
            moved.append(one)
        else:
            raise Problem(
                f"{remote_names.shown(one.file.name)} is in {remote_names.shown(transfer.settings.to or '')} already;"
                " nothing was moved, and only overwrite: true replaces it"
            )
    for one in moved:
        transfer.side.remove(transfer.at(one.file.name))
        transfer.done.append(replace(one, was_done=True))
    return left


def _is_moved(transfer: FileTransfer, one: Transferred, there: RemoteFile) -> bool:
    """A bucket moves by a copy and a removal, and a crash may come between them; or it is there by its list."""
    side, file = transfer.side, one.file
    # The same size is no same file, and only what this step knows, or has begun, is its own to take away.
    if there.size_bytes != file.size_bytes or not (one.sha256 or _mark(transfer, file) in transfer.earlier):
        return False
    here = digest_of(side, transfer.at(file.name))
    return here == digest_of(side, _target(transfer, file)) and one.sha256 in {"", here}


def _of_list(transfer: FileTransfer) -> list[Transferred]:
    """The files of the list that are there as it says; of the others, those that this step has dealt with count."""
    wanted = _read_list(transfer)
    found, gone, changed = list[Transferred](), list[str](), list[str]()
    for one in wanted:
        there = transfer.side.find(transfer.at(one.file.name))
        if there is not None and there.is_as(one.file):
            found.append(one)
        elif _was_done(transfer, one, is_gone=there is None):
            transfer.done.append(replace(one, was_done=True))
        else:
            (gone if there is None else changed).append(one.file.name)
    transfer.remark("not there any more", gone)
    transfer.remark("left where they are, as they have changed since they were listed", changed)
    return found


def _was_done(transfer: FileTransfer, one: Transferred, *, is_gone: bool) -> bool:
    """By an earlier try of this step; another file may have come by its name since."""
    if _mark(transfer, one.file) not in transfer.earlier:
        return False
    if is_gone or transfer.settings.to is None:
        return True
    # It may also have been changed before it was moved: only what is there tells.
    target = _target(transfer, one.file)
    return bool(one.sha256 and transfer.side.find(target) and digest_of(transfer.side, target) == one.sha256)


def _read_list(transfer: FileTransfer) -> list[Transferred]:
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
    earlier = {entry for entry in transfer.earlier if entry.startswith(f"{transfer.settings.do} ")}
    transfer.before = len(earlier - mine)
