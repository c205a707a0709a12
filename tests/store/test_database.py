"""What every database behind the port keeps: batches, refusals without a trace, callbacks, parts, and what it refuses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import pytest

from procession.model.errors import Invalid, Unavailable
from procession.model.ids import RunId
from procession.store.database import Commits, Database, Task, Transaction
from tests.store.conftest import Opened

ADD = "INSERT INTO word (text) VALUES (?)"


def add(db: Database, text: str | None) -> Future[int]:
    return db.submit(lambda tx: tx.run(ADD, text))


def words(db: Database) -> list[str]:
    with db.read() as tx:
        return [row[0] for row in tx.all("SELECT text FROM word ORDER BY id")]


def held(db: Database) -> threading.Event:
    """Keep whoever commits busy, so that what follows is one batch."""
    began, go_on = threading.Event(), threading.Event()

    def hold(tx: Transaction) -> None:
        began.set()
        go_on.wait(10)

    db.submit(hold)
    assert began.wait(5)
    return go_on


def test_a_bad_operation_does_not_spoil_its_batch(opened: Opened) -> None:
    go_on = held(opened.db)
    good, bad, twice, last = (add(opened.db, text) for text in ("good", None, "good", "last"))
    go_on.set()

    assert (good.result(5), last.result(5)) == (1, 1)
    assert bad.exception(5) is not None
    assert twice.exception(5) is not None
    assert words(opened.db) == ["good", "last"]


def test_nobody_stumbles_over_who_asked_and_has_gone(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    go_on = held(opened.db)
    gone, last = add(opened.db, "gone"), add(opened.db, "last")
    assert gone.cancel()
    go_on.set()

    assert last.result(5) == 1
    assert caplog.records == []


def test_an_operation_that_fails_halfway_leaves_no_trace_and_calls_nobody(opened: Opened) -> None:
    called: list[str] = []

    def half(tx: Transaction) -> None:
        tx.run(ADD, "half")
        tx.after_commit(partial(called.append, "half"))
        tx.look(RunId(1))
        raise ValueError("no")

    def whole(tx: Transaction) -> None:
        tx.run(ADD, "whole")
        tx.after_commit(partial(called.append, "whole"))
        tx.look(RunId(2))

    looked: list[RunId] = []
    opened.db.on_look(looked.append)
    go_on = held(opened.db)
    first, second, third = opened.db.submit(half), opened.db.submit(whole), add(opened.db, "third")
    go_on.set()
    second.result(5), third.result(5)

    assert isinstance(first.exception(5), ValueError)
    assert words(opened.db) == ["whole", "third"]
    opened.db.write(lambda tx: None)
    assert (called, looked) == (["whole"], [RunId(2)])


def test_what_is_queued_together_is_one_commit(opened: Opened) -> None:
    go_on = held(opened.db)
    futures = [add(opened.db, str(number)) for number in range(100)]
    go_on.set()
    for future in futures:
        future.result(5)

    assert opened.points == ["before commit", "after commit"] * 2


def test_operations_take_effect_in_the_order_of_their_submission(opened: Opened) -> None:
    futures = [add(opened.db, str(number)) for number in range(300)]
    for future in futures:
        future.result(5)

    assert words(opened.db) == [str(number) for number in range(300)]


def test_a_callback_is_called_after_the_commit_and_its_fault_harms_nobody(opened: Opened) -> None:
    seen: list[list[str]] = []

    def fail() -> None:
        raise ValueError("nobody hears")

    def operation(tx: Transaction) -> str:
        tx.run(ADD, "a")
        tx.after_commit(fail)
        tx.after_commit(lambda: seen.append(words(opened.db)))
        return "done"

    assert opened.db.write(operation) == "done"
    assert seen == [["a"]]


def test_a_part_that_is_refused_leaves_the_rest(opened: Opened) -> None:
    def refused(tx: Transaction) -> None:
        with tx.part():
            tx.run(ADD, "inside")
            raise ValueError("no")

    def operation(tx: Transaction) -> None:
        tx.run(ADD, "before")
        with pytest.raises(ValueError, match="no"):
            refused(tx)
        with tx.part():
            tx.run(ADD, "kept")
        tx.run(ADD, "after")

    opened.db.write(operation)

    assert words(opened.db) == ["before", "kept", "after"]


def test_a_part_survives_a_statement_that_the_database_refuses(opened: Opened) -> None:
    def operation(tx: Transaction) -> bool:
        tx.run(ADD, "a")
        try:
            with tx.part():
                tx.run(ADD, "a")
        except Exception as error:
            tx.run(ADD, "b")
            return tx.is_lost_with(error)
        raise AssertionError("the word is there twice")

    assert opened.db.write(operation) is False
    assert words(opened.db) == ["a", "b"]


def test_an_insert_gives_the_new_rows_id(opened: Opened) -> None:
    sql = f"{ADD} RETURNING id"
    first, second = opened.db.write(lambda tx: (tx.insert(sql, "a"), tx.insert(sql, "b")))

    with opened.db.read() as tx:
        assert tx.all("SELECT id, text FROM word ORDER BY id") == [(first, "a"), (second, "b")]


def test_a_statement_says_how_many_rows_it_changed(opened: Opened) -> None:
    def operation(tx: Transaction) -> tuple[int, int]:
        tx.many(ADD, [("a",), ("b",), ("c",)])
        changed = tx.run("UPDATE word SET size = ? WHERE text <> ?", 7, "c")
        return changed, tx.run("UPDATE word SET size = ? WHERE text = ? AND size = ?", 8, "a", 6)

    assert opened.db.write(operation) == (2, 0)


def test_a_reader_sees_the_latest_commit_and_a_snapshot_one_state(opened: Opened) -> None:
    count = "SELECT count(*) FROM word"
    with opened.db.read() as tx:
        assert tx.one(count) == (0,)
        add(opened.db, "a").result(5)
        assert tx.one(count) == (1,)
    with opened.db.snapshot() as tx:
        assert tx.one(count) == (1,)
        add(opened.db, "b").result(5)
        assert tx.one(count) == (1,)


def test_a_reader_cannot_write(opened: Opened) -> None:
    with opened.db.read() as tx, pytest.raises(Exception, match=r"read.?only"):
        tx.run(ADD, "no")
    assert words(opened.db) == []


def test_a_table_is_known_by_its_name(opened: Opened) -> None:
    with opened.db.read() as tx:
        assert (tx.has_table("word"), tx.has_table("schema_migration")) == (True, False)
    assert opened.db.examine() == []


def test_the_tables_that_name_another_are_known(opened: Opened) -> None:
    opened.db.script(
        "CREATE TABLE line (word_id INTEGER REFERENCES word (id), next_id INTEGER REFERENCES word (id));\n"
        "CREATE TABLE page (word_id INTEGER)"
    )

    with opened.db.read() as tx:
        assert tx.references("word") == [("line", "next_id"), ("line", "word_id")]
        assert tx.references("page") == []


USES: list[Callable[[Transaction, Any], object]] = [
    lambda tx, value: tx.one("SELECT 1 FROM word WHERE text = ?", value),
    lambda tx, value: tx.all("SELECT 1 FROM word WHERE text = ?", value),
    lambda tx, value: tx.run(ADD, value),
    lambda tx, value: tx.insert(f"{ADD} RETURNING id", value),
    lambda tx, value: tx.many(ADD, [("fine",), (value,)]),
]


@pytest.mark.parametrize("use", USES, ids=["one", "all", "run", "insert", "many"])
@pytest.mark.parametrize(("value", "error"), [("a\0b", Invalid), (True, TypeError), (False, TypeError)])
def test_what_only_one_database_would_take_is_refused_by_all(
    opened: Opened, use: Callable[[Transaction, Any], object], value: object, error: type[Exception]
) -> None:
    refused = opened.db.submit(lambda tx: use(tx, value))

    assert isinstance(refused.exception(5), error)
    assert words(opened.db) == []


@pytest.mark.parametrize("text", ["", "é", "\u0130", "e\u0301", "a\x01b", "\U0001f4b6", "x" * 100_000, "'; --", "%s ?"])
def test_a_text_comes_back_as_it_was_given(opened: Opened, text: str) -> None:
    add(opened.db, text).result(5)

    with opened.db.read() as tx:
        assert tx.all("SELECT text FROM word WHERE text = ?", text) == [(text,)]


def test_a_whole_number_has_64_bits(opened: Opened) -> None:
    numbers = [-(2**63), 0, 2**63 - 1]
    opened.db.write(lambda tx: tx.many("INSERT INTO word (text, size) VALUES (?, ?)", [(str(n), n) for n in numbers]))

    with opened.db.read() as tx:
        assert [row[0] for row in tx.all("SELECT size FROM word ORDER BY size")] == numbers


def test_lower_and_order_look_at_letters_of_ascii_alone(opened: Opened) -> None:
    """Otherwise a name would be free on one database and taken on the other."""
    given = ["Z", "a", "É", "é", "_"]
    opened.db.write(lambda tx: tx.many(ADD, [(text,) for text in given]))

    with opened.db.read() as tx:
        assert [row[0] for row in tx.all("SELECT text FROM word ORDER BY text")] == ["Z", "_", "a", "É", "é"]
        assert tx.all("SELECT lower(text) FROM word WHERE lower(text) = lower(?)", "É") == [("É",)]


def test_a_closed_database_refuses_what_comes_later_and_keeps_what_came_before(opened: Opened) -> None:
    before = [add(opened.db, str(number)) for number in range(50)]

    opened.db.close()

    assert [future.result(0) for future in before] == [1] * 50
    with pytest.raises(Unavailable):
        add(opened.db, "late").result(0)


class Passenger:
    """Rides in each commit with a word of its own, until it has ridden `times` times."""

    def __init__(self, times: int, *, stumbles: bool = False) -> None:
        self.left, self.stumbles = times, stumbles
        self.said: list[str] = []

    def wants_to_ride(self) -> bool:
        return self.left > 0

    def noticed(self, run: RunId) -> None:
        self.said.append(f"noticed {run}")

    def end_first(self, run: RunId) -> None:
        self.said.append(f"end {run}")

    def ride(self, tx: Transaction) -> None:
        self.left -= 1
        tx.run(ADD, f"ride {self.left}")
        if self.stumbles:
            raise ValueError("stumbled")

    def arrived(self) -> None:
        self.said.append("arrived")

    def thrown_off(self) -> None:
        self.said.append("thrown off")


def drive(opened: Opened, rider: Passenger) -> tuple[Commits, threading.Event]:
    woken = threading.Event()
    return opened.db.drive(woken.set, rider), woken


def test_whoever_drives_commits_in_its_own_thread_with_what_the_rider_adds(opened: Opened) -> None:
    rider = Passenger(1)
    commits, woken = drive(opened, rider)

    def operation(tx: Transaction) -> int:
        tx.look(RunId(7))
        return threading.get_ident()

    future = opened.db.submit(operation)
    assert woken.is_set() and commits.has_work() and not future.done()
    commits.commit()
    opened.db.release()

    assert future.result(0) == threading.get_ident()
    assert words(opened.db) == ["ride 0"]
    assert rider.said == ["noticed pr-7", "arrived"]
    assert opened.points == ["before commit", "after commit"]


def test_a_rider_that_stumbles_is_thrown_off_and_the_operations_are_committed(opened: Opened) -> None:
    rider = Passenger(1, stumbles=True)
    commits, _ = drive(opened, rider)
    future = add(opened.db, "a")
    commits.commit()
    opened.db.release()

    assert future.result(0) == 1
    assert (words(opened.db), rider.said) == (["a"], ["thrown off"])


def test_a_task_hears_of_its_end_and_what_is_given_up_is_not_written(opened: Opened) -> None:
    ended: list[Task[int]] = []
    commits, _ = drive(opened, Passenger(0))
    commits.add(Task(lambda tx: tx.run(ADD, "a"), ended.append, must_be_written=True))
    commits.commit()
    commits.add(Task(lambda tx: tx.run(ADD, "given up"), ended.append, must_be_written=True))
    commits.give_up()
    opened.db.release()

    assert [task.result() for task in ended] == [1]
    assert words(opened.db) == ["a"]
