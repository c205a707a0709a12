"""Settings of read_database: the statement, its values, and how much may come."""

from __future__ import annotations

from typing import Annotated

import msgspec

from procession.actions import expecting, extras, references
from procession.actions.databases.statements import SQL_CHARACTERS_MAX
from procession.actions.expecting import Expect
from procession.actions.references import Given, Name
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.table_uses import TableUse

ROWS_MAX = 5_000_000  # some gigabytes of memory and disk
ROWS_MAX_MAX = 50_000_000  # more is no step of a month end
TIMEOUT_SECONDS = 600  # a statement that nobody waits for any more holds a database up
TIMEOUT_SECONDS_MAX = 86_400  # the default time limit of a whole run
ConnectionName = Annotated[
    str, msgspec.Meta(min_length=1, max_length=255, description="the name of a connection to a database")
]


class ReadDatabaseSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    connection: ConnectionName
    sql: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=SQL_CHARACTERS_MAX,
            description="one statement that gives rows, in the words of that database",
        ),
    ]
    inputs: Annotated[
        dict[Name, Given], msgspec.Meta(description="values that the statement calls $name; a Datepicker is a date")
    ] = {}
    output: Annotated[Target, msgspec.Meta(description="the file or the table that takes the rows")]
    rows_max: Annotated[
        int, msgspec.Meta(ge=1, le=ROWS_MAX_MAX, description="more rows than these fail the step; none are cut")
    ] = ROWS_MAX
    timeout: Annotated[
        int, msgspec.Meta(ge=1, le=TIMEOUT_SECONDS_MAX, description="seconds that the database may take for all rows")
    ] = TIMEOUT_SECONDS
    expect: Annotated[Expect, msgspec.Meta(description="what the rows must be")] = Expect()


def reads(settings: ReadDatabaseSettings) -> tuple[str, ...]:
    return references.only([*settings.inputs.values(), *expecting.reads(settings.expect)])


def writes(settings: ReadDatabaseSettings) -> tuple[str, ...]:
    return (exports.reference_of(settings.output),)


def tables(settings: ReadDatabaseSettings) -> tuple[TableUse, ...]:
    return exports.tables_of([settings.output])


def connection(settings: ReadDatabaseSettings) -> str:
    return settings.connection


def check(settings: ReadDatabaseSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express. The statement is the database's own to read."""
    found = [*exports.check("output", settings.output), *expecting.mistakes(settings.expect)]
    for name, given in settings.inputs.items():
        found += references.mistakes(f"inputs.{name}", given)
    return tuple(found)


def lacking() -> tuple[str, ...]:
    """For Action.check: words where a driver is not installed. Which one a step needs, its connection says."""
    missing = (extras.lacking(driver, extra="databases", what="databases") for driver in ("psycopg", "pymysql"))
    return next(filter(None, missing), ())
