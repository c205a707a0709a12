"""Steps that write managed tables: everything of a step at once, no row lost, none twice, and back by a restart."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from procession.model.errors import Invalid, Unavailable
from procession.model.ids import RunId, TableId
from procession.model.lifecycle import StepStatus
from procession.model.people import Role
from procession.model.tables import TableOperation
from procession.operations import processes, runs, trials
from procession.store import permissions
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.steps import data, fail, item, process, python, stay
from tests.engine.test_step_tables import act, apply_as, ended, give, ledger, somebody, sql, workers
from tests.engine.world import World

__all__ = ["workers"]  # a fixture

AT_ONCE, AT_ONCE_THOROUGH = 24, 1_000  # runs that write one table


@pytest.fixture
def world(tmp_path: Path, workers: Any) -> Iterator[World]:
    made = World(tmp_path, isolation=OPEN, workers=workers)
    made.engine.start()
    yield made
    made.close()


def to(mode: str, *key: str, name: str = "Ledger") -> dict[str, Any]:
    return {"to": f"${{table:{name}}}", "mode": mode, **({"key": list(key)} if key else {})}


def writing(text: str, mode: str, *key: str, inputs: dict[str, Any] | None = None, **more: Any) -> str:
    return process(sql("add", text, inputs or {}, {"result": to(mode, *key)}, **more), name="Writing")


def amounts(world: World, table: TableId, version: int | None = None) -> list[Decimal | int]:
    return [row["amount"] for row in managed.rows(world, table, version)]


def wrote(world: World, run: RunId) -> list[dict[str, Any]]:
    return [one for row in world.history(run) for one in row.detail.get("wrote", ())]


def test_a_step_appends_rows_and_its_history_says_which_version(world: World) -> None:
    table = ledger(world, 10)

    run = world.begin(writing("SELECT 12.50 AS amount UNION ALL SELECT 7", "append"))

    assert ended(world, run)[0] is StepStatus.SUCCESS
    assert amounts(world, table) == [10, 12.5, 7]
    made = managed.versions(world, table)[0]
    assert (made.operation, made.run, made.author) == (TableOperation.APPEND, run, world.caller.user.login)
    said = {"table": str(table), "name": "Ledger", "version": 5, "mode": "append", "rows": 2, "updated": 0}
    assert wrote(world, run) == [said]


def accounts(world: World) -> TableId:
    rows = ({"account": "a", "amount": 1}, {"account": "b", "amount": 2}, {"account": "b", "amount": 3})
    return managed.make(world, "Ledger", *rows, account="FixedLengthText", amount="Money")


@pytest.mark.parametrize(
    ("mode", "key", "text", "expected", "said"),
    [
        ("replace", (), "SELECT 'c' AS account, 9 AS amount", {("c", 9)}, "3 removed, 1 added"),
        (
            "upsert",
            ("account",),
            "SELECT 'a' AS account, 9 AS amount UNION ALL SELECT 'c', NULL",
            {("a", 9), ("b", 2), ("b", 3), ("c", None)},
            "1 added, 1 changed, 0 unchanged",
        ),
        (
            "upsert",
            ("account",),
            "SELECT 'a' AS account, 1 AS amount",
            {("a", 1), ("b", 2), ("b", 3)},
            "0 added, 0 changed, 1 unchanged",
        ),
        (
            "replace_where",
            ("account",),
            "SELECT 'b' AS account, 9 AS amount UNION ALL SELECT 'c', 8",
            {("a", 1), ("b", 9), ("c", 8)},
            "2 removed, 2 added",
        ),
    ],
)
def test_a_step_replaces_and_changes_rows_and_says_how_many(
    world: World, mode: str, key: tuple[str, ...], text: str, expected: set[tuple[str, int]], said: str
) -> None:
    table = accounts(world)

    run = world.begin(writing(text, mode, *key))

    status, message = ended(world, run)
    assert status is StepStatus.SUCCESS
    assert message.endswith(f'; the table "Ledger": 3 rows before, {said}')
    assert {(row["account"], row["amount"]) for row in managed.rows(world, table)} == expected
    assert len(managed.rows(world, table)) == len(expected)


def test_importing_a_month_twice_is_importing_it_once(world: World) -> None:
    table = accounts(world)
    text = writing("SELECT 'b' AS account, unnest([4, 5]) AS amount", "replace_where", "account")

    for _ in range(2):
        assert ended(world, world.begin(text))[0] is StepStatus.SUCCESS

    assert amounts(world, table) == [1, 4, 5]


@pytest.mark.parametrize(
    ("mode", "key", "said"),
    [
        ("replace_where", "'M1 '", '1 new key looks like another and is not equal, such as "M1 " and "M1"'),
        ("replace_where", "'m1'", 'such as "m1" and "M1"'),
        ("upsert", "'e' || chr(769)", 'such as "e\\u0301" and "\u00e9"'),
        ("upsert", "'M' || chr(8203) || '1'", 'such as "M\\u200b1" and "M1"'),
        ("upsert", "unnest(['M2', 'm2'])", '2 new keys look like another and are not equal, such as "M2" and "m2"'),
    ],
)
def test_a_new_key_that_looks_like_another_is_told_once(world: World, mode: str, key: str, said: str) -> None:
    managed.make(world, "Ledger", {"k": "M1"}, {"k": "\u00e9"}, k="FixedLengthText")
    text = writing(f"SELECT {key} AS k", mode, "k")

    first, second = (ended(world, world.begin(text)) for _ in range(2))

    assert first[0] is StepStatus.WARNING
    assert said in first[1]
    assert second[0] is StepStatus.SUCCESS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 0.1::DOUBLE + 0.2 AS amount", "binary fractions (DOUBLE), which are no exact amounts"),
        ("SELECT 1.23456 AS amount", 'row 1, "amount": "'),
        ("SELECT 'ten' AS amount", 'row 1, "amount": "'),
        ("SELECT 1::HUGEINT * 12345678901234567 AS amount", 'row 1, "amount": "'),
        ("SELECT 1 AS amuont", 'the table "Ledger" has no column "amuont"; did you mean "amount"?'),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place_and_nothing_is_published(
    world: World, text: str, said: str
) -> None:
    table = ledger(world, 10)
    both = {"result": to("append"), "other": "${d.other}"}
    step = sql("add", f"CREATE TABLE other AS SELECT 1 AS n; {text}", {}, both)

    run = world.begin(process(data("d", item("other", "File")), step))

    status, message = ended(world, run)
    assert status is StepStatus.FAILED
    assert said in message
    assert (managed.version(world, table), world.value(run, "d.other")) == (4, None)


def test_all_targets_of_a_step_become_visible_together_or_none(world: World) -> None:
    ledgers, checked = ledger(world, 10), managed.make(world, "Checked", n="Number")
    outputs = {"good": to("append"), "checked": to("replace", name="Checked"), "n": "${d.n}"}
    good = "CREATE TABLE good AS SELECT 5 AS amount; CREATE TABLE n AS SELECT 1 AS n;"

    bad = world.begin(
        process(data("d", item("n")), sql("add", f"{good} CREATE TABLE checked AS SELECT 'x' AS n", {}, outputs))
    )
    first = ended(world, bad), amounts(world, ledgers), managed.rows(world, checked), world.value(bad, "d.n")
    run = world.begin(
        process(data("d", item("n")), sql("add", f"{good} CREATE TABLE checked AS SELECT 7 AS n", {}, outputs))
    )

    assert (first[0][0], *first[1:]) == (StepStatus.FAILED, [10], [], None)
    assert ended(world, run)[0] is StepStatus.SUCCESS
    assert (amounts(world, ledgers), managed.rows(world, checked)[0]["n"], world.value(run, "d.n")) == ([10, 5], 7, 1)


def test_a_failed_step_leaves_the_table_as_it_was_and_its_retry_writes_once(world: World, tmp_path: Path) -> None:
    table = ledger(world, 10)
    step = sql(
        "add",
        "SELECT 5 AS amount",
        {},
        {"result": to("append")},
        retry={"times": 3, "wait": "0.05s"},
    )
    step["with"]["expect"] = {"total": {"column": "amount", "equals": 6}}

    run = world.begin(process(step))

    assert ended(world, run)[0] is StepStatus.FAILED
    assert (amounts(world, table), managed.version(world, table)) == ([10], 4)


def test_runs_that_write_one_table_at_once_lose_no_row_and_write_none_twice(world: World, is_thorough: bool) -> None:
    table = ledger(world)
    count = AT_ONCE_THOROUGH if is_thorough else AT_ONCE
    text = process(
        data("d", item("n", flow="INPUT")), sql("add", "SELECT $n AS amount", {"n": "${d.n}"}, {"result": to("append")})
    )
    applied = world.apply(text)
    stop = threading.Event()

    def interfere() -> None:
        while not stop.is_set():
            with contextlib.suppress(Unavailable):  # a script would try again
                managed.write(world, table, [{"amount": -1}])

    # Somebody writes by the API meanwhile.
    other = threading.Thread(target=interfere)
    other.start()
    begun = [world.create(applied, {"d.n": n}).id for n in range(count)]
    for run in begun:
        world.start(run)
    statuses = Counter(ended(world, run)[0] for run in begun)
    stop.set()
    other.join()

    assert statuses == {StepStatus.SUCCESS: count}
    rows = managed.rows(world, table)
    assert sorted(row["amount"] for row in rows if row["amount"] >= 0) == list(range(count))
    assert len({row["_Record_ID"] for row in rows}) == len(rows)
    by_others = sum(version.run is None for version in managed.versions(world, table)) - 2
    assert sum(row["amount"] < 0 for row in rows) == by_others > 0


CARRY = (
    "CREATE TABLE result AS SELECT * FROM ledger; INSERT INTO result VALUES (1); UPDATE result SET amount = amount + 1"
)
READ = {"ledger": "${table:Ledger}"}


def carrying() -> str:
    return process(sql("add", CARRY, READ, {"result": to("replace")}), name="Carrying")


def test_a_table_is_carried_forward_by_a_step_that_reads_and_replaces_it(world: World) -> None:
    table = ledger(world, 10)

    for _ in range(2):
        assert ended(world, world.begin(carrying()))[0] is StepStatus.SUCCESS

    assert amounts(world, table) == [12, 3, 2]


def test_a_restart_takes_back_what_the_step_wrote_and_does_it_again(world: World) -> None:
    table = ledger(world, 10)
    run = world.begin(carrying())
    ended(world, run)

    world.restart(run, "add")

    ended(world, run)
    assert amounts(world, table) == [11, 2]
    versions = managed.versions(world, table)
    assert [version.operation for version in versions[:3]] == ["replace", "takeBack", "replace"]
    told = next(row.detail for row in world.history(run) if "tables" in row.detail)
    assert told["tables"] == [{"table": str(table), "name": "Ledger", "version": 6, "sameAs": 4}]
    assert amounts(world, table, 5) == [11, 2]  # what the first attempt wrote stays readable


def test_a_restart_from_before_takes_back_several_versions_and_later_steps(world: World) -> None:
    table = ledger(world, 10)
    steps = [sql(key, "SELECT 5 AS amount", {}, {"result": to("append")}) for key in ("add", "more")]
    run = world.begin(process(*steps, fail("end")))
    world.wait(run)
    assert amounts(world, table) == [10, 5, 5]

    world.restart(run, "add")

    world.wait(run)
    assert amounts(world, table) == [10, 5, 5]
    assert [version.operation for version in managed.versions(world, table)[:3]] == ["append", "append", "takeBack"]


def test_a_restart_keeps_what_others_have_added_and_doubles_nothing(world: World) -> None:
    table = ledger(world, 10)
    run = world.begin(writing("SELECT 5 AS amount", "append"))
    ended(world, run)
    managed.write(world, table, [{"amount": 77}])

    world.restart(run, "add")

    ended(world, run)
    assert sorted(amounts(world, table)) == [5, 10, 77]
    assert next(row.detail for row in world.history(run) if "tables" in row.detail)["tables"][0]["kept"]


def test_a_restart_that_writes_over_what_a_newer_run_wrote_says_so(world: World) -> None:
    table = accounts(world)
    older = world.begin(writing("SELECT 'b' AS account, 4 AS amount", "replace_where", "account"))
    ended(world, older)
    newer = world.begin(writing("SELECT 'b' AS account, 5 AS amount", "replace_where", "account"))
    assert ended(world, newer)[0] is StepStatus.SUCCESS
    number = managed.version(world, table)

    world.restart(older, "add")

    status, message = ended(world, older)
    assert (status, amounts(world, table)) == (StepStatus.WARNING, [1, 4])
    assert f"after {world.caller.user.login} wrote version {number}" in message


def test_a_restart_that_replaces_appended_rows_which_somebody_has_corrected_says_so(world: World) -> None:
    table = accounts(world)
    run = world.begin(writing("SELECT 'c' AS account, 4 AS amount", "append"))
    ended(world, run)
    number = managed.write(world, table, [{"account": "c", "amount": 44}], mode="upsert", key=["account"])
    managed.write(world, table, [{"account": "d", "amount": 5}])

    world.restart(run, "add")

    status, message = ended(world, run)
    assert (status, amounts(world, table)) == (StepStatus.WARNING, [1, 2, 3, 5, 4])
    assert f"wrote version {number}" in message


def test_a_restart_that_would_take_back_the_work_of_others_is_refused_in_words(world: World) -> None:
    table = ledger(world, 10)
    run = world.begin(carrying())
    ended(world, run)
    managed.write(world, table, [{"amount": 77}])

    with pytest.raises(
        Invalid, match=r'"add" has read and written the table "Ledger", which ada has changed since \(version 6\)'
    ):
        world.restart(run, "add")

    assert amounts(world, table) == [11, 2, 77]


def test_a_change_by_others_after_the_step_has_read_is_a_conflict_in_words_and_a_restart_goes_on(
    world: World, tmp_path: Path
) -> None:
    table = ledger(world, 10)
    first = sql("add", "SELECT amount + 1 AS amount FROM ledger", READ, {"result": to("replace")})
    run = world.create(world.apply(process(first))).id
    held = threading.Event()

    def late() -> None:
        if not held.is_set():
            held.set()
            managed.write(world, table, [{"amount": 77}])

    world.tables.before_prepare = late
    world.start(run)

    status, message = ended(world, run)
    assert status is StepStatus.FAILED
    assert 'the table "Ledger" was changed by ada while this step worked with it' in message
    assert amounts(world, table) == [10, 77]
    world.restart(run, "add")
    assert ended(world, run)[0] is StepStatus.SUCCESS
    assert amounts(world, table) == [11, 78]


def test_who_may_only_read_a_table_publishes_no_process_that_writes_it(world: World) -> None:
    table = ledger(world, 10)
    bob = somebody(world, "bob")
    give(world, table, bob, Role.READER)
    text = writing("SELECT 5 AS amount", "append")

    with pytest.raises(Invalid, match=r'writing the table "Ledger" needs the role editor on it'):
        apply_as(world, bob, text)

    give(world, table, bob, Role.EDITOR)
    assert apply_as(world, bob, text).version == 1


def test_a_role_that_is_taken_away_before_the_end_publishes_nothing(world: World) -> None:
    table = ledger(world, 10)
    bob = somebody(world, "bob")
    give(world, table, bob, Role.EDITOR)
    applied = apply_as(world, bob, writing("SELECT 5 AS amount", "append"))

    def late() -> None:
        world.db.write(partial(permissions.take_away, resource=table, holder=bob.user.id))

    world.tables.after_prepare = late
    run = world.db.write(lambda tx: runs.create(act(world, bob, tx), applied.id, inputs={}, start=True)).id

    status, message = ended(world, run)
    assert status is StepStatus.FAILED
    assert "needs the role editor" in message
    assert amounts(world, table) == [10]


def test_a_try_out_writes_no_table(world: World) -> None:
    ledger(world, 10)
    applied = world.applied(writing("SELECT 5 AS amount", "append"))
    with world.db.read() as tx:
        definition = processes.definition_of(tx, applied.id, 1)

    with pytest.raises(Invalid, match=r'step 1.1 writes the table "Ledger", and a try-out has no effect outside'):
        world.db.write(lambda tx: trials.create(world.act(tx), applied.id, definition, up_to="1.1"))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("${table:Ledger}", "outputs.result: say how the rows are written"),
        ({"to": "${table:Ledger}", "mode": "upsert"}, "outputs.result: upsert needs `key`"),
        ({"to": "${table:Ledger}", "mode": "append", "key": ["a"]}, "outputs.result.key: means nothing for append"),
        ({"to": "${table:Ledger}", "mode": "append", "as": "x.csv"}, "outputs.result.as: means nothing for a table"),
        ({"to": "${d.f}", "mode": "append"}, "outputs.result: mode and key are for tables"),
    ],
)
def test_a_target_says_how_its_rows_are_written(world: World, target: object, said: str) -> None:
    ledger(world)
    text = process(data("d", item("f", "File")), sql("add", "SELECT 1 AS amount", {}, {"result": target}))

    with pytest.raises(Invalid, match=said):
        world.applied(text)


def test_a_cancelled_run_writes_nothing(world: World, tmp_path: Path) -> None:
    table, gate = ledger(world, 10), tmp_path / "gate"
    add = sql("add", "SELECT 5 AS amount", {}, {"result": to("append")})
    run = world.begin(process(python("wait", stay(gate)), add))
    world.wait_for(run, "wait", StepStatus.RUNNING)

    world.cancel(run)
    gate.touch()

    world.wait(run)
    assert amounts(world, table) == [10]


def test_open_items_are_carried_forward_by_a_table_that_reconcile_reads_and_writes(world: World) -> None:
    columns: Any = {"reference": "FixedLengthText", "amount": "Money"}
    why: Any = {"reason": "FixedLengthText"}
    open_items = managed.make(world, "Open items", {"reference": "A1", "amount": 1.10}, **columns, **why)
    bank = managed.make(world, "Bank", {"reference": "A1", "amount": 1.10}, {"reference": "B7", "amount": 5}, **columns)
    month = {"ledger": "${table:Ledger}", "open": "${table:Open items}"}
    managed.make(world, "Ledger", {"reference": "C3", "amount": 9}, **columns)
    steps = (
        data("d", item("matched", flow="OUTPUT"), item("gathered", "File")),
        sql(
            "gather",
            "SELECT reference, amount FROM ledger UNION ALL BY NAME SELECT reference, amount FROM open",
            month,
            {"result": "${d.gathered}"},
        ),
        {
            "action": "reconcile",
            "name": "match",
            "key": "match",
            "with": {
                "left": "${d.gathered}",
                "right": "${table:Bank}",
                "amount": "amount",
                "rules": [{"name": "Exact", "equal": ["reference"]}],
                "outputs": {"only_left": to("replace", name="Open items"), "matched_count": "${d.matched}"},
            },
        },
    )

    run = world.begin(process(*steps))

    assert ended(world, run, "match")[0] is StepStatus.SUCCESS, ended(world, run, "match")
    assert world.value(run, "d.matched") == 1
    assert [row["reference"] for row in managed.rows(world, open_items)] == ["C3"]
    assert len(managed.rows(world, bank)) == 2
