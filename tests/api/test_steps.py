"""Properties, and the logs of steps, through the API."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from procession.model.ids import RunId
from procession.store import history, runs
from procession.store.step_log_folder import StepLogFolder
from tests.api.house import PROCESS, House
from tests.support import PATIENCE_SECONDS


def test_an_input_is_changed_until_the_start(home: House) -> None:
    run = home.new_run()
    step = home.step(run, "parameters")
    path = f"steps/{step}/properties/{home.get(f'steps/{step}/properties')[0]['id']}"

    changed = home.post(path, json={"value": "12"})
    home.post(f"processruns/{run}/start")
    refused = home.ask("POST", path, json={"value": 13})

    assert (changed["value"], changed["mouseOverText"], home.get(path)["value"]) == (12, "how much", 12)
    assert (refused.status_code, "frozen when it started" in refused.json()["message"]) == (400, True)


def test_a_whole_property_can_be_read_and_posted_back(home: House) -> None:
    step = home.step(home.new_run(), "parameters")
    for item in home.get(f"steps/{step}/properties"):
        answer = home.post(f"steps/{step}/properties/{item['id']}", json=item)

        assert {key: answer[key] for key in item} == item


def test_a_changed_property_of_a_process_is_its_next_version(home: House) -> None:
    step = home.get("processes/p-1/steps")[0]["id"]
    item = home.get(f"steps/{step}/properties")[0]
    run = home.new_run()

    home.post(f"steps/{step}/properties/{item['id']}", json={"value": 99})

    assert [row["version"] for row in home.get("processes/p-1/versions")] == [2, 1]
    assert home.get(f"steps/{home.step(run, 'parameters')}/properties")[0]["value"] == 10
    assert home.get(f"steps/{home.step(home.new_run(), 'parameters')}/properties")[0]["value"] == 99
    assert "value: 99" in home.ask("GET", "processes/p-1/definition").text


def test_the_same_file_again_is_no_new_version(home: House) -> None:
    home.ask("PUT", "processes/p-1/definition", content=PROCESS + "\n# a remark\n")

    assert len(home.get("processes/p-1/versions")) == 1
    assert home.ask("GET", "processes/p-1/definition").text == PROCESS


def test_every_version_of_a_process_file_can_be_read_as_it_was_applied(home: House) -> None:
    step = home.get(f"processes/{home.process}/steps")[0]["id"]
    item = home.get(f"steps/{step}/properties")[0]["id"]
    commented = PROCESS + "# the auditor agreed\n"
    home.ask("PUT", "processes/p-1/definition", content=commented.replace("value: 10}", "value: 11}"))
    home.post(f"steps/{step}/properties/{item}", json={"value": 12})

    texts = [home.ask("GET", f"processes/p-1/definition?version={number}").text for number in (1, 2, 3)]

    assert texts[0] == PROCESS and texts[1].endswith("# the auditor agreed\n") and "value: 12" in texts[2]
    assert "it has 1 to 3" in home.ask("GET", "processes/p-1/definition?version=4").json()["message"]


def test_a_definition_is_json_for_who_asks_for_it(home: House) -> None:
    answer = home.ask("GET", "processes/p-1/definition", headers={"accept": "application/json"})

    assert answer.json()["process"] == "Month end"


def log_path(home: House, run: str) -> Path:
    with home.database.read() as tx:
        attempt = history.attempts_of_run(tx, RunId.parse(run))[-1].id
    path = StepLogFolder(home.database.path.parent / "logs").path(attempt)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_a_log_is_read_whole_and_by_range(home: House) -> None:
    run = home.new_run(start=True)
    path = f"processruns/{run}/steps/{home.step(run, 'parameters')}/log"
    assert home.ask("GET", path).text == ""
    home.take(run)
    log_path(home, run).write_text("one\ntwo\n")

    whole, part = home.ask("GET", path), home.ask("GET", path, headers={"range": "bytes=4-"})

    assert (whole.text, whole.headers["content-type"]) == ("one\ntwo\n", "text/plain; charset=utf-8")
    assert (part.status_code, part.text) == (206, "two\n")
    assert home.ask("GET", path + "?attempt=2").status_code == 400


def test_a_followed_log_ends_with_its_step(home: House) -> None:
    run = home.new_run(start=True)
    path = f"processruns/{run}/steps/{home.step(run, 'parameters')}/log?follow"
    home.take(run)
    log = log_path(home, run)
    log.write_text("one\n")

    async def follow_and_finish() -> str:
        following = asyncio.create_task(home.ask_async("GET", path))
        await home.ask_async("GET", path.removesuffix("?follow"))
        with log.open("a") as file:
            file.write("two\n")
        await asyncio.to_thread(home.finish, run)
        home.announcements.ring(RunId.parse(run))
        return (await asyncio.wait_for(following, PATIENCE_SECONDS)).text

    assert asyncio.run(follow_and_finish()) == "one\ntwo\n"


def test_tries_that_begin_and_end_between_two_looks_are_followed_whole(home: House) -> None:
    run = home.new_run(start=True)
    home.take(run)
    first = log_path(home, run)
    first.write_text("one\n")

    path = f"/api/v1/processruns/{run}/steps/{home.step(run, 'parameters')}/log"

    async def follow() -> bytes:
        said, heard = bytearray(), asyncio.Event()

        async def send(message: Any) -> None:
            said.extend(message.get("body", b""))
            heard.set()

        scope = {"type": "http", "method": "GET", "scheme": "http", "path": path, "query_string": b"follow=1",
                 "headers": [(b"authorization", b"Bearer owner")]}  # fmt: skip
        following = asyncio.create_task(home.app(scope, asyncio.Event().wait, send))
        while not said:
            await asyncio.wait_for(heard.wait(), PATIENCE_SECONDS)
            heard.clear()
        with first.open("a") as file:
            file.write("two\n")
        for text in ("three\n", "four\n"):
            try_again(home, run)
            log_path(home, run).write_text(text)
        home.finish(run)
        await asyncio.wait_for(following, PATIENCE_SECONDS)
        return bytes(said)

    assert asyncio.run(follow()) == b"one\ntwo\nthree\nfour\n"


def try_again(home: House, run: str) -> None:
    with home.database.read() as tx:
        last = history.attempts_of_run(tx, RunId.parse(run))[-1]
        found = runs.find(tx, RunId.parse(run))
    assert found is not None
    again = history.NewAttempt(
        run=found.id,
        step=last.step,
        attempt=last.attempt,
        number=last.number + 1,
        epoch=found.epoch,
        pid=1,
        started_ticks=1,
        boot_id="boot",
    )
    home.database.write(lambda tx: history.add_attempt(tx, again, home.clock.now()))


def properties_of_process(home: House) -> dict[str, str]:
    """Where each is, by its name."""
    step = home.get(f"processes/{home.process}/steps")[0]["id"]
    path = f"steps/{step}/properties"
    return {item["name"]: f"{path}/{item['id']}" for item in home.get(path)}


def test_changes_of_a_process_at_the_same_time_are_all_kept(home: House) -> None:
    """Each is a version made of the one before: what was prepared for an older one is prepared again."""
    paths = properties_of_process(home)
    wishes = [(paths["Amount"], {"mouseoverText": f"{n}"}) for n in range(4)] + [
        (paths["Limit"], {"decimalPoints": 3}),
        (paths["Orders"], {"name": "All orders"}),
        (paths["Report"], {"mouseoverText": "what came of it"}),
    ]

    async def all_of_them() -> list[int]:
        work = (home.ask_async("POST", path, json=body) for path, body in wishes)
        return [answer.status_code for answer in await asyncio.gather(*work)]

    assert asyncio.run(all_of_them()) == [200] * 7
    assert len(home.get(f"processes/{home.process}/versions")) == 1 + 7
    assert home.get(paths["Limit"])["decimalPoints"] == 3
    assert "All orders" in properties_of_process(home)
    assert home.get(paths["Report"])["mouseoverText"] == "what came of it"


def test_a_change_of_a_large_process_holds_up_nobodys_commit(home: House) -> None:
    """It is read again as a file is, which takes a second: in another thread than the one that commits."""
    items = "\n".join(f"          - {{name: P{n}, key: p{n}, type: Number, flow: INPUT}}" for n in range(200))
    steps = "".join(f"      - data: D{n}\n        properties:\n{items}\n" for n in range(5))
    text = f"process: Large\ngroups:\n  - group: A\n    steps:\n{steps}"
    home.process = str(home.post("processes", content=text)["id"])
    path = properties_of_process(home)["P7"]

    def committing() -> float:
        return home.database.write(lambda tx: time.thread_time())

    before, all_before = committing(), time.process_time()
    home.post(path, json={"value": 7})

    assert committing() - before < (time.process_time() - all_before) / 3
    assert home.get(path)["value"] == 7
