"""One peer at work, in a process of its own: `python -m bench.peers.driver MODULE:CLASS FOLDER`.

It reads one order a line from its input and answers each with one line of JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.peers.contract import STEPS, Peer, Work

STARTED_SECONDS_MAX = 30.0


def main(name: str, place: Path) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    peer = load(name)
    try:
        for line in sys.stdin:
            answers.write(json.dumps(_obeyed(peer, place, json.loads(line))) + "\n")
    finally:
        peer.stop()


def _obeyed(peer: Peer, place: Path, order: dict[str, Any]) -> Mapping[str, Any]:
    try:
        return ORDERS[order.pop("do")](peer, place, **order)
    except Exception as error:
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


def load(name: str) -> Peer:
    module, _, kind = name.partition(":")
    peer: Peer = getattr(importlib.import_module(module), kind)()
    return peer


def start(peer: Peer, place: Path) -> Mapping[str, Any]:
    """With one run to its end: what is made at first use has been made."""
    peer.start(place)
    peer.wait(peer.submit(Work.STEPS))
    versions = [f"{package} {version(package)}" for package in peer.nature.packages]
    return {"nature": asdict(peer.nature), "versions": versions, "pids": list(peer.roots())}


def rate(peer: Peer, place: Path, *, lanes: int, seconds: float) -> Mapping[str, Any]:
    """Steps a second of so many runs side by side, one after the other in each lane."""
    counts, errors = [0] * lanes, list[str]()
    began = time.perf_counter()

    def work(lane: int) -> None:
        try:
            while time.perf_counter() - began < seconds:
                peer.wait(peer.submit(Work.STEPS))
                counts[lane] += STEPS
        except Exception as error:
            traceback.print_exc()
            errors.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=work, args=(lane,)) for lane in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        return {"error": f"{len(errors)} of {lanes} lanes failed, the first with {errors[0]}"}
    return {"steps": sum(counts) / (time.perf_counter() - began)}


def firsts(peer: Peer, place: Path, *, count: int, seconds: float) -> Mapping[str, Any]:
    """Milliseconds from the call that submits a run to the first statement of its step; as many as fit."""
    taken, began = list[float](), time.perf_counter()
    while len(taken) < count and time.perf_counter() - began < seconds:
        path = place / f"first-{len(taken)}"
        asked = time.time()
        peer.wait(peer.submit(Work.FIRST, str(path)))
        taken.append((float(_appeared(path).read_text()) - asked) * 1000)
        path.unlink()
    return {"ms": taken}


def resist(peer: Peer, place: Path, *, names: str) -> Mapping[str, Any]:
    """A step that ignores TERM is cancelled as soon as it and its child are seen."""
    run = peer.submit(Work.RESIST, names)
    end_at = time.monotonic() + STARTED_SECONDS_MAX
    while not all(named(name) for name in names.split()):
        assert time.monotonic() < end_at, "the step did not start"
        time.sleep(0.01)
    peer.cancel(run)
    return {}


def stop(peer: Peer, place: Path) -> Mapping[str, Any]:
    peer.stop()
    return {}


def named(name: str) -> list[int]:
    """The processes of that name, or with a thread of that name, which are not just waiting to be buried."""
    found = set()
    for comm in Path("/proc").glob("[0-9]*/task/*/comm"):
        try:
            if comm.read_text().strip() == name and _state(comm.parent) not in "ZX":
                found.add(int(comm.parts[2]))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return sorted(found)


def _state(task: Path) -> str:
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


def _appeared(path: Path) -> Path:
    end_at = time.monotonic() + STARTED_SECONDS_MAX
    while not path.exists():
        assert time.monotonic() < end_at, "the step told no time"
        time.sleep(0.001)
    return path


ORDERS = {function.__name__: function for function in (start, rate, firsts, resist, stop)}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
    os._exit(0)  # a thread that ignores its cancel would keep the process
