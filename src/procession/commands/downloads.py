"""download: saves files of a run in a folder; each complete and verified, or not at all. Overwrites nothing."""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from procession.commands import opening, wording
from procession.commands.console import Console
from procession.model import files as file_names
from procession.model.errors import Invalid, NotFound, ProcessionError
from procession.model.files import File
from procession.model.ids import RunId
from procession.model.lifecycle import RUN_FINAL
from procession.operations import runs
from procession.store import steps as step_store
from procession.store.blobs import Blobs

Fetch = Callable[[BinaryIO], tuple[int, str]]  # writes the content; gives its size and SHA-256. Raises ProcessionError.


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """`references` () and not `is_all`: the outputs."""

    run: str
    references: Sequence[str]
    is_all: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    folder: str
    may_overwrite: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A File property; `fetch` None: nothing was written into it."""

    reference: str
    flow: str
    name: str
    fetch: Fetch | None


def download(console: Console, wanted: Selection, target: Target) -> int:
    """Raises NotFound, Invalid."""
    run_id = RunId.parse(wanted.run)
    with opening.open_home(console) as opened:
        with opened.database.snapshot() as tx:
            run = runs.find(tx, run_id)
            keys = {row.id: row.key for row in step_store.of_run(tx, run_id)}
            rows = step_store.properties_of_run(tx, run_id)
        found = [
            FoundFile(
                reference=f"{keys[row.step]}.{row.item.key}",
                flow=row.item.flow,
                name=row.file.name,
                fetch=_fetcher(opened.resources.blobs, row.file),
            )
            for row in rows
            if row.file is not None
        ]
        save(console, (str(run_id), run.status), choose(str(run_id), wanted, found), target)
    return 0


def _fetcher(blobs: Blobs, file: File) -> Fetch | None:
    sha256, size_bytes = file.sha256, file.size_bytes
    if sha256 is None:
        return None

    def fetch(target: BinaryIO) -> tuple[int, str]:
        digest, size = hashlib.sha256(), 0
        for piece in blobs.read(sha256):
            target.write(piece)
            digest.update(piece)
            size += len(piece)
        if (size, digest.hexdigest()) != (size_bytes, sha256):
            # Before the file has its name: a damaged file in a folder looks like any other.
            raise ProcessionError("its content on the server's disk is damaged; tell the operator (procession doctor)")
        return size, sha256

    return fetch


def choose(run: str, wanted: Selection, found: Sequence[FoundFile]) -> list[FoundFile]:
    """The selected files that have a content. Raises NotFound, naming those there are."""
    by_reference = {file.reference: file for file in found}
    for reference in wanted.references:
        if reference not in by_reference:
            known = ", ".join(by_reference) or "none"
            raise NotFound(f"{run} has no file {reference}; there are {known}")
        if by_reference[reference].fetch is None:
            raise NotFound(f"{reference} of {run} is empty: nothing has been written into it")
    if wanted.references:
        # In the order in which they were asked for, each once.
        return [by_reference[reference] for reference in dict.fromkeys(wanted.references)]
    chosen = [file for file in found if file.fetch is not None and (wanted.is_all or file.flow == "OUTPUT")]
    if not chosen:
        raise NotFound(f"{run} has no {'files' if wanted.is_all else 'output files'} yet")
    return chosen


def save(console: Console, run: tuple[str, str], chosen: Sequence[FoundFile], target: Target) -> None:
    """Raises Invalid before writing anything if a name is taken. `run`: its id and status."""
    folder = Path(target.folder)
    places = _places(folder, chosen)
    # All of them before any is written: half a download is worse than none.
    taken = [path for path in places if os.path.lexists(path)]
    if taken and not target.may_overwrite:
        names = ", ".join(path.name for path in taken)
        raise Invalid(f"{names} in {folder} would be overwritten; name another folder, or use --overwrite")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Invalid(f"the folder {folder} cannot be made: {error.strerror}") from error
    saved = [_save(file, path, may_overwrite=target.may_overwrite) for file, path in zip(chosen, places, strict=True)]
    lines = [f"{row['path']}  ({wording.size(row['sizeInBytes'])}, {row['reference']})" for row in saved]
    if run[1] not in RUN_FINAL:
        lines.append(f"{run[0]} is {run[1]}: files may still come or change")
    console.answer({"run": run[0], "status": run[1], "files": saved}, "\n".join(lines))


def _places(folder: Path, chosen: Sequence[FoundFile]) -> list[Path]:
    """Prefixes files of the same name with their references, and numbers if need be."""
    names = [file_names.clean_name(file.name) for file in chosen]
    # As the disk sees them: Report.csv and report.csv are one file on a Mac.
    count = Counter(map(_on_disk, names))
    given: set[str] = set()
    places = []
    for file, name in zip(chosen, names, strict=True):
        own = file_names.clean_name(f"{file.reference}-{name}") if count[_on_disk(name)] > 1 else name
        numbered = (file_names.clean_name(f"{number}-{own}") for number in itertools.count(2))
        free = next(one for one in itertools.chain([own], numbered) if _on_disk(one) not in given)
        given.add(_on_disk(free))
        places.append(folder / free)
    return places


def _on_disk(name: str) -> str:
    """The name as many disks compare it: without case, one form of accents, no dots at the end."""
    return unicodedata.normalize("NFC", name).casefold().rstrip(". ")


def _save(file: FoundFile, path: Path, *, may_overwrite: bool) -> dict[str, Any]:
    assert file.fetch is not None
    # In the same folder, because a rename works only within one file system.
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as target:
            size, sha256 = file.fetch(target)
            target.flush()
            # Before the name: a script may delete its source as soon as the file is there.
            os.fsync(target.fileno())
        settle(part, path, may_overwrite=may_overwrite)
    except FileExistsError:
        raise Invalid(f"{path} was made by somebody else meanwhile; it was not overwritten") from None
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror or error}") from error
    except ProcessionError as error:
        raise type(error)(f"{file.reference} was not saved: {error.message}") from error
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return {"reference": file.reference, "path": str(path), "sizeInBytes": size, "sha256": sha256}


def settle(part: Path, path: Path, *, may_overwrite: bool = False) -> None:
    """Gives a finished file its name atomically. Raises FileExistsError if the name is taken."""
    if may_overwrite:
        part.replace(path)
        return
    try:
        # There is no portable rename that fails where the name is taken.
        os.link(part, path)  # unlike a rename, it never replaces
    except FileExistsError:
        raise
    except OSError:  # a disk without links
        if path.exists():
            raise FileExistsError(path) from None
        part.rename(path)
