"""The process of a step that reaches outside: what it sees, what it may say, what it waits for."""

from __future__ import annotations

import resource
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from procession.actions.contract import ConnectionInput, FileInput, TableFile, TableInput
from procession.model.lifecycle import StepStatus
from tests.engine.isolation.house import House, wait_until

BANK = ConnectionInput(
    name="bank", kind="http", options={"url": "https://bank.example"}, secrets={"token": "canary-t0ken/+"}
)


def test_it_reads_its_inputs_writes_its_folder_and_opens_no_other_file_of_the_home(
    house: House, tmp_path: Path
) -> None:
    other, given, rows = tmp_path / "other.txt", tmp_path / "given.txt", tmp_path / "rows.parquet"
    for file in (other, given, rows):
        file.write_text("x")
    table = TableInput(name="T", version=1, columns=(), files=(TableFile(path=str(rows), rows=1),))
    code = f"""
def opens(path, mode="r"):
    try:
        open(path, mode).close()
        return True
    except OSError:
        return False
outputs["a.b"] = [opens({str(given)!r}), opens({str(rows)!r}), opens(context.folder / "new", "w"),
    opens({str(given)!r}, "a"), opens({str(other)!r}), opens("/etc/shadow"), opens({str(tmp_path / "new")!r}, "w")]
outputs["a.b"] = " ".join(map(str, outputs["a.b"]))
"""

    told = house.reach(code, a__b=FileInput(path=str(given), name="given.txt", size_bytes=1), a__c=table)

    assert told.outcome.outputs["a.b"] == "True True True False False False False"


def test_it_has_the_network_and_no_socket_of_this_machine(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"""
import resource
import socket
socket.create_connection(("127.0.0.1", {port})).close()
try:
    socket.socket(socket.AF_UNIX)
    outputs["a.b"] = "open"
except OSError:
    outputs["a.b"] = "shut"
outputs["a.c"] = socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)[0][4][1]
"""
        told = house.reach(code)

    assert told.outcome.outputs == {"a.b": "shut", "a.c": 80}


def test_a_folder_that_its_connection_names_is_open_to_it(house: House, tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    connection = ConnectionInput(name="share", kind="folder", options={"path": str(share)})

    told = house.reach(f"open({str(share / 'out.txt')!r}, 'w').write('x')", connection)

    assert told.outcome.status is StepStatus.SUCCESS
    assert (share / "out.txt").read_text() == "x"


def test_it_is_used_once_and_sees_no_process_but_its_own(shared: House) -> None:
    code = "import os; outputs['a.b'] = os.getpid(); outputs['a.c'] = len([n for n in os.listdir('.')])"

    first, second = shared.reach("import sys; sys.left_behind = 1"), shared.reach("import sys; sys.left_behind")

    assert first.outcome.status is StepStatus.SUCCESS
    assert "left_behind" in second.outcome.message
    assert shared.reach(code).outcome.outputs["a.c"] == 0


def test_no_secret_is_in_argv_or_environment_and_the_frame_is_gone(shared: House) -> None:
    code = """
import os
own = open("/proc/self/cmdline").read() + open("/proc/self/environ").read() + repr(os.environ)
outputs["a.b"] = str(context.connection.secrets["token"][:6] in own)
outputs["a.c"] = repr(context.job) + repr(context.connection)
"""

    told = shared.reach(code, BANK)

    assert told.outcome.outputs["a.b"] == "False"
    assert "canary" not in str(told.outcome.outputs["a.c"])


def test_nothing_that_it_says_holds_a_secret(house: House) -> None:
    code = """
import base64, os, subprocess, sys, urllib.parse
from procession.actions.contract import FileOutput
token = context.connection.secrets["token"]
print("printed", token)
print("cut", token[:5], end="", flush=True); print(token[5:], file=sys.stderr)
sys.stdout.write(token[:7]); sys.stdout.flush(); sys.stdout.write(token[7:] + chr(10))
os.write(2, token.encode() + b"\\n")
context.log(urllib.parse.quote_plus(token)); context.log(base64.b64encode(b"u:" + token.encode()).decode())
subprocess.run(["/bin/echo", "child", token])
context.progress(0.5, "half of " + token)
context.record("sent with " + token)
outputs["a.b"] = {"token": token}["token"]
outputs["a.c"] = FileOutput(path=str(context.folder / "f"), name=token.replace("/", "") + token + ".csv")
raise ValueError("refused: " + token)
"""

    told = house.reach(code, BANK)

    whole = repr(told.messages)
    assert "canary" not in whole
    assert "t0ken" not in whole
    assert told.recorded == ["sent with [secret]"]
    assert told.outcome.message == "the action reaching_script failed unexpectedly: ValueError: refused: [secret]"
    assert "ValueError: refused: [secret]" in told.log
    assert told.log.count("[secret]") >= 6


def test_the_text_values_that_it_gives_hold_no_secret(shared: House) -> None:
    told = shared.reach("outputs['a.b'] = 'echo ' + context.connection.secrets['token']", BANK)

    assert told.outcome.outputs == {"a.b": "echo [secret]"}


def test_one_that_is_ended_in_the_middle_of_a_line_has_told_no_secret(house: House) -> None:
    worker = house.acquire(reaching=True)
    code = """
import os, time
token = context.connection.secrets["token"]
os.write(1, b"begun " + token.encode()[:9])
context.progress(0.1, "there")
while True: time.sleep(1)
"""
    worker.send(replace(house.job(code, action="reaching_script"), connection=BANK))
    told = house.listen(worker, until=lambda told: bool(told.progress))

    receipt = worker.kill(grace_seconds=1)

    told.messages += worker.receive()
    house.isolation.release(worker)
    assert receipt.survivors == ()
    assert "canary" not in told.log


def test_what_it_records_comes_one_by_one_and_it_goes_on_when_that_is_acknowledged(shared: House) -> None:
    worker = shared.acquire(reaching=True)
    worker.send(shared.job("context.record('one'); context.record('two')", action="reaching_script"))
    told = shared.listen(worker, until=lambda told: len(told.recorded) == 2)

    told.messages += shared.listen(worker).messages

    shared.isolation.release(worker)
    assert told.recorded == ["one", "two"]
    assert told.outcome.status is StepStatus.SUCCESS


def test_one_that_gets_no_acknowledgement_does_nothing_more(shared: House, tmp_path: Path) -> None:
    worker = shared.acquire(reaching=True)
    code = "context.record('one'); print('went on')"
    worker.send(shared.job(code, action="reaching_script"))
    wait_until(lambda: any("Record" in repr(message) for message in worker.receive()), "it records")

    receipt = worker.kill(grace_seconds=5)

    said = worker.receive()
    shared.isolation.release(worker)
    assert receipt.survivors == ()
    assert "went on" not in repr(said)


def test_an_action_that_expects_errors_of_every_kind_does_not_go_on_without_an_acknowledgement(
    own_house: House, tmp_path: Path
) -> None:
    """Where the server is gone, its end of the channel is closed: nobody knows what is on disk."""
    own_house.reach("pass")
    share = tmp_path / "share"
    share.mkdir()
    code = f"""
import os
try:
    context.record('one')
except Exception:
    pass
open({str(share / "went_on")!r}, 'w')
"""
    worker = own_house.acquire(reaching=True)
    connection = ConnectionInput(name="share", kind="folder", options={"path": str(share)})
    worker.send(replace(own_house.job(code, action="reaching_script"), connection=connection))
    wait_until(lambda: any("Record" in repr(message) for message in worker.receive()), "it records")

    worker._channel.close()  # type: ignore[attr-defined]

    wait_until(lambda: not Path(f"/proc/{worker.mark.pid}").exists(), "it has ended")
    assert not (share / "went_on").exists()


@pytest.mark.parametrize("entry", ["", "x" * 201, "two\nlines", "nul\0"])
def test_an_entry_that_is_no_line_of_200_characters_is_refused(shared: House, entry: str) -> None:
    told = shared.reach(f"context.record({entry!r})")

    assert "an entry of a journal is one line of 1 to 200 characters" in told.outcome.message
    assert told.recorded == []


def test_a_journal_that_is_full_takes_no_more(shared: House) -> None:
    worker = shared.acquire(reaching=True)
    full = replace(shared.job("context.record('one more')", action="reaching_script"), journal=("x",) * 100_000)
    worker.send(full)

    told = shared.listen(worker)

    shared.isolation.release(worker)
    assert "the step has recorded more than a step may" in told.outcome.message


def test_thousands_of_entries_are_no_flood(shared: House) -> None:
    told = shared.reach("for number in range(6_000): context.record(str(number))")

    assert told.outcome.status is StepStatus.SUCCESS
    assert told.recorded == [str(number) for number in range(6_000)]


def test_the_fork_server_of_reaching_steps_is_started_with_the_first_of_them(own_house: House) -> None:
    own_house.run("pass", user_code=False, action="warm_script")
    before = len(own_house.isolation._groups)

    own_house.reach("pass")

    assert len(own_house.isolation._groups) == before + 1


def test_the_walls_say_whether_files_are_shut_to_it(shared: House) -> None:
    found = {wall.name: wall for wall in shared.isolation.walls()}

    assert found["files of steps that reach outside"].stands == found["Landlock"].stands


def test_memory_that_is_too_much_fails_it_in_words(shared: House) -> None:
    limits = replace(shared.job("").limits, memory_bytes_max=200 * 2**20)
    worker = shared.acquire(reaching=True)
    worker.send(shared.job("x = bytearray(2**30)", action="reaching_script", limits=limits))

    told = shared.listen(worker)

    shared.isolation.release(worker)
    assert told.outcome.message == "used more than 200 MB of memory"


def test_a_fork_server_that_dies_is_started_again(own_house: House) -> None:
    own_house.reach("pass")
    group = next(one for one in own_house.isolation._groups if one.orders.reaching)
    group.connection._process.kill()

    assert own_house.reach("pass").outcome.status is StepStatus.SUCCESS


def test_it_ends_with_the_server(own_house: House) -> None:
    worker = own_house.acquire(reaching=True)
    worker.send(own_house.job("import time; time.sleep(60)", action="reaching_script"))
    pid = worker.mark.pid

    own_house.isolation.close()

    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "it has ended")


def test_without_descriptors_its_fork_server_is_started_as_soon_as_there_are_some(own_house: House) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        got, was_short = own_house.isolation.acquire(user_code=False, reaching=True), own_house.isolation.is_short
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    own_house.isolation.try_again()

    assert (got, was_short, own_house.isolation.is_short) == (None, True, False)
    assert own_house.reach("pass").outcome.status is StepStatus.SUCCESS
