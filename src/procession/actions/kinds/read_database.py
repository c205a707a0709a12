"""read_database: the rows of one statement over a database, exact, as a file or rows of a table."""

from __future__ import annotations

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.databases import read_settings
from procession.actions.databases.read_settings import ReadDatabaseSettings
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them reads a database.
    from procession.actions.databases import reading_rows

    return reading_rows.run(context)


def preview(context: Context) -> str:
    from procession.actions.databases import reading_rows

    return reading_rows.preview(context)


def check(settings: ReadDatabaseSettings) -> tuple[str, ...]:
    return (*read_settings.check(settings), *read_settings.lacking())


# Its database holds a table `ledger`: the tests make it (tests/actions/postgres.py).
EXAMPLE = Example(
    settings={
        "connection": "erp",
        "sql": """\
SELECT entry, account, amount, booked_on
FROM ledger
WHERE booked_on BETWEEN $from AND $until
ORDER BY entry
""",
        "inputs": {"from": "${parameters.from}", "until": "${parameters.until}"},
        "output": {"to": "${files.entries}", "as": "entries.csv"},
    },
    inputs={"parameters.from": "2026-01-01", "parameters.until": "2026-01-31"},
    targets={"files.entries": OutputTarget(type="File")},
    expected={
        "files.entries": b"entry,account,amount,booked_on\n"
        b"1,0400,1200.5,2026-01-05\n"
        b"2,0410,-1200.5,2026-01-05\n"
        b"3,0400,0.01,2026-01-31\n"
    },
    message='3 rows from the connection "erp"',
)

ACTION = Action(
    kind="read_database",
    effect=Effect.PURE,
    title="Read a database",
    settings=ReadDatabaseSettings,
    run=run,
    reads=read_settings.reads,
    writes=read_settings.writes,
    tables=read_settings.tables,
    examples=(EXAMPLE,),
    check=check,
    reaches=True,
    preview=preview,
    connection=read_settings.connection,
    connection_kinds=frozenset({"database"}),
)
