"""Which files are meant, and their content fetched: whole, unchanged since they were listed, or not at all."""

from __future__ import annotations

import hashlib
import shutil
import time
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from procession.actions import naming
from procession.actions.contract import FileOutput, OutputValue
from procession.actions.problems import Problem
from procession.actions.references import parse
from procession.actions.transferring import remote_names
from procession.actions.transferring.sides import Listing, RemoteFile
from procession.actions.transferring.work import FileTransfer, Transferred, told

MEGABYTE = 10**6
UNFINISHED = ".part"  # as we, and many others, call what is not whole yet
_ZIP_DAY = (1980, 1, 1, 0, 0, 0)  # the first that a zip knows: the same files give the same bytes


def chosen(transfer: FileTransfer) -> list[RemoteFile]:
    """The files whose names the pattern means, by name; what is left out is remarked. Raises Problem."""
    return _among(transfer, transfer.side.entries(transfer.folder))


def _among(transfer: FileTransfer, listing: Listing) -> list[RemoteFile]:
    settings = transfer.settings
    assert settings.pattern is not None
    is_meant = remote_names.matcher(settings.pattern).match
    meant = [one for one in listing.files if is_meant(one.name) and not _is_unfinished(one.name, settings.pattern)]
    # Before anything is asked of the server by that name.
    found = [one for one in meant if not remote_names.name_mistake(one.name)]
    transfer.remark("left out for their names", [one.name for one in meant if remote_names.name_mistake(one.name)])
    transfer.remark("left out, as they are no plain files", [name for name in listing.others if is_meant(name)])
    _check_limits(transfer, found)
    _remark_clashes(transfer, found)
    return sorted(found, key=lambda one: one.name)


def _is_unfinished(name: str, pattern: str) -> bool:
    return name.endswith(UNFINISHED) and not pattern.endswith(UNFINISHED)


def _check_limits(transfer: FileTransfer, found: Sequence[RemoteFile]) -> None:
    settings = transfer.settings
    if len(found) > settings.at_most:
        raise Problem(
            f"{len(found):,} files are called {settings.pattern}, more than the {settings.at_most:,} of at_most;"
            " nothing was done with any"
        )
    size = sum(one.size_bytes or 0 for one in found)
    if settings.do == "get" and size > settings.max_mb * MEGABYTE:
        raise Problem(
            f"{len(found):,} files hold {size / MEGABYTE:,.0f} MB, more than the {settings.max_mb:,} of max_mb;"
            " nothing was fetched"
        )


def _remark_clashes(transfer: FileTransfer, found: Sequence[RemoteFile]) -> None:
    """Names that are one on the machine of whoever unpacks them."""
    alike = defaultdict(list)
    for one in found:
        alike[remote_names.folded(one.name)].append(one.name)
    transfer.remark("names that differ only in case", [name for names in alike.values() if names[1:] for name in names])


def get(transfer: FileTransfer) -> dict[str, OutputValue]:
    """Raises Problem."""
    looked_at = time.monotonic()
    found = chosen(transfer)
    if transfer.settings.outputs.file is not None and len(found) > 1:
        raise Problem(
            f"{len(found):,} files are called {transfer.settings.pattern}, and outputs.file takes one"
            f" ({told([one.name for one in found])}); a narrower pattern, or outputs.files"
        )
    place = transfer.context.folder / "fetched"
    # By number and not by name: two names that differ in case are one on some disks.
    place.mkdir()
    digests, room = list[str](), transfer.settings.max_mb * MEGABYTE
    for number, one in enumerate(found):
        path = place / str(number)
        digests.append(_fetch(transfer, one, path, room))
        # Of all files together: each by itself could be as large as all of them may be.
        room -= path.stat().st_size
    changed = _changed(transfer, found, looked_at)
    kept = [
        (one, digest, place / str(number))
        for number, (one, digest) in enumerate(zip(found, digests, strict=True))
        if digest and one.name not in changed
    ]
    # Two ways to find one: its size while it was read, its size and time afterwards.
    growing = [one.name for one, digest in zip(found, digests, strict=True) if not digest or one.name in changed]
    transfer.remark("left out, as somebody is still writing them", growing)
    transfer.done = [Transferred(file=one, sha256=digest) for one, digest, _ in kept]
    return _outputs(transfer, [(one.name, path) for one, _, path in kept])


def _fetch(transfer: FileTransfer, file: RemoteFile, path: Path, bytes_max: int) -> str:
    """The SHA-256 of its content; "" where it is not what the list said."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as target:
        for block in transfer.side.read(transfer.at(file.name)):
            size += len(block)
            # A server that says less than it sends must not fill the disk.
            if size > bytes_max:
                raise Problem(
                    f"with {remote_names.shown(file.name)} the files are larger than the"
                    f" {transfer.settings.max_mb:,} MB of max_mb; nothing was fetched"
                )
            digest.update(block)
            target.write(block)
    transfer.context.progress(0.0, f"fetched {file.name}"[:200])
    # More or less than was listed: somebody writes it, or the connection was cut.
    return "" if file.size_bytes is not None and size != file.size_bytes else digest.hexdigest()


def _changed(transfer: FileTransfer, found: Sequence[RemoteFile], looked_at: float) -> frozenset[str]:
    """Those that are not as they were listed: whoever writes a file has had some seconds to go on."""
    if not found or not transfer.side.can_grow:
        return frozenset()
    rest = transfer.settings.settle_seconds - (time.monotonic() - looked_at)
    if rest > 0:
        time.sleep(rest)
    now = {one.name: one for one in transfer.side.entries(transfer.folder).files}
    return frozenset(one.name for one in found if one.name not in now or not now[one.name].is_as(one))


def _outputs(transfer: FileTransfer, files: Sequence[tuple[str, Path]]) -> dict[str, OutputValue]:
    wanted, made = transfer.settings.outputs, dict[str, OutputValue]()
    one, several = parse(wanted.file), parse(wanted.files)
    if several is not None and files:
        path = transfer.context.folder / "files.zip"
        _zip(files, path)
        name = transfer.context.target(several).file_name or "files.zip"
        made[several] = FileOutput(path=str(path), name=name)
    if one is not None and files:
        name, path = files[0]
        made[one] = FileOutput(path=str(path), name=naming.file_name(name))
    return made


def _zip(files: Sequence[tuple[str, Path]], target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, path in files:
            entry = zipfile.ZipInfo(name, _ZIP_DAY)
            # Fast rather than small: a bank's file is read once, by the next step.
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            # Sizes are not known before a file is packed, and one may pass 4 GB.
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as packed:
                shutil.copyfileobj(source, packed)
