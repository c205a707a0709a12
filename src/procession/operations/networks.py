"""Steps that ask for the network, and servers that do not allow it: said when a file is applied, refused at a start."""

from __future__ import annotations

import msgspec

from procession.model import definitions
from procession.model.errors import Invalid
from procession.model.processes import Process
from procession.operations.resources import Resources

SETTING = "PROCESSION_ALLOW_NETWORK"


def remarks(resources: Resources, process: Process) -> tuple[str, ...]:
    """One for each step that asks for what this server does not allow."""
    if resources.allows_network:
        return ()
    return tuple(
        f'step {step.order} "{step.key}" asks for the network, which this server does not allow ({SETTING}): '
        "it refuses to start such a run"
        # Disabled steps too would refuse a run for something that never happens, so they are left out.
        for step in process.steps
        if step.enabled
        and (action := resources.actions.get(step.action)) is not None
        and action.wants_network(msgspec.convert(dict(step.settings), action.settings))
    )


def require(resources: Resources, definition: str) -> None:
    """Raises Invalid when a step of this definition, as it is stored, asks for the network in vain."""
    # Converting the settings of every step takes longer than a start: most hold no such word.
    if not resources.allows_network and '"network":true' in definition:
        found = remarks(resources, definitions.definition_from_text(definition))
        if found:
            raise Invalid("; ".join(found))
