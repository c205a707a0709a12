"""What a worker does with a job, and what the server hears of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from procession.actions.contract import FileInput, FileOutput
from procession.engine.isolation import codec
from procession.engine.isolation.channel import MESSAGE_BYTES_MAX
from procession.model.lifecycle import StepStatus
from tests.engine.isolation.house import House, Told


def test_a_job_of_user_code_is_done(house: House) -> None:
    told = house.run("outputs['a.b'] = 6 * 7")

    assert told.outcome.status is StepStatus.SUCCESS
    assert told.outcome.outputs == {"a.b": 42}


def test_values_arrive_as_what_they_were(shared: House) -> None:
    file = FileInput(path="/x", name="x.csv", size_bytes=3)
    values = {"money": Decimal("1234567890123456789.010"), "huge": 10**40, "less": -(10**30), "yes": True, "none": None}

    told = shared.run(" ".join(values), action="echo", user_code=False, **values, file=file)

    assert told.outcome.outputs == values
    assert str(told.outcome.outputs["money"]) == "1234567890123456789.010"


def test_files_come_in_and_go_out(shared: House, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("hello")
    given = FileInput(path=str(tmp_path / "in.txt"), name="in.txt", size_bytes=5)
    code = """
from pathlib import Path
from procession.actions.contract import FileOutput
Path("out.txt").write_text(Path(context.value("a.b").path).read_text().upper())
outputs["a.c"] = FileOutput(path=str(context.folder / "out.txt"), name="out.txt")
"""

    told = shared.run(code, a__b=given)

    output = told.outcome.outputs["a.c"]
    assert isinstance(output, FileOutput)
    assert Path(output.path).read_text() == "HELLO"


def test_a_large_job_travels_in_many_packets(shared: House) -> None:
    text = "x" * (MESSAGE_BYTES_MAX // 8)

    told = shared.run("a.b", action="echo", user_code=False, a__b=text)

    assert told.outcome.outputs == {"a.b": text}


def test_a_job_that_is_too_large_is_refused(shared: House) -> None:
    worker = shared.acquire()

    with pytest.raises(codec.Malformed, match="at most 16 MB"):
        worker.send(shared.job("#" * (MESSAGE_BYTES_MAX + 1)))
    shared.isolation.release(worker)


def test_an_output_that_cannot_travel_fails_the_step(shared: House) -> None:
    told = shared.run("outputs['a.b'] = object()")

    assert told.outcome.status is StepStatus.FAILED
    assert "a value cannot leave the step's process" in told.outcome.message


def test_what_a_subprocess_prints_is_in_the_log(house: House) -> None:
    told = house.run("import subprocess; subprocess.run(['/bin/echo', 'from echo'], check=True); print('from print')")

    assert told.log == "from echo\nfrom print\n"


def test_the_log_of_an_action_holds_stderr_too(house: House) -> None:
    assert house.run("", action="log", user_code=False).log == "from the action\non stderr\n"


def test_progress_is_heard_while_the_step_runs(house: House) -> None:
    worker = house.acquire()
    worker.send(house.job("context.progress(0.5, 'half'); import time; time.sleep(60)"))

    told = house.listen(worker, lambda told: bool(told.progress))

    assert (told.progress[0].fraction, told.progress[0].message) == (0.5, "half")
    worker.kill(grace_seconds=0)
    house.isolation.release(worker)


def test_a_busy_step_has_a_heartbeat(shared: House) -> None:
    worker = shared.acquire()
    worker.send(shared.job("while True: pass"))

    told = shared.listen(worker, lambda told: bool(told.messages))

    assert [type(message).__name__ for message in told.messages] == ["Heartbeat"]
    worker.kill(grace_seconds=0)
    shared.isolation.release(worker)


def test_an_exception_of_an_action_fails_the_step(house: House) -> None:
    told = house.run("1 / 0", action="warm_script", user_code=False)

    assert told.outcome.status is StepStatus.FAILED
    assert told.outcome.message == "the action warm_script failed unexpectedly: ZeroDivisionError: division by zero"
    assert "Traceback" in told.log


def test_an_exception_of_an_action_does_not_tell_where_the_server_keeps_its_files(house: House) -> None:
    told = house.run("open('/nowhere/files/ab/cd')", action="warm_script", user_code=False)

    assert told.outcome.message.endswith("failed unexpectedly: FileNotFoundError: No such file or directory")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"code": 7}, "the settings of script are wrong: Expected `str`, got `int` - at `$.code`"),
        ({"code": "", "cod": ""}, ""),
    ],
)
def test_wrong_settings_fail_the_step(shared: House, settings: dict[str, object], message: str) -> None:
    job = shared.job("")
    worker = shared.acquire()
    worker.send(type(job)(**{name: getattr(job, name) for name in job.__slots__} | {"settings": settings}))

    told = shared.listen(worker)

    assert told.outcome.message == (message or "done")
    shared.isolation.release(worker)


def test_an_unknown_action_fails_the_step(shared: House) -> None:
    assert shared.run("", action="fly").outcome.message == "there is no action fly"


def test_user_code_never_shares_a_process(house: House) -> None:
    marks = set()
    for _ in range(6):
        worker = house.acquire()
        worker.send(house.job("import builtins; assert not hasattr(builtins, 'seen'); builtins.seen = 1"))
        assert house.listen(worker).outcome.status is StepStatus.SUCCESS
        marks.add(worker.mark)
        house.isolation.release(worker)

    assert len(marks) == 6


def test_a_warm_process_is_used_again(house: House) -> None:
    marks = set()
    for _ in range(6):
        worker = house.acquire(user_code=False)
        worker.send(house.job("", action="log"))
        house.listen(worker)
        marks.add(worker.mark)
        house.isolation.release(worker)

    assert len(marks) == 1


def test_a_flood_of_log_is_cut_off(shared: House) -> None:
    worker = shared.acquire()
    worker.send(shared.job("line = 'x' * 99\nfor _ in range(150_000): print(line)"))

    told = shared.listen(worker)

    assert told.outcome.status is StepStatus.SUCCESS
    assert 10_000_000 <= len(told.log) < 10_000_200
    assert told.log.endswith("\n(the log is cut off here: a step may write 10 MB)\n")
    shared.isolation.release(worker)


def test_a_flood_is_taken_in_by_small_portions(shared: House) -> None:
    worker = shared.acquire()
    worker.send(shared.job("while True: print('x' * 99); context.progress(0.5)"))

    told = shared.listen(worker, lambda told: len(told.log) > 1_000_000)

    assert max(len(text) for text in map(_text, told.messages)) <= 65_536
    worker.kill(grace_seconds=0)
    shared.isolation.release(worker)


def test_a_forged_message_ends_the_step(shared: House) -> None:
    code = "import socket, os\nfor n in range(3, 200):\n  try: socket.socket(fileno=n).send(b'\\1nonsense')\n  except OSError: pass"

    told: Told = shared.run(code)

    assert "is not a message" in told.reason


def test_the_name_of_a_file_goes_by_the_rules_of_an_upload(shared: House) -> None:
    code = (
        "from procession.actions.contract import FileOutput\n"
        "outputs['a.b'] = FileOutput(path=str(context.folder / 'x'), name='../a\\r\\nX: y\\0.csv')"
    )

    told = shared.run(code)

    assert isinstance(found := told.outcome.outputs["a.b"], FileOutput) and found.name == "aX: y.csv"


@pytest.mark.parametrize("status", ["Running", "Skipped", "Scheduled", "Cancelled"])
def test_a_step_that_says_it_ended_in_what_is_no_end_fails(house: House, status: str) -> None:
    """It would leave its run without anybody who works on it."""
    code = f"import msgspec\ncontext.channel.send(msgspec.msgpack.encode(['done', 1, {status!r}, '', {{}}, False]))"

    told = house.run(code)

    assert "is not a message" in told.reason


@pytest.mark.parametrize(
    "frame",
    [
        "['exit', 2**40, 0]",
        "['exit', -1, 0]",
        "['exit', 0, float('inf')]",
        "['progress', float('nan'), '']",
        "['done', 1, 'Success', '', {'a.b': msgspec.msgpack.Ext(1, b'1e999999999')}, False]",
        "['done', 1, 'Success', '', {'a.b': msgspec.msgpack.Ext(1, b'1e-999999999')}, False]",
        "['done', 1, 'Success', '', {'a.b': msgspec.msgpack.Ext(1, b'NaN')}, False]",
        "['done', 1, 'Success', '', {'a.b': msgspec.msgpack.Ext(2, b'\\7' * 1_000_000)}, False]",
        "['done', 1, 'Success', '', {'a.b': 1.5}, False]",
        "['done', 1, 'Success', '', {1: 'x' * 1000}, False]",
    ],
)
def test_a_message_with_a_number_that_cannot_be_ends_the_step(house: House, frame: str) -> None:
    told = house.run(f"import msgspec\ncontext.channel.send(msgspec.msgpack.encode({frame}))")

    assert "is not a message" in told.reason
    assert len(told.reason) < 300


def test_a_step_makes_no_shared_memory_that_outlives_it(house: House) -> None:
    told = house.run("import ctypes\noutputs['a.b'] = ctypes.CDLL(None).shmget(0x50524F, 4096, 0o1666) >= 0")

    assert told.outcome.outputs == {"a.b": False}


def test_a_copy_that_user_code_forked_does_not_speak_for_the_step(house: House) -> None:
    told = house.run(
        "import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\noutputs['a.b'] = 'parent' if pid else 'child'"
    )

    assert told.outcome.outputs == {"a.b": "parent"}


def _text(message: object) -> str:
    return str(getattr(message, "text", ""))
