"""A script as a program of its own: what Python sets up for one, and how it ends one, in a process that lives on.

Python's own end takes every module apart, 12 ms that each step would wait for. This does what of it can be seen from
outside, in the same order, and reports a file that could not be written, which Python does not.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import os
import stat
import sys
import threading
import time
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from procession import shortages
from procession.engine.isolation import linux

# The C type below io.IOBase: asking the abstract class about every object would cost more than the rest.
_FILE: type[Any] = io.IOBase.__mro__[1]
_STANDARD = 2  # the highest handle of those that every process has


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A script that runs: its own file, and how many modules there were before it."""

    folder: str  # with a "/" at its end
    file: str
    modules: int
    pid: int


def begin(folder: str, step_key: str, code: str) -> Program:
    """The script in a file of its own, first in sys.argv, its folder first in sys.path.

    Other processes of the script read the file: multiprocessing starts them so. No import can mean it.
    """
    file = f"{folder}/{step_key}.step.py"
    _write_when_there_is_room(file, code.encode("utf-8", "surrogatepass"))
    sys.argv, sys.orig_argv = [file], [sys.executable, file]
    sys.path.insert(0, folder)
    return Program(folder=f"{folder}/", file=file, modules=len(sys.modules), pid=os.getpid())


def _write_when_there_is_room(file: str, content: bytes) -> None:
    """Nothing of the script has run yet: a full disk, or one without inodes, is no reason to fail its step."""
    until = time.monotonic() + shortages.PATIENCE_SECONDS
    while True:
        try:
            _write(file, content)
            return
        except OSError as error:
            if not shortages.is_shortage(error) or time.monotonic() > until:
                raise
        time.sleep(shortages.REST_SECONDS)


def _write(file: str, left: bytes) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        while left:
            left = left[os.write(handle, left) :]
    finally:
        os.close(handle)


def rehearse(folder: str) -> None:
    """Begin and end an empty script in a folder that nobody else has, so that the pages it takes are there."""
    path = sys.path[:]
    close_files(begin(folder, "rehearsal", ""), {"name": None})
    sys.argv, sys.path[:] = [""], path


def end() -> None:
    """Wait for the threads that are not daemons, then call what was registered with atexit."""
    threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter itself calls
    atexit._run_exitfuncs()


def close_files(program: Program, names: MutableMapping[str, Any]) -> str:
    """Let go of the script's names, and of what is open; gives why something could not be written, else ""."""
    files = _open_files()
    problems = list(_flush(files))
    problems += _let_go([names, *_modules_of(program)])
    if files:
        del files  # what nothing else holds is closed by this
        left = _open_files()
        problems += [*_flush(left), *_close(left)]
    linux.flush_c_files()
    # An empty folder is removed at once, another one later. A copy that was forked leaves the file to the script.
    if program.pid == os.getpid():
        with contextlib.suppress(FileNotFoundError):
            os.unlink(program.file)  # noqa: PTH108 - once a step: making a Path costs more than the call
    return problems[0] if problems else ""


def _open_files() -> list[Any]:
    """Files that the script has open for writing, wrappers before what they wrap."""
    found = [item for item in gc.get_objects() if issubclass(type(item), _FILE) and _is_open_file(item)]
    return sorted(found, key=_depth)


def _is_open_file(item: Any) -> bool:
    try:
        return (
            not item.closed
            and item.writable()
            and item.fileno() > _STANDARD
            and stat.S_ISREG(os.fstat(item.fileno()).st_mode)
        )
    except (OSError, ValueError, AttributeError, TypeError, RuntimeError):
        return False  # in memory, or half closed


def _depth(item: Any) -> int:
    kinds = (io.TextIOBase, io.BufferedWriter | io.BufferedRandom, io.RawIOBase)
    return next((depth for depth, kind in zip((0, 2, 3), kinds, strict=True) if isinstance(item, kind)), 1)


def _flush(files: Iterable[Any]) -> Iterator[str]:
    for file in files:
        try:
            file.flush()
        except OSError as error:
            yield _problem(file, error)
        except (ValueError, AttributeError, TypeError, RuntimeError):
            pass  # what it wraps is closed: nothing is left to write


def _close(files: Iterable[Any]) -> Iterator[str]:
    for file in files:
        try:
            file.close()
        except OSError as error:
            yield _problem(file, error)
        except (ValueError, AttributeError, TypeError, RuntimeError):
            pass


def _problem(file: Any, error: OSError) -> str:
    name = getattr(file, "name", "")
    shown = f'"{Path(name).name}"' if isinstance(name, str) and name else "a file"
    return f"{shown}, open when the script ended, could not be written: {error.strerror or error}"


def _modules_of(program: Program) -> list[MutableMapping[str, Any]]:
    """The names of modules that the script has brought along; those before it are not even looked at."""
    added = tuple(islice(reversed(sys.modules.values()), max(0, len(sys.modules) - program.modules)))
    files = [(module, getattr(module, "__file__", None)) for module in added]
    return [vars(module) for module, file in files if isinstance(file, str) and file.startswith(program.folder)]


def _let_go(spaces: Iterable[MutableMapping[str, Any]]) -> list[str]:
    """Forget every name, as the interpreter does, so that what only they hold is closed. Gives what went wrong."""
    problems: list[str] = []
    usual = sys.unraisablehook

    def hear(event: Any) -> None:
        usual(event)
        if isinstance(event.exc_value, OSError):
            words = event.exc_value.strerror or event.exc_value
            problems.append(f"something open when the script ended could not be written: {words}")

    sys.unraisablehook = hear
    try:
        for space in spaces:
            _clear(space)
        gc.collect()
    finally:
        sys.unraisablehook = usual
    return problems


def _clear(space: MutableMapping[str, Any]) -> None:
    for is_private in (True, False):
        for name in [name for name in space if name != "__builtins__"]:
            if (name.startswith("_") and not name.startswith("__")) is is_private:
                with contextlib.suppress(Exception):
                    space[name] = None
