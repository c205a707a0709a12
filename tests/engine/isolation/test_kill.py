"""Ending: nothing that a step started stays, whoever dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from procession.engine.isolation import processes
from procession.engine.isolation.contract import ProcessMark, Worker
from tests.engine.isolation.house import HERE, House, house_with, wait_readable, wait_until

# A daemon by the book: forked twice, in a session of its own, deaf to TERM; so is its parent. Each sleeps with a mark
# in its command line, by which the test finds it.
STUBBORN = """
import os, signal, subprocess, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        subprocess.Popen(["sleep", "{seconds}"])
        time.sleep(600)
    os._exit(0)
time.sleep(0.05)
context.progress(0.1)
time.sleep(600)
"""


def sleepers(seconds: str) -> list[int]:
    """The processes that run `sleep SECONDS`."""
    found = []
    for pid in processes.everyone():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", seconds.encode()]:
            found.append(pid)
    return found


def begin_stubborn(house: House, seconds: str) -> Worker:
    worker = house.acquire()
    worker.send(house.job(STUBBORN.format(seconds=seconds)))
    house.listen(worker, lambda told: bool(told.progress))
    wait_until(lambda: len(sleepers(seconds)) == 1, "the daemon sleeps")
    return worker


def test_a_receipt_claims_nothing_where_the_keeper_of_a_tree_was_killed(shared_trees: House) -> None:
    worker = begin_stubborn(shared_trees, "617")
    os.kill(worker.mark.pid, signal.SIGKILL)
    wait_until(lambda: not processes.exists(worker.mark), "its keeper is reaped")

    receipt = worker.kill(grace_seconds=0)

    assert (receipt.processes, receipt.method) == (0, "unseen: its keeper ended first")
    wait_until(lambda: not sleepers("617"), "the fork server ended what it left")


def test_a_daemon_that_ignores_term_is_gone(house: House) -> None:
    worker = begin_stubborn(house, "611")

    receipt = worker.kill(grace_seconds=0.1)

    assert receipt.survivors == ()
    assert receipt.processes == 3
    assert receipt.signals[-1] == "KILL"
    assert receipt.method == ("pid namespace" if house.has_namespaces else "process tree")
    assert sleepers("611") == []
    wait_until(lambda: not processes.exists(worker.mark), "its keeper is reaped")
    house.isolation.release(worker)


def test_a_process_whose_first_thread_ended_still_runs(house: House) -> None:
    worker = house.acquire()
    code = """
import ctypes, os, threading, time
if os.fork() == 0:
    threading.Thread(target=time.sleep, args=(60,)).start()
    ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)
print("there", flush=True)
time.sleep(60)
"""
    worker.send(house.job(code))
    house.listen(worker, lambda told: "there" in told.log)
    wait_until(lambda: bool(half_ended(worker)), "its first thread has ended")
    (child,) = half_ended(worker)
    ticks = processes.started_ticks(child) or 0

    is_running = processes.is_running(child, ticks)
    worker.kill(grace_seconds=0)

    assert is_running
    assert not processes.is_running(child, ticks)
    house.isolation.release(worker)


def half_ended(worker: Worker) -> list[int]:
    return [pid for pid in processes.descendants(worker.mark.pid) if ") Z " in Path(f"/proc/{pid}/stat").read_text()]


def test_a_killed_worker_says_that_it_died(house: House) -> None:
    worker = house.acquire()
    worker.send(house.job("import time; context.progress(0.1); time.sleep(600)"))
    house.listen(worker, lambda told: bool(told.progress))
    worker.kill(grace_seconds=0)

    assert house.listen(worker).reason
    house.isolation.release(worker)


@pytest.mark.parametrize("_", range(10))
def test_term_lets_finally_blocks_run(house: House, _: int) -> None:
    """Also when it comes just before the sleep: once in fifteen times that was only ended by KILL."""
    worker = house.acquire()
    worker.send(house.job("import time\ntry:\n  context.progress(0.1); time.sleep(600)\nfinally: print('cleaned up')"))
    house.listen(worker, lambda told: bool(told.progress))

    receipt = worker.kill(grace_seconds=10)

    assert receipt.signals == ("TERM",)
    assert receipt.duration_ms < 5_000
    assert house.listen(worker).log == "cleaned up\n"
    house.isolation.release(worker)


def test_what_user_code_left_behind_ends_with_the_step(house: House) -> None:
    code = "import subprocess; subprocess.Popen(['sleep', '612'], start_new_session=True)"

    assert house.run(code).outcome.outputs == {}

    wait_until(lambda: not sleepers("612"), "the background process is gone")


@pytest.mark.parametrize("ending", ["release", "kill"])
def test_a_keeper_that_its_step_has_stopped_ends_what_is_left(tmp_path: Path, ending: str) -> None:
    with house_with(tmp_path, namespaces=False, landlock=False, user_ids=None) as one:
        worker = one.acquire()
        worker.send(one.job("import subprocess; subprocess.Popen(['sleep', '618'], start_new_session=True)"))
        one.listen(worker)
        # As an ordinary user's step can, where nothing keeps signals in.
        os.kill(worker.mark.pid, signal.SIGSTOP)

        if ending == "kill":
            assert worker.kill(grace_seconds=0.1).survivors == ()
        one.isolation.release(worker)

        wait_until(lambda: not sleepers("618"), "the background process is gone")


def test_killing_a_worker_that_is_gone_is_no_error(house: House) -> None:
    worker = house.acquire()
    worker.send(house.job(""))
    house.listen(worker)
    wait_until(lambda: not processes.exists(worker.mark), "the worker is gone")

    assert worker.kill(grace_seconds=1).survivors == ()
    house.isolation.release(worker)


def test_a_lost_fork_server_is_replaced(own_house: House) -> None:
    worker = begin_stubborn(own_house, "613")
    [fork_server] = [pid for pid in processes.children(os.getpid()) if worker.mark.pid in processes.descendants(pid)]

    os.kill(fork_server, signal.SIGKILL)

    assert own_house.listen(worker).reason == "the process ended unexpectedly"
    own_house.isolation.release(worker)
    wait_until(lambda: not sleepers("613"), "its workers are gone")
    wait_readable(own_house.isolation.fileno(), 5)
    own_house.isolation.collect()
    assert own_house.run("outputs['a.b'] = 1").outcome.outputs == {"a.b": 1}


def test_a_fork_server_that_went_deaf_is_replaced_while_nobody_waits(tmp_path: Path) -> None:
    """The engine's thread waited for its end, up to five seconds of everybody's time."""
    others = set(processes.children(os.getpid()))
    with house_with(tmp_path, registry="isolation_registry:deaf", user_ready=0) as house:
        [deaf] = set(processes.children(os.getpid())) - others
        started = processes.started_ticks(deaf)
        assert started is not None
        wait_readable(house.isolation.fileno(), 5)
        began = time.monotonic()
        house.isolation.collect()

        assert time.monotonic() - began < 4
        wait_until(lambda: not processes.is_running(deaf, started), "it is gone")


SERVER = """
import sys
from pathlib import Path
sys.path[:0] = [{here!r}, str(Path({here!r}).parents[2])]
from tests.engine.isolation.house import House, settings
from tests.engine.isolation.test_kill import begin_stubborn
from procession.engine.isolation.pool import ForkServerIsolation
isolation = ForkServerIsolation(settings(namespaces={namespaces}))
isolation.start()
worker = begin_stubborn(House(isolation=isolation, home=Path({home!r})), {seconds!r})
print(worker.mark.pid, worker.mark.started_ticks, flush=True)
sys.stdin.read()
"""


def test_a_killed_server_leaves_nothing(house: House, tmp_path: Path) -> None:
    seconds = "614" if house.has_namespaces else "615"
    code = SERVER.format(here=HERE, namespaces=house.has_namespaces, home=str(tmp_path), seconds=seconds)
    server = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with server:
        assert server.stdout is not None
        pid, ticks = map(int, server.stdout.readline().split())
        below = processes.descendants(server.pid)
        started = {found: processes.started_ticks(found) for found in below}
        assert len(below) > 4

        server.kill()

    wait_until(lambda: not sleepers(seconds), "the daemon is gone")
    wait_until(lambda: all(processes.started_ticks(found) != started[found] for found in below), "all are gone")
    mark = ProcessMark(pid=pid, started_ticks=ticks, boot_id=processes.boot_id())
    assert house.isolation.reap(mark) is None


def test_reap_ends_what_is_left(house: House) -> None:
    worker = begin_stubborn(house, "616")

    receipt = house.isolation.reap(worker.mark)

    assert receipt is not None
    assert receipt.survivors == ()
    assert sleepers("616") == []
    house.isolation.release(worker)


def test_reap_spares_a_process_that_only_has_the_same_number(house: House) -> None:
    with subprocess.Popen(["sleep", "617"]) as other:
        ticks = processes.started_ticks(other.pid)
        assert ticks is not None
        boot_id = processes.boot_id()

        earlier = ProcessMark(pid=other.pid, started_ticks=ticks - 1, boot_id=boot_id)
        other_boot = ProcessMark(pid=other.pid, started_ticks=ticks, boot_id="another boot")

        assert house.isolation.reap(earlier) is None
        assert house.isolation.reap(other_boot) is None
        assert other.poll() is None
        other.kill()


def test_closing_ends_every_process(own_house: House) -> None:
    begin_stubborn(own_house, "618")
    below = processes.descendants(os.getpid())

    own_house.isolation.close()

    assert sleepers("618") == []
    assert len(below) > 4
