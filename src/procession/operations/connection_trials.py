"""A connection tried by an administrator: opened for that, and written down like every use of a secret."""

from __future__ import annotations

from procession.actions.contract import ConnectionInput
from procession.model.ids import ConnectionId
from procession.operations import connections, connections_of_steps
from procession.operations.act import Act
from procession.operations.telling import tell


def opened(act: Act, connection: ConnectionId) -> ConnectionInput:
    """With its secrets, for actions/reaching/probes alone. Raises Forbidden, NotFound, KeyTrouble."""
    connections.require_administrator(act)
    found = connections.find(act.tx, connection)
    keyring = act.resources.keyring
    assert keyring is not None, "every home has one"
    # In the transaction that gives the secret away: a try that nobody can read of is none.
    tell(act, f'tried the connection "{found.name}"', connection)
    return connections_of_steps.opened(act.tx, keyring, found, called=found.name)
