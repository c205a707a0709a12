"""write_database: rows into a table of a database, all of them or none, and never twice where that can be told."""

from __future__ import annotations

from procession.actions.contract import Action, Context, Example, StepOutcome, nothing
from procession.actions.databases import read_settings, write_settings
from procession.actions.databases.write_settings import WriteDatabaseSettings


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them writes to a database.
    from procession.actions.databases import writing_rows

    return writing_rows.run(context)


def preview(context: Context) -> str:
    from procession.actions.databases import writing_rows

    return writing_rows.preview(context)


def check(settings: WriteDatabaseSettings) -> tuple[str, ...]:
    return (*write_settings.check(settings), *read_settings.lacking())


# Its database holds a table `ledger` with an entry 1 and a unique key: the tests make it (tests/actions/postgres.py).
EXAMPLE = Example(
    settings={
        "connection": "erp",
        "source": {
            "file": "${files.entries}",
            "columns": {"entry": {"type": "Number"}, "account": {"type": "Text"}, "amount": {"type": "Money"}},
        },
        "into": "public.ledger",
        "mode": "upsert",
        "key": ["entry"],
    },
    inputs={"files.entries": ("entries.csv", b"entry,account,amount\n1,0400,1200.60\n9,0420,-0.10\n")},
    targets={},
    expected={},
    message='2 rows written to public.ledger of the connection "erp"',
)

ACTION = Action(
    kind="write_database",
    effect_of=write_settings.effect,
    title="Write to a database",
    settings=WriteDatabaseSettings,
    run=run,
    reads=write_settings.reads,
    writes=nothing,
    relations=write_settings.files_read,
    tables=write_settings.tables,
    examples=(EXAMPLE,),
    check=check,
    reaches=True,
    preview=preview,
    connection=write_settings.connection,
    connection_kinds=frozenset({"database"}),
)
