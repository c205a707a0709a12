"""Events of a run: everything once, in order, resumed after any of them; ended by the run, the client or the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from procession.api.nouns import events
from procession.door.following import Watch
from procession.model.ids import DataStepId, RunId
from procession.model.runs import HistoryKind
from procession.store import history
from procession.store.step_logs import PIECE_BYTES
from tests.api.house import House
from tests.api.test_steps import log_path, try_again
from tests.programs import Client, Running, command, serving, sign_in

PROCESS = """
process: Talk
groups:
  - group: All
    steps:
      - action: run_python
        name: First
        key: first
        with:
          code: |
            import os, time
            print("one")
            progress(0.5, "half of it")
            print("two", flush=True)
            while not os.path.exists(GATE):
                time.sleep(0.01)
            print("three")
      - action: run_python
        name: Second
        key: second
        with:
          code: |
            print("ä" * 200_000, flush=True)
            print("end without a line break", end="")
"""


@dataclass(frozen=True, slots=True)
class Seen:
    id: str
    name: str
    data: Any


def parse(lines: Iterator[str]) -> Iterator[Seen]:
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":") or line.startswith("retry:"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Seen(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
            fields = {}


def replayed(home: House, run: str, **headers: str) -> list[Seen]:
    answer = home.ask("GET", f"processruns/{run}/events", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
    assert answer.text.startswith("retry: 1000\n\n")
    return list(parse(iter(answer.text.split("\n"))))


def test_a_run_that_is_over_is_told_from_its_beginning_to_its_end(home: House) -> None:
    run = home.new_run(start=True)
    home.take(run)
    home.finish(run)

    told = replayed(home, run)

    history = home.get(f"processruns/{run}/history")["events"]
    assert [{key: item.data[key] for key in history[0]} for item in told] == history
    assert replayed(home, run, **{"last-event-id": told[-1].id}) == []
    assert home.ask("GET", f"processruns/{run}/events?since={told[0].id}").text.count("event: ") == len(told) - 1


def test_what_a_try_wrote_is_told_before_its_end(home: House) -> None:
    run = home.new_run(start=True)
    home.take(run)
    for text in ("a" * 300_000 + "\n", "two\n", "three"):
        try_again(home, run)
        log_path(home, run).write_text(text)
    step = DataStepId.parse(home.step(run, "parameters"))
    detail, now = {"status": "Success"}, home.clock.now()
    home.database.write(lambda tx: history.append(tx, RunId.parse(run), HistoryKind.STEP, detail, now=now, step=step))
    home.finish(run)

    told = replayed(home, run)

    ends = next(place for place, item in enumerate(told) if item.data.get("detail") == {"status": "Success"})
    assert "".join(item.data["text"] for item in told[:ends] if item.name == "log") == "a" * 300_000 + "\ntwo\nthree"
    for place, item in enumerate(told):
        rest = replayed(home, run, **{"last-event-id": item.id})
        assert [later.data for later in rest] == [later.data for later in told[place + 1 :]]


def test_blanks_behind_a_header_do_not_count(home: House) -> None:
    run = home.new_run(start=True)
    home.take(run)
    home.finish(run)
    told = replayed(home, run)

    assert replayed(home, run, **{"last-event-id": f"{told[0].id} \t"}) == told[1:]


@pytest.mark.parametrize("id", ["x", "1.2.3", "-1", "1.2.3-4-5", "9" * 16, "999.0", "0.0.999-1"])
def test_what_is_no_id_is_refused(home: House, id: str) -> None:
    run = home.new_run()

    answer = home.ask("GET", f"processruns/{run}/events", headers={"last-event-id": id})

    assert answer.status_code == 400
    assert "is not the id of an event" in answer.json()["message"]


def test_who_does_not_see_the_run_is_told_nothing(home: House) -> None:
    assert home.ask("GET", f"processruns/{home.new_run()}/events", who="stranger").status_code == 404


def test_a_stream_without_news_says_now_and_then_that_it_is_there() -> None:
    said: list[bytes] = []

    async def write(raw: bytes) -> None:
        said.append(raw)

    async def rest() -> tuple[float, float]:
        now = asyncio.get_running_loop().time()
        return now, await events._rest(Watch(news=asyncio.Event()), now - events.SILENCE_SECONDS, write)

    began, spoke = asyncio.run(rest())

    assert said == [b": still here\n\n"] and spoke >= began


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Client, Path]]:
    folder = tmp_path_factory.mktemp("events")
    seen = folder / "seen"  # a script sees of the machine what its operator calls libraries, and nothing else
    seen.mkdir(mode=0o755)
    gate, file = seen / "gate", folder / "talk.yaml"
    file.write_text(PROCESS.replace("GATE", repr(str(gate))))
    assert command(folder / "home", "apply", str(file)).code == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROCESSION_STEP_LIBRARIES", str(seen))
        with serving(folder / "home") as server:
            yield server, sign_in(folder / "home", server.address), gate


def open_stream(server: Running, client: Client, run: str, after: str = "") -> Any:
    headers = {"authorization": f"Bearer {client.token}", **({"last-event-id": after} if after else {})}
    return httpx2.stream("GET", f"{server.address}/api/v1/processruns/{run}/events", headers=headers, timeout=20)


def read(server: Running, client: Client, run: str, after: str = "") -> list[Seen]:
    """To the end of the stream, which is the end of the run."""
    with open_stream(server, client, run, after) as response:
        assert response.status_code == 200
        return list(parse(response.iter_lines()))


def log_of(told: list[Seen], step: str) -> str:
    return "".join(item.data["text"] for item in told if item.name == "log" and item.data["step"] == step)


def test_it_is_told_live_and_goes_on_after_every_event(at: tuple[Running, Client, Path]) -> None:
    server, client, gate = at
    gate.unlink(missing_ok=True)
    run = client.json("POST", "processes/p-1/processruns", {"start": True})["id"]
    told: list[Seen] = []
    with open_stream(server, client, run) as response:
        for item in parse(response.iter_lines()):
            told.append(item)
            if log_of(told, item.data.get("step") or "") == "one\ntwo\n" and not gate.exists():
                gate.touch()  # only who was told while the step ran gets here
    assert told[-1].name == "run"
    assert told[-1].data["status"] == "Finished"

    again = read(server, client, run)
    steps = {item["key"]: item["id"] for item in client.json("GET", f"processruns/{run}/steps?include=all")}
    for seen in (told, again):
        assert log_of(seen, steps["first"]) == "one\ntwo\nthree\n"
        log = client.ask("GET", f"processruns/{run}/steps/{steps['second']}/log").content.decode()
        assert log_of(seen, steps["second"]) == log
        assert log.startswith("ä" * 200_000)
    assert {"step": steps["first"], "fraction": 0.5, "message": "half of it"} in [
        item.data for item in told if item.name == "progress"
    ]
    assert PIECE_BYTES < 2 * 200_000  # the line is longer than what is read at a time
    goes_on_after_each(server, client, run, told)


def goes_on_after_each(server: Running, client: Client, run: str, told: list[Seen]) -> None:
    """Whatever was read last: the rest has every change and every byte of the logs, none of them twice."""
    whole = [item for item in told if item.name != "progress"]
    changes = [item.data for item in whole if item.name != "log"]
    logs = {step: log_of(whole, step) for step in {item.data["step"] for item in whole if item.name == "log"}}
    for place, item in enumerate(whole):
        both = whole[: place + 1] + read(server, client, run, item.id)
        assert [part.data for part in both if part.name != "log"] == changes
        assert {step: log_of(both, step) for step in logs} == logs


def test_a_restart_goes_on_where_the_first_attempt_ended(at: tuple[Running, Client, Path]) -> None:
    server, client, gate = at
    gate.touch()
    run = client.json("POST", "processes/p-1/processruns", {"start": True})["id"]
    first = read(server, client, run)
    step = next(item.data["step"] for item in first if item.name == "log" and item.data["text"].startswith("one"))
    client.json("POST", f"processruns/{run}/steps/{step}/restartfromhere")

    second = read(server, client, run, first[-1].id)

    assert [item.data["status"] for item in second if item.name == "run"] == ["Scheduled", "Running", "Finished"]
    assert {item.data["attempt"] for item in second if item.name == "run"} == {2}
    assert log_of(second, step) == "one\ntwo\nthree\n"
    assert [item.data for item in read(server, client, run) if item.name != "log"] == [
        item.data for item in first + second if item.name not in {"log", "progress"}
    ]


def test_the_server_ends_in_time_while_somebody_listens(tmp_path: Path) -> None:
    file = tmp_path / "talk.yaml"
    file.write_text(PROCESS.replace("GATE", repr(str(tmp_path / "gate"))))
    assert command(tmp_path / "home", "apply", str(file)).code == 0
    with serving(tmp_path / "home") as server:
        client = sign_in(tmp_path / "home", server.address)
        run = client.json("POST", "processes/p-1/processruns")["id"]
        with open_stream(server, client, run) as response:
            told = parse(response.iter_lines())
            assert next(told).data["status"] == "NotStarted"

            assert server.end() == 0
            with pytest.raises(httpx2.HTTPError):
                list(told)
