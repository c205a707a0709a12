"""Settings of write_database: the rows, the table that they go into, and what makes it safe to write them twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from procession.actions import references
from procession.actions.column_names import COLUMN_OF, RESULT
from procession.actions.databases.read_settings import TIMEOUT_SECONDS, TIMEOUT_SECONDS_MAX, ConnectionName
from procession.actions.expecting import Expect
from procession.actions.reading.options import FileOptions
from procession.actions.rows import sources
from procession.actions.rows.sources import Sources
from procession.model.processes import Effect
from procession.model.table_uses import TableUse

# A name of PostgreSQL has 63 bytes at most, and is cut in silence beyond.
ColumnName = Annotated[str, msgspec.Meta(min_length=1, max_length=63, extra_json_schema={COLUMN_OF: RESULT})]
_NAME = r'(?:"(?:[^"\x00]|"")+"|[^".\x00]+)'
_INTO = re.compile(rf"({_NAME})(?:\.({_NAME}))?")


class WriteDatabaseSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    connection: ConnectionName
    source: Annotated[Sources, msgspec.Meta(description="the rows: a file, a table, or several with the same columns")]
    into: Annotated[
        str,
        msgspec.Meta(
            min_length=1,
            max_length=140,
            description="schema.table, as they are spelled there; a part with a point in quotes",
        ),
    ]
    mode: Annotated[
        Literal["append", "upsert", "replace_where"],
        msgspec.Meta(
            description="add rows, change those of the same key and add the others, or replace all rows of the keys"
        ),
    ]
    key: Annotated[
        list[ColumnName],
        msgspec.Meta(max_length=20, description="for upsert and replace_where: columns that tell rows apart"),
    ] = []
    batch: Annotated[
        ColumnName | None,
        msgspec.Meta(
            description="for append: a text column that takes the run and the step; rows that have them go first"
        ),
    ] = None
    timeout: Annotated[
        int,
        msgspec.Meta(ge=1, le=TIMEOUT_SECONDS_MAX, description="seconds that the database may take for one statement"),
    ] = TIMEOUT_SECONDS
    expect: Annotated[Expect, msgspec.Meta(description="what the rows must be")] = Expect()

    @property
    def table(self) -> tuple[str, ...]:
        """Schema and table, or the table alone, without quotes."""
        found = _INTO.fullmatch(self.into)
        assert found is not None
        return tuple(_bare(part) for part in found.groups() if part is not None)


def _bare(part: str) -> str:
    # The outer two alone: a name may begin with a quote of its own, and would be that of another table without it.
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def reads(settings: WriteDatabaseSettings) -> tuple[str, ...]:
    total = settings.expect.total
    return tuple(dict.fromkeys((*sources.reads(settings.source), *references.only([total.equals] if total else []))))


def files_read(settings: WriteDatabaseSettings) -> tuple[FileOptions, ...]:
    return sources.files_of(settings.source)


def tables(settings: WriteDatabaseSettings) -> tuple[TableUse, ...]:
    return sources.tables_of(settings.source)


def connection(settings: WriteDatabaseSettings) -> str:
    return settings.connection


def effect(settings: WriteDatabaseSettings) -> Effect:
    """The same rows appended again are there twice, unless they can be told from others."""
    is_once = settings.mode == "append" and settings.batch is None
    return Effect.ONCE if is_once else Effect.IDEMPOTENT


def check(settings: WriteDatabaseSettings) -> Iterator[str]:
    """Mistakes that types cannot express."""
    yield from sources.mistakes("source", settings.source)
    if _INTO.fullmatch(settings.into) is None:
        yield 'into: write schema.table, and a name that holds a point in quotes: finance."a.b"'
    if settings.mode == "append" and settings.key:
        yield "key: means nothing for append; it is for upsert and replace_where"
    if settings.mode != "append" and not settings.key:
        yield f"key: {settings.mode} needs the columns that tell rows apart"
    if settings.mode != "append" and settings.batch is not None:
        yield f"batch: means nothing for {settings.mode}, which is safe to repeat by its key"
    if len(set(settings.key)) < len(settings.key):
        yield "key: names a column twice"
