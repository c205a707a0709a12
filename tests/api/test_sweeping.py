"""Contents and logs that no row names go while the server works, and nothing else does."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from procession import leases
from procession.operations import sweeping
from procession.operations.sweeping import Sweep, Sweeper
from procession.store import identity
from procession.store.database import Rider, Task, Transaction
from tests.api.house import House
from tests.support import wait_until

HOUR, DAY = 3_600.0, 86_400.0
PARTS = 256
NOBODY = cast(Rider, None)


@pytest.fixture
def file(home: House) -> str:
    run = home.new_run()
    return str(home.get(f"steps/{home.step(run, 'parameters')}/properties")[2]["file"])


def fill(home: House, file: str, data: bytes) -> None:
    home.renew_tokens()
    home.post(f"files/{file}", files={"file": ("orders.csv", data)})


def kept(home: House) -> int:
    return len(home.resources.blobs.stored())


def leave(home: House, data: bytes) -> str:
    """A content whose row was never written, as a crash leaves it."""
    sink = home.resources.blobs.sink()
    sink.write(data)
    return sink.finish().sha256


def sweeper(home: House, finished: Callable[[object], object] = id) -> Sweeper:
    lease = partial(leases.hold, folder(home), leases.SWEEP, alone=True)
    return Sweeper(home.database, home.resources, lease=lease, finished=finished)


def folder(home: House) -> Path:
    return Path(home.database.path).parent


def round_of(home: House, made: Sweeper | None = None) -> None:
    made = made or sweeper(home)
    for _ in range(PARTS + 1):
        made.tick()


def test_uploads_that_were_replaced_go_after_a_day(home: House, file: str) -> None:
    for number in range(20):
        fill(home, file, f"version {number}".encode())
    round_of(home)
    home.clock.advance(DAY - HOUR)
    round_of(home)
    assert kept(home) == 20

    home.clock.advance(2 * HOUR)
    round_of(home)

    assert kept(home) == 1
    home.renew_tokens()
    assert home.ask("GET", f"files/{file}").content == b"version 19"


def test_a_wall_clock_that_is_set_a_year_ahead_makes_no_content_old(home: House) -> None:
    leave(home, b"its row comes soon")

    home.clock.jump(365 * DAY)
    leave(home, b"so does this one's")
    round_of(home)
    assert kept(home) == 2
    home.clock.jump(-730 * DAY)
    round_of(home)
    assert kept(home) == 2

    home.clock.advance(DAY + HOUR)
    round_of(home)
    assert kept(home) == 0


def test_what_is_uploaded_again_while_it_is_swept_stays(home: House, file: str) -> None:
    """It was listed as unused, and a day old; then the same bytes come once more, and their row is not written yet."""
    sha256 = leave(home, b"orders")
    home.clock.advance(DAY + HOUR)
    before, asked = sweeping.limit(home.resources.home_clock), []

    def is_named(name: str) -> bool:
        asked.append(name)
        return False

    leave(home, b"orders")
    assert home.resources.blobs.drop(sha256, before=before, is_named=is_named) is None
    round_of(home)
    fill(home, file, b"orders")
    home.clock.advance(DAY + HOUR)
    round_of(home)

    assert asked == []
    home.renew_tokens()
    assert home.ask("GET", f"files/{file}").content == b"orders"


def test_nothing_goes_while_the_end_of_a_step_waits_for_room(home: House, file: str) -> None:
    """Its output was published a day ago; the row that names it is in memory since, because the disk was full."""
    sha256 = leave(home, b"output")
    home.clock.advance(DAY + HOUR)
    commits = home.database.drive(lambda: None, NOBODY)

    def end(tx: Transaction) -> None:
        tx.run("UPDATE file SET sha256 = ?, size = 6 WHERE id = ?", sha256, int(file.removeprefix("f-")))
        tx.run(
            "INSERT INTO property_write (property_id, attempt, file_name, written_at)"
            " VALUES (1, 1, hex(zeroblob(1000000)), 0)"
        )

    home.database.release()
    allow_pages(home, 1)  # SQLite takes it for the present number
    commits.add(Task(end, None, must_be_written=True))
    round_of(home)
    assert home.resources.blobs.stored() == {sha256}

    allow_pages(home, 2**30)
    wait_until(lambda: not home.database.write(home.database.owes))
    round_of(home)

    home.renew_tokens()
    assert home.get(f"files/{file}/metadata")["sizeInBytes"] == 6
    assert home.resources.blobs.stored() == {sha256}


def allow_pages(home: House, count: int) -> None:
    home.database.write(lambda tx: tx.all(f"PRAGMA max_page_count = {count}"))


def test_a_backup_is_waited_for(home: House) -> None:
    leave(home, b"read by the backup")
    home.clock.advance(DAY + HOUR)
    with leases.hold(folder(home), leases.SWEEP) as is_free:
        round_of(home)
    assert (is_free, kept(home)) == (True, 1)

    round_of(home)

    assert kept(home) == 0


def test_a_copy_removes_nothing_until_it_is_adopted(home: House) -> None:
    """Its folder of contents may be the original's, whose rows it does not see."""
    leave(home, b"of the original")
    home.clock.advance(DAY + HOUR)
    home.database.write(lambda tx: tx.run("UPDATE home SET original_id = 'a', original_path = '/a'"))
    round_of(home)
    assert kept(home) == 1

    home.database.write(identity.adopt)
    round_of(home)

    assert kept(home) == 0


def test_a_tick_removes_a_bounded_number_and_the_next_goes_on(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    of_one_part = (str(number).encode() for number in range(5_000))
    for data in [data for data in of_one_part if hashlib.sha256(data).hexdigest().startswith("00")][:5]:
        leave(home, data)
    home.clock.advance(DAY + HOUR)
    monkeypatch.setattr(sweeping, "REMOVED_AT_ONCE_MAX", 2)
    made = sweeper(home)

    counts = []
    for _ in range(PARTS + 2):
        made.tick()
        counts.append(kept(home))

    assert sorted(set(counts)) == [0, 1, 3, 5]


def test_a_round_is_told_when_it_is_over(home: House) -> None:
    told: list[object] = []
    made = sweeper(home, finished=told.append)
    for _ in range(PARTS - 1):
        made.tick()
    assert told == []

    made.tick()

    assert told == [home.resources.home_clock.least()]


def test_the_log_of_an_attempt_that_is_gone_goes_and_others_stay(home: House) -> None:
    run = home.new_run(start=True)
    home.take(run)
    home.resources.step_logs.append(1, b"still there\n")
    home.resources.step_logs.append(7, b"pruned\n")
    home.resources.step_logs.append(12_345, b"pruned\n")

    made = sweeper(home)
    for _ in range(PARTS + 3):
        made.tick()

    assert home.resources.step_logs.read(1, 0) == b"still there\n"
    assert (home.resources.step_logs.size_bytes(7), home.resources.step_logs.size_bytes(12_345)) == (0, 0)


def test_a_tick_takes_no_longer_where_there_are_twice_as_many_contents(home: House) -> None:
    """The other parts are not looked at: neither on the disk nor in the database."""

    def cost() -> float:
        sweep = Sweep(
            database=home.database,
            blobs=home.resources.blobs,
            step_logs=home.resources.step_logs,
            before=sweeping.limit(home.resources.home_clock),
        )
        begin = time.thread_time()
        for _ in range(20):
            sweep.contents("00")
        return time.thread_time() - begin

    def grow(tx: Transaction) -> None:
        # None of them begins with 00.
        tx.run(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO"
            " property_write (property_id, attempt, sha256, size, written_at)"
            " SELECT 1, 1, printf('f%063x', i), 1, 0 FROM n"
        )

    cost()
    first = min(cost() for _ in range(3))
    home.database.write(grow)

    assert min(cost() for _ in range(3)) < 2.5 * first
