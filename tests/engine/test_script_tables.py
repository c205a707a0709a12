"""Scripts that read and write managed tables: as a file at the step's version, and as rows that are checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from procession.engine.isolation.options import IsolationSettings
from procession.engine.table_workers import TableWorkers
from procession.model.columns import ColumnType
from procession.model.ids import RunId, TableId
from procession.model.lifecycle import StepStatus
from procession.operations import columns, tables
from procession.operations.columns import ColumnChange
from procession.store import history
from tests.engine import tables as managed
from tests.engine.steps import data, item, process, python
from tests.engine.test_step_tables import ended, ledger, reads, workers
from tests.engine.test_table_writes import amounts, to, wrote
from tests.engine.world import World

__all__ = ["workers"]  # a fixture

OLD_PERIOD = ColumnChange(name="period", type=ColumnType.TEXT, nullable=False, sets_default=True, default="old")
LOOK = """\
import duckdb
for row in duckdb.sql(f"SELECT * FROM '{inputs['ledger']}'").fetchall():
    print(row)
print(duckdb.sql(f"DESCRIBE FROM '{inputs['ledger']}'").fetchall())
"""


@pytest.fixture(scope="module", params=["private root", "Landlock alone"])
def world(request: Any, tmp_path_factory: pytest.TempPathFactory, workers: TableWorkers) -> Iterator[World]:
    """As servers keep scripts apart, each with a user who is lent where root runs the tests."""
    home = tmp_path_factory.mktemp("scripts")
    for name in ("files", "work"):
        (home / name).mkdir()
    has_root = request.param == "private root"
    walls: dict[str, Any] = (
        {"job_paths": (str(home / "files"), str(home / "work"))} if has_root else {"namespaces": False}
    )
    isolation = IsolationSettings(home=str(home), weak=True, user_ready=2, warm_ready=1, **walls)
    made = World(home, isolation=isolation, workers=workers)
    made.engine.start()
    yield made
    made.close()


# What stands in a row does not depend on the walls: refusals are tried behind one of both in `make test`.
in_turn = pytest.mark.parametrize(
    "world",
    ["private root", pytest.param("Landlock alone", marks=pytest.mark.thorough)],
    indirect=True,
    scope="module",
)


@pytest.fixture
def table(world: World) -> Iterator[TableId]:
    """A ledger of one test's own, with one row."""
    made = ledger(world, 10)
    yield made
    by = managed.work(world)
    world.db.write(lambda tx: tables.delete(by.admit(tx), made))


def script(code: str, *, outputs: Any = None, inputs: Any = None, name: str = "Script") -> str:
    step = python("add", code, inputs=inputs or {}, outputs=outputs or {})
    return process(data("d", item("number", "Number"), item("report", "File")), step, name=name)


def writing(code: str, mode: str = "append", *key: str, inputs: Any = None) -> str:
    return script(code, outputs={"rows": to(mode, *key)}, inputs=inputs)


def log(world: World, run: RunId) -> str:
    with world.db.read() as tx:
        attempt = history.attempts_of_step(tx, world.step(run, "add").id)[-1].id
    return world.resources.step_logs.read(attempt, 0).decode()


def test_a_script_reads_a_table_as_one_typed_file(world: World, table: TableId) -> None:
    managed.write(world, table, [{"amount": 32}])

    run = world.begin(script(LOOK, inputs={"ledger": "${table:Ledger}"}))

    assert ended(world, run) == (StepStatus.SUCCESS, "")
    assert log(world, run).splitlines() == [
        'ledger: 2 rows of the table "Ledger", version 5',
        "(Decimal('10.0000'),)",
        "(Decimal('32.0000'),)",
        "[('amount', 'DECIMAL(19,4)', 'YES', None, None, None)]",
    ]
    assert reads(world, run) == [[{"table": str(table), "name": "Ledger", "version": 5}]]


def test_files_of_before_a_change_of_columns_are_the_same_relation(world: World, table: TableId) -> None:
    by = managed.work(world)
    # So many that the next ones do not take their file along.
    managed.write(world, table, [{"amount": number} for number in range(30)])
    columns.add(by, table, OLD_PERIOD)
    columns.change(by, table, "amount", ColumnChange(name="net"))
    managed.write(world, table, [{"net": 7, "period": "2026-11"}])
    managed.write(world, table, [{"_Record_ID": 32, "net": 8}], mode="upsert", key=("_Record_ID",))
    with world.db.read() as tx:
        assert len(tables.snapshot(tx, table).parts) > 1
    code = (
        "import duckdb\nfound = duckdb.sql(f\"FROM '{inputs['ledger']}'\")\nprint(found.columns)\n"
        "print(found.fetchall()[-3:], len(found.fetchall()))"
    )

    run = world.begin(script(code, inputs={"ledger": "${table:Ledger}"}))

    assert ended(world, run) == (StepStatus.SUCCESS, "")
    assert log(world, run).splitlines()[1:] == [
        "['net', 'period']",
        "[(Decimal('28.0000'), 'old'), (Decimal('29.0000'), 'old'), (Decimal('8.0000'), '2026-11')] 32",
    ]


def test_a_version_is_named_by_a_number_or_a_property_and_two_are_two_files(world: World, table: TableId) -> None:
    managed.write(world, table, [{"amount": 32}], mode="replace")
    code = "import duckdb\nfor name in inputs: print(name, duckdb.sql(f\"FROM '{inputs[name]}'\").fetchall())"
    given = {"now": "${table:Ledger}", "then": {"table": "${table:Ledger}", "version": 4}}

    run = world.begin(script(code, inputs=given))

    assert ended(world, run)[0] is StepStatus.SUCCESS
    assert log(world, run).splitlines()[2:] == ["now [(Decimal('32.0000'),)]", "then [(Decimal('10.0000'),)]"]


def test_a_table_without_rows_is_a_file_with_its_columns_that_cannot_be_written(world: World, table: TableId) -> None:
    managed.write(world, table, [], mode="replace")
    code = LOOK + "print(inputs['ledger'].name)\nprint(oct(inputs['ledger'].stat().st_mode)[-3:])"

    run = world.begin(script(code, inputs={"ledger": "${table:Ledger}"}))

    assert ended(world, run) == (StepStatus.SUCCESS, "")
    assert log(world, run).splitlines()[1:] == [
        "[('amount', 'DECIMAL(19,4)', 'YES', None, None, None)]",
        "ledger.parquet",
        "444",
    ]


def test_a_script_that_read_a_table_has_one_thread_and_may_fork(world: World, table: TableId) -> None:
    count = (
        "import os\n"
        "before = len(os.listdir('/proc/self/task'))\n"
        "pid = os.fork()\n"
        "if pid == 0: os._exit(sum(range(3)))\n"
        "outputs['number'] = 100 * before + os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])"
    )
    outputs = {"number": "${d.number}"}

    plain = world.begin(script(count, outputs=outputs))
    reading = world.begin(script(count, inputs={"ledger": "${table:Ledger}"}, outputs=outputs))

    assert ended(world, plain) == ended(world, reading) == (StepStatus.SUCCESS, "")
    assert world.value(reading, "d.number") == world.value(plain, "d.number")


@pytest.mark.parametrize(
    "code",
    [
        "from decimal import Decimal\noutputs['rows'] = [{'amount': Decimal('12.50')}, {'amount': 7}]",
        "outputs['rows'] = ({'Amount': '12.5'}, {'Amount': 7.0})",
        "outputs.file('rows', 'mine.csv').write_text('amount\\n12.50\\n7\\n')",
        "import duckdb\nduckdb.sql('SELECT 12.50 AS amount UNION ALL SELECT 7')"
        ".write_parquet(str(outputs.file('rows')))",
        "import duckdb\nfrom pathlib import Path\nduckdb.sql('SELECT 12.50 AS amount UNION ALL SELECT 7')"
        ".write_parquet('mine.parquet')\noutputs['rows'] = Path('mine.parquet')",
    ],
)
def test_a_script_appends_rows_and_its_history_says_which_version(world: World, table: TableId, code: str) -> None:
    run = world.begin(writing(code))

    assert ended(world, run) == (StepStatus.SUCCESS, "")
    assert amounts(world, table) == [10, 12.5, 7]
    said = {"table": str(table), "name": "Ledger", "version": 5, "mode": "append", "rows": 2, "updated": 0}
    assert wrote(world, run) == [said]


def test_a_table_that_is_read_and_replaced_is_taken_back_by_a_restart(world: World, table: TableId) -> None:
    code = (
        "import duckdb\nduckdb.sql(f\"SELECT amount + 1 AS amount FROM '{inputs['ledger']}'\")"
        ".write_parquet(str(outputs.file('rows')))"
    )
    run = world.begin(writing(code, "replace", inputs={"ledger": "${table:Ledger}"}))
    assert ended(world, run) == (StepStatus.SUCCESS, 'the table "Ledger": 1 row before, 1 removed, 1 added')
    assert amounts(world, table) == [11]

    world.restart(run, "add")

    assert ended(world, run) == (StepStatus.SUCCESS, 'the table "Ledger": 1 row before, 1 removed, 1 added')
    # Once more of the rows from before, and not of its own.
    assert amounts(world, table) == [11]


def test_rows_of_the_same_key_take_the_place_of_others(world: World, table: TableId) -> None:
    columns.add(managed.work(world), table, OLD_PERIOD)
    code = "outputs['rows'] = [{'period': 'old', 'amount': 1}, {'period': 'new', 'amount': 2}]"

    run = world.begin(writing(code, "replace_where", "period"))

    assert ended(world, run) == (StepStatus.SUCCESS, 'the table "Ledger": 1 row before, 1 removed, 2 added')
    assert amounts(world, table) == [1, 2]


def test_a_script_that_gives_no_rows_to_a_table_leaves_it_and_one_that_gives_none_empties_it(
    world: World, table: TableId
) -> None:
    assert ended(world, world.begin(writing("pass", "replace"))) == (StepStatus.SUCCESS, "")
    assert amounts(world, table) == [10]

    status, message = ended(world, world.begin(writing("outputs['rows'] = []", "replace")))

    said = '0 rows for the table "Ledger": it is empty now; the table "Ledger": 1 row before, 1 removed, 0 added'
    assert (status, message) == (StepStatus.WARNING, said)
    assert amounts(world, table) == []


def test_rows_that_take_the_place_of_others_and_leave_a_column_out_are_a_warning(world: World, table: TableId) -> None:
    columns.add(managed.work(world), table, ColumnChange(name="period", type=ColumnType.TEXT))

    status, message = ended(world, world.begin(writing("outputs['rows'] = [{'amount': 1}]", "replace")))

    assert status is StepStatus.WARNING
    assert message.startswith('the table "Ledger": the new rows do not name "period", which get no value; the table')


@in_turn
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("outputs['rows'] = [{'amount': 0.1}]", 'row 1, column "amount": 0.1 is a binary fraction'),
        ("outputs['rows'] = [{'amount': 1}, {'amount': float('nan')}]", 'row 2, column "amount": NaN is no number'),
        ("outputs['rows'] = [{'amount': 2.0 ** 60}]", "is a binary fraction"),
        ("outputs['rows'] = [{'amount': True}]", "True is true or false, and a Money was wanted"),
        ("outputs['rows'] = [{'amount': [1]}]", "a list cannot be kept"),
        ("outputs['rows'] = [{'amount': '1.23456'}]", 'the table "Ledger": row 1, "amount": "'),
        ("outputs['rows'] = [{'amount': 'ten'}]", 'row 1, "amount": "'),
        ("outputs['rows'] = [{'amuont': 1}]", 'has no column "amuont"; did you mean "amount"?'),
        ("outputs['rows'] = [{'amount': 1}, {}]", 'row 2 has no "amount": all rows name the same columns'),
        ("outputs['rows'] = [{}, {'amount': 1}]", 'row 1 has no "amount": all rows name the same columns'),
        ("outputs['rows'] = [{'amount': 1, 'Amount': 2}]", 'the column "Amount" is there twice'),
        ("outputs['rows'] = [{1: 1}]", "the key 1 is not the name of a column"),
        ("outputs['rows'] = [1]", "row 1 is a int, and a dictionary was wanted"),
        ("outputs['rows'] = {'amount': 1}", "rows are wanted, and this is a dict"),
        ("outputs['rows'] = None", "rows are wanted, and this is a NoneType"),
        (
            "outputs.file('rows').write_text('amount\\n1')",
            "is not Parquet, or is not whole; a CSV file must end in .csv",
        ),
        ("outputs.file('rows', 'r.csv').write_text('amount,amount\\n1,2\\n')", 'the column "amount" is there twice'),
        ("outputs.file('rows', 'r.csv').write_text('amount\\n1,5\\n')", "line 2"),
        ("outputs.file('rows')", "the file was not written"),
        (
            "import duckdb\nduckdb.sql('SELECT unnest([1, 0.1::DOUBLE]) AS amount')"
            ".write_parquet(str(outputs.file('rows')))",
            'row 2, column "amount": 0.1 is a binary fraction, which is no exact amount',
        ),
        (
            "import duckdb\nduckdb.sql('SELECT 1 AS amount, 0 AS __index_level_0__')"
            ".write_parquet(str(outputs.file('rows')))",
            "is the index of a pandas frame, and no column",
        ),
        (
            "import duckdb\nduckdb.sql('SELECT [1] AS amount').write_parquet(str(outputs.file('rows')))",
            'column "amount" holds INTEGER[]',
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_words_and_nothing_is_published(
    world: World, table: TableId, code: str, said: str
) -> None:
    run = world.begin(writing(code, "replace"))

    status, message = ended(world, run)
    assert status is StepStatus.FAILED
    assert said in message
    assert str(world.home) not in message
    assert amounts(world, table) == [10]


TYPED = """\
import datetime, decimal
import pyarrow as pa, pyarrow.parquet as pq
table = pa.table({
    "period": pa.array(["2026-11", "2026-12"]).dictionary_encode(),
    "amount": pa.array([decimal.Decimal("12.5"), None], pa.decimal128(38, 10)),
    "count": pa.array([9007199254740992.0, None]),
    "booked": pa.array([datetime.datetime(2026, 11, 30, 12, 0, 0, 500000)] * 2, pa.timestamp("ns")),
    "open": pa.array([True, False]),
})
pq.write_table(table, outputs.file("rows"))
"""


def test_a_file_of_pyarrow_is_taken_with_its_types(world: World, table: TableId) -> None:
    kinds: dict[str, Any] = {
        "period": "FixedLengthText",
        "amount": "Money",
        "count": "Number",
        "booked": "Datetime",
        "open": "TrueFalse",
    }
    typed = managed.make(world, f"Typed of {world.home.name}", **kinds)
    target = to("append", name=f"Typed of {world.home.name}")

    run = world.begin(script(TYPED, outputs={"rows": target}))

    status, message = ended(world, run)
    assert status is StepStatus.WARNING
    # A DOUBLE of more than 15 digits: whoever made the file may have lost some, as the API says too.
    assert 'the column "count": ' in message and "as text" in message
    moment = "2026-11-30T12:00:00.500"
    assert [{**row, "_Record_ID": 0} for row in managed.rows(world, typed)] == [
        {"_Record_ID": 0, "period": "2026-11", "amount": 12.5, "count": 2**53, "booked": moment, "open": True},
        {"_Record_ID": 0, "period": "2026-12", "amount": None, "count": None, "booked": moment, "open": False},
    ]


def test_the_example_of_the_documentation_does_what_it_says(world: World) -> None:
    text = (Path(__file__).parents[2] / "docs" / "scripts.md").read_text()
    step = text.partition("## Managed tables\n\n```yaml\n")[2].partition("```")[0]
    rows = [{"reference": "a", "amount": "0.50"}, {"reference": "b", "amount": "12.50"}]
    # Its versions: made, two columns, rows.
    made = managed.make(world, "Open items", *rows, reference="FixedLengthText", amount="Money")
    indented = "".join(f"      {line}\n" for line in step.splitlines())

    run = world.begin(f"process: Documented\ngroups:\n  - group: All\n    steps:\n{indented}")

    world.wait(run)
    said = 'the table "Open items": 2 rows before, 2 removed, 1 added'
    assert [(step.status, step.message) for step in world.steps(run).values()] == [(StepStatus.SUCCESS, said)]
    assert [(row["reference"], row["amount"]) for row in managed.rows(world, made)] == [("b", 12.5)]
