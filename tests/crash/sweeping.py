"""A file is filled again and again, and what it was is swept a day later; one of the earlier contents comes back before."""

from __future__ import annotations

from functools import partial

from procession import leases
from procession.operations.sweeping import Sweeper
from tests.crash.client import Client
from tests.crash.uploads import HOURS, file_of_a_new_run, holds

FIRST, SECOND, THIRD = b"first", b"second", b"third"
TICKS = 256 + 1


def script(client: Client) -> None:
    file = file_of_a_new_run(client)
    _fill(client, file, b"", FIRST)
    _fill(client, file, FIRST, SECOND)
    client.house.clock.advance(25 * HOURS)
    _fill(client, file, SECOND, THIRD)
    client.act("sweep", partial(_sweep, client))
    client.promise("swept", partial(_are_there, client, SECOND, THIRD))
    _fill(client, file, THIRD, FIRST)
    client.house.clock.advance(25 * HOURS)
    client.act("sweep", partial(_sweep, client))
    client.promise("swept", partial(_are_there, client, FIRST))


def _fill(client: Client, file: str, before: bytes, after: bytes) -> None:
    client.forget("swept")
    client.promise("file", partial(holds, client, file, before, after))
    client.done("POST", f"files/{file}", files={"file": ("a.csv", after)})
    client.promise("file", partial(holds, client, file, after))


def _sweep(client: Client) -> None:
    house = client.house
    sweeper = Sweeper(
        house.database,
        house.resources,
        lease=partial(leases.hold, client.home, leases.SWEEP, alone=True),
        finished=lambda _: None,
        crash_point=house.crash_point,
    )
    for _ in range(TICKS):
        sweeper.tick()


def _are_there(client: Client, *contents: bytes) -> None:
    stored = client.house.resources.blobs.stored()
    found = {b"".join(client.house.resources.blobs.read(sha256)) for sha256 in stored}
    assert found & {FIRST, SECOND, THIRD} == set(contents)
