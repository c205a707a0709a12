"""A step's folder goes: what holds much, by a process of its own that gives way to the server.

To unlink 500 MB keeps a core for a quarter of a second in the kernel, at the priority of whoever does it: everybody's
runs waited for a thread of the server that did.
"""

from __future__ import annotations

import os
import subprocess
import sys

from procession import disk

FILES_HERE_MAX = 200
BYTES_HERE_MAX = 4 * 2**20
NICE = 10  # above what the server has, and above what scripts have
_ERROR_UNKNOWN = 255  # more than any errno
# Without site-packages: what this needs is ours and Python's own, and a start costs half.
_COMMAND = f"""
import os, sys
os.nice({NICE})
sys.path.append(sys.argv[1])
from procession.engine import removal
removal.main()
"""
_SOURCES = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120


def remove(folder: str) -> None:
    """The folder with all in it; returns when it is gone. Raises OSError for what cannot be removed.

    It blocks as long as it takes, which is long for a big one: call it in a pool.
    """
    size = disk.taken(folder, files_max=FILES_HERE_MAX)
    is_much = size.files > FILES_HERE_MAX or size.size_bytes > BYTES_HERE_MAX or size.is_too_deep or size.has_hidden
    if is_much:
        _remove_aside(folder)
    disk.remove(folder)  # what is left of it: nothing, as a rule


def _remove_aside(folder: str) -> None:
    command = [sys.executable, "-I", "-S", "-c", _COMMAND, _SOURCES, folder]
    ended = subprocess.run(  # noqa: S603 - this Python and our own module
        command, stdin=subprocess.DEVNULL, check=False, capture_output=True
    )
    if 0 < ended.returncode < _ERROR_UNKNOWN:
        raise OSError(ended.returncode, os.strerror(ended.returncode), folder)


def main() -> None:
    """In the process: its exit status is the errno of what went wrong, 255 for all else."""
    try:
        disk.remove(sys.argv[2])
    except OSError as error:
        sys.exit(error.errno or _ERROR_UNKNOWN)
