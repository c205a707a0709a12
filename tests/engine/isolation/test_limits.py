"""What an attempt may use, and what it can see."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from procession.engine.isolation import landlock
from procession.engine.isolation.contract import Limits
from procession.model.lifecycle import StepStatus
from tests.engine.isolation.house import House


@pytest.fixture
def secret_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCESSION_SECRET", "sesame")


def test_too_much_memory_fails_the_step(house: House) -> None:
    limits = Limits(memory_bytes_max=256 * 2**20)

    told = house.run("b'x' * (300 * 2**20)", limits=limits)

    assert told.outcome.status is StepStatus.FAILED
    assert told.outcome.message == "used more than 256 MB of memory"


def test_a_warm_process_has_the_memory_limit_of_its_job(house: House) -> None:
    script = "x = b'x' * (300 * 2**20)"

    small = house.run(script, action="warm_script", user_code=False, limits=Limits(memory_bytes_max=64 * 2**20))
    large = house.run(script, action="warm_script", user_code=False, limits=Limits(memory_bytes_max=512 * 2**20))

    assert small.outcome.message == "used more than 64 MB of memory"
    assert large.outcome.status is StepStatus.SUCCESS


def test_a_warm_process_that_came_near_its_limit_is_not_used_again(house: House) -> None:
    worker = house.acquire(user_code=False)
    limits = Limits(memory_bytes_max=256 * 2**20)
    worker.send(house.job("x = b'x' * (200 * 2**20)", action="warm_script", limits=limits))
    assert house.listen(worker).outcome.status is StepStatus.SUCCESS
    house.isolation.release(worker)

    assert house.acquire(user_code=False).mark != worker.mark


def test_a_file_that_is_too_large_fails(house: House) -> None:
    told = house.run("open('f', 'wb').write(b'x' * 2_000_000)", limits=Limits(file_bytes_max=1_000_000))

    assert told.outcome.status is StepStatus.FAILED
    assert "File too large" in told.outcome.message


def test_too_many_open_files_fail(house: House) -> None:
    told = house.run("fs = [open('/dev/null') for _ in range(100)]", limits=Limits(open_files_max=64))

    assert "Too many open files" in told.outcome.message


def test_too_much_processor_time_ends_the_step(house: House) -> None:
    told = house.run("while True: pass", limits=Limits(cpu_seconds_max=1))

    assert told.reason == "used more than 1 second of processor time"


def test_a_fork_bomb_is_limited(house: House) -> None:
    bomb = """
import os, time
count = 0
try:
    while count < 200:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        count += 1
except BlockingIOError:
    outputs["a.b"] = count
"""

    told = house.run(bomb, limits=Limits(processes_max=20))

    assert 10 <= int(str(told.outcome.outputs["a.b"])) <= 20


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os._exit(3)", "the process ended itself with exit code 3 before the step was done"),
        ("import sys; sys.exit(4)", "the process ended itself with exit code 4 before the step was done"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was killed by signal 11 (SIGSEGV)"),
        ("import ctypes; ctypes.string_at(0)", "was killed by signal 11 (SIGSEGV)"),
        ("import os; os.abort()", "was killed by signal 6 (SIGABRT)"),
        (
            "import os; os.kill(os.getpid(), 9)",
            "was killed by signal 9, most likely because the machine ran out of memory",
        ),
    ],
)
def test_a_process_that_dies_says_why(house: House, code: str, reason: str) -> None:
    assert house.run(f"print('so far'); {code}").reason == reason


def test_what_was_printed_before_a_crash_is_in_the_log(house: House) -> None:
    assert house.run("print('so far'); import os; os._exit(3)").log == "so far\n"


def test_a_dead_warm_process_is_replaced(house: House) -> None:
    assert "exit code 3" in house.run("import os; os._exit(3)", action="warm_script", user_code=False).reason

    assert house.run("", action="log", user_code=False).outcome.status is StepStatus.WARNING


def test_the_environment_of_the_server_is_not_there(secret_environment: None, own_house: House) -> None:
    told = own_house.run("import os; outputs['a.b'] = ' '.join(os.environ)")

    names = set(str(told.outcome.outputs["a.b"]).split())
    assert names <= {"PATH", "LANG", "HOME", "TZ", "TMPDIR", "USER", "LOGNAME", "PYTHONDONTWRITEBYTECODE", "LC_CTYPE"}


NOT_THERE = re.compile("PermissionError|FileNotFoundError")  # by Landlock, by a root of its own
needs_landlock = pytest.mark.skipif(landlock.version() == 0, reason="this kernel has no Landlock")


@needs_landlock
def test_the_files_of_the_server_do_not_open(house: House, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("sesame")
    secret.chmod(0o644)

    told = house.run(f"open({str(secret)!r}).read()")

    assert NOT_THERE.search(told.outcome.message)


@needs_landlock
def test_nothing_is_written_but_in_the_own_folder(house: House, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    told = house.run(f"open('mine', 'w').write('x')\nopen({str(tmp_path / 'theirs')!r}, 'w')")

    assert NOT_THERE.search(told.outcome.message)
    assert not (tmp_path / "theirs").exists()


@needs_landlock
def test_the_environment_of_other_processes_does_not_open(house: House) -> None:
    told = house.run(f"open('/proc/{os.getpid()}/environ').read()")

    assert "PermissionError" in told.outcome.message or "FileNotFoundError" in told.outcome.message


def test_user_code_reaches_no_network(shared: House) -> None:
    code = "import socket; socket.create_connection(('127.0.0.1', 9), timeout=2)"

    message = shared.run(code).outcome.message

    assert any(why in message for why in ("Network is unreachable", "Permission", "Address family not supported"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_user_code_is_not_root(house: House) -> None:
    told = house.run("import os; outputs['a.b'] = os.getuid(); open('mine', 'w').write('x')")

    assert told.outcome.outputs["a.b"] != 0


def test_user_code_leaves_the_processor_to_the_server_and_what_is_built_in_does_not(house: House) -> None:
    code = "import os; outputs['a.b'] = os.nice(0)"

    found = [house.run(code, user_code=is_users).outcome.outputs["a.b"] for is_users in (True, False)]

    assert found == [min(os.nice(0) + 5, 19), os.nice(0)]


def test_ordinary_programs_and_libraries_work(house: House) -> None:
    code = """
import concurrent.futures, csv, json, sqlite3, subprocess, sys, tempfile, random, uuid
with tempfile.NamedTemporaryFile() as file: file.write(b"x")
sqlite3.connect("x.db").execute("CREATE TABLE t (a)").connection.close()
with concurrent.futures.ThreadPoolExecutor(4) as pool: assert sum(pool.map(int, "123")) == 6
outputs["a.b"] = subprocess.run([sys.executable, "-c", "print(6 * 7)"], capture_output=True, check=True).stdout.decode()
"""

    assert house.run(code).outcome.outputs == {"a.b": "42\n"}


def test_two_workers_draw_different_random_numbers(house: House) -> None:
    code = "import random; outputs['a.b'] = str(random.random())"

    assert house.run(code).outcome.outputs != house.run(code).outcome.outputs
