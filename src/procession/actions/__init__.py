"""The registry of actions: every kind that a process file may name, the built-in ones and those of other packages.

Importing it, and calling `registry()`, stays light on purpose: a small process imports it for every step of user code.
So an action's module holds settings and rules only, and imports its engine (DuckDB, XlsxWriter) when it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from procession.actions.contract import Action
from procession.actions.kinds import (
    approve,
    archive,
    calculate_fx,
    call_http,
    decide,
    document,
    excel_report,
    export,
    fail,
    import_table,
    join,
    map_values,
    parse_statement,
    read_database,
    reconcile,
    run_process,
    run_python,
    run_sql,
    send_email,
    transfer_files,
    transform,
    validate,
    wait,
    write_database,
)

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

BUILT_IN = (
    run_python.ACTION,
    run_sql.ACTION,
    import_table.ACTION,
    parse_statement.ACTION,
    validate.ACTION,
    transform.ACTION,
    join.ACTION,
    map_values.ACTION,
    calculate_fx.ACTION,
    reconcile.ACTION,
    decide.ACTION,
    export.ACTION,
    read_database.ACTION,
    write_database.ACTION,
    call_http.ACTION,
    transfer_files.ACTION,
    approve.ACTION,
    run_process.ACTION,
    excel_report.ACTION,
    document.ACTION,
    archive.ACTION,
    send_email.ACTION,
    wait.ACTION,
    fail.ACTION,
)
ENTRY_POINT_GROUP = "procession.actions"


# The registry is asked for at each file that is applied; entry points are files to read.
@cache
def registry() -> Mapping[str, Action]:
    """All actions by kind. Raises TypeError or ValueError for an entry point that is no action or is taken."""
    actions = dict(built_in())
    for entry in _entry_points():
        action = entry.load()
        # At the start and not at the first step: a package with a mistake in it is the operator's affair.
        if not isinstance(action, Action):
            raise TypeError(f'the entry point "{entry.name}" of {ENTRY_POINT_GROUP} is not an Action: {entry.value}')
        if action.needs_no_process:
            raise TypeError(f'the action "{action.kind}" of {entry.value} wants to run in the engine; only ours may')
        if action.kind in actions:
            raise ValueError(f'the action "{action.kind}" of {entry.value} has the name of another action')
        actions[action.kind] = action
    # Shared by everything in the process, so nobody may add to it.
    return MappingProxyType(actions)


def built_in() -> Mapping[str, Action]:
    """The actions of this package alone, by kind."""
    return {action.kind: action for action in BUILT_IN}


def others() -> tuple[str, ...]:
    """The actions of other packages as "module:name", for a process that need not look for them."""
    return tuple(entry.value for entry in _entry_points())


def _entry_points() -> Iterable[EntryPoint]:
    # Not at the top: it brings email, zipfile and sockets, a quarter of what a fork server would hold.
    from importlib.metadata import entry_points

    return entry_points(group=ENTRY_POINT_GROUP)
