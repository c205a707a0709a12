"""A file is uploaded in chunks, out of order and one of them twice; another time without any; and some are given up."""

from __future__ import annotations

from functools import partial
from typing import Any

from procession.operations import uploads
from tests.crash.client import Client

OLD, YOUNG = b"what it was before", b"young"
PARTS = {1: b"one;" * 5_000, 2: b"two;" * 4_000, 3: b"three;" * 3_000}
NEW = PARTS[1] + PARTS[2] + PARTS[3]
EVEN = {1: b"even" * 5_000, 2: b"odd;" * 5_000, 3: b"last"}
FIRST_TRY = b"first try"
HOURS = 3_600


def script(client: Client) -> None:
    file = file_of_a_new_run(client)
    client.promise("file", partial(holds, client, file, b"", OLD))
    client.done("POST", f"files/{file}", files={"file": ("old.csv", OLD)})
    client.promise("file", partial(holds, client, file, OLD))
    _in_chunks(client, file)
    _of_one_size(client, file)
    _without_chunks(client, file)
    _given_up(client, file)


def file_of_a_new_run(client: Client) -> str:
    run = client.once("processes/p-1/processruns")["id"]
    step = client.done("GET", f"processruns/{run}/steps")[0]["id"]
    return str(client.done("GET", f"steps/{step}/properties")[2]["file"])


def _in_chunks(client: Client, file: str) -> None:
    session = client.twice(f"files/{file}/uploadsessions")["uploadSessionId"]
    _send(client, file, session, 3)
    _send(client, file, session, 1, FIRST_TRY)
    gap = client.ask("POST", f"files/{file}/uploadsessions/{session}/commit")
    assert (gap.status_code, "chunks are missing: 2" in gap.json()["message"]) == (400, True)
    _send(client, file, session, 2)
    _send(client, file, session, 1, before=FIRST_TRY)
    _commit(client, file, session, OLD, NEW)
    late = client.ask("POST", f"files/{file}/uploadsessions/{session}/chunks/2", files={"file": ("2", b"late")})
    assert late.status_code == 400


def _of_one_size(client: Client, file: str) -> None:
    """They are put at their places, and the commit copies nothing."""
    session = client.twice(f"files/{file}/uploadsessions")["uploadSessionId"]
    for number, data in EVEN.items():
        _send(client, file, session, number, data)
    _commit(client, file, session, NEW, b"".join(EVEN.values()))


def _send(
    client: Client, file: str, session: str, number: int, data: bytes | None = None, *, before: bytes | None = None
) -> None:
    """What is acknowledged is on disk, and this client never sends it again."""
    data = PARTS[number] if data is None else data
    if before is not None:
        client.promise(f"chunk {number}", partial(_is_kept, client, session, number, before, data))
    path = f"files/{file}/uploadsessions/{session}/chunks/{number}"
    client.done("POST", path, files={"file": (f"new_{number}.csv", data)})
    client.promise(f"chunk {number}", partial(_is_kept, client, session, number, data))


def _is_kept(client: Client, session: str, number: int, *contents: bytes) -> None:
    sql = "SELECT stored_as, size FROM upload_chunk WHERE session_id = ? AND number = ?"
    [(name, size)] = client.rows(sql, session, number)
    token, _, offset = name.partition("@")
    kept = (client.home / "uploads" / session / ("whole" if offset else token)).read_bytes()
    assert kept[int(offset or 0) :][:size] in contents


def _commit(client: Client, file: str, session: str, before: bytes, after: bytes) -> None:
    """The file is the one or the other, and then the other; a commit sent again changes nothing."""
    client.forget(*(f"chunk {number}" for number in PARTS))
    client.promise("file", partial(holds, client, file, before, after))
    path = f"files/{file}/uploadsessions/{session}/commit"
    first: Any = client.done("POST", path)
    assert first["sizeInBytes"] == len(after)
    client.promise("file", partial(holds, client, file, after))
    assert client.done("POST", path) == first


def holds(client: Client, file: str, *contents: bytes) -> None:
    answer = client.look(f"files/{file}")
    assert (answer.content if answer.status_code == 200 else b"") in contents


def _without_chunks(client: Client, file: str) -> None:
    """Begun without a key: a session whose answer was lost is left to the clean-up."""
    session = client.done("POST", f"files/{file}/uploadsessions")["uploadSessionId"]
    _commit(client, file, session, b"".join(EVEN.values()), b"")


def _given_up(client: Client, file: str) -> None:
    """What is a day old goes with its bytes, and nothing else."""
    old = client.once(f"files/{file}/uploadsessions")["uploadSessionId"]
    _send(client, file, old, 3)
    client.house.clock.advance(23 * HOURS)
    young = client.once(f"files/{file}/uploadsessions")["uploadSessionId"]
    _send(client, file, young, 1, YOUNG)
    client.house.clock.advance(HOURS + 1)
    client.forget("chunk 3")
    client.act("tidy", partial(_tidy, client))
    client.promise("gone", partial(_is_gone, client, old))
    assert client.ask("POST", f"files/{file}/uploadsessions/{old}/commit").status_code == 404
    _commit(client, file, young, b"", YOUNG)


def _tidy(client: Client) -> None:
    house = client.house
    while uploads.tidy(house.database, house.resources.chunks, house.clock.now()):
        pass


def _is_gone(client: Client, session: str) -> None:
    assert client.rows("SELECT 1 FROM upload_session WHERE id = ?", session) == []
    assert not (client.home / "uploads" / session).exists()
