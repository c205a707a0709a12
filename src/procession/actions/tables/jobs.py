"""Table jobs of the sandboxed child: take a client's rows, convert a column, read a page, look at a file.

They are not steps: a registry of their own keeps them out of process files. Clients' CSV, JSON and Parquet
are opened nowhere else but in steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from procession.actions import database
from procession.actions.contract import Action, Context, FileOutput, OutputValue, StepOutcome, nothing
from procession.actions.problems import Problem
from procession.actions.tables import (
    changing,
    compacting,
    contract,
    fit_samples,
    previewing,
    reading,
    reviewing,
    ruling,
    sampling,
    sources,
    writing,
)
from procession.model.lifecycle import StepStatus

if TYPE_CHECKING:
    import duckdb

Work = Callable[[Context, Any], tuple[msgspec.Struct, dict[str, FileOutput]]]
# Of the process's address space, of which DuckDB then takes its usual share: what it maps is far more than it uses.
_DUCKDB_SHARE = 0.6
_NO_SPACE = "No space left"
_NO_CONTENTS = contract.Contents(columns=(), parts=())  # a job about a file has no table


@dataclass(slots=True)
class Warm:
    """A DuckDB kept for small reads: a new one costs 20 ms, half the time of a page.

    Every job has a cursor of its own, and what it makes is temporary, so that nothing is left for the next one.
    """

    connection: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def cursor(self, context: Context) -> Iterator[duckdb.DuckDBPyConnection]:
        import duckdb

        if self.connection is None:
            # At the first read: a child that only writes never makes it.
            self.connection = database.connect(context.folder, _memory_bytes(context))
        cursor = self.connection.cursor()
        try:
            yield cursor
        except duckdb.Error:
            # It may be broken for good; the next job begins with another one.
            self.connection = None
            raise
        finally:
            cursor.close()


def registry() -> Mapping[str, Action]:
    """All table jobs by kind."""
    warm = Warm()
    return {
        contract.ROWS_KIND: _job(contract.ROWS_KIND, contract.RowsSettings, writing.perform, warm),
        contract.CHANGE_KIND: _job(contract.CHANGE_KIND, contract.ChangeSettings, changing.perform, warm),
        contract.COMPACT_KIND: _job(contract.COMPACT_KIND, contract.CompactSettings, compacting.perform, warm),
        contract.READ_KIND: _job(contract.READ_KIND, contract.ReadSettings, reading.perform, warm),
        contract.PREVIEW_KIND: _job(contract.PREVIEW_KIND, contract.PreviewSettings, previewing.perform, warm),
        contract.RULES_KIND: _job(contract.RULES_KIND, contract.RulesSettings, ruling.perform, warm),
        contract.SAMPLE_KIND: _job(contract.SAMPLE_KIND, contract.SampleSettings, sampling.perform, warm),
        contract.FIT_KIND: _job(contract.FIT_KIND, contract.FitSettings, fit_samples.perform, warm),
        contract.REVIEW_KIND: _job(contract.REVIEW_KIND, contract.ReviewSettings, reviewing.perform, warm),
    }


def _job(kind: str, settings: type[msgspec.Struct], work: Work, warm: Warm) -> Action:
    return Action(
        kind=kind,
        title=kind,
        settings=settings,
        run=partial(_run, work=work, warm=warm),
        reads=nothing,
        writes=nothing,
        examples=(),
    )


@contextmanager
def _database(context: Context, warm: Warm) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warm one for a page; a new one that spills into its folder for jobs that may need disk space."""
    settings = context.settings
    if isinstance(settings, contract.ReadSettings) and settings.limit is not None:
        with warm.cursor(context) as cursor:
            yield cursor
        return
    connection = database.connect(context.folder, _memory_bytes(context))
    try:
        yield connection
    finally:
        connection.close()


def _memory_bytes(context: Context) -> int:
    return int(context.memory_bytes_max * _DUCKDB_SHARE)


def _run(context: Context, work: Work, warm: Warm) -> StepOutcome:
    import duckdb

    try:
        with _database(context, warm) as connection:
            result, files = work(context, connection)
    except Problem as problem:
        return StepOutcome(status=StepStatus.SUCCESS, outputs={contract.REFUSED: str(problem)})
    # In our words: DuckDB's advise settings that nobody can make.
    except duckdb.OutOfMemoryException:
        return StepOutcome(status=StepStatus.FAILED, message="it needs more memory than it may use")
    except (duckdb.IOException, OSError) as error:
        # The only trace of ENOSPC that is left of DuckDB's error.
        if _NO_SPACE in str(error):
            return StepOutcome(status=StepStatus.FAILED, message="the disk is full")
        return _failed(context, error)
    except duckdb.Error as error:
        return _failed(context, error)
    outputs: dict[str, OutputValue] = {**files, contract.RESULT: msgspec.json.encode(result).decode()}
    return StepOutcome(status=StepStatus.SUCCESS, outputs=outputs)


def _failed(context: Context, error: Exception) -> StepOutcome:
    """A fault of ours, reported without our paths."""
    contents = getattr(context.settings, "contents", _NO_CONTENTS)
    hidden = sources.hidden(context.folder, contents, getattr(context.settings, "request", ""))
    return StepOutcome(status=StepStatus.FAILED, message=f"it failed unexpectedly: {database.complaint(error, hidden)}")
