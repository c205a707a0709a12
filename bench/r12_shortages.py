"""R12: no descriptors, no space, no inodes for some seconds while runs go on, are cancelled and are started."""

from __future__ import annotations

import http.client
import json
import os
import select
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from bench import server as servers
from bench.figures import Figure, Report
from bench.server import FINAL, Server, process_text, python_step
from bench.shortages import can_mount, no_descriptors, no_inodes, no_space, small_disk

TALKERS, STAYERS, LATE, SLOTS = 6, 4, 4, 16
TURNS, TURNS_FULL = 1, 5
SHORT_SECONDS = 3.0
END_SECONDS_MAX = 60.0
GRACE_SECONDS = 0.5
LOOK_SECONDS = 0.05
LINES = 200
SIZE_BYTES = 20_000

# Its log, and the time when its file is to be kept, fall into the shortage; what it does itself before does not.
TALK = f"""
import time
outputs.file("text").write_bytes(b"x" * {SIZE_BYTES})
for number in range({LINES}):
    print("line", number)
    time.sleep(0.01)
"""
STAY = 'import ctypes, time\nctypes.CDLL(None).prctl(15, b"{name}", 0, 0, 0)\nwhile True: time.sleep(60)'
BRIEF = "import time\ntime.sleep(1)"

Shortage = Callable[[Server], AbstractContextManager[None]]
NO_SPACE = "No space left on device"
SHORTAGES: dict[str, Shortage] = {"descriptors": no_descriptors, "space": no_space, "inodes": no_inodes}


@dataclass(slots=True, kw_only=True)
class Suffered:
    """What became of one shortage, seen from outside."""

    over_seconds: float = 0.0  # from its end until every run has ended
    dead_seconds: float | None = None  # from the answers to the cancels to the last process; None: none was accepted
    wrong: list[str] = field(default_factory=list)  # runs that ended otherwise than they should
    refused: list[int] = field(default_factory=list)  # statuses of refusals, each with a body
    unanswered: list[str] = field(default_factory=list)
    left: int = 0  # processes of cancelled steps
    slots: int = 0  # steps that run at the same time afterwards


class Caller:
    """A script that keeps its connection, and takes every answer."""

    def __init__(self, server: Server, suffered: Suffered) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=20)
        self._headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
        self._suffered = suffered

    def try_(self, method: str, path: str, body: Any = None) -> bytes | None:
        """None when it was refused, or not answered at all."""
        try:
            content = None if body is None else json.dumps(body).encode()
            self._connection.request(method, f"/api/v1/{path}", content, self._headers)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._suffered.unanswered.append(f"{method} {path}: {type(error).__name__}")
            self._connection.close()
            return None
        if answer.status == 200:
            return content
        self._suffered.refused.append(answer.status)
        if not json.loads(content or b"{}").get("message"):
            self._suffered.unanswered.append(f"{method} {path}: {answer.status} without a message")
        return None

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Again and again until it is carried out."""
        end_at = monotonic() + END_SECONDS_MAX
        while (content := self.try_(method, path, body)) is None:
            assert monotonic() < end_at, f"{method} {path} is refused for a minute"
            _rest()
        return json.loads(content)

    def status(self, run: str) -> str:
        return str(self.ask("GET", f"processruns/{run}/runstatus")["status"])

    def close(self) -> None:
        self._connection.close()


def suffer(server: Server, shortage: Shortage) -> Suffered:
    """Talkers and stayers are under way; in the shortage stayers are cancelled and further talkers are started."""
    suffered, name = Suffered(), f"r12-{os.getpid()}"
    caller, client = Caller(server, suffered), server.client()
    talk = client.publish(_talk())
    stay = client.publish(process_text("Stay", 1, lambda number: python_step(number, STAY.format(name=name))))
    late = [client.create(talk) for _ in range(LATE)]
    stayers = [client.create(stay, start=True) for _ in range(STAYERS)]
    talkers = [client.create(talk, start=True) for _ in range(TALKERS)]
    client.close()
    _wait(lambda: len(_named(name)) == STAYERS)
    _wait(lambda: all(_is_running(caller, run) for run in talkers))
    with shortage(server):
        ends_at = monotonic() + SHORT_SECONDS
        orders = [f"processruns/{run}/cancel" for run in stayers] + [f"processruns/{run}/start" for run in late]
        refused = [path for path in orders if caller.try_("POST", path) is None]
        if not any("cancel" in path for path in refused):
            suffered.dead_seconds = _seconds_until(lambda: not _named(name))
        while monotonic() < ends_at:
            caller.try_("GET", f"processruns/{talkers[0]}/runstatus")
            _rest()
    began = monotonic()
    for path in refused:
        caller.ask("POST", path)
    _wait(lambda: all(caller.status(run) in FINAL for run in (*talkers, *stayers, *late)))
    suffered.over_seconds = monotonic() - began
    suffered.wrong = [why for run in talkers if (why := _wrong_talker(caller, run))]
    # One that found room to begin, and none for its own files, fails as scripts do.
    suffered.wrong += [why for run in late if (why := _wrong_talker(caller, run)) and NO_SPACE not in why]
    suffered.wrong += [why for run in stayers if (why := _wrong_stayer(caller, run))]
    suffered.left = len(_named(name))
    suffered.slots = _slots(server, caller)
    caller.close()
    return suffered


def _talk() -> str:
    step = python_step(1, TALK).replace("with:\n", 'with:\n  outputs: {text: "${data.text}"}\n')
    data = "      - {data: Data, key: data, properties: [{name: Text, key: text, type: File, flow: OUTPUT}]}\n"
    return process_text("Talk", 1, lambda _: step).replace("    steps:\n", f"    steps:\n{data}", 1)


def _is_running(caller: Caller, run: str) -> bool:
    return any(step["status"] == "Running" for step in _steps(caller, run))


def _steps(caller: Caller, run: str) -> list[Any]:
    ids = [step["id"] for step in caller.ask("GET", f"processruns/{run}/steps?include=all")]
    return [
        {"id": step, **caller.ask("GET", f"processruns/{run}/steps/{step}/runstatus")}
        for step in ids
    ]  # fmt: skip


def _wrong_talker(caller: Caller, run: str) -> str:
    """Success, each line once, and the file whole."""
    status = caller.ask("GET", f"processruns/{run}/runstatus")
    steps = _steps(caller, run)
    if status.get("outcome") != "Success":
        return f"{run}: {status.get('outcome')} {[step.get('completionMessage') for step in steps]}"
    log = caller.try_("GET", f"processruns/{run}/steps/{steps[-1]['id']}/log") or b""
    lines = log.decode().splitlines()
    return "" if lines == [f"line {number}" for number in range(LINES)] else f"{run}: {len(lines)} lines of its log"


def _wrong_stayer(caller: Caller, run: str) -> str:
    """Cancelled, and its receipt tells of an end that was brought about."""
    if (status := caller.status(run)) != "Cancelled":
        return f"{run}: {status}"

    def receipts() -> list[Any]:
        events = caller.ask("GET", f"processruns/{run}/history")["events"]
        return [event["detail"] for event in events if event["kind"] == "killed"]

    _wait(receipts)
    [receipt] = receipts()
    is_true = receipt["survivors"] == [] and receipt["method"] != "already gone"
    return "" if is_true else f"{run}: {receipt}"


def _slots(server: Server, caller: Caller) -> int:
    """How many steps of one run are under way at the same time."""
    step = python_step(1, BRIEF)
    text = process_text("Slots", SLOTS, lambda number: f"{step}\nneeds: []".replace("s1", f"s{number}"))
    client = server.client()
    run = client.create(client.publish(text), start=True)
    client.close()
    most = 0
    while caller.status(run) not in FINAL:
        most = max(most, sum(step["status"] == "Running" for step in _steps(caller, run)))
    return most


def _named(name: str) -> list[str]:
    found = []
    for place in Path("/proc").iterdir():
        try:
            if place.name.isdigit() and (place / "comm").read_text().strip() == name:
                found.append(place.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _seconds_until(condition: Callable[[], object]) -> float:
    began = monotonic()
    _wait(condition)
    return monotonic() - began


def _wait(condition: Callable[[], object]) -> None:
    end_at = monotonic() + END_SECONDS_MAX
    while not condition():
        assert monotonic() < end_at, "nothing comes of it within a minute"
        _rest()


def _rest() -> None:
    select.select([], [], [], LOOK_SECONDS)


@contextmanager
def serving(folder: Path, *, on_small_disk: bool) -> Iterator[Server]:
    """A server with its home on a disk of its own, where that can be made."""
    place = folder / "disk"
    place.mkdir()
    with small_disk(place) if on_small_disk else nullcontext():
        # Its log lies on the same disk.
        server = Server(home=place / "home", grace_seconds=GRACE_SECONDS, workers_max=SLOTS)
        server.start()
        try:
            server.sign_in()
            yield server
        finally:
            server.end()


def measure(*, full: bool) -> Report:
    found: dict[str, list[Suffered]] = {}
    mounts = can_mount()
    with servers.folder() as folder, serving(folder, on_small_disk=mounts) as server:
        for name, shortage in SHORTAGES.items():
            if mounts or name == "descriptors":
                found[name] = [suffer(server, shortage) for _ in range(TURNS_FULL if full else TURNS)]
    return Report(
        work="R12",
        title=f"{SHORT_SECONDS:g} s of it while {TALKERS} runs talk, {STAYERS} are cancelled and {LATE} started",
        figures=tuple(figure for name, turns in found.items() for figure in _figures(name, turns)),
        remarks=tuple(text for turns in found.values() for turn in turns for text in (*turn.wrong, *turn.unanswered))
        if mounts
        else ("space and inodes need a file system of their own, which only root can mount",),
    )


def _figures(name: str, turns: list[Suffered]) -> tuple[Figure, ...]:
    def figure(what: str, unit: str, values: list[float], **bar: float) -> Figure:
        return Figure(name=f"no {name}: {what}", unit=unit, values=tuple(values), **bar)  # type: ignore[arg-type]

    dead = [turn.dead_seconds for turn in turns if turn.dead_seconds is not None]
    return (
        figure("over until every run has ended", "s", [turn.over_seconds for turn in turns], at_most=5.0),
        figure("runs that ended wrongly", "", [float(len(turn.wrong)) for turn in turns], at_most=0),
        figure("requests without an answer", "", [float(len(turn.unanswered)) for turn in turns], at_most=0),
        figure("processes left of cancelled steps", "", [float(turn.left) for turn in turns], at_most=0),
        figure("slots afterwards", "", [float(turn.slots) for turn in turns], at_least=float(SLOTS)),
        *([figure("cancelled to dead, in the shortage", "s", dead, at_most=GRACE_SECONDS + 1)] if dead else []),
    )
