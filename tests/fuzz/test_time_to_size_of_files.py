"""A step reads every file in time and memory that grow with its size, also where it refuses it (S4)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.fuzz import reading_growing
from tests.fuzz.growing_cases import FILES
from tests.fuzz.growing_files import GrowingFile

THOROUGH_TIMES = 4  # as large


@pytest.fixture(scope="module")
def reader() -> Iterator[subprocess.Popen[str]]:
    """A process without threads, from which each file gets its own."""
    command = [sys.executable, "-m", reading_growing.__name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.parametrize("file", FILES, ids=str)
def test_twice_the_file_takes_about_twice_the_time_and_memory(
    file: GrowingFile, reader: subprocess.Popen[str], is_thorough: bool
) -> None:
    assert reader.stdin is not None
    assert reader.stdout is not None

    reader.stdin.write(f"{THOROUGH_TIMES if is_thorough else 1} {file.name}\n")
    reader.stdin.flush()

    assert reader.stdout.readline() == "\n"
