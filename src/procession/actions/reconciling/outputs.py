"""Writes what a reconciliation found, after its limits were looked at: files, numbers, the report."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database, references, values
from procession.actions.contract import Context, FileOutput, OutputValue
from procession.actions.problems import Problem
from procession.actions.reconciling import plans, report
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
    _keep_matched(context, connection, wanted)
    outputs: dict[str, OutputValue] = {}
    for name in FILES:
        target = getattr(wanted, name)
        if target is not None:
            relation = _RELATIONS.get(name, name)
            outputs[exports.reference_of(target)] = files.write(
                context, connection, relation, target, default=f"{name}.csv", warnings=found.warnings
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


def _keep_matched(context: Context, connection: duckdb.DuckDBPyConnection, wanted: OutputSettings) -> None:
    """Parquet takes the pairs as they come; the writers of other formats look at them several times."""
    if wanted.matched is None and wanted.report is None:
        return
    # By the name: the property that takes it may keep the name that it has.
    name = "" if wanted.matched is None else exports.file_name(context, wanted.matched, "matched.csv")
    if wanted.report is not None or Path(name).suffix.lower() != ".parquet":
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
