"""restore: makes a home from a backup. It appears only when complete and verified."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from procession.commands import archive, backups, downloads, views, wording
from procession.commands.archive import Manifest
from procession.commands.console import Console
from procession.home import PRIVATE, Home
from procession.model.errors import Invalid, NotFound, ProcessionError
from procession.model.ids import RunId
from procession.store import audit, checks, migrations, retention, runs, sqlite_file
from procession.store.crash import CrashPoint, pass_by
from procession.store.keyring import NAME as KEY_FILE

# A new disk has this folder.
IGNORED = {"lost+found"}
FOLDERS = ("files", "uploads", "logs", "work")
LEFT = "  They are left alone here until you take them over, when the original is gone: procession adopt"
GO_ON = "  They go on when a server is started here; if the original goes on with them, cancel them here first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """`under_way`: runs that were active at the backup; `is_left`: they wait here until they are taken over."""

    under_way: list[RunId]
    is_left: bool
    runs: int
    contents: int
    secrets: int  # of connections
    broken: str | None  # the first fault of the audit trail


def restore(console: Console, path: str, *, crash_point: CrashPoint = pass_by) -> int:
    """Raises NotFound, Invalid, Busy."""
    home, source = Home(folder=console.settings().home), Path(path).absolute()
    if not source.is_file():
        raise NotFound(f"there is no file {source}")
    # Before the lock, which makes a file in the folder.
    _check_empty(home)
    lock = home.take_lock(f"procession restore (process {os.getpid()})")
    try:
        manifest, restored = _restore(home, source, crash_point)
    except OSError as error:
        raise ProcessionError(f"nothing was restored: {error.strerror or error} ({home.folder})") from error
    finally:
        _clear(home)
        lock.release()
    _tell(console, home, source, manifest, restored)
    return 0


def _check_empty(home: Home) -> None:
    """Raises Invalid unless the folder is empty, or holds only what a killed restore left."""
    entries = list(home.folder.iterdir()) if home.folder.is_dir() else []
    names = {entry.name for entry in entries} - IGNORED
    # What a killed restore left may be written over; anything else is somebody's home.
    is_left = home.restoring.name in names or not any(any((home.folder / name).glob("*")) for name in FOLDERS)
    if names and not (is_left and names <= {home.restoring.name, home.lock.name, *FOLDERS}):
        some = ", ".join(sorted(names)[:5])
        raise Invalid(f"{home.folder} is not empty ({some}); restore makes a home of its own: name another --home")


def _restore(home: Home, source: Path, crash_point: CrashPoint) -> tuple[Manifest, Restored]:
    home.begin_restore()
    stage = home.restoring
    # Extracted and checked in one reading: a backup of a terabyte is read once.
    manifest = archive.read(source, partial(_open, stage))
    crash_point("extracted")
    restored = _check(stage, source, manifest)
    os.sync()  # all data is on disk before anything appears
    crash_point("checked")
    for name in ("files", "logs"):
        # Ours from an earlier try, or empty: _check_empty() has looked, and begin_restore() keeps others out.
        shutil.rmtree(home.folder / name)
        (stage / name).mkdir(mode=PRIVATE, exist_ok=True)
        (stage / name).rename(home.folder / name)
        crash_point(f"{name} moved")
    # The database last: a folder without it is no home, so a crash before leaves none.
    downloads.settle(stage / archive.DATABASE, home.database)
    # The names too: a home that was told to be restored must be there after a power cut.
    os.sync()
    crash_point("database moved")
    return manifest, restored


def _clear(home: Home) -> None:
    """Removes everything after a failed restore, and only leftovers after a successful one."""
    # It did not succeed: nothing of it may be taken for a home.
    if not home.database.exists():
        for name in FOLDERS:
            shutil.rmtree(home.folder / name, ignore_errors=True)
    shutil.rmtree(home.restoring, ignore_errors=True)


def _open(stage: Path, name: str) -> BinaryIO:
    path = stage / name
    path.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    # O_EXCL: a name that is there twice in a forged backup is refused.
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _check(stage: Path, source: Path, manifest: Manifest) -> Restored:
    """Checks that the database fits its contents and this program. Raises Invalid."""
    for member in manifest.members:
        if backups.is_damaged(member):
            # Left out when the backup was made: its hash is not its name, and nothing may read it.
            (stage / member.name).unlink()
    database = stage / archive.DATABASE
    if faults := sqlite_file.faults(database):
        raise Invalid(f"the database in {source} is damaged: {'; '.join(faults)}")
    with sqlite_file.opened(database) as tx:
        found, known = checks.schema_number(tx), max(migrations.available())
        if found > known:
            raise Invalid(
                f"{source} was made by a later release of Procession (schema {found}, this program knows {known});"
                " install that release"
            )
        named = checks.contents(tx) - set(manifest.missing)
        lost = [sha256 for sha256 in named if not (stage / "files" / sha256[:2] / sha256[2:]).is_file()]
        if lost:
            raise Invalid(f"{source} is damaged: {wording.counted(len(lost), 'content')} of its files are not in it")
        # Before anybody can open it: the first server would look for the original's processes.
        sqlite_file.disarm(tx)
        return Restored(
            under_way=runs.unfinished_ids(tx),
            is_left=tx.has_table("home"),
            runs=retention.count_runs(tx),
            secrets=checks.count_secrets(tx),
            contents=len(named),
            # Told and not refused: somebody without another backup must be able to go on.
            broken=audit.first_fault(tx) if found == known else None,
        )


def _tell(console: Console, home: Home, source: Path, manifest: Manifest, restored: Restored) -> None:
    names = [str(run) for run in restored.under_way]
    content = {
        "home": home.folder,
        "file": source,
        "madeAt": manifest.made_at,
        "runs": restored.runs,
        "contents": restored.contents,
        "missing": manifest.missing,
        "underWay": names,
        "auditFault": restored.broken,
    }
    counts = f"{wording.counted(restored.runs, 'run')}, {wording.counted(restored.contents, 'file content')}"
    lines = [
        f"{home.folder} is restored as it was on {views.moment(manifest.made_at)}: {counts}",
        "  every hash is right; uploads that were under way must be sent again",
    ]
    if manifest.missing:
        lines.append(f"  not in the backup, damaged or missing: {wording.counted(len(manifest.missing), 'content')}")
    if restored.secrets:
        lines.append(
            f"  put {KEY_FILE} of the original into {home.folder} to use the"
            f" {wording.counted(restored.secrets, 'secret')} of its connections; it is in no backup"
        )
    if restored.broken:
        lines.append(f"  its audit trail is broken: {restored.broken}")
    if names:
        lines += [
            f"  under way at that moment: {', '.join(names[:10])}{' ...' if len(names) > 10 else ''}",
            "  Their steps count as lost, and no process of the original is looked for or ended.",
            LEFT if restored.is_left else GO_ON,
        ]
    console.answer(content, "\n".join(lines))
