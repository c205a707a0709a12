"""Files left on the other side: each under its name only when it is whole, once, and over nothing that is another."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from procession.actions.contract import Context, FileInput
from procession.actions.problems import Problem
from procession.actions.references import parse
from procession.actions.transferring import remote_names
from procession.actions.transferring.sides import PART, Denied, NameTaken, RemoteFile, digest_of, digest_of_file
from procession.actions.transferring.transfer_settings import TransferSettings
from procession.actions.transferring.work import FileTransfer, Transferred, mark
from procession.model.journals import IN_DOUBT, RELEASED


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaving:
    name: str
    path: Path
    size_bytes: int
    sha256: str

    @property
    def remote(self) -> RemoteFile:
        return RemoteFile(name=self.name, size_bytes=self.size_bytes, modified_at=None)


def put(transfer: FileTransfer) -> None:
    """Raises Problem, with what was left before."""
    wanted_ones = wanted(transfer.context, transfer.settings)
    # All are looked at before the first is sent: half of a delivery is worse than none.
    there = [_is_there(transfer, one) for one in wanted_ones]
    for number, (one, is_there) in enumerate(zip(wanted_ones, there, strict=True)):
        if not is_there:
            try:
                _send(transfer, one)
            except Problem as error:
                raise Problem(f"{error}{transfer.so_far()}") from error
        transfer.done.append(Transferred(file=one.remote, sha256=one.sha256, was_done=is_there))
        transfer.context.progress((number + 1) / len(wanted_ones), f"left {one.name}"[:200])


def wanted(context: Context, settings: TransferSettings) -> list[_Leaving]:
    """The files and their names there. Raises Problem."""
    found = []
    for text in settings.files:
        reference = parse(text)
        assert reference is not None
        value = context.value(reference)
        if not isinstance(value, FileInput):
            raise Problem(f"{reference} holds no file that could be left")
        name = settings.name or value.name
        if why := remote_names.name_mistake(name):
            raise Problem(f"{reference}: {why}")
        # Hashed here once: what is compared and what is sent are the same bytes.
        path = Path(value.path)
        found.append(_Leaving(name=name, path=path, size_bytes=value.size_bytes, sha256=digest_of_file(path)))
    if len(found) > settings.at_most:
        raise Problem(f"there are {len(found)} files, more than the {settings.at_most} of at_most")
    # Where case counts for nothing, the second would replace the first.
    names = [remote_names.folded(one.name) for one in found]
    twice = [one.name for one, name in zip(found, names, strict=True) if names.count(name) > 1]
    if twice:
        raise Problem(f"two files would have one name there: {', '.join(map(remote_names.shown, twice))}")
    return found


def _is_there(transfer: FileTransfer, one: _Leaving) -> bool:
    """Whether it needs no sending. Raises Problem where something else has the name."""
    side, path = transfer.side, transfer.at(one.name)
    found = side.find(path)
    if found is None:
        return _was_taken_away(transfer, one)
    # The size first: a content of another size need not be read back.
    if found.size_bytes in {None, one.size_bytes} and digest_of(side, path) == one.sha256:
        if _last_deed(transfer, one) == _LEAVING:
            _clear_part(transfer, one)
            transfer.context.record(_mark(transfer, one, _LEFT))
        return True
    if not transfer.settings.overwrite:
        size = "" if found.size_bytes is None else f", {found.size_bytes:,} bytes"
        raise Problem(
            f"{remote_names.shown(one.name)} is at {side.place} already with another content{size}; nothing was sent,"
            " and only overwrite: true replaces it"
        )
    return False


def _was_taken_away(transfer: FileTransfer, one: _Leaving) -> bool:
    """An inbox is emptied by its owner: what an earlier try of this step had left whole is not sent twice."""
    side, path = transfer.side, transfer.at(one.name)
    marks = {_mark(transfer, one, deed) for deed in _DEEDS}
    told = [entry for entry in transfer.context.journal if entry in marks or entry == RELEASED]
    last = _last_deed(transfer, one)
    # Whoever releases it has looked: what is known to have been left is not sent again even so.
    if last != _LEAVING or told[-1:] == [RELEASED]:
        return last == _LEFT
    # That try ended at the rename itself: while the part is there, the name was not given.
    if side.can_grow and side.find(path + PART) is not None:
        return False
    # Nor is a part that somebody has cleared away a delivery, and a second one would pay twice.
    gone = "neither it nor its unfinished part is" if side.can_grow else "it is not"
    transfer.context.record(IN_DOUBT)
    raise Problem(
        f"whether an earlier try has left {remote_names.shown(one.name)} is not known: {gone} at {side.place} now;"
        " look there; if it did not arrive, restart this step and release it by its name, and it is sent again"
    )


def _last_deed(transfer: FileTransfer, one: _Leaving) -> str:
    """The last counts: a try that failed, and said so, may have been followed by one that did not."""
    deeds = {_mark(transfer, one, deed): deed for deed in _DEEDS}
    return next((deeds[entry] for entry in reversed(transfer.context.journal) if entry in deeds), _UNLEFT)


_LEAVING, _LEFT, _UNLEFT = "leaving", "left", "not left"
_DEEDS = (_LEAVING, _LEFT, _UNLEFT)


def _mark(transfer: FileTransfer, one: _Leaving, deed: str) -> str:
    return mark(deed, transfer.at(one.name), one.sha256)


def _send(transfer: FileTransfer, one: _Leaving) -> None:
    side, path = transfer.side, transfer.at(one.name)
    with one.path.open("rb") as file:
        side.stage(path, file)
        transfer.context.record(_mark(transfer, one, _LEAVING))
        try:
            side.settle(path, file, replaces=transfer.settings.overwrite)
        except Denied as denied:
            # Somebody was faster since it was looked at; perhaps with the same.
            if not isinstance(denied, NameTaken) or digest_of(side, path) != one.sha256:
                transfer.context.record(_mark(transfer, one, _UNLEFT))
                raise
            _clear_part(transfer, one)
        except Problem:
            _record_failure(transfer, one)
            raise
        transfer.context.record(_mark(transfer, one, _LEFT))


def _clear_part(transfer: FileTransfer, one: _Leaving) -> None:
    """Of a file that is there by its name: who takes all that lies in an inbox would pay twice."""
    side, part = transfer.side, transfer.at(one.name) + PART
    # Asked first: an inbox in which nobody may delete refuses that of what is not there, too.
    if side.can_grow and side.find(part) is not None:
        side.remove(part)


def _record_failure(transfer: FileTransfer, one: _Leaving) -> None:
    """That it was not left, where that can be told: whoever clears the part away must not make a delivery of it."""
    side = transfer.side
    # What cannot be asked now stays in doubt.
    with suppress(Problem):
        if side.can_grow and side.find(transfer.at(one.name) + PART) is not None:
            transfer.context.record(_mark(transfer, one, _UNLEFT))
