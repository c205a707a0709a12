"""A server's world, attacked: run as a program by whom the mode names, so that a test can be somebody else.

`attacked.py MODE FOLDER` prints what each probe came to. MODE is JSON: {"plain": true} runs the probes with no wall;
everything else is a setting of the isolation.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from procession.engine.isolation import linux, seccomp
from tests.engine.isolation import house
from tests.engine.isolation.probes import PROBES

HERE = Path(__file__).parent
MARKER = "attacked.py"
SHM_KEY = 0x50520000 | os.getpid() & 0xFFFF
_HEADERS = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h"}


def main() -> None:
    mode, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
    is_plain = mode.pop("plain", False)
    with_sockets, world = _make_world(folder)
    world["plain"] = is_plain
    code = f"probes = {[(one.name, one.code) for one in PROBES]!r}\nnumbers = {numbers()!r}\n"
    attack = (HERE / "attacker.py").read_text()
    if is_plain:
        world["own"] = []
        _attack_plainly(f"{code}w = {world!r}\n{attack}", folder)
    else:
        _attack_from_a_step(f"{code}w = {world!r}\nw['own'] = [context.channel.fileno()]\n{attack}", folder, mode)
    del with_sockets


def _make_world(folder: Path) -> tuple[list[socket.socket], dict[str, Any]]:
    """What a step must not reach."""
    home, outside = folder / "home", folder / "outside"
    for place in (home, home / "work", home / "files", home / "work/neighbour", outside):
        place.mkdir(mode=0o700)
    outside.chmod(0o755)
    files = {"secret": 0o600, "procession.db": 0o600, "files/other": 0o644, "work/neighbour/secret": 0o644}
    for name, mode in files.items():
        _write(home / name, mode)
    _write(outside / "private", 0o600)
    _write(outside / "open", 0o644)
    shared = _shared()
    _write(shared, 0o644)
    sockets, places = _listen(home, outside)
    os.set_inheritable(os.open(outside / "open", os.O_RDONLY), True)
    for handle in os.pipe():
        os.set_inheritable(handle, True)
    package = Path(linux.__file__).parent
    world = {"home": str(home), "outside": str(outside), "top": str(folder), "shared": shared.name, **places}
    world |= {"server": os.getpid(), "marker": MARKER, "uid": os.getuid(), "package": str(package)}
    return sockets, {**world, "key": _keep_key(), "shm": SHM_KEY, "address": _keep_memory()}


def _shared() -> Path:
    return Path("/dev/shm") / f"procession-probe-{os.getpid()}"  # noqa: S108 - where the server's own would be


def _write(path: Path, mode: int) -> None:
    path.write_text("TOP")
    path.chmod(mode)


def _listen(home: Path, outside: Path) -> tuple[list[socket.socket], dict[str, Any]]:
    made: list[socket.socket] = []
    for place in (home, outside):
        one = socket.socket(socket.AF_UNIX)
        one.bind(str(place / "socket"))
        (place / "socket").chmod(0o600)
        made.append(one)
    abstract = socket.socket(socket.AF_UNIX)
    name = f"\0procession-probe-{os.getpid()}"
    abstract.bind(name)
    tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
    for one in (tcp, udp):
        one.bind(("127.0.0.1", 0))
    for one in (*made, abstract, tcp):
        one.listen()
    ports = {"tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1]}
    return [*made, abstract, tcp, udp], {"abstract": name, **ports}


_memory = ctypes.create_string_buffer(b"TOP SECRET")


def _keep_memory() -> int:
    return ctypes.addressof(_memory)


def _keep_key() -> int:
    known = numbers()
    linux.call(known["shmget"], ctypes.c_int(SHM_KEY), ctypes.c_long(4096), ctypes.c_int(0o1666))
    kind, name, content = (ctypes.c_char_p(text) for text in (b"user", b"procession-probe", b"TOP"))
    try:
        linux.call(known["keyctl"], ctypes.c_int(1), name)
        return linux.call(known["add_key"], kind, name, content, ctypes.c_long(3), ctypes.c_int(-3))
    except PermissionError:  # a container shuts it for all
        return 0


def numbers() -> Mapping[str, int]:
    """Of system calls, as our own filter has them and a few more; a test compares them with the machine's header."""
    place = ["x86_64", "aarch64"].index(os.uname().machine)
    pairs = {**seccomp.FOR_ADMINISTRATORS, **seccomp.FOR_MOUNTING, **seccomp.FOR_OWNERS}
    found = {name: number for name, pair in pairs.items() if (number := pair[place]) is not None}
    more = {"clone": (56, 220), "clone3": (435, 435), "socket": (41, 198), "ioctl": (16, 29), "personality": (135, 92)}
    more |= {"prlimit64": (302, 261), "open_tree_attr": (467, 467), "close_range": (436, 436)}
    return {**found, **{name: pair[place] for name, pair in more.items()}}


def header_numbers() -> Mapping[str, int]:
    """As the machine's own header has them; none where it is not installed."""
    header = Path("/usr/include") / _HEADERS.get(os.uname().machine, "asm-generic/unistd.h")
    text = header.read_text() if header.exists() else ""
    return {name: int(number) for name, number in re.findall(r"#define __NR_(?:3264_)?(\w+)\s+(\d+)", text)}


def _attack_plainly(code: str, folder: Path) -> None:
    attempt = folder / "home/work/own"
    attempt.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=attempt, capture_output=True, text=True, close_fds=False, check=False
    )
    _tell(done.stdout, done.stderr)


def _attack_from_a_step(code: str, folder: Path, mode: dict[str, Any]) -> None:
    work = str(folder / "home/work")
    is_warm = mode.pop("warm", False)
    mode |= {"readable_paths": (work,), "writable_paths": (work,)} if is_warm else {"warm_ready": 0}
    with house.house_with(folder / "home/work", user_ready=1, **mode) as one:
        print("WALLS " + json.dumps([wall.name for wall in one.isolation.walls() if wall.stands]))
        told = one.run(code, action="warm_script" if is_warm else "script", user_code=not is_warm)
    _tell(told.log, str(told.end))


def _tell(said: str, more: str) -> None:
    found = [line for line in said.splitlines() if line.startswith("FOUND ")]
    print(found[0] if found else f"nothing was found: {said} {more}")


if __name__ == "__main__":
    try:
        main()
    finally:
        _shared().unlink(missing_ok=True)
        known = numbers()
        place = linux.call(known["shmget"], ctypes.c_int(SHM_KEY), ctypes.c_long(0), ctypes.c_int(0))
        linux.call(known["shmctl"], ctypes.c_int(place), ctypes.c_int(0), None)
