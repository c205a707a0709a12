"""Real shortages, made by the kernel: no descriptors for a server, no space and no inodes on the disk of its home."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.server import Server

DISK = "size={size},nr_inodes=4000,mode=755"
NUMBERS_LEFT = 8  # the lowest descriptors are all in use; poll() of a single one is still allowed
BLOCKS = (1 << 20, 4096, 1)


def can_mount() -> bool:
    if os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0


@contextmanager
def small_disk(folder: Path, *, size: str = "256m") -> Iterator[Path]:
    """An empty file system in memory on that folder, with little space and few inodes; only where can_mount()."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", DISK.format(size=size), "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def no_descriptors(server: Server) -> Iterator[None]:
    """What is open stays open; nothing new can be opened, by any of its threads."""
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (NUMBERS_LEFT, hard))
    try:
        yield
    finally:
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def no_space(server: Server) -> Iterator[None]:
    filler = server.home.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in BLOCKS:
            with suppress(OSError):
                while file.write(b"x" * size):
                    pass
        try:
            yield
        finally:
            file.truncate(0)
    filler.unlink()


@contextmanager
def no_inodes(server: Server) -> Iterator[None]:
    folder = server.home.parent / "fillers"
    folder.mkdir()
    names: list[Path] = []
    with suppress(OSError):
        while True:
            names.append(folder / str(len(names)))
            names[-1].touch()
    try:
        yield
    finally:
        for name in names:
            name.unlink(missing_ok=True)
        folder.rmdir()
