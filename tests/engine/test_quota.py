"""A step that takes more than it may is stopped while it runs, and its message says what, how much and which setting."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from bench.shortages import BLOCKS, can_mount

from procession.engine.isolation.contract import Limits
from procession.engine.options import Quota
from procession.model.errors import Unavailable
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from tests.engine.steps import item, process, python, wait
from tests.engine.world import World
from tests.support import wait_until

STAY = "import time; time.sleep(60)\n"
MIB = 2**20
FILES = "for n in range(100): open(f'file{n}', 'wb').write(b'x' * 2**20)\n" + STAY
NAMELESS = """
import os
kept = []
for n in range(100):
    kept.append(os.open("file", os.O_RDWR | os.O_CREAT))
    os.unlink("file")
    os.write(kept[-1], b"x" * 2**20)
"""
MAPPED = """
import mmap, os
kept = []
for n in range(100):
    handle = os.open("file", os.O_RDWR | os.O_CREAT)
    os.unlink("file")
    os.write(handle, b"x" * 2**20)
    kept.append(mmap.mmap(handle, 2**20))
    os.close(handle)
"""
DISK_ATTACKS = {
    "many files": FILES,
    "files without a name": NAMELESS + STAY,
    "files without a name that are only mapped": MAPPED + STAY,
    "by another process": "import os\nif os.fork(): time = __import__('time'); time.sleep(60)\n" + FILES,
    "below a folder closed to its owner": "import os\nos.mkdir('a'); os.chdir('a'); os.chmod('.', 0o300)\n" + FILES,
}
MEMFD = "import os\nh = os.memfd_create('m')\nfor n in range(400): os.write(h, b'x' * 2**20)\n"
MEMORY_ATTACKS = {
    "memfd": MEMFD + STAY,
    "memfd of another process": "import os\nif os.fork(): __import__('time').sleep(60)\n" + MEMFD + STAY,
    "shared mappings": """
import mmap, os
for n in range(8):
    if os.fork() == 0:
        m = mmap.mmap(-1, 50 * 2**20)
        m.write(b"x" * (50 * 2**20))
        break
"""
    + STAY,
    "a memfd that is mapped and not open": """
import mmap, os
kept = []
for n in range(2):
    h = os.memfd_create("m")
    os.write(h, b"x" * (150 * 2**20))
    kept.append(mmap.mmap(h, 2**20 if os.geteuid() == 0 else 150 * 2**20))
    os.close(h)
"""
    + STAY,
    "processes whose first thread ended": """
import ctypes, os, threading, time
def hold():
    kept = bytearray(b"x") * (150 * 2**20)
    time.sleep(60)
for n in range(2):
    if os.fork() == 0:
        threading.Thread(target=hold).start()
        ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)
"""
    + STAY,
    "a process whose first thread ended, with files in memory": """
import ctypes, os, threading, time
def hold():
    h = os.memfd_create("m")
    for n in range(400): os.write(h, b"x" * 2**20)
    time.sleep(60)
if os.fork() == 0:
    threading.Thread(target=hold).start()
    ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)
"""
    + STAY,
    "buffers of sockets": """
import os, socket
kept = []
os.fork()
for n in range(500):
    kept += socket.socketpair()
    kept[-1].setblocking(False)
    try:
        while True: kept[-1].send(b"x" * 65536)
    except BlockingIOError: pass
"""
    + STAY,
    "connections that nobody accepts": """
import socket
door = socket.socket(socket.AF_UNIX)
door.bind("door")
door.listen(4096)
for n in range(2000):
    one = socket.socket(socket.AF_UNIX)
    one.connect("door")
    one.setblocking(False)
    try:
        while True: one.send(b"x" * 65536)
    except BlockingIOError: pass
    one.close()
"""
    + STAY,
    "the sum of many processes": """
import os
for n in range(8):
    if os.fork() == 0:
        x = b"x" * (50 * 2**20)
        break
"""
    + STAY,
}


@pytest.fixture
def small(build: Callable[..., World]) -> World:
    world = build(quota=Quota(step_bytes_max=20 * MIB, step_files_max=500), limits=Limits(memory_bytes_max=200 * MIB))
    world.engine.start()
    return world


@pytest.mark.parametrize("attack", DISK_ATTACKS)
def test_a_step_that_takes_too_much_of_the_disk_is_stopped(small: World, attack: str) -> None:
    run = small.begin(process(python("greedy", DISK_ATTACKS[attack])))

    assert small.wait(run).outcome is Outcome.FAILED
    message = small.step(run, "greedy").message
    assert message.startswith("used more than 20 MB of disk: ")
    assert message.endswith("(PROCESSION_STEP_DISK_BYTES_MAX)")
    wait_until(lambda: not any((small.home / "work").iterdir()))


@pytest.mark.parametrize("attack", MEMORY_ATTACKS)
def test_a_step_that_takes_too_much_memory_in_all_is_stopped(small: World, attack: str) -> None:
    run = small.begin(process(python("greedy", MEMORY_ATTACKS[attack])))

    assert small.wait(run).outcome is Outcome.FAILED
    message = small.step(run, "greedy").message
    assert message.startswith("used more than 200 MB of memory: ")
    assert message.endswith("(PROCESSION_STEP_MEMORY_BYTES_MAX)")


IN_FLIGHT = """
import array, os, socket
here, there = socket.socketpair()
for n in range(40):
    h = {open}
    os.write(h, b"x" * (10 * 2**20))
    here.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [h]))])
    os.close(h)
"""


@pytest.mark.parametrize("kind", ["os.memfd_create('m')", "(os.open('f', os.O_RDWR | os.O_CREAT), os.unlink('f'))[0]"])
def test_a_step_that_keeps_what_it_takes_in_flight_is_stopped(small: World, kind: str) -> None:
    run = small.begin(process(python("greedy", IN_FLIGHT.format(open=kind) + STAY)))

    assert small.wait(run).outcome is Outcome.FAILED
    message = small.step(run, "greedy").message
    assert message == "kept files that it sent from process to process where the server cannot see what they hold"


def test_a_step_that_makes_too_many_files_is_stopped(small: World) -> None:
    run = small.begin(process(python("greedy", "import os\nfor n in range(600): os.mkdir(str(n))\n" + STAY)))

    small.wait(run)

    message = small.step(run, "greedy").message
    assert message == "made more than 500 files and folders (PROCESSION_STEP_FILES_MAX)"


def test_a_step_that_nests_folders_too_deep_is_stopped_and_its_folder_goes(small: World) -> None:
    code = "import os\nfor n in range(2_000): os.mkdir('d'); os.chdir('d')\n"

    run = small.begin(process(python("greedy", code + STAY)))

    small.wait(run)
    assert small.step(run, "greedy").message == "nested folders more than 100 deep"
    wait_until(lambda: not any((small.home / "work").iterdir()))


def test_a_greedy_step_is_killed_without_the_grace_period(build: Callable[..., World]) -> None:
    world = build(quota=Quota(step_bytes_max=20 * MIB), grace_seconds=60.0)
    world.engine.start()
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"

    run = world.begin(process(python("greedy", stubborn + FILES)))

    world.wait(run)
    wait_until(lambda: not any((world.home / "work").iterdir()))


def test_a_step_within_its_limits_is_left_alone(small: World) -> None:
    code = """
import mmap, os, time
open("file", "wb").write(b"x" * (10 * 2**20))
h = os.memfd_create("m")
os.write(h, b"x" * (60 * 2**20))
m = mmap.mmap(h, 60 * 2**20)
m[:] = b"y" * (60 * 2**20)
x = bytearray(b"x" * (60 * 2**20))
for n in range(6):
    if os.fork() == 0:
        time.sleep(2)
        os._exit(0)
time.sleep(1)
outputs["sum"] = len(x)
"""
    values = process(
        {"data": "d", "key": "d", "properties": [item("sum")]}, python("modest", code, outputs={"sum": "${d.sum}"})
    )

    run = small.begin(values)

    assert small.wait(run).outcome is not Outcome.FAILED, small.step(run, "modest").message


def test_runs_of_others_go_on_beside_a_greedy_step(small: World) -> None:
    greedy = small.begin(process(python("greedy", MEMORY_ATTACKS["memfd"])))

    others = [small.begin(process(wait("a"), wait("b"), name=f"Other {n}")) for n in range(5)]

    assert {small.wait(run).outcome for run in others} == {Outcome.SUCCESS}
    assert small.wait(greedy).outcome is Outcome.FAILED


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if not can_mount():
        pytest.skip("a file system of its own can only be mounted by root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m,mode=755", "tmpfs", str(tmp_path)], check=True)
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def test_the_step_that_took_most_is_stopped_before_the_disk_is_full(
    small_disk: Path, build: Callable[..., World]
) -> None:
    world = build()
    world.engine.start()
    modest = world.begin(process(python("modest", "open('f', 'wb').write(b'x' * 2**17)\n" + STAY), name="Modest"))
    world.wait_for(modest, "modest", StepStatus.RUNNING)

    greedy = world.begin(process(python("greedy", NAMELESS.replace("(100)", "(61)") + STAY)))

    world.wait(greedy)
    assert world.step(greedy, "greedy").message.startswith("was stopped because the disk is nearly full: ")
    assert world.step(modest, "modest").status is StepStatus.RUNNING
    wait_until(lambda: os.statvfs(small_disk).f_bavail * 4096 > 50 * MIB)
    world.cancel(modest)


def test_a_cancel_ends_the_step_that_holds_the_room_it_needs(small_disk: Path, build: Callable[..., World]) -> None:
    world = build(quota=Quota(free_bytes_min=0))
    world.engine.start()
    run = world.begin(
        process(python("greedy", "try:\n    " + FILES.splitlines()[0] + "\nexcept OSError: pass\n" + STAY))
    )
    wait_until(lambda: os.statvfs(small_disk).f_bavail == 0)

    assert world.cancel(run).status is RunStatus.CANCELLED

    wait_until(lambda: not any((world.home / "work").iterdir()))


def test_a_cancel_that_cannot_be_written_ends_the_steps_and_is_recorded_when_there_is_room(
    small_disk: Path, build: Callable[..., World], tmp_path: Path
) -> None:
    world = build(grace_seconds=0.1)
    world.engine.start()
    gone = tmp_path / "gone"
    gone.touch()
    code = f"import os, time\ntry: time.sleep(60)\nfinally: os.unlink({str(gone)!r})\n"
    run = world.begin(process(python("sleeper", code), python("next")))
    world.wait_for(run, "sleeper", StepStatus.RUNNING)
    filler = fill(small_disk)

    with pytest.raises(Unavailable, match="its end is recorded as soon as there is room"):
        world.cancel(run)

    assert not gone.exists()
    assert world.run(run).status is RunStatus.RUNNING
    filler.unlink()
    assert world.wait(run).status is RunStatus.CANCELLED
    assert world.statuses(run) == {"sleeper": StepStatus.CANCELLED, "next": StepStatus.NOT_STARTED}
    world.wait(world.begin(process(wait("another"), name="Another")))


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in BLOCKS:
            with suppress(OSError):
                while file.write(b"x" * size):
                    pass
    return filler


@pytest.mark.parametrize(
    ("code", "setting"),
    [
        ("import os\nwhile True:\n    if os.fork() == 0: time = __import__('time'); time.sleep(60)", "PROCESSES"),
        ("import subprocess\nwhile True: subprocess.Popen(['sleep', '60'])", "PROCESSES"),
        ("import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()", "PROCESSES"),
        ("kept = [open(f'f{n}', 'w') for n in range(10_000)]", "OPEN_FILES"),
    ],
)
def test_a_step_that_meets_another_limit_names_its_setting(
    build: Callable[..., World], code: str, setting: str
) -> None:
    world = build(limits=Limits(processes_max=32, open_files_max=64))
    world.engine.start()

    run = world.begin(process(python("greedy", code)))

    assert world.wait(run).outcome is Outcome.FAILED
    # In words of the script's error, or where the kernel has no limit for root's processes, of the server.
    assert world.step(run, "greedy").message.count(f"PROCESSION_STEP_{setting}_MAX") == 1
    wait_until(lambda: not any((world.home / "work").iterdir()))


def test_the_kernel_ends_a_step_before_the_server(build: Callable[..., World]) -> None:
    world = build()
    world.engine.start()
    code = "outputs['score'] = int(open('/proc/self/oom_score_adj').read())"
    values = process(
        {"data": "d", "key": "d", "properties": [item("score")]}, python("a", code, outputs={"score": "${d.score}"})
    )

    run = world.begin(values)

    assert world.wait(run).outcome is Outcome.SUCCESS
    assert int(str(world.value(run, "d.score"))) > int(Path("/proc/self/oom_score_adj").read_text())
