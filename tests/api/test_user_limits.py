"""What one user may have open, create and keep under way: the next is refused in words, and everybody else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.clock import ManualClock
from procession.door.limits import UserLimits
from procession.model.errors import ProcessionError
from procession.model.ids import UserId
from tests.api.house import House, house
from tests.api.test_files import file_of
from tests.api.test_upload_sessions import begin, commit, on_disk, place
from tests.api.test_watching import ENDS, Listener
from tests.support import PATIENCE_SECONDS

LIMITS = UserLimits(streams_max=2, new_runs_max=3, uploads_max=2, upload_bytes_max=1_000)


@pytest.fixture
def home(tmp_path: Path, clock: ManualClock) -> Iterator[House]:
    with house(tmp_path, clock, limits=LIMITS) as made:
        yield made


class Client(Listener):
    """One that hangs up when it is told to, and may have a connection that breaks."""

    is_broken = False

    def __init__(self, home: House, path: str, query: str = "", *, who: str = "owner") -> None:
        super().__init__(home, path, query, who=who)
        self.hangs_up = asyncio.Event()

    async def _receive(self) -> Any:
        await self.hangs_up.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await super()._send(message)
        if self.is_broken:
            raise OSError("broken pipe")


async def opened(home: House, path: str, query: str = "", **more: Any) -> tuple[Client, asyncio.Task[None]]:
    """A stream or long poll that waits for news."""
    client, heard = Client(home, path, query, **more), asyncio.Event()
    listen = home.announcements.listen

    def noticed(*args: Any, **more: Any) -> Any:
        heard.set()
        return listen(*args, **more)

    home.announcements.listen = noticed  # type: ignore[method-assign]
    task = asyncio.create_task(client.ask())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await heard.wait()
    home.announcements.listen = listen  # type: ignore[method-assign]
    return client, task


def lasting(home: House) -> dict[str, tuple[str, str]]:
    run = home.new_run(start=True)
    home.take(run)
    step = home.step(run, "parameters")
    return {
        "poll": (f"processruns/{run}/runstatus", "since=99&wait=60"),
        "events": (f"processruns/{run}/events", ""),
        "log": (f"processruns/{run}/steps/{step}/log", "follow=1"),
    }


@pytest.mark.parametrize("kind", ["poll", "events", "log"])
def test_one_stream_too_many_is_refused_to_its_user_alone(home: House, kind: str) -> None:
    path, query = lasting(home)[kind]

    async def ask() -> tuple[Any, Client]:
        tasks = [(await opened(home, path, query))[1] for _ in range(LIMITS.streams_max)]
        answer = await home.ask_async("GET", f"{path}?{query}")
        other, task = await opened(home, path, query, who="reader")
        for waiting in (*tasks, task):
            waiting.cancel()
        await asyncio.wait([*tasks, task])
        return answer, other

    answer, other = asyncio.run(ask())

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "5"
    assert set(answer.json()) == {"message", "supportId"}
    assert "you have 2 streams and long polls open" in answer.json()["message"]
    assert all(message.get("status", 200) == 200 for message in other.sent)


def streams(home: House) -> dict[UserId, int]:
    found: dict[UserId, int] = home.app._server.limits._streams
    return found


async def end_by(how: str, home: House, client: Client, task: asyncio.Task[None]) -> None:
    if how == "hang-up":
        client.hangs_up.set()
    elif how == "cancel":
        task.cancel()
    else:
        home.database.write(lambda tx: ENDS["permission"](tx, home))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.wait({task})


@pytest.mark.parametrize("kind", ["poll", "events", "log"])
@pytest.mark.parametrize("how", ["hang-up", "cancel", "right"])
def test_a_place_is_free_again_however_a_stream_ends(home: House, kind: str, how: str) -> None:
    path, query = lasting(home)[kind]

    async def ask() -> dict[UserId, int]:
        for _ in range(LIMITS.streams_max):
            client, task = await opened(home, path, query, who="reader")
            await end_by(how, home, client, task)
            if how == "right":
                break
        return streams(home)

    assert asyncio.run(ask()) == {}


def test_a_place_is_free_again_when_a_stream_breaks(home: House) -> None:
    path, query = lasting(home)["events"]

    async def ask() -> dict[UserId, int]:
        client = Client(home, path, query)
        client.is_broken = True
        with pytest.raises(ProcessionError):
            await client.ask()
        return streams(home)

    assert asyncio.run(ask()) == {}


def test_a_status_that_is_told_at_once_needs_no_place(home: House) -> None:
    path, query = lasting(home)["poll"]

    async def ask() -> int:
        tasks = [(await opened(home, path, query))[1] for _ in range(LIMITS.streams_max)]
        answer = await home.ask_async("GET", path)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return answer.status_code

    assert asyncio.run(ask()) == 200


def create(home: House, who: str = "owner", **body: Any) -> Any:
    return home.ask("POST", f"processes/{home.process}/processruns", who=who, json=body)


def test_runs_created_in_a_minute_are_limited_for_each_user(home: House, clock: ManualClock) -> None:
    made = [create(home).status_code for _ in range(LIMITS.new_runs_max)]

    refused = create(home)

    assert made == [200, 200, 200]
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert refused.json()["message"] == "you may create 3 runs a minute; try again in 60 s"
    assert len(home.get("processruns")) == LIMITS.new_runs_max
    assert create(home, who="mate").status_code == 200
    clock.advance(61)
    assert create(home).status_code == 200


def test_a_run_that_was_refused_does_not_count(home: House) -> None:
    for _ in range(2 * LIMITS.new_runs_max):
        assert create(home, inputs={"no.such": 1}).status_code == 400

    assert create(home).status_code == 200


def test_a_creation_sent_again_under_its_key_does_not_count(home: House) -> None:
    headers = {"idempotency-key": "one"}

    told = [
        home.ask("POST", f"processes/{home.process}/processruns", json={}, headers=headers).json()["id"]
        for _ in range(2 * LIMITS.new_runs_max)
    ]

    assert len(set(told)) == 1
    assert [create(home).status_code for _ in range(3)] == [200, 200, 429]


@pytest.fixture
def file(home: House) -> str:
    return file_of(home, home.new_run())


def chunk(home: House, file: str, session: str, number: int, size_bytes: int) -> Any:
    return home.ask("POST", place(file, session, number), files={"file": ("a.csv", b"x" * size_bytes)})


def test_the_chunks_of_a_user_s_open_uploads_are_limited_together(home: House, file: str) -> None:
    one, two = begin(home, file), begin(home, file)
    assert chunk(home, file, one, 1, 600).status_code == 200

    refused = chunk(home, file, two, 1, 500)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert "may have 1,000 bytes together; finish some" in refused.json()["message"]
    assert chunk(home, file, two, 1, 400).status_code == 200
    assert chunk(home, file, two, 2, 1).status_code == 429
    assert sorted(path.stat().st_size for path in on_disk(home)) == [400, 600]


def test_a_chunk_that_is_replaced_and_an_upload_that_is_committed_make_room(home: House, file: str) -> None:
    session = begin(home, file)
    for size in (1_000, 1_000, 300):
        assert chunk(home, file, session, 1, size).status_code == 200
    assert chunk(home, file, session, 2, 700).status_code == 200
    commit(home, file, session)

    assert chunk(home, file, begin(home, file), 1, 1_000).status_code == 200


def test_others_upload_while_one_user_has_no_room(home: House, file: str) -> None:
    assert chunk(home, file, begin(home, file), 1, 1_000).status_code == 200
    session = home.post(f"files/{file}/uploadsessions", who="mate")["uploadSessionId"]

    answer = home.ask("POST", place(file, session, 1), who="mate", files={"file": ("a.csv", b"x" * 1_000)})

    assert answer.status_code == 200


def test_a_chunk_that_says_that_it_is_too_much_is_refused_before_its_bytes(home: House, file: str) -> None:
    session = begin(home, file)
    assert chunk(home, file, session, 1, 999).status_code == 200
    client = Client(home, place(file, session, 2))
    client._head["method"] = "POST"
    client._head["headers"] += [
        (b"content-length", b"2000000"),
        (b"content-type", b"multipart/form-data; boundary=b"),
    ]

    asyncio.run(client.ask())

    assert client.sent[0]["status"] == 413


def test_the_next_open_upload_is_refused_in_words(home: House, file: str) -> None:
    for _ in range(LIMITS.uploads_max):
        begin(home, file)

    answer = home.ask("POST", f"files/{file}/uploadsessions")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert answer.json()["message"].startswith("you have 2 upload sessions open; finish some")


def test_an_upload_that_is_more_than_a_user_may_have_is_too_large_by_itself(home: House, file: str) -> None:
    """Coming again would not help."""
    answers = [
        home.ask("POST", f"files/{file}", files={"file": ("a.csv", b"x" * 1_001)}),
        chunk(home, file, begin(home, file), 1, 1_001),
    ]

    assert [answer.status_code for answer in answers] == [413, 413]
    assert "this one has more by itself" in answers[0].json()["message"]
    assert home.app._server.context.arriving._bytes == {}


def test_whole_files_count_while_they_arrive_and_no_longer(home: House, file: str) -> None:
    """Two at the same time would be more than the user may have; one after the other they are not."""

    def send(who: str) -> int:
        return home.ask("POST", f"files/{file}", who=who, files={"file": ("a.csv", b"x" * 700)}).status_code

    with home.app._server.context.arriving.upload(home.users["owner"].id, kept_bytes=0) as arrival:
        arrival.add(700)
        meanwhile = send("owner"), send("mate")

    assert meanwhile == (429, 200)
    assert [send("owner"), send("owner")] == [200, 200]


def test_chunks_that_are_not_committed_leave_a_whole_file_no_room(home: House, file: str) -> None:
    assert chunk(home, file, begin(home, file), 1, 600).status_code == 200

    refused = home.ask("POST", f"files/{file}", files={"file": ("a.csv", b"x" * 500)})

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert home.ask("POST", f"files/{file}", files={"file": ("a.csv", b"x" * 400)}).status_code == 200
