"""backup: one file with all of a home, made while the server works, and read again before it gets its name."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import procession
from procession import leases
from procession.clock import SystemClock
from procession.commands import archive, downloads, opening, views, wording
from procession.commands.archive import Manifest, Writer
from procession.commands.console import Console
from procession.home import Home
from procession.model.errors import Invalid, NotFound, ProcessionError
from procession.store import checks, retention, sqlite_file
from procession.store.blobs import Blobs
from procession.store.crash import CrashPoint, pass_by
from procession.store.keyring import NAME as KEY_FILE
from procession.store.step_logs import StepLogs

# In the name, so that the next backup can tell what a killed one left.
PART = ".procession-part"
NAMED_MAX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedContents:
    """What the copied database refers to."""

    schema: int
    contents: frozenset[str]
    attempts: frozenset[int]
    runs: int
    secrets: int  # of connections, which only the key opens that no backup holds


def backup(console: Console, path: str, *, skip_damaged: bool, crash_point: CrashPoint = pass_by) -> int:
    """Raises NotFound, Invalid."""
    home, target = Home(folder=console.settings().home), Path(path).absolute()
    if not home.exists():
        raise NotFound(opening.no_home(home))
    _check_target(home, target)
    # Before the database is copied: a content that its copy names must not go meanwhile.
    with leases.hold(home.folder, leases.SWEEP, wait_seconds=leases.SWEEP_WAIT_SECONDS) as is_free:
        if not is_free:
            raise Invalid(f"procession prune is at work on {home.folder}; try again when it is done")
        with _full_disk_told(target), _part(target, ".db") as (copy, _), _part(target, ".tar") as (part, file):
            # First the database, then the contents: what is written between the two is in no row of the copy.
            sqlite_file.copy(home.database, copy)
            crash_point("database copied")
            # On the copy: checking the original would hold up its server.
            named = _examine(copy)
            manifest = _write(home, copy, named, file, skip_damaged=skip_damaged)
            crash_point("written")
            # Read again from the disk: a backup is believed only when it was once read.
            archive.read(part, lambda _name: None)
            crash_point("verified")
            try:
                # The name comes last, so that a file of this name is always whole.
                downloads.settle(part, target)
            except FileExistsError:
                raise _taken(target) from None
    _tell(console, target, manifest, named)
    return 0


def _check_target(home: Home, target: Path) -> None:
    if not target.parent.is_dir():
        raise Invalid(f"there is no folder {target.parent}")
    if home.folder.resolve() in (target.parent.resolve(), *target.parent.resolve().parents):
        raise Invalid(f"{target} lies in the home itself, and would be lost with it; name a place outside")
    # lexists(): a broken link would be written through.
    if os.path.lexists(target):
        raise _taken(target)
    for left in target.parent.glob(f".*{PART}.*"):
        _remove_leftover(left)


def _taken(target: Path) -> Invalid:
    return Invalid(f"{target} is there already, and a backup never replaces another: name another file")


def _remove_leftover(path: Path) -> None:
    """Removes what a killed backup left. A running one holds a lock on its file."""
    # Whatever cannot be looked at belongs to somebody else.
    with suppress(OSError), path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


@contextmanager
def _part(target: Path, ending: str) -> Iterator[tuple[Path, BinaryIO]]:
    """A temporary file beside the target, removed at the end with any journal a database left."""
    path = target.with_name(f".{secrets.token_hex(8)}{PART}{ending}")
    with path.open("xb") as file:
        path.chmod(0o600)  # it holds everything in the home
        try:
            # Held while it is written: the lock tells others that somebody still works on it.
            fcntl.flock(file, fcntl.LOCK_EX)
            yield path, file
        finally:
            for name in (path.name, f"{path.name}-journal", f"{path.name}-wal", f"{path.name}-shm"):
                path.with_name(name).unlink(missing_ok=True)


@contextmanager
def _full_disk_told(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            text = f"no backup was made: there is not enough space in {target.parent}"
            raise ProcessionError(f"{text}; it takes what the home takes, and the database once more") from error
        raise ProcessionError(f"no backup was made: {error}") from error


def _examine(copy: Path) -> NamedContents:
    """Raises ProcessionError for a damaged database."""
    if faults := sqlite_file.faults(copy):
        raise ProcessionError(f"no backup was made: the database is damaged ({'; '.join(faults)})")
    with sqlite_file.opened(copy) as tx:
        return NamedContents(
            schema=checks.schema_number(tx),
            contents=frozenset(checks.contents(tx)),
            attempts=frozenset(retention.attempts(tx)),
            runs=retention.count_runs(tx),
            secrets=checks.count_secrets(tx),
        )


def _write(home: Home, copy: Path, named: NamedContents, file: BinaryIO, *, skip_damaged: bool) -> Manifest:
    with archive.write(file) as writer:
        writer.add(archive.DATABASE, copy)
        blobs, logs = home.open_blobs(), home.open_step_logs()
        # In the order of the hashes, which is the order of the folders on disk.
        missing = [sha256 for sha256 in sorted(named.contents) if not _add_content(writer, blobs, sha256)]
        if missing and not skip_damaged:
            raise ProcessionError(
                f"no backup was made: {_in_words(copy, missing[:NAMED_MAX])}; procession doctor tells more,"
                " --skip-damaged leaves them out"
            )
        for attempt in sorted(named.attempts):
            _add_log(writer, logs, attempt)
        manifest = Manifest(
            format=archive.FORMAT,
            program=procession.__version__,
            schema=named.schema,
            made_at=str(views.date(SystemClock().now())),
            members=writer.members,
            missing=missing,
        )
        writer.finish(manifest)
    file.flush()
    # Before it is read again: what is checked should be what a power cut leaves.
    os.fsync(file.fileno())
    return manifest


def _add_log(writer: Writer, logs: StepLogs, attempt: int) -> None:
    """What it says now, if it says anything."""
    size, offset = logs.size_bytes(attempt), 0

    def read(most: int) -> bytes:
        nonlocal offset
        piece = logs.read(attempt, offset, most)
        offset += len(piece)
        return piece

    if size:
        writer.add_from(f"logs/{attempt // 1000}/{attempt}.log", size, read)


def _add_content(writer: Writer, blobs: Blobs, sha256: str) -> bool:
    """Whether the content was there and matches the hash in its name."""
    try:
        return not is_damaged(writer.add(f"files/{sha256[:2]}/{sha256[2:]}", blobs.fetch(sha256)))
    except (NotFound, FileNotFoundError):
        return False


def is_damaged(member: archive.Member) -> bool:
    """A content whose hash is not its name."""
    return member.name.startswith("files/") and member.sha256 != member.name[6:].replace("/", "")


def _in_words(copy: Path, missing: list[str]) -> str:
    with sqlite_file.opened(copy) as tx:
        places = [retention.users_of(tx, sha256) for sha256 in missing]
    return f"contents are damaged or missing: {'; '.join(places)}"


def _tell(console: Console, target: Path, manifest: Manifest, named: NamedContents) -> None:
    size, contents = target.stat().st_size, len(named.contents) - len(manifest.missing)
    content = {
        "file": target,
        "sizeInBytes": size,
        "madeAt": manifest.made_at,
        "runs": named.runs,
        "contents": contents,
        "missing": manifest.missing,
        "isVerified": True,
        "secrets": named.secrets,
    }
    parts = f"{wording.counted(named.runs, 'run')}, {wording.counted(contents, 'file content')}"
    lines = [f"{target}  ({wording.size(size)})", f"  {parts}; read again, every hash is right"]
    if manifest.missing:
        lines.append(f"  left out, damaged or missing: {wording.counted(len(manifest.missing), 'content')}")
    if named.secrets:
        lines.append(
            f"  {KEY_FILE} is not in it, and without it nobody can use the"
            f" {wording.counted(named.secrets, 'secret')} of connections: keep a copy of it elsewhere"
        )
    console.answer(content, "\n".join(lines))
