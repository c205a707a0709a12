"""Steps that ask for the network, and servers that do not allow it: said when a file is applied, refused at a start."""

from __future__ import annotations

import msgspec

from procession.model import definitions
from procession.model.errors import Invalid
from procession.model.processes import Process
from procession.model.runs import Run
from procession.operations.act import Act
from procession.operations.office import Office
from procession.store import processes

SETTING = "PROCESSION_ALLOW_NETWORK"


def remarks(office: Office, process: Process) -> tuple[str, ...]:
    """One for each step that asks for what this server does not allow."""
    if office.allows_network:
        return ()
    return tuple(
        f'step {step.order} "{step.key}" asks for the network, which this server does not allow ({SETTING}): '
        "it refuses to start such a run"
        for step in process.steps
        if step.enabled
        and (action := office.actions.get(step.action)) is not None
        and action.wants_network(msgspec.convert(dict(step.settings), action.settings))
    )


def require(act: Act, run: Run) -> None:
    """Raises Invalid when a step of the run asks for the network in vain."""
    if act.office.allows_network:
        return
    row = processes.version(act.tx, run.process, run.version)
    # Reading a definition takes longer than a start: most hold no such word.
    if row is not None and '"network":true' in row.definition:
        found = remarks(act.office, definitions.definition_from_json(row.definition.encode()))
        if found:
            raise Invalid("; ".join(found))
