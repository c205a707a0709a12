"""What the limited child does for managed tables: take a client's rows, convert a column, read a page.

These are no steps of a process: a book of their own keeps them out of process files. Clients' CSV, JSON and Parquet
are opened nowhere else (spec/trust.md, rule 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from procession.actions import database
from procession.actions.contract import Action, Context, FileOutput, Outcome, OutputValue
from procession.actions.problems import Problem
from procession.actions.tables import changing, contract, reading, writing
from procession.model.lifecycle import StepStatus

Work = Callable[[Context, Any], tuple[msgspec.Struct, dict[str, FileOutput]]]
# Of the process's address space, of which DuckDB then takes its usual share: what it maps is far more than it uses.
_DUCKDB_SHARE = 0.6
_NO_SPACE = "No space left"


def book() -> Mapping[str, Action]:
    """All table jobs by kind."""
    return {
        contract.ROWS_KIND: _job(contract.ROWS_KIND, contract.RowsSettings, writing.perform),
        contract.CHANGE_KIND: _job(contract.CHANGE_KIND, contract.ChangeSettings, changing.perform),
        contract.READ_KIND: _job(contract.READ_KIND, contract.ReadSettings, reading.perform),
    }


def _job(kind: str, settings: type[msgspec.Struct], work: Work) -> Action:
    return Action(
        kind=kind,
        title=kind,
        settings=settings,
        run=lambda context: _run(context, work),
        reads=lambda settings: (),
        writes=lambda settings: (),
        examples=(),
    )


def _run(context: Context, work: Work) -> Outcome:
    import duckdb

    connection = database.connect(context.folder, int(context.memory_bytes_max * _DUCKDB_SHARE))
    try:
        result, files = work(context, connection)
    except Problem as problem:
        return Outcome(status=StepStatus.SUCCESS, outputs={contract.REFUSED: str(problem)})
    except duckdb.OutOfMemoryException:
        return Outcome(status=StepStatus.FAILED, message="it needs more memory than it may use")
    except duckdb.IOException as error:
        if _NO_SPACE not in str(error):
            raise
        return Outcome(status=StepStatus.FAILED, message="the disk is full")
    finally:
        connection.close()
    outputs: dict[str, OutputValue] = {**files, contract.RESULT: msgspec.json.encode(result).decode()}
    return Outcome(status=StepStatus.SUCCESS, outputs=outputs)
