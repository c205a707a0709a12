"""Settings of run_sql: the text, inputs, outputs and what to expect of the result."""

from __future__ import annotations

from typing import Annotated

import msgspec

from procession.actions.expecting import Expect
from procession.actions.reading.options import FileOptions
from procession.actions.references import Given, Name
from procession.actions.rows.sources import Several
from procession.actions.writing.exports import Target

SQL_CHARACTERS_MAX = 262_144


class RunSqlSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sql: Annotated[str, msgspec.Meta(min_length=1, max_length=SQL_CHARACTERS_MAX, description="DuckDB SQL")]
    inputs: Annotated[
        dict[Name, Given | FileOptions | Several],
        msgspec.Meta(
            description="a file or table is a relation by its name, and so is a list of them, one below the other;"
            " others are parameters ($name), a Datepicker a date"
        ),
    ] = {}
    outputs: Annotated[
        dict[Name, Target],
        msgspec.Meta(description="`result` is the last SELECT, any other name the relation that is called so"),
    ] = {}
    expect: Annotated[Expect, msgspec.Meta(description="what the rows of `result` must be")] = Expect()
