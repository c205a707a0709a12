"""Cells that hold an error, or a formula without a value: refused, counted, or told of where a column is dropped."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from procession.actions.problems import Problem
from procession.actions.reading import names
from procession.actions.reading.cells import Cells
from procession.actions.reading.options import FileOptions
from procession.actions.reading.sheets.tables import FAULTS_SHOWN_MAX, Collector


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What of the faults ends the step as Warning, and what only its log has."""

    warnings: tuple[str, ...]
    remarks: tuple[str, ...]


def tell(collector: Collector, cells: Cells, options: FileOptions, file: str) -> Told:
    """Raises Problem for faults in wanted columns, where they are to be refused."""
    wanted = _wanted(collector, cells, options, file)
    others = collector.fault_counts.keys() - wanted
    dropped = _listed(collector, others)
    remarks = (f"{dropped[0]} in columns that are dropped: {dropped[1]}",) if others else ()
    if not wanted:
        return Told(warnings=(), remarks=remarks)
    what, places = _listed(collector, wanted)
    if options.errors == "refuse":
        raise Problem(f"{what}: {places}; mend them, or say `errors: empty`")
    return Told(warnings=(f"{what}, read as empty: {places}",), remarks=remarks)


def _wanted(collector: Collector, cells: Cells, options: FileOptions, file: str) -> frozenset[int]:
    """The columns with faults that the step gets, from the first of the area."""
    faulty = frozenset(collector.fault_counts)
    if options.others != "drop" or not faulty:
        return faulty
    try:
        settled = names.settle(cells, options, file)
    except Problem:
        # A heading may be the fault: that is told first, and not that a column is missing.
        return faulty
    return faulty & {column.number + collector.first for column in settled}


def _listed(collector: Collector, columns: Collection[int]) -> tuple[str, str]:
    count = sum(collector.fault_counts[column] for column in columns)
    places = [place for column, place in collector.faults if column in columns][:FAULTS_SHOWN_MAX]
    more = ", ..." if count > len(places) else ""
    what = f"{collector.sheet} has {count:,} cell{'' if count == 1 else 's'} without a value"
    return what, ", ".join(places) + more
