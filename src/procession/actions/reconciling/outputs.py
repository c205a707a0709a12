"""Writes what a reconciliation found, after its limits were looked at: files, numbers, the report."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database, references, values
from procession.actions.contract import Context, FileOutput, OutputValue
from procession.actions.problems import Problem
from procession.actions.reconciling import plans, report, results
from procession.actions.reconciling.found import Found
from procession.actions.reconciling.reconcile_settings import COUNTS, FILES, OutputSettings, ReconcileSettings
from procession.actions.writing import exports
from procession.actions.writing.exports import Target

if TYPE_CHECKING:
    import duckdb

_RELATIONS = {"suggested": "suggested_rows"}  # where an output is not called as its relation
_TOTALS = ("left_total", "right_total", "difference")


def write(context: Context, connection: duckdb.DuckDBPyConnection, found: Found) -> dict[str, OutputValue]:
    """All outputs by reference. Raises Problem where fail_when says so, before anything is written."""
    from procession.actions.writing import files

    # First of all, so that a reconciliation that must stop leaves no file.
    _check_limits(context, found)
    wanted: OutputSettings = context.settings.outputs
    if keeps_matched(context):
        _keep_matched(connection)
    outputs: dict[str, OutputValue] = {}
    for name in FILES:
        target = getattr(wanted, name)
        if target is not None:
            relation = _RELATIONS.get(name, name)
            write = partial(files.write, context, connection, relation, target, default=f"{name}.csv")
            outputs[exports.reference_of(target)] = (
                _in_order(connection, found, write) if name == "matched" else write(warnings=found.warnings)
            )
    for name, setting in {**{name: f"{name}_count" for name in COUNTS}, **{name: name for name in _TOTALS}}.items():
        reference = references.parse(getattr(wanted, setting))
        if reference is not None:
            outputs[reference] = values.trimmed(found.figures[name])
    if wanted.report is not None:
        context.progress(0.9, "Report")
        outputs[exports.reference_of(wanted.report)] = _report(context, connection, found, wanted.report)
    return outputs


def _check_limits(context: Context, found: Found) -> None:
    """Raises Problem where fail_when says so."""
    settings: ReconcileSettings = context.settings
    for name in settings.fail_when.__struct_fields__:
        given = getattr(settings.fail_when, name)
        if given is None:
            continue
        most = plans.decimal(context, given, f"fail_when.{name}")
        # Whatever its sign: too much is as wrong as too little.
        if abs(Decimal(found.figures[name])) > most:
            amount, allowed = values.alike(found.figures[name], most)
            raise Problem(
                f"{name.replace('_', ' ')} is {amount}, and fail_when allows at most {allowed}; nothing was published"
            )


def _in_order(connection: duckdb.DuckDBPyConnection, found: Found, write: Callable[..., FileOutput]) -> FileOutput:
    """The file of all matches. Written as they come, they are in the order that is promised but for one case, and that
    is looked for: a join that does not fit into memory goes through its rows in parts."""
    said = list(found.warnings)
    made = write(warnings=found.warnings)
    if Path(made.path).suffix != ".parquet" or results.is_in_order(connection, made.path):
        return made
    found.warnings[:] = said
    Path(made.path).unlink()
    # What the rules compared was seen to be equal by the first writing.
    results.show_matched(connection, found.ledgers, found.rules, is_guarded=False, is_sorted=True)
    return write(warnings=found.warnings)


def keeps_matched(context: Context) -> bool:
    """Whether the matches become a table: Parquet takes them as they come, other writers look at them several times."""
    wanted: OutputSettings = context.settings.outputs
    if wanted.matched is None:
        return wanted.report is not None
    # By the name: the property that takes it may keep the name that it has.
    suffix = Path(exports.file_name(context, wanted.matched, "matched.csv")).suffix.lower()
    return wanted.report is not None or suffix != ".parquet"


def _keep_matched(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE matched_rows AS FROM matched")
    connection.execute("DROP VIEW matched")
    connection.execute("ALTER TABLE matched_rows RENAME TO matched")


def _report(context: Context, connection: duckdb.DuckDBPyConnection, found: Found, target: Target) -> FileOutput:
    from procession.actions.writing import workbooks

    name = exports.file_name(context, target, f"{context.step_key}.xlsx")
    path = context.folder / database.EXPORT_FOLDER / "report.xlsx"
    sheets = report.sheets(context, connection, found.ledgers, found.rules, found.as_of)
    notes = workbooks.write(connection, path, sheets, exports.options_of(target).zone)
    found.warnings.extend(f"{name}: {text}" for text in notes.warnings)
    for text in notes.remarks:
        context.log(f"{name}: {text}\n")
    return FileOutput(path=str(path), name=name if name.lower().endswith(".xlsx") else f"{name}.xlsx")
