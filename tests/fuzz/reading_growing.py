"""Reads files as steps do, each in a process of its own, and says how much time and memory that took.

A program: `python -m tests.fuzz.reading_growing` takes a line for each file, "how many times as large" and its name,
and answers with a line of what is wrong with it, which is empty where all is well.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from procession.actions.problems import Problem
from tests.actions.reading import relation
from tests.fuzz.growing_cases import FILES
from tests.fuzz.growing_files import GrowingFile
from tests.fuzz.growth import ATTEMPTS, RATIO_MAX

# Opening DuckDB takes half of it.
FLOOR_SECONDS = 0.15
SECONDS_MAX = 20
# DuckDB's buffers, one for each of its threads, and what is loaded with the first file.
FLOOR_BYTES = 96 * 2**20
MEMORY_BYTES_MAX = 512 * 2**20


def complaint(file: GrowingFile, times: int) -> str:
    small, large = file.make(file.size * times), file.make(2 * file.size * times)
    said = ""
    for _ in range(ATTEMPTS):
        long = _measured(file, large)
        if long is None:
            return f"more than {SECONDS_MAX} s for {len(large):,} bytes"
        short = _measured(file, small) or long
        said = f"{_shown(short)} for {len(small):,} bytes, {_shown(long)} for {len(large):,}"
        is_quick = long[0] <= max(FLOOR_SECONDS, RATIO_MAX * short[0])
        if is_quick and long[1] <= min(MEMORY_BYTES_MAX, max(FLOOR_BYTES, RATIO_MAX * short[1])):
            return ""
    return said


def _shown(measured: tuple[float, int]) -> str:
    return f"{measured[0]:.2f} s and {measured[1] >> 20} MB"


def _measured(file: GrowingFile, content: bytes) -> tuple[float, int] | None:
    """Seconds of the processor and bytes of memory; None when it takes too long."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.write(writer, json.dumps(_read(file, content)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return tuple(json.loads(said)) if said else None


def _read(file: GrowingFile, content: bytes) -> tuple[float, int]:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MAX, SECONDS_MAX))
    # Linux begins to count the most memory anew.
    Path("/proc/self/clear_refs").write_text("5")
    held, began = _most_bytes(), time.process_time()
    with TemporaryDirectory() as folder, contextlib.suppress(Problem):
        relation.read(Path(folder) / "a", content, file.file_name, **file.options)
    return time.process_time() - began, _most_bytes() - held


def _most_bytes() -> int:
    found = re.search(r"VmHWM:\s+([0-9]+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def main() -> None:
    files = {file.name: file for file in FILES}
    for line in sys.stdin:
        times, _, name = line.strip().partition(" ")
        print(complaint(files[name], int(times)), flush=True)


if __name__ == "__main__":
    main()
