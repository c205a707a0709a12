"""Lets calls of the engine fail as the kernel and SQLite let them fail; else notes which calls there were.

The calls are the real ones. What is put in their way stands in the modules os, io, socket, select, sqlite3 and so on, is
passed through by every thread, and fails nothing but what was ordered, in the threads of the engine.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import os
import select
import socket
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import procession
from procession.engine.isolation import linux

ROOT = str(Path(procession.__file__).parent)
PORTS = ("store/sqlite", "store/database.py")  # every statement passes here: its asker is told

DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
SPACE = (errno.ENOSPC, errno.EDQUOT)
# What the manual page of each names, of the shortages.
FAILURES: dict[str, tuple[int, ...]] = {
    "os.open": (*DESCRIPTORS, *SPACE, errno.EIO),
    "os.write": SPACE,
    "os.mkdir": (*SPACE, errno.ENOMEM),
    "os.rmdir": (errno.ENOMEM, errno.EIO),
    "os.unlink": (errno.ENOMEM, errno.EIO),
    "os.rename": (*SPACE, errno.ENOMEM),
    "os.utime": (*SPACE, errno.ENOMEM),
    "os.fsync": (*SPACE, errno.EIO),
    "os.stat": (errno.ENOMEM, errno.EIO),
    "os.fstat": (errno.ENOMEM,),
    "os.listdir": (*DESCRIPTORS, errno.EIO),
    "os.scandir": (*DESCRIPTORS, errno.EIO),
    "os.readlink": (errno.ENOMEM, errno.EIO),
    "os.pidfd_open": DESCRIPTORS,
    "os.pipe2": (errno.EMFILE, errno.ENFILE),
    "os.fork": (errno.EAGAIN, errno.ENOMEM),
    "clone": (errno.EAGAIN, errno.ENOMEM),
    "io.open": (*DESCRIPTORS, errno.EIO),
    "io.open to write": (*DESCRIPTORS, *SPACE),
    "file.read": (errno.EIO, errno.ENOMEM),
    "file.write": SPACE,
    "fcntl.flock": (errno.ENOLCK, errno.ENOMEM),
    "epoll": DESCRIPTORS,
    "epoll.register": (errno.ENOMEM, errno.ENOSPC),
    "socket.send": (errno.ENOBUFS, errno.ENOMEM),
    "socket.recv": (errno.ENOMEM,),
    "socket.recvmsg": (errno.ENOMEM, errno.EMFILE),  # EMFILE: what came along is dropped, and the call succeeds
    "socket.sendmsg": (errno.ENOBUFS, errno.ENOMEM, errno.ETOOMANYREFS),
    "socket.socketpair": (errno.EMFILE, errno.ENFILE),
    "thread.start": (errno.EAGAIN,),
    "sqlite.connect": (sqlite3.SQLITE_CANTOPEN,),
    "sqlite.read": (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_NOMEM),
    "sqlite.write": (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_READ),
    "sqlite.begin": (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR_READ),
    "sqlite.commit": (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY),
}


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """What was called, and where in our code."""

    name: str
    place: str

    def __str__(self) -> str:
        return f"{self.name} in {self.place}"


@dataclass(frozen=True, slots=True)
class Order:
    """The next `times` such calls fail; `call` None: all that can fail in this way."""

    call: Call | None
    code: int
    times: int

    def is_for(self, call: Call) -> bool:
        return self.call == call if self.call is not None else self.code in FAILURES[call.name]

    def __str__(self) -> str:
        kind = (
            sqlite_name(self.code) if self.call and self.call.name.startswith("sqlite") else errno.errorcode[self.code]
        )
        return f"{kind} x {self.times} at {self.call or 'every call'}"


def sqlite_name(code: int) -> str:
    names = ("FULL", "BUSY", "IOERR_READ", "NOMEM", "CANTOPEN")
    return next(f"SQLITE_{name}" for name in names if getattr(sqlite3, f"SQLITE_{name}") == code)


class Injector:
    """One a process. Passive until an order is given."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._order: Order | None = None
        self._left = 0
        self.failed = 0
        self.calls: Counter[Call] = Counter()

    def give(self, order: Order) -> None:
        with self._lock:
            self._order, self._left, self.failed = order, order.times, 0

    def end(self) -> None:
        """The shortage is over."""
        with self._lock:
            self._order = None

    def forget(self) -> None:
        self.calls.clear()

    def is_of_engine(self) -> bool:
        name = threading.current_thread().name
        return name == "engine" or name.startswith("attempt")

    def pass_by(self, name: str) -> None:
        """Called before the real call; raises what it is to fail with."""
        if (code := self.code(name)) is not None:
            raise failure(name, code)

    def code(self, name: str) -> int | None:
        if not self.is_of_engine():
            return None
        return self.look_up(Call(name, _place(sys._getframe(2))))

    def look_up(self, call: Call) -> int | None:
        """What this call is to fail with."""
        with self._lock:
            self.calls[call] += 1
            if self._order is None or not self._left or not self._order.is_for(call):
                return None
            self._left -= 1
            self.failed += 1
            return self._order.code


def failure(name: str, code: int) -> Exception:
    """What Python makes of it."""
    if name == "thread.start":
        return RuntimeError("can't start new thread")
    if not name.startswith("sqlite"):
        return OSError(code, os.strerror(code))
    if code == sqlite3.SQLITE_NOMEM:
        return MemoryError()
    error = sqlite3.OperationalError(sqlite_name(code))
    error.sqlite_errorcode = code
    error.sqlite_errorname = sqlite_name(code)
    return error


def _place(frame: Any) -> str:
    place = "elsewhere"
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(ROOT):
            place = f"{path[len(ROOT) + 1 :]}:{frame.f_code.co_name}"
            if not place.startswith(PORTS):
                return place
        frame = frame.f_back
    return place


def install(monkeypatch: pytest.MonkeyPatch, injector: Injector) -> None:
    """Stand in the way of the calls, until the monkeypatch is undone."""
    for name in FAILURES:
        room, _, function = name.partition(".")
        if room == "os":
            monkeypatch.setattr(os, function, _guarded(injector, name, getattr(os, function)))
    monkeypatch.setattr(fcntl, "flock", _guarded(injector, "fcntl.flock", fcntl.flock))
    monkeypatch.setattr(socket, "socketpair", _guarded(injector, "socket.socketpair", socket.socketpair))
    monkeypatch.setattr(threading.Thread, "start", _guarded(injector, "thread.start", threading.Thread.start))
    opened = _opener(injector, io.open)
    monkeypatch.setattr(io, "open", opened)
    monkeypatch.setattr(builtins, "open", opened)
    monkeypatch.setattr(select, "epoll", partial(_Epoll, injector))
    monkeypatch.setattr(linux, "clone", _guarded(injector, "clone", linux.clone))
    for method in ("send", "recv", "sendmsg"):
        real = getattr(socket.socket, method)
        monkeypatch.setattr(socket.socket, method, _guarded(injector, f"socket.{method}", real))
    monkeypatch.setattr(socket.socket, "recvmsg", _receiver(injector, socket.socket.recvmsg))
    monkeypatch.setattr(sqlite3, "connect", _connector(injector, sqlite3.connect))


def _guarded(injector: Injector, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        injector.pass_by(name)
        return real(*arguments, **named)

    return call


def _opener(injector: Injector, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
        if isinstance(file, int):  # it is open already
            return real(file, mode, *arguments, **named)
        writes = any(letter in mode for letter in "wxa+")
        injector.pass_by("io.open to write" if writes else "io.open")
        opened = real(file, mode, *arguments, **named)
        return _File(injector, opened) if injector.is_of_engine() else opened

    return call


def _receiver(injector: Injector, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(end: socket.socket, *arguments: Any) -> Any:
        code = injector.code("socket.recvmsg")
        if code == errno.ENOMEM:
            raise failure("socket.recvmsg", code)
        content, ancillary, flags, address = real(end, *arguments)
        if code == errno.EMFILE and (handles := [item for item in ancillary if item[1] == socket.SCM_RIGHTS]):
            _drop(handles)
            # Who sent it is told all the same: that takes no descriptor.
            others = [item for item in ancillary if item not in handles]
            return content, others, flags | socket.MSG_CTRUNC, address
        return content, ancillary, flags, address

    return call


def _drop(ancillary: list[tuple[int, int, bytes]]) -> None:
    for _, _, data in ancillary:
        for start in range(0, len(data), 4):
            os.close(int.from_bytes(data[start : start + 4], sys.byteorder))


def _connector(injector: Injector, real: Callable[..., Any]) -> Callable[..., Any]:
    class Connection(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            if (kind := _kind(sql)) is not None:
                injector.pass_by(kind)
            return super().execute(sql, *arguments)

        def executemany(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            injector.pass_by("sqlite.write")
            return super().executemany(sql, *arguments)

    def call(*arguments: Any, **named: Any) -> sqlite3.Connection:
        injector.pass_by("sqlite.connect")
        connection: sqlite3.Connection = real(*arguments, **named, factory=Connection)
        return connection

    return call


def _kind(sql: str) -> str | None:
    """None for what reads and writes nothing."""
    match sql.split(maxsplit=1)[0].upper():
        case "BEGIN":
            return "sqlite.begin"
        case "COMMIT":
            return "sqlite.commit"
        case "SAVEPOINT" | "RELEASE" | "ROLLBACK":
            return None
        case "INSERT" | "UPDATE" | "DELETE":
            return "sqlite.write"
        case _:
            return "sqlite.read"


class _Epoll:
    def __init__(self, injector: Injector) -> None:
        injector.pass_by("epoll")
        self._injector = injector
        self._real = REAL_EPOLL(flags=select.EPOLL_CLOEXEC)

    def register(self, handle: Any, events: int) -> None:
        self._injector.pass_by("epoll.register")
        self._real.register(handle, events)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _File:
    """An open file whose reads and writes can fail."""

    def __init__(self, injector: Injector, real: Any) -> None:
        self._injector = injector
        self._real = real

    def read(self, *arguments: Any) -> Any:
        self._injector.pass_by("file.read")
        return self._real.read(*arguments)

    def write(self, content: Any) -> Any:
        self._injector.pass_by("file.write")
        return self._real.write(content)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *error: object) -> None:
        self._real.close()

    def __iter__(self) -> Any:
        return iter(self._real)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


REAL_EPOLL = select.epoll
