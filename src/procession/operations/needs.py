"""What a run needs before it begins, or goes on from a step: the network, tables, connections, processes."""

from __future__ import annotations

from procession.model.runs import Run
from procession.operations import called_processes, connections_of_steps, networks, step_tables
from procession.operations.act import Act


def require(act: Act, run: Run, definition: str) -> None:
    """Raises Invalid for what a step of the definition, as it is stored, cannot have."""
    # At the start and not at the step: hours of work before it would be for nothing.
    networks.require(act.resources, definition)
    step_tables.require(act, run, definition)
    connections_of_steps.require(act, run, definition)
    called_processes.require(act, run, definition)
