"""A script of run_python is a program: what `python script.py` does at its beginning and its end, it does too."""

from __future__ import annotations

import errno
import gzip
import io
import os
import re
import socket
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from procession import shortages
from procession.actions.contract import FileInput, FileOutput, OutputTarget
from procession.actions.scripting import script_settings
from procession.engine.isolation import private_root, program
from procession.engine.isolation.contract import Job, Limits
from procession.model.lifecycle import StepStatus
from tests.engine.isolation.house import House, Told, house_with

TARGETS = {"d.o": OutputTarget(type="File"), "d.s": OutputTarget(type="String"), "d.n": OutputTarget(type="Number")}


@dataclass
class Scripts:
    """Runs scripts in the sandbox that users' scripts have."""

    house: House

    def run(self, code: str, limits: Limits | None = None, **changes: Any) -> Told:
        worker = self.house.acquire()
        settings = {"code": code, "outputs": {"o": "${d.o}", "s": "${d.s}", "n": "${d.n}"}}
        worker.send(replace(self.job(limits), settings=settings, targets=TARGETS, **changes))
        told = self.house.listen(worker)
        self.house.isolation.release(worker)
        return told

    def job(self, limits: Limits | None) -> Job:
        return self.house.job("", action="run_python", limits=limits)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripts]:
    with house_with(
        tmp_path_factory.mktemp("scripts"), registry="procession.actions:registry", import_paths=()
    ) as house:
        yield Scripts(house)


def text_of(told: Told) -> str:
    return str(told.outcome.outputs.get("d.s"))


def file_of(told: Told) -> bytes:
    assert told.outcome.status is StepStatus.SUCCESS, (told.outcome, told.log)
    file = told.outcome.outputs["d.o"]
    assert isinstance(file, FileOutput)
    return Path(file.path).read_bytes()


# --- files


@pytest.mark.parametrize(
    "code",
    [
        "f = open(outputs.file('o'), 'w')\nfor i in range(10_000): f.write(f'{i}\\n')",
        "f = open(outputs.file('o'), 'w')\ndef put(i): f.write(f'{i}\\n')\nfor i in range(10_000): put(i)",
        "class Sink:\n  def __init__(self): self.f = open(outputs.file('o'), 'w'); self.me = self\n"
        "sink = Sink()\nfor i in range(10_000): sink.f.write(f'{i}\\n')",
        "import csv\nw = csv.writer(open(outputs.file('o'), 'w', newline=''), lineterminator='\\n')\n"
        "for i in range(10_000): w.writerow([i])\ncsv.kept = w",
        "import threading\nf = open(outputs.file('o'), 'w')\ndef late():\n  import time; time.sleep(0.1)\n"
        "  for i in range(10_000): f.write(f'{i}\\n')\nthreading.Thread(target=late).start()",
        "import atexit\nf = open(outputs.file('o'), 'w')\n"
        "atexit.register(lambda: [f.write(f'{i}\\n') for i in range(10_000)])",
        "import logging, sys\nlog = logging.getLogger('x')\nlog.addHandler(logging.handlers.MemoryHandler(99_999, "
        "target=logging.FileHandler(outputs.file('o'))))\nfor i in range(10_000): log.warning('%d', i)".replace(
            "import logging, sys", "import logging, logging.handlers"
        ),
        "from concurrent.futures import ThreadPoolExecutor\nf = open(outputs.file('o'), 'w')\n"
        "pool = ThreadPoolExecutor(1)\nfor i in range(10_000): pool.submit(f.write, f'{i}\\n')",
    ],
    ids=["plain", "in a function", "in a cycle", "in a library", "by a thread", "at exit", "by logging", "by a pool"],
)
def test_a_file_left_open_is_written_to_its_end(scripts: Scripts, code: str) -> None:
    assert file_of(scripts.run(code)) == b"".join(b"%d\n" % i for i in range(10_000))


def test_compressed_files_left_open_are_complete(scripts: Scripts) -> None:
    zipped = scripts.run(
        "import gzip\nf = gzip.open(outputs.file('o'), 'wt')\ndef put(x): f.write(x)\nfor i in range(10_000): put('row\\n')"
    )
    kept = scripts.run("import gzip\ngzip.mine = gzip.open(outputs.file('o'), 'wb')\ngzip.mine.write(b'row')")
    archive = scripts.run(
        "import zipfile\nz = zipfile.ZipFile(outputs.file('o'), 'w')\ndef put(): z.writestr('a.txt', 'row')\nput()"
    )

    assert gzip.decompress(file_of(zipped)) == b"row\n" * 10_000
    assert gzip.decompress(file_of(kept)) == b"row"
    assert zipfile.ZipFile(io.BytesIO(file_of(archive))).read("a.txt") == b"row"


def test_what_a_c_library_holds_back_is_written(scripts: Scripts) -> None:
    code = (
        "import ctypes\nc = ctypes.CDLL(None)\nc.fopen.restype = ctypes.c_void_p\n"
        "f = c.fopen(str(outputs.file('o')).encode(), b'w')\n"
        "c.fwrite(b'held', ctypes.c_size_t(1), ctypes.c_size_t(4), ctypes.c_void_p(f))"
    )

    assert file_of(scripts.run(code)) == b"held"


def test_a_file_that_cannot_be_written_at_the_end_fails_the_step(scripts: Scripts) -> None:
    code = "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nf = open(outputs.file('o', 'rows.csv'), 'w')\nf.write('x' * 5000)"

    told = scripts.run(code, Limits(file_bytes_max=4096))

    assert told.outcome.status is StepStatus.FAILED
    assert told.outcome.message == '"o.csv", open when the script ended, could not be written: File too large'


def test_values_may_be_assigned_at_exit_and_the_names_are_still_there(scripts: Scripts) -> None:
    code = "import atexit, json\n@atexit.register\ndef last(): outputs['s'] = json.dumps(rows); warn('late')\nrows = [1, 2]"

    told = scripts.run(code)

    assert (told.outcome.status, told.outcome.message, text_of(told)) == (StepStatus.WARNING, "late", "[1, 2]")


def test_the_script_s_own_file_is_none_of_its_outputs(scripts: Scripts) -> None:
    told = scripts.run("import os\noutputs['s'] = ' '.join(os.listdir('.')) + ' ' + open(__file__).read()[:9]")

    assert text_of(told) == "work.step.py import os"


# --- threads and exits


def test_an_exception_in_a_thread_is_remarked(scripts: Scripts) -> None:
    told = scripts.run("import threading\nthreading.Thread(target=lambda: 1 / 0).start()\nmessage('fine')")

    assert told.outcome.status is StepStatus.WARNING
    assert told.outcome.message == "fine; a thread failed: ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in told.log


def test_an_exception_at_the_exit_is_remarked(scripts: Scripts) -> None:
    told = scripts.run("import atexit\natexit.register(lambda: {}['rates'])")

    assert told.outcome.status is StepStatus.WARNING
    assert told.outcome.message == "a function of atexit failed: KeyError: 'rates'"


def test_an_exception_whose_text_fails_is_told_by_its_name(scripts: Scripts) -> None:
    told = scripts.run("class Odd(Exception):\n  def __str__(self): return 1 / 0\nraise Odd()")

    assert told.outcome.message.startswith("Odd: <exception str() failed>")


def test_texts_that_no_file_can_hold_are_replaced_in_messages_and_refused_as_outputs(scripts: Scripts) -> None:
    said = scripts.run("message('a\\ud800b'); warn('\\udcff'); progress(0.5, '\\ud800')")
    half = scripts.run("outputs['s'] = 'a\\ud800'")
    nul = scripts.run("outputs['s'] = 'a\\0'")

    assert (said.outcome.status, said.outcome.message) == (StepStatus.WARNING, "a?b; ?")
    assert half.outcome.message == 'the output "s": character 2 of the text is half of a pair (a surrogate) alone'
    assert nul.outcome.message == 'the output "s": character 2 of the text is a NUL character'


def test_a_daemon_thread_is_not_waited_for(scripts: Scripts) -> None:
    told = scripts.run("import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()")

    assert told.outcome.status is StepStatus.SUCCESS


def test_exit_functions_run_after_a_failure_too(scripts: Scripts) -> None:
    told = scripts.run("import atexit\natexit.register(print, 'signed off')\nraise ValueError('no')")

    assert told.outcome.message == "no (line 3)"
    assert told.log.endswith("signed off\n")


@pytest.mark.parametrize(
    ("leave", "message"),
    [
        ("sys.exit(0)", ""),
        ("sys.exit(False)", ""),
        ("sys.exit(3)", "the script ended with exit code 3"),
        ("sys.exit(256)", "the script ended with exit code 256"),
        ("sys.exit('no rates')", "no rates"),
        ("sys.exit('')", "the script ended with exit code 1"),
        ("sys.exit(0.0)", "0.0"),
        ("sys.exit(['a'])", "['a']"),
        ("exit(4)", "the script ended with exit code 4"),
        ("import argparse; argparse.ArgumentParser().error('bad')", "the script ended with exit code 2"),
    ],
)
def test_how_a_script_leaves_decides_how_its_step_ends(scripts: Scripts, leave: str, message: str) -> None:
    told = scripts.run(f"import sys\n{leave}")

    assert told.outcome.status is (StepStatus.FAILED if message else StepStatus.SUCCESS)
    assert told.outcome.message == message


@pytest.mark.parametrize(
    ("leave", "reason"),
    [
        ("os._exit(0)", "ended itself with exit code 0 before the step was done"),
        ("os.abort()", "killed by signal 6 (SIGABRT)"),
        ("import ctypes; ctypes.string_at(0)", "killed by signal 11 (SIGSEGV)"),
        ("os.kill(os.getpid(), 9)", "killed by signal 9"),
    ],
)
def test_a_script_that_ends_its_process_has_failed(scripts: Scripts, leave: str, reason: str) -> None:
    assert reason in scripts.run(f"import os\n{leave}").reason


@pytest.mark.parametrize(
    ("leave", "code"), [("raise ValueError('no')", 1), ("sys.exit(3)", 3), ("sys.exit()", 0), ("pass", 0)]
)
def test_a_copy_of_the_script_ends_with_its_own_exit_code(scripts: Scripts, leave: str, code: int) -> None:
    told = scripts.run(
        f"import os, sys\npid = os.fork()\nif pid == 0: {leave}\n"
        "else:\n  outputs['n'] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n  open(__file__).close()"
    )

    assert told.outcome.outputs == {"d.n": code}, told.outcome.message


# --- standard streams


@pytest.mark.parametrize(
    ("code", "logged"),
    [
        ("sys.stdout.reconfigure(encoding='utf-8'); print('ü')", "ü\n"),
        ("sys.stdout.buffer.write(b'x\\n')", "x\n"),
        ("subprocess.run(['echo', 'hi'], stdout=sys.stdout, check=True)", "hi\n"),
        ("import os; os.write(sys.stdout.fileno(), b'raw\\n')", "raw\n"),
        ("sys.stdout.isatty() or print(sys.stdout.encoding)", "utf-8\n"),
        ("print('no line break', end='')", "no line break"),
        ("print('a\\0b')", "a\0b\n"),
        ("print('lone \\ud800')", "lone ?\n"),
        ("sys.stdout.buffer.write(b'\\xff\\n')", "\ufffd\n"),
        ("print('x' * 300_000)", "x" * 300_000 + "\n"),
        ("sys.__stdout__.write('under\\n')", "under\n"),
        ("print('out'); sys.stdout.close()", "out\n"),
        ("sys.stdout = None; print('nowhere')", ""),
        ("import logging; logging.warning('rates')", "WARNING:root:rates\n"),
        ("import os; print('last'); os.close(1)", "last\n"),
        ("import io; sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8'); print('ü', end='')", "ü"),
        ("import getpass; print(getpass.getuser())", "step\n"),
        ("import faulthandler; faulthandler.enable(); print(faulthandler.is_enabled())", "True\n"),
        ("from contextlib import redirect_stdout\nwith redirect_stdout(sys.stderr): print('err')", "err\n"),
    ],
)
def test_the_standard_streams_are_those_of_a_program(scripts: Scripts, code: str, logged: str) -> None:
    told = scripts.run(f"import sys, subprocess\n{code}")

    assert told.outcome.status is StepStatus.SUCCESS, told.outcome.message
    assert told.log == logged


def test_there_is_nobody_to_type_an_answer(scripts: Scripts) -> None:
    told = scripts.run("input('Month? ')")

    assert told.outcome.message == "EOFError: EOF when reading a line (line 1)"


# --- what the script finds


def test_the_script_has_its_own_arguments_and_is_main(scripts: Scripts) -> None:
    code = (
        "import sys, __main__, os, locale\noutputs['s'] = repr([len(sys.argv), __main__.outputs is outputs, __name__,"
        " os.path.samefile(sys.path[0], os.getcwd()), os.path.basename(sys.argv[0]), __file__ == sys.argv[0]])"
    )

    assert text_of(scripts.run(code)) == "[1, True, '__main__', True, 'work.step.py', True]"


def test_a_script_does_not_see_the_arguments_of_the_server(scripts: Scripts) -> None:
    told = scripts.run("import sys\noutputs['s'] = str(sys.orig_argv == [sys.executable, sys.argv[0]])")

    assert text_of(told) == "True"


def test_a_module_of_the_library_is_not_hidden_by_the_name_of_a_step(scripts: Scripts) -> None:
    told = scripts.run("import csv\noutputs['s'] = csv.__name__ + str(hasattr(csv, 'DictReader'))", step_key="csv")

    assert text_of(told) == "csvTrue"


def test_dataclasses_and_type_hints_find_their_module(scripts: Scripts) -> None:
    code = (
        "from __future__ import annotations\nimport typing, dataclasses, enum\n@dataclasses.dataclass\nclass Row:\n"
        "  amount: Amount\nclass Amount(enum.Enum):\n  ONE = 1\noutputs['s'] = typing.get_type_hints(Row)['amount'].__name__"
    )

    assert text_of(scripts.run(code)) == "Amount"


def test_nothing_of_the_server_s_environment_is_there(scripts: Scripts, monkeypatch: pytest.MonkeyPatch) -> None:
    told = scripts.run(
        "import os\noutputs['s'] = ' '.join(sorted(os.environ)) + ' ' + str(os.environ['HOME'] == os.getcwd())"
    )

    assert set(text_of(told).split()) <= {
        *("HOME", "LANG", "LC_CTYPE", "PATH", "PYTHONDONTWRITEBYTECODE", "TMPDIR", "TZ", "True", "USER", "LOGNAME")
    }


def test_two_steps_do_not_draw_the_same_random_numbers(scripts: Scripts) -> None:
    code = "import random, uuid, tempfile\noutputs['s'] = f'{random.random()} {uuid.uuid4()}'"

    assert text_of(scripts.run(code)) != text_of(scripts.run(code))


def test_dates_decimals_and_truths_arrive_as_what_they_are(scripts: Scripts) -> None:
    job = {
        "settings": {
            "code": "outputs['s'] = repr(inputs)",
            "inputs": {
                "day": "${d.day}",
                "none": "${d.none}",
                "yes": "${d.yes}",
                "much": "${d.much}",
                "note": "${d.note}",
            },
            "outputs": {"s": "${d.s}"},
        },
        "values": {
            "d.day": "2025-01-31",
            "d.none": None,
            "d.yes": True,
            "d.much": Decimal("1.20"),
            "d.note": "2025-01-31",
        },
        "types": {
            "d.day": "Datepicker",
            "d.none": "Datepicker",
            "d.yes": "CheckBox",
            "d.much": "Decimal",
            "d.note": "Text",
        },
    }
    worker = scripts.house.acquire()
    worker.send(replace(scripts.job(None), targets=TARGETS, **job))  # type: ignore[arg-type]
    told = scripts.house.listen(worker)
    scripts.house.isolation.release(worker)

    assert text_of(told) == (
        "{'day': datetime.date(2025, 1, 31), 'none': None, 'yes': True, 'much': Decimal('1.20'), 'note': '2025-01-31'}"
    )


# --- other processes


def test_functions_and_classes_of_the_script_can_be_pickled(scripts: Scripts) -> None:
    code = (
        "import pickle, copy\nclass Row:\n  def __init__(self, x): self.x = x\ndef square(x): return x * x\n"
        "outputs['s'] = str([pickle.loads(pickle.dumps(square))(3), pickle.loads(pickle.dumps(Row(4))).x])"
    )

    assert text_of(scripts.run(code)) == "[9, 4]"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_works_in_all_its_ways(scripts: Scripts, method: str) -> None:
    code = (
        "import multiprocessing as mp\ndef square(x): return x * x\n"
        f"if __name__ == '__main__':\n  mp.set_start_method({method!r})\n"
        "  with mp.Pool(2) as pool: outputs['s'] = str(pool.map(square, [1, 2, 3]))\n"
    )
    scripts.house.need_namespaces()  # shared memory comes with them

    told = scripts.run(code)

    assert told.outcome.status is StepStatus.SUCCESS, (told.outcome.message, told.log)
    assert text_of(told) == "[1, 4, 9]"


def test_process_pools_and_shared_memory_work(scripts: Scripts) -> None:
    code = (
        "from concurrent.futures import ProcessPoolExecutor\nfrom multiprocessing import shared_memory\n"
        "def fill(name):\n  block = shared_memory.SharedMemory(name); block.buf[:4] = b'rows'; block.close()\n"
        "block = shared_memory.SharedMemory(create=True, size=100)\n"
        "with ProcessPoolExecutor(2) as pool: list(pool.map(fill, [block.name]))\n"
        "outputs['s'] = bytes(block.buf[:4]).decode()\nblock.close(); block.unlink()"
    )
    scripts.house.need_namespaces()

    told = scripts.run(code)

    assert text_of(told) == "rows", (told.outcome, told.log)


def test_a_process_left_behind_does_not_hold_up_the_step(scripts: Scripts) -> None:
    told = scripts.run("import subprocess\nsubprocess.Popen(['sleep', '300'])\noutputs['s'] = 'done'")

    assert text_of(told) == "done"


# --- network and libraries


@pytest.fixture(scope="module")
def equipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripts]:
    """A server that allows the network and has a library for scripts."""
    folder = tmp_path_factory.mktemp("libraries")
    folder.chmod(0o755)  # a step's user reads what everybody may read
    (folder / "rates_of_ours.py").write_text("EUR = 1\n")
    (folder / "csv.py").write_text("raise ImportError('not the one of Python')\n")
    home = tmp_path_factory.mktemp("equipped")
    more = {"network_allowed": True, "library_paths": (str(folder),), "import_paths": ()}
    with house_with(home, registry="procession.actions:registry", **more) as house:
        yield Scripts(house)


def reach(scripts: Scripts, *, network: bool) -> Told:
    """A script that connects to a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        code = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5).close()"
        worker = scripts.house.acquire(network=network)
        worker.send(replace(scripts.job(None), settings={"code": code, "network": network}))
        told = scripts.house.listen(worker)
        scripts.house.isolation.release(worker)
    return told


def test_a_step_has_the_network_only_if_it_asks_and_the_server_allows_it(scripts: Scripts, equipped: Scripts) -> None:
    assert reach(equipped, network=True).outcome.status is StepStatus.SUCCESS
    assert "Error" in reach(equipped, network=False).outcome.message
    assert reach(scripts, network=True).outcome.message == (
        "the step asks for the network, and this server does not allow it (PROCESSION_ALLOW_NETWORK)"
    )


def test_scripts_find_the_libraries_that_the_operator_names_after_python_s_own(equipped: Scripts) -> None:
    told = equipped.run("import csv, rates_of_ours\noutputs['s'] = f'{rates_of_ours.EUR} {csv.DictReader.__name__}'")

    assert text_of(told) == "1 DictReader"


def test_processes_of_a_script_find_the_libraries_too(equipped: Scripts) -> None:
    code = (
        "import multiprocessing as mp, rates_of_ours\ndef rate(x): return x * rates_of_ours.EUR\n"
        "if __name__ == '__main__':\n  with mp.get_context('spawn').Pool(1) as pool: outputs['s'] = str(pool.map(rate, [7]))"
    )
    equipped.house.need_namespaces()

    assert text_of(equipped.run(code)) == "[7]"


# --- the documentation

PAGE = Path(__file__).parents[3] / "docs" / "scripts.md"
BLOCKS = re.findall(r"^```python step\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_the_scripts_of_the_documentation_run(scripts: Scripts, code: str, tmp_path: Path) -> None:
    if "ProcessPoolExecutor" in code:
        scripts.house.need_namespaces()
    orders = tmp_path / "orders"
    orders.write_text("id;amount\n1;12.50\n2;0\n")
    tmp_path.chmod(0o755)
    settings = {
        "code": code,
        "inputs": {"orders": "${d.orders}"},
        "outputs": {"count": "${d.n}", "large": "${d.o}"},
    }
    values = {"d.orders": FileInput(path=str(orders), name="orders.csv", size_bytes=orders.stat().st_size)}
    worker = scripts.house.acquire()
    job = replace(scripts.job(None), targets=TARGETS, settings=settings, values=values, types={"d.orders": "File"})
    worker.send(job)
    told = scripts.house.listen(worker)
    scripts.house.isolation.release(worker)

    assert told.outcome.status is StepStatus.SUCCESS, told.log
    assert told.outcome.outputs["d.n"] in {1, 90}


def test_the_documentation_knows_every_name_and_setting_of_scripts() -> None:
    text = PAGE.read_text()

    assert len(BLOCKS) == 2
    for name in ("inputs", "outputs", "message", "warn", "progress", "idempotency_key", "network: true"):
        assert f"`{name}" in text
    assert "262,144" in text and script_settings.CODE_CHARACTERS_MAX == 262_144
    assert Limits() == Limits(
        memory_bytes_max=4 * 2**30, file_bytes_max=8 * 2**30, open_files_max=1024, processes_max=256
    )
    assert private_root.SHARED_BYTES_MAX == 256 * 2**20


FORKED = """
import multiprocessing

def child():
    {told}

multiprocessing.set_start_method("fork")
process = multiprocessing.Process(target=child)
process.start()
process.join()
"""


def test_an_output_that_a_forked_process_sets_is_not_lost_silently(scripts):
    told = scripts.run(FORKED.format(told="outputs['n'] = 7"))

    assert told.outcome.status is StepStatus.WARNING
    assert told.outcome.message.startswith('the output "n" was set in a process that the script started; return')


def test_a_warning_of_a_forked_process_is_the_step_s(scripts):
    told = scripts.run(FORKED.format(told="warn('no rate for NZD')"))

    assert told.outcome.status is StepStatus.WARNING
    assert told.outcome.message == "no rate for NZD"


def test_a_forked_process_writes_to_the_path_that_the_script_asked_for(scripts):
    path = "outputs.file('o', 'o.csv')"

    told = scripts.run(f"{path}\n" + FORKED.format(told=f"{path}.write_text('1')"))

    assert file_of(told) == b"1"


def test_a_path_means_the_folder_that_the_script_is_in_when_it_hands_it_over(scripts):
    code = "from pathlib import Path\nimport os\nPath('o.csv').write_text('wrong')\n"
    code += "os.mkdir('sub')\nos.chdir('sub')\nPath('o.csv').write_text('right')\noutputs['o'] = Path('o.csv')\nos.chdir('..')"

    assert file_of(scripts.run(code)) == b"right"


def test_a_forked_process_is_ended_by_its_parent_as_python_ends_it(scripts):
    told = scripts.run("""
import os, signal, time
read, write = os.pipe()
pid = os.fork()
if pid == 0:
    class Busy:
        def __del__(self):
            os.write(write, b"x")
            time.sleep(5)  # an exception in here is ignored
    Busy()
    os._exit(0)
os.read(read, 1)
os.kill(pid, signal.SIGTERM)
outputs["n"] = os.WTERMSIG(os.waitpid(pid, 0)[1])
""")

    assert told.outcome.outputs["d.n"] == 15


def test_a_process_that_was_only_just_forked_hears_that_it_is_to_end(scripts: Scripts) -> None:
    told = scripts.run("""
import os, signal, time
heard = 0
for _ in range(20):
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + 1
    while (ended := os.waitpid(pid, os.WNOHANG)) == (0, 0) and time.monotonic() < until:
        time.sleep(0.001)
    if ended == (0, 0):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    heard += os.WIFSIGNALED(ended[1]) and os.WTERMSIG(ended[1]) == signal.SIGTERM
outputs["n"] = heard
""")

    assert told.outcome.outputs["d.n"] == 20


def test_forking_leaves_the_signals_of_a_script_as_they_were(scripts: Scripts) -> None:
    told = scripts.run("""
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
pid = os.fork()
held = signal.pthread_sigmask(signal.SIG_BLOCK, set())
if pid == 0:
    os._exit(int(held != {signal.SIGTERM, signal.SIGUSR1}))
outputs["n"] = os.waitpid(pid, 0)[1]
outputs["s"] = str(held == {signal.SIGTERM, signal.SIGUSR1})
""")

    assert (told.outcome.outputs["d.n"], text_of(told)) == (0, "True")


def test_a_script_waits_for_room_for_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inodes can run out between the making of the folder and the script's start: its step failed."""
    refusals = iter([errno.ENOSPC, errno.EDQUOT])
    really_open = os.open

    def open_later(path: str, flags: int, mode: int = 0o777) -> int:
        if (number := next(refusals, None)) is not None:
            raise OSError(number, os.strerror(number))
        return really_open(path, flags, mode)

    monkeypatch.setattr(os, "open", open_later)
    monkeypatch.setattr(shortages, "REST_SECONDS", 0)
    monkeypatch.setattr(sys, "argv", sys.argv)
    monkeypatch.setattr(sys, "orig_argv", sys.orig_argv)
    monkeypatch.setattr(sys, "path", sys.path[:])

    begun = program.begin(str(tmp_path), "work", "x = 1")

    assert Path(begun.file).read_text() == "x = 1"


def test_a_file_that_may_not_be_written_ends_the_wait_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        program.begin(str(tmp_path / "gone"), "work", "x = 1")
