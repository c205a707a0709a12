"""doctor: checks a home. Changes nothing."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from importlib import metadata

import click
import msgspec

from procession.clock import SystemClock
from procession.commands import adopting, checking, opening, plain, wording
from procession.commands.checking import Check, alerts
from procession.commands.checking import check as _check
from procession.commands.console import Console
from procession.config import Settings
from procession.engine.isolation import cgroups, processes
from procession.engine.isolation.options import IsolationSettings
from procession.engine.isolation.pool import ForkServerIsolation
from procession.home import Home
from procession.operations.home_time import HomeClock
from procession.serving import active_home, walls
from procession.store import checks, history, home_time, identity, migrations, retention, runs
from procession.store.blobs import Blobs
from procession.store.database import Database, Transaction
from procession.store.keyring import Keyring
from procession.walls import Wall

COPY_BYTES = 1 << 20
NAMED_MAX = 5  # examples in one line
LIBRARIES_NAMED_MAX = 50
SWEPT_AGO_MAX = timedelta(days=2)  # a server does it every hour
COLORS = {"ok": "green", "warning": "yellow", "problem": "red"}


def doctor(console: Console) -> int:
    """1 when there is a problem."""
    settings = console.settings()
    home = Home(folder=settings.home)
    found = _walls(home, settings) if home.exists() else ()
    checks_done = [*_examine(home, settings), *map(checking.of_wall, found)]
    problems = sum(check.status == "problem" for check in checks_done)
    content = {
        "home": home.folder,
        "problems": problems,
        "checks": [{"name": one.name, "status": one.status, "message": one.message} for one in checks_done],
        "walls": [checking.wall_content(wall) for wall in found],
    }
    lines = [
        f"{click.style(f'{one.status:<8}', fg=COLORS[one.status])} {one.name}: {plain.line(one.message)}"
        for one in checks_done
    ]
    console.answer(content, "\n".join(lines), is_painted=True)
    return 1 if problems else 0


def _examine(home: Home, settings: Settings) -> Iterator[Check]:
    if not home.exists():
        yield _check("home", "problem", opening.no_home(home))
        return
    yield _engine(home)
    # Without open_database(), which would migrate: looking changes nothing.
    database = home.connect()
    try:
        yield from _database(home, database, settings)
    finally:
        database.close()
    yield _libraries(active_home.isolation_settings(settings, home, cgroup=cgroups.find()))


def _walls(home: Home, settings: Settings) -> tuple[Wall, ...]:
    around_steps = _around_steps(active_home.isolation_settings(settings, home, cgroup=cgroups.find()))
    return walls.of_server(settings, home, around_steps)


def _engine(home: Home) -> Check:
    holder = home.holder()
    if holder is None:
        return _check("engine", "ok", "no server works on this home")
    return _check("engine", "ok", f"{holder} works on this home")


def _database(home: Home, database: Database, settings: Settings) -> Iterator[Check]:
    with database.read() as tx:
        found, known = checks.schema_number(tx), max(migrations.available())
        # The other questions are about the present schema.
        if found != known:
            status = "warning" if found < known else "problem"
            yield _check("schema", status, f"the database has schema {found}, this program {known}")
            return
        yield _check("schema", "ok", f"schema {known}")
        # Before anything reads rows: a damaged page can make any answer wrong.
        wrong = database.examine()
        yield _check("database", "problem" if wrong else "ok", "; ".join(wrong[:NAMED_MAX]) or "the database is whole")
        if wrong:
            return
        name = partial(retention.users_of, tx, mark='"')
        blobs, named = home.open_blobs(), checks.contents(tx)
        yield from _contents(blobs, named, name)
        yield _unused(home, [blobs.size_bytes(sha256) or 0 for sha256 in blobs.stored() - named], tx)
        yield _identity(home, tx)
        yield _leftovers(home, database)
        yield checking.trail(tx)
        yield from checking.afterwards(tx, now=SystemClock().now())
        yield from checking.secrets(tx, Keyring.of_home(home.folder))
        yield from alerts(tx, sends_mail=settings.smtp is not None, now=SystemClock().now())


def _identity(home: Home, tx: Transaction) -> Check:
    found, held = identity.find(tx), identity.held(tx)
    if (remark := adopting.remark(found, held)) is not None:
        return _check("identity", "warning", f"{remark}; {adopting.ADOPT}")
    if found.is_at(home.place()):
        return _check("identity", "ok", "this home is where it was made, or was moved or copied with nothing under way")
    assert found.place is not None
    under_way = runs.unfinished_ids(tx)
    if not under_way:
        return _check("identity", "ok", f"a copy of {found.place.path}; nothing was under way there")
    text = f"a copy of {found.place.path}; a server started here leaves its runs under way alone ({len(under_way)})"
    return _check("identity", "warning", f"{text}; {adopting.ADOPT}")


def _contents(blobs: Blobs, named: set[str], name: Callable[[str], str]) -> Iterator[Check]:
    there = blobs.stored()
    missing = sorted(named - there)
    # Reads every byte of the home: the one way to find a disk that changes what it stores.
    changed = sorted(sha256 for sha256 in named - set(missing) if _digest(blobs, sha256) != sha256)
    yield _files("missing files", [name(sha256) for sha256 in missing], f"all {len(named)} contents are there")
    yield _files("changed files", [name(sha256) for sha256 in changed], "every content has the SHA-256 it should have")


def _unused(home: Home, sizes: list[int], tx: Transaction) -> Check:
    """They only waste space; a server may be writing one right now."""
    swept_at, now = home.swept_at(), HomeClock(SystemClock(), home_time.find(tx)).least()
    last = "never" if swept_at is None else f"{wording.counted((now - swept_at) // timedelta(hours=1), 'hour')} ago"
    text = f"{wording.counted(len(sizes), 'content')} ({wording.size(sum(sizes))}) without a file"
    if identity.find(tx).original is not None:
        return _check("unused files", "ok", f"{text}; in a copy of another home they stay until procession adopt --yes")
    is_late = bool(sizes) and (swept_at is None or now - swept_at > SWEPT_AGO_MAX)
    when = f"a server removes them a day after they were written; it looked through all of them last: {last}"
    return _check("unused files", "warning" if is_late else "ok", f"{text}; {when}")


def _files(name: str, found: list[str], fine: str) -> Check:
    if not found:
        return _check(name, "ok", fine)
    return _check(name, "problem", f"{len(found)}: {', '.join(found[:NAMED_MAX])}")


def _digest(blobs: Blobs, sha256: str) -> str:
    digest = hashlib.sha256()
    for piece in blobs.read(sha256):
        digest.update(piece)
    return digest.hexdigest()


def _leftovers(home: Home, database: Database) -> Check:
    with database.read() as tx:
        attempts = [attempt for _, attempt in history.not_gone(tx)]
    alive = [attempt.pid for attempt in attempts if _is_alive(attempt.pid, attempt.started_ticks, attempt.boot_id)]
    # With a server they are simply steps at work.
    if alive and not home.is_awake():
        pids = ", ".join(map(str, alive[:NAMED_MAX]))
        return _check("processes", "problem", f"steps still run without a server: {pids}; `procession serve` ends them")
    return _check("processes", "ok", f"{len(alive)} processes of steps under way")


def _is_alive(pid: int, ticks: int, boot_id: str) -> bool:
    return boot_id == processes.boot_id() and processes.is_running(pid, ticks)


def _around_steps(settings: IsolationSettings) -> tuple[Wall, ...]:
    """As a server sets them up; one worker shows what this kernel allows."""
    # Really started: what the kernel says it can do and what it lets us do are two things.
    isolation = ForkServerIsolation(msgspec.structs.replace(settings, user_ready=1, warm_ready=0))
    isolation.start()
    try:
        return isolation.walls()
    finally:
        isolation.close()


def _libraries(settings: IsolationSettings) -> Check:
    """What scripts may import besides what came with this Python."""
    if not settings.library_paths:
        return _check("libraries", "ok", "none for scripts alone (PROCESSION_STEP_LIBRARIES)")
    found = sorted({f"{one.name} {one.version}" for one in metadata.distributions(path=list(settings.library_paths))})
    shown = ", ".join(found[:LIBRARIES_NAMED_MAX]) or "no installed library"
    if len(found) > LIBRARIES_NAMED_MAX:
        shown += f" and {len(found) - LIBRARIES_NAMED_MAX} more"
    places = ", ".join(settings.library_paths)
    closed = [path for path in settings.library_paths if os.stat(path).st_mode & 0o005 != 0o005]  # noqa: PTH116
    if closed and os.geteuid() == 0:
        # Steps of a server that root starts have users of their own.
        return _check("libraries", "warning", f"scripts cannot read {', '.join(closed)}: chmod -R a+rX")
    status = "ok" if found else "warning"
    return _check("libraries", status, f"scripts find {shown} in {places}")
