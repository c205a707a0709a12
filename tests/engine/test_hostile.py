"""Steps that take over their own process: each ends its own attempt, whatever it sends, and nothing else."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest
from msgspec import structs

from procession.engine.isolation.options import LOG_BYTES_MAX
from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.model.runs import HistoryKind
from procession.store import history
from tests.engine.conftest import OPEN, make
from tests.engine.hostile import OK, script
from tests.engine.steps import data, item, process, python
from tests.engine.world import World
from tests.support import wait_until

NONSENSE = "is not a message"
ATTACKS = {
    "an exit that cannot be, in a loop": ("while True: say(pack(['exit', 2**40, 0]))", NONSENSE),
    "an exit below zero": ("say(pack(['exit', -1, 0])); stay()", NONSENSE),
    "the end of its process": ("say(pack(['exit', 0, 0.0])); stay()", NONSENSE),
    "the last word of its keeper": ("say(pack(['exit', 0, 0.0]), b'\\2'); stay()", NONSENSE),
    "16 MB of empty lists": (
        "body = b'\\xdd' + (2**24).to_bytes(4, 'big') + b'\\x90' * 2**24\n"
        "for at in range(0, len(body), 60000): say(body[at:at + 60000], b'\\0')\nstay()",
        NONSENSE,
    ),
    "16 MB of empty lists as an outcome": (
        "body = b'\\x96\\xa4done\\x01\\xa7Success\\xa0\\xdd' + (2**24).to_bytes(4, 'big') + b'\\x90' * (2**24 - 70000)\n"
        "parts = [body[at:at + 60000] for at in range(0, len(body), 60000)]\n"
        "for part in parts[:-1]: say(part, b'\\0')\nsay(parts[-1])\nstay()",
        NONSENSE,
    ),
    "a message without an end": ("while True: say(b'\\x96\\xa4done'.ljust(60000, b'\\0'), b'\\0')", NONSENSE),
    "half a message": (f"frame = {OK}\nsay(frame[:len(frame) // 2]); stay()", NONSENSE),
    "half a message that others follow": (f"say({OK}[:9], b'\\0')\nwhile True: say({OK})", NONSENSE),
    "a packet a byte": (f"for byte in {OK}: say(bytes([byte]), b'\\0')\nstay()", NONSENSE),
    "an unknown packet": (f"say({OK}, b'\\7'); stay()", NONSENSE),
    "an empty packet": ("channel.send(b''); stay()", NONSENSE),
    "a packet that is too large": ("say(b'x' * 100000); stay()", NONSENSE),
    "a flood of heartbeats": ("while True: say(pack(['beat']))", "more messages than a step may"),
    "a flood of progress": ("while True: say(pack(['progress', 0.5, 'x' * 4000]))", "more messages than a step may"),
    "nesting": ("say(b'\\x91' * 50000 + b'\\x90'); stay()", NONSENSE),
    "nesting in an output": (
        "say(b'\\x96\\xa4done\\x01\\xa7Success\\xa0\\x81\\xa1a' + b'\\x91' * 50000); stay()",
        NONSENSE,
    ),
    "no number": ("say(pack(['progress', float('nan'), ''])); stay()", NONSENSE),
    "a huge number": ("say(pack(['progress', 1e308, ''])); stay()", NONSENSE),
    "half a pair of UTF-16": ("say(b'\\x93\\xa8progress\\x01\\xa3\\xed\\xa0\\x80'); stay()", NONSENSE),
    "a long text": ("say(pack(['progress', 0.5, 'x' * 50000])); stay()", NONSENSE),
    "another's job": ("say(pack(['done', 2, 'Success', '', {}, False])); stay()", "said again"),
    "a path with NUL": (
        "file = Ext(4, pack({'path': '/tmp/a\\0b', 'name': 'x'}))\n"
        "say(pack(['done', 1, 'Success', '', {'d.f': file}, False])); stay()",
        NONSENSE,
    ),
    "a path of lines": (
        "file = Ext(4, pack({'path': '/tmp/a\\nb', 'name': 'x'}))\n"
        "say(pack(['done', 1, 'Success', '', {'d.f': file}, False])); stay()",
        NONSENSE,
    ),
    "a path that is too long": (
        "file = Ext(4, pack({'path': '/' * 5000, 'name': 'x'}))\n"
        "say(pack(['done', 1, 'Success', '', {'d.f': file}, False])); stay()",
        NONSENSE,
    ),
    "descriptors": (f"socket.send_fds(channel, [b'\\1' + {OK}[:3]], [0] * 200); stay()", NONSENSE),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One slot: whoever loses it stops everybody."""
    world = make(tmp_path_factory.mktemp("hostile"), workers_max=1)
    world.engine.start()
    yield world
    world.close()


def attacked(world: World, attack: str) -> RunId:
    """A run whose only step does this, to its end."""
    files = item("f", "File", "OUTPUT")
    run = world.begin(process(data("d", files), python("a", script(attack), outputs={"f": "${d.f}"})))
    world.wait(run)
    return run


def receipts(world: World, run: RunId) -> list[int]:
    """How many survived each kill."""
    return [len(row.detail["survivors"]) for row in world.history(run) if row.kind is HistoryKind.KILLED]


@pytest.mark.parametrize("name", ATTACKS)
def test_a_step_that_says_what_no_step_says_fails_and_is_killed(world: World, name: str) -> None:
    attack, reason = ATTACKS[name]

    run = attacked(world, attack)

    assert (world.step(run, "a").status, world.run(run).outcome) == (StepStatus.FAILED, Outcome.FAILED)
    assert reason in world.step(run, "a").message
    wait_until(lambda: receipts(world, run) == [0])
    assert world.wait(world.begin(process(python("b", "print('on')"), name="Other"))).outcome is Outcome.SUCCESS


def test_a_flood_of_lists_costs_the_server_no_memory(world: World) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for name in ("16 MB of empty lists", "16 MB of empty lists as an outcome"):
        attacked(world, ATTACKS[name][0])

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


@pytest.mark.parametrize("frame", ["['exit', 2**40, 0]", "['done', 1, 'Success', '', {'a': 1.5}, False]", "[]"])
def test_a_step_that_lies_when_it_is_told_to_end_is_gone_all_the_same(world: World, frame: str) -> None:
    code = f"def lie(*_):\n  while True: say(pack({frame}))\nsignal.signal(signal.SIGTERM, lie)\nprint('ready')\nstay()"
    run = world.begin(process(python("a", script(code))))
    wait_until(lambda: "ready" in log_of(world, run))

    world.cancel(run)

    wait_until(lambda: receipts(world, run) == [0])
    assert world.run(run).status is RunStatus.CANCELLED
    assert world.wait(world.begin(process(python("b"), name="Other"))).outcome is Outcome.SUCCESS


@pytest.mark.parametrize(
    "more",
    [f"say({OK.replace('Success', 'Failed')})", "say(pack(['exit', 2**40, 0]))", "while True: say(pack(['beat']))"],
)
def test_the_first_end_counts_and_what_follows_is_not_heard(world: World, more: str) -> None:
    run = attacked(world, f"say({OK})\n{more}\nstay()")

    assert world.run(run).outcome is Outcome.SUCCESS
    assert world.wait(world.begin(process(python("b"), name="Other"))).outcome is Outcome.SUCCESS


@pytest.mark.parametrize("count", [1, 9_000])
def test_an_outcome_for_outputs_that_are_not_the_step_s_fails_before_a_file_is_kept(world: World, count: int) -> None:
    run = attacked(
        world,
        "path = os.path.join(os.getcwd(), 'o'); open(path, 'w').write('x')\n"
        "file = Ext(4, pack({'path': path, 'name': 'x'}))\n"
        f"outputs = {{f'd.f{{n}}': file for n in range({count})}}\n"
        "frame = pack(['done', 1, 'Success', '', outputs, False])\n"
        "parts = [frame[at:at + 60000] for at in range(0, len(frame), 60000)]\n"
        "for part in parts[:-1]: say(part, b'\\0')\nsay(parts[-1])\nstay()",
    )

    assert world.step(run, "a").message == "this step may not write d.f0"


def test_what_steers_a_terminal_is_not_shown(world: World) -> None:
    run = attacked(world, "say(pack(['done', 1, 'Success', 'a\\x00b\\x1b[31mc\\nd', {}, False]))\nstay()")

    assert world.step(run, "a").message == "a\ufffdb\ufffd[31mc\nd"


def test_user_code_reaches_no_descriptor_but_its_own_channel(world: World) -> None:
    """Not the one by which its fork server is told that a child has ended, say."""
    code = (
        "found = []\nfor n in range(3, 256):\n"
        "  try: found.append(os.readlink(f'/proc/self/fd/{n}'))\n  except OSError: pass\n"
        "print([name for name in found if name.startswith(('socket', 'pipe', 'anon'))])"
    )

    run = world.begin(process(python("a", "import os\n" + code)))

    world.wait(run)
    assert log_of(world, run).count("socket:") == 1
    assert "pipe:" not in log_of(world, run)


def log_of(world: World, run: RunId) -> str:
    with world.db.read() as tx:
        attempts = history.attempts_of_run(tx, run)
    return "".join(world.resources.step_logs.read(attempt.id, 0, LOG_BYTES_MAX).decode() for attempt in attempts)


# --- processes that a step leaves behind

LATER = """
import subprocess
path = outputs.file("f", "rows.csv")
subprocess.Popen(["sh", "-c", f"for i in 1 2 3; do echo $i >> '{path}'; sleep 1; done"])
while not path.exists(): pass
"""
HELD = """
import subprocess, time
path = outputs.file("f", "rows.csv")
path.write_text("1")
subprocess.Popen(["sleep", "30"], stdout=path.open("a"))
"""
DAEMON = LATER.replace("sleep 1; done", "sleep 1; done &")
ENDING = """
import subprocess
path = outputs.file("f", "rows.csv")
subprocess.Popen(["sh", "-c", f"sleep 0.1; echo 1 > '{path}'"])
while not path.exists(): pass
"""
TRACKED = """
from multiprocessing import shared_memory
block = shared_memory.SharedMemory(create=True, size=100)
outputs.file("f", "rows.csv").write_text("1")
block.close(); block.unlink()
"""


@pytest.fixture(scope="module", params=[True, False], ids=["namespaces", "trees"])
def either(request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if request.param:
        yield world
        return
    trees = make(tmp_path_factory.mktemp("trees"), structs.replace(OPEN, namespaces=False), workers_max=1)
    trees.engine.start()
    yield trees
    trees.close()


def left(world: World, code: str) -> RunId:
    run = world.begin(process(data("d", item("f", "File", "OUTPUT")), python("a", code, outputs={"f": "${d.f}"})))
    world.wait(run)
    return run


@pytest.mark.parametrize("code", [LATER, DAEMON])
def test_a_file_that_a_process_left_behind_may_write_to_is_no_plain_success(either: World, code: str) -> None:
    run = left(either, code)

    assert either.run(run).outcome is Outcome.WARNING
    assert "still running when the step was done, and ended with it: sh" in either.step(run, "a").message


def test_a_file_that_a_process_left_behind_holds_open_fails_the_step(either: World) -> None:
    run = left(either, HELD)

    assert either.run(run).outcome is Outcome.FAILED
    assert either.step(run, "a").message.startswith('the file "rows.csv" was still being written by sleep')


@pytest.mark.parametrize("code", [ENDING, TRACKED])
def test_a_process_that_is_about_to_end_is_none_that_is_left_behind(either: World, code: str) -> None:
    run = left(either, code)

    assert (either.run(run).outcome, either.value(run, "d.f")) == (Outcome.SUCCESS, b"1\n" if code is ENDING else b"1")


DAEMONS = """
import os, time
with open(outputs.file("f"), "w") as file: file.write("1")
if os.fork() == 0:
    for step in range(30):
        os.setsid()
        if os.fork(): os._exit(0)
    time.sleep(60)
"""


def test_a_process_that_becomes_a_daemon_meanwhile_is_seen(either: World) -> None:
    """One that starts another and ends is in no list that was begun before and read after."""
    for _ in range(2):
        run = left(either, DAEMONS)

        assert either.run(run).outcome is Outcome.WARNING


BUSY = """
import os, pathlib
pathlib.Path("f").write_bytes(b"1" * 2**20)
if os.fork() == 0:
    os.setsid()
    while True:
        for kind in range(50): os.makedirs(f"busy/{kind}", exist_ok=True)
        for kind in range(50): os.rmdir(f"busy/{kind}")
outputs["f"] = pathlib.Path("f")
"""


def test_the_folder_goes_though_a_process_left_behind_still_worked_in_it(either: World) -> None:
    run = left(either, BUSY)

    assert either.run(run).outcome is Outcome.WARNING
    wait_until(lambda: not any((either.home / "work").iterdir()))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ValueError('\\ud800')", "? (line 1)"),
        ("raise SystemExit('\\ud800')", "?"),
        (
            "import os, pathlib\nopen(b'\\xff', 'w').close()\noutputs['f'] = pathlib.Path(os.fsdecode(b'\\xff'))",
            "the output d.f is a file whose name is not text in UTF-8",
        ),
    ],
)
def test_what_utf_8_cannot_say_is_told_in_words(either: World, code: str, message: str) -> None:
    run = left(either, code)

    assert either.step(run, "a").message == message


def test_a_process_left_behind_that_writes_no_file_is_told_in_the_log(either: World) -> None:
    run = left(either, "import subprocess; subprocess.Popen(['sleep', '300'])")

    assert either.run(run).outcome is Outcome.SUCCESS
    assert log_of(either, run) == "(still running when the step was done, and ended with it: sleep)\n"
