"""What the names in a process file mean when it is applied: tables, connections and other processes."""

from __future__ import annotations

import msgspec

from procession.model.processes import Process
from procession.operations import called_processes, connections_of_steps, networks, step_tables, who_decides
from procession.operations.act import Act
from procession.store import child_runs as process_names
from procession.store import connections as connection_names
from procession.store import step_tables as table_names
from procession.store.processes import ProcessRow


class Edition(msgspec.Struct, frozen=True, kw_only=True):
    """What a version says; `tables`, `connections` and `called`: what its names of them mean."""

    definition: Process
    tables: step_tables.Found
    connections: connections_of_steps.Found
    called: called_processes.Found
    source: str | None = None
    comment: str = ""


def resolved(act: Act, row: ProcessRow, definition: Process) -> tuple[Edition, tuple[str, ...]]:
    """What the names in a definition mean, and what is to be said of it."""
    tx = act.tx
    tables, said = step_tables.resolve(act, definition, table_names.named(tx, row.id, row.version))
    named = connection_names.named(tx, row.id, row.version)
    connections, renamed = connections_of_steps.resolve(act, definition, named)
    called, moved = called_processes.resolve(act, definition, row.id, process_names.named(tx, row.id, row.version))
    asked = who_decides.remarks(tx, act.resources.actions, definition)
    edition = Edition(definition=definition, tables=tables, connections=connections, called=called)
    return edition, (*networks.remarks(act.resources, definition), *said, *renamed, *moved, *asked)
