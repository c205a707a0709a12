"""Steps that read managed tables: at one version, by a name that stays theirs, with somebody's right to it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from procession.engine.table_workers import TableWorkers
from procession.model import process_file
from procession.model.errors import Invalid
from procession.model.ids import RunId, TableId
from procession.model.lifecycle import StepStatus
from procession.model.people import SCOPES, Caller, Role, UserRole
from procession.model.restart import Wish
from procession.operations import people, processes, runs, tables
from procession.operations.act import Act
from procession.store import permissions, step_tables
from procession.store.database import Transaction
from tests.engine import tables as managed
from tests.engine.conftest import OPEN
from tests.engine.steps import StepText, data, item, process, python, stay
from tests.engine.world import World


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableWorkers]:
    with managed.processes(tmp_path_factory.getbasetemp()) as made:
        yield made


@pytest.fixture
def world(tmp_path: Path, workers: TableWorkers) -> Iterator[World]:
    made = World(tmp_path, isolation=OPEN, workers=workers)
    made.engine.start()
    yield made
    made.close()


def sql(key: str, text: str, inputs: dict[str, Any], outputs: dict[str, Any] | None = None, **more: object) -> StepText:
    settings = {"sql": text, "inputs": inputs, "outputs": outputs or {}}
    return {"action": "run_sql", "name": key, "key": key, "with": settings, **more}


TOTAL = item("total", "Decimal")
SUM = "SELECT sum(amount) FROM ledger"


def adding(**more: object) -> str:
    """A process of one step, which adds up the ledger."""
    return process(
        data("d", TOTAL),
        sql("add", SUM, {"ledger": "${table:Ledger}"}, {"result": "${d.total}"}, **more),
        name="Adding",
    )


def ended(world: World, run: RunId, key: str = "add") -> tuple[StepStatus, str]:
    world.wait(run)
    step = world.step(run, key)
    return step.status, step.message


def reads(world: World, run: RunId) -> list[list[dict[str, Any]]]:
    """What the history says of each step that began with tables."""
    return [row.detail["reads"] for row in world.history(run) if "reads" in row.detail]


def ledger(world: World, *amounts: int, caller: Caller | None = None) -> TableId:
    rows = [{"amount": amount} for amount in amounts]
    return managed.make(world, "Ledger", *rows, caller=caller, amount="Money")


def somebody(world: World, name: str) -> Caller:
    """A designer, who has no role on anything yet."""
    user = world.db.write(
        lambda tx: people.create_user(
            tx,
            email=f"{name}@example.com",
            first_name=name.title(),
            last_name="Designer",
            role=UserRole.DESIGNER,
            now=world.clock.now(),
        )
    )
    return Caller(user=user, scopes=SCOPES)


def act(world: World, caller: Caller, tx: Transaction) -> Act:
    return Act(tx=tx, caller=caller, now=world.clock.now(), resources=world.resources)


def apply_as(world: World, caller: Caller, text: str) -> processes.Applied:
    definition = process_file.parse(text, actions=world.resources.actions)
    return world.db.write(lambda tx: processes.apply(act(world, caller, tx), text, definition=definition))


def give(world: World, table: TableId, caller: Caller, role: Role) -> None:
    world.db.write(partial(permissions.give, resource=table, role=role, holder=caller.user.id))


def test_a_step_reads_a_table_and_its_history_says_which_version(world: World) -> None:
    table = ledger(world, 10, 32)

    run = world.begin(adding())

    assert ended(world, run) == (StepStatus.SUCCESS, "read ledger (2 rows); gave result (one value)")
    assert world.value(run, "d.total") == 42
    assert reads(world, run) == [[{"table": str(table), "name": "Ledger", "version": 4}]]


def test_a_table_without_rows_is_a_relation_with_its_columns(world: World) -> None:
    ledger(world)

    run = world.begin(adding())

    # As a file without rows: said, and no mistake of the SQL.
    status, message = ended(world, run)
    assert status is StepStatus.WARNING
    assert '0 rows in the table "Ledger"' in message


def test_a_step_sees_no_record_ids_and_nothing_of_the_machine(world: World) -> None:
    ledger(world, 1)
    query = "SELECT (SELECT string_agg(column_name) FROM duckdb_columns() WHERE NOT internal) || (SELECT sql FROM view)"
    text = f"CREATE TABLE view AS SELECT sql FROM duckdb_views() WHERE NOT internal; {query} AS said"
    step = sql("add", text, {"ledger": "${table:Ledger}"}, {"result": "${d.said}"})

    run = world.begin(process(data("d", item("said", "Text")), step))

    ended(world, run)
    said = str(world.value(run, "d.said"))
    assert said.startswith("amount")
    assert "tables/0" in said
    assert str(world.home) not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT * FROM read_parquet('{other}')", "file system operations are disabled"),
        ("SELECT * FROM glob('{folder}/*')", "file system operations are disabled"),
        ("COPY ledger TO 'tables/0' (FORMAT parquet)", "COPY is not allowed here"),
        ("INSERT INTO ledger VALUES (1)", "ledger is not an table"),
    ],
)
def test_a_step_reaches_no_other_file_and_writes_to_none(world: World, text: str, said: str) -> None:
    table, other = ledger(world, 1), managed.make(world, "Salaries", {"amount": 5}, amount="Money")
    with world.db.read() as tx:
        path = world.blobs.path(tables.snapshot(tx, other).parts[0].content.sha256)
    code = text.format(other=path, folder=path.parent)
    before = managed.rows(world, table)
    definition = process(sql("add", "SELECT 1", {"ledger": "${table:Ledger}"}))
    # What apply refuses, a definition of an older server may hold.
    parsed = process_file.parse(definition.replace("SELECT 1", code), actions=world.resources.actions, reads_code=False)
    applied = world.db.write(lambda tx: processes.apply(world.act(tx), definition, definition=parsed))

    run = world.create(applied.id).id
    world.start(run)

    status, message = ended(world, run)
    assert status is StepStatus.FAILED
    assert said in message
    assert managed.rows(world, table) == before


def test_a_restart_reads_the_version_that_the_step_has_read(world: World) -> None:
    table = ledger(world, 10)
    run = world.begin(adding())
    ended(world, run)
    managed.write(world, table, [{"amount": 5}])

    world.restart(run, "add")

    ended(world, run)
    assert world.value(run, "d.total") == 10
    assert [read[0]["version"] for read in reads(world, run)] == [4, 4]


def test_a_restart_that_asks_for_present_tables_reads_those(world: World) -> None:
    table = ledger(world, 10)
    run = world.begin(adding())
    ended(world, run)
    managed.write(world, table, [{"amount": 5}])

    wish = Wish(reads_latest=True)
    world.db.write(lambda tx: runs.restart(world.act(tx), run, world.step(run, "add").id, wish=wish))

    ended(world, run)
    assert world.value(run, "d.total") == 15
    assert [read[0]["version"] for read in reads(world, run)] == [4, 5]


def test_a_step_reads_the_version_of_its_beginning_whatever_comes_then(world: World, tmp_path: Path) -> None:
    table = ledger(world, 10)
    gate = tmp_path / "gate"
    run = world.begin(
        process(data("d", TOTAL), python("wait", stay(gate)), sql("add", SUM, {"ledger": "${table:Ledger}"}))
    )
    managed.write(world, table, [{"amount": 5}])

    gate.touch()

    assert ended(world, run)[1].startswith("read ledger (2 rows)")
    assert reads(world, run)[0][0]["version"] == 5


@pytest.mark.parametrize("version", [4, "${d.version}"])
def test_a_step_reads_a_version_that_is_named(world: World, version: object) -> None:
    table = ledger(world, 10)
    managed.write(world, table, [{"amount": 5}])
    source = {"table": "${table:Ledger}", "version": version}
    steps = (data("d", TOTAL, item("version", value=4)), sql("add", SUM, {"ledger": source}, {"result": "${d.total}"}))

    run = world.begin(process(*steps))

    ended(world, run)
    assert world.value(run, "d.total") == 10


def test_two_versions_of_a_table_stand_side_by_side(world: World) -> None:
    table = ledger(world, 10)
    managed.write(world, table, [{"amount": 5}])
    sources = {"ledger": "${table:Ledger}", "before": {"table": "${table:Ledger}", "version": 4}}
    text = "SELECT (SELECT sum(amount) FROM ledger) - (SELECT sum(amount) FROM before)"

    run = world.begin(process(data("d", TOTAL), sql("add", text, sources, {"result": "${d.total}"})))

    ended(world, run)
    assert world.value(run, "d.total") == 5


@pytest.mark.parametrize(
    ("version", "said"),
    [(9, "has no version 9; it has 2 to 4"), ("${d.version}", "d.version does not say: it is empty")],
)
def test_a_version_that_is_not_there_fails_the_step_in_words(world: World, version: object, said: str) -> None:
    ledger(world, 10)
    source = {"table": "${table:Ledger}", "version": version}

    run = world.begin(process(data("d", item("version")), sql("add", SUM, {"ledger": source})))

    status, message = ended(world, run)
    assert status is StepStatus.FAILED
    assert said in message


def test_a_rename_does_no_harm_and_the_file_can_be_applied_again(world: World) -> None:
    table = ledger(world, 10)
    before = world.applied(adding())
    world.db.write(lambda tx: tables.update(world.act(tx), table, name="Old ledger", description=None))

    again = world.applied(adding())

    assert (again.version, again.remarks) == (before.version, ('the table "Ledger" is called "Old ledger" now',))
    run = world.create(before.id).id
    world.start(run)
    assert ended(world, run)[0] is StepStatus.SUCCESS


def test_a_new_table_of_the_name_is_meant_once_the_file_is_applied_again(world: World) -> None:
    table = ledger(world, 10)
    first = world.begin(adding())
    world.db.write(lambda tx: tables.update(world.act(tx), table, name="Old ledger", description=None))
    ledger(world, 77)
    old = world.create(world.run(first).process).id
    world.start(old)

    new = world.begin(adding())

    ended(world, old)
    ended(world, new)
    assert (world.value(old, "d.total"), world.value(new, "d.total")) == (10, 77)


def test_a_table_that_does_not_exist_is_refused_with_the_nearest_name(world: World) -> None:
    managed.make(world, "Ledgers", amount="Money")

    with pytest.raises(Invalid) as refused:
        world.applied(adding())

    assert refused.value.message == 'step 1.2 "add": there is no table "Ledger"; did you mean "Ledgers"?'


def test_a_hint_tells_nobody_of_a_table_that_they_may_not_see(world: World) -> None:
    managed.make(world, "Ledgers", amount="Money")

    with pytest.raises(Invalid) as refused:
        apply_as(world, somebody(world, "bob"), adding())

    assert refused.value.message == 'step 1.2 "add": there is no table "Ledger"'


def test_who_may_not_read_a_table_publishes_no_process_that_does(world: World) -> None:
    table = ledger(world, 10)
    bob = somebody(world, "bob")

    with pytest.raises(Invalid, match=r'reading the table "Ledger" needs the role reader on it'):
        apply_as(world, bob, adding())

    give(world, table, bob, Role.READER)
    assert apply_as(world, bob, adding()).version == 1


def test_who_runs_a_process_needs_no_role_on_its_tables(world: World) -> None:
    ledger(world, 10)
    applied = world.applied(adding())
    bob = somebody(world, "bob")
    world.db.write(partial(permissions.give, resource=applied.id, role=Role.EXECUTOR, holder=bob.user.id))

    run = world.db.write(lambda tx: runs.create(act(world, bob, tx), applied.id, inputs={}, start=True)).id

    assert ended(world, run)[0] is StepStatus.SUCCESS


def test_a_run_does_not_start_when_nobody_has_the_role_any_more(world: World) -> None:
    table = ledger(world, 10)
    bob, carol = somebody(world, "bob"), somebody(world, "carol")
    give(world, table, bob, Role.READER)
    applied = apply_as(world, bob, adding())
    world.db.write(partial(permissions.give, resource=applied.id, role=Role.EXECUTOR, holder=carol.user.id))
    world.db.write(partial(permissions.take_away, resource=table, holder=bob.user.id))

    with pytest.raises(Invalid, match=r"which neither bob.*, who published .* nor carol.*, who starts the run, has"):
        world.db.write(lambda tx: runs.create(act(world, carol, tx), applied.id, inputs={}, start=True))

    give(world, table, carol, Role.READER)
    run = world.db.write(lambda tx: runs.create(act(world, carol, tx), applied.id, inputs={}, start=True)).id
    assert ended(world, run)[0] is StepStatus.SUCCESS


def test_a_role_that_is_taken_away_under_way_fails_the_step(world: World, tmp_path: Path) -> None:
    table, gate = ledger(world, 10), tmp_path / "gate"
    bob = somebody(world, "bob")
    give(world, table, bob, Role.READER)
    applied = apply_as(world, bob, process(python("wait", stay(gate)), sql("add", SUM, {"ledger": "${table:Ledger}"})))
    run = world.db.write(lambda tx: runs.create(act(world, bob, tx), applied.id, inputs={}, start=True)).id

    world.db.write(partial(permissions.take_away, resource=table, holder=bob.user.id))
    gate.touch()

    status, message = ended(world, run)
    assert status is StepStatus.FAILED
    assert "needs the role reader" in message


def test_a_deleted_table_keeps_a_run_from_starting(world: World) -> None:
    table = ledger(world, 10)
    applied = world.applied(adding())
    world.db.write(lambda tx: tables.delete(world.act(tx), table))

    with pytest.raises(Invalid, match=r'step 1.2 "add": the table "Ledger" was deleted'):
        world.start(world.create(applied.id).id)


def test_a_change_of_a_default_keeps_what_the_names_mean(world: World) -> None:
    table = ledger(world, 10)
    text = process(data("d", TOTAL, item("n", value=1)), sql("add", SUM, {"ledger": "${table:Ledger}"}))
    applied = world.applied(text)
    world.db.write(lambda tx: tables.update(world.act(tx), table, name="Old ledger", description=None))
    ledger(world, 77)
    with world.db.read() as tx:
        change = processes.change_of(tx, applied.id, "d.n", {"value": 2})
    definition = processes.redefined(change, world.resources.actions)

    world.db.write(lambda tx: processes.publish(world.act(tx), change, definition))

    with world.db.read() as tx:
        assert step_tables.named(tx, applied.id, 2)["Ledger"].table == table


def test_options_of_files_mean_nothing_for_a_table(world: World) -> None:
    source = {"table": "${table:Ledger}", "delimiter": ";"}

    with pytest.raises(Invalid, match=r"inputs.ledger.delimiter: means nothing for a table"):
        world.applied(process(sql("add", SUM, {"ledger": source})))


@pytest.mark.parametrize(
    ("source", "said"),
    [({"version": 3}, "needs `file` or `table`"), ({"file": "${d.n}", "version": 3}, "version: means nothing")],
)
def test_a_source_is_a_file_or_a_table(world: World, source: object, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        world.applied(process(data("d", item("n", "File")), sql("add", "SELECT 1", {"ledger": source})))
