"""The connections that processes name: what the names mean, who vouches for them, and what a step is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import msgspec

from procession.actions.contract import Action, ConnectionInput
from procession.clock import Clock
from procession.engine.step_connections import ConnectionUse
from procession.model import definitions
from procession.model.connections import Connection, bound_to, plain
from procession.model.errors import Invalid
from procession.model.nearest import nearest
from procession.model.processes import Process, Step
from procession.model.runs import Run
from procession.operations import connections
from procession.operations.act import Act
from procession.operations.connections import may_use
from procession.store import connections as store
from procession.store import people
from procession.store.connections import ConnectionUsed, NamedConnection
from procession.store.database import Database, Transaction
from procession.store.keyring import Keyring, KeyTrouble

Found = Mapping[str, NamedConnection]


def uses_of(actions: Mapping[str, Action], process: Process) -> Iterator[tuple[Step, Action, str]]:
    """Every step that goes by a connection, with its action and the connection's name; disabled ones too."""
    for step in process.steps:
        action = actions.get(step.action)
        # Settings are converted for those alone that can name one.
        if action is not None and action.connection_kinds:
            name = action.connection(msgspec.convert(dict(step.settings), action.settings))
            if name:
                yield step, action, name


def resolve(act: Act, process: Process, before: Found) -> tuple[Found, tuple[str, ...]]:
    """What the names in a process mean now, vouched for by whoever acts; and remarks on those that were renamed.

    `before` is what they mean in the version before, as with tables. Raises Invalid with every mistake.
    """
    found: dict[str, NamedConnection] = {}
    mistakes, remarks = dict[str, None](), dict[str, None]()
    for step, action, name in uses_of(act.resources.actions, process):
        # By name first, as with tables: the author sees the one that has the name today.
        connection = store.by_name(act.tx, name)
        if connection is None and name in before:
            connection = store.find(act.tx, before[name].connection)
            if connection is not None:
                remarks[f'the connection "{name}" is called "{connection.name}" now'] = None
        where = f'step {step.order} "{step.name}"'
        user = act.caller.user
        if connection is None or not may_use(act.tx, user, connection.id):
            # One answer for both: which connections there are is not for everybody to know.
            mistakes[f'{where}: there is no connection "{name}" that {user.login} may use{_hint(act, name)}'] = None
        elif connection.kind not in action.connection_kinds:
            mistakes[f"{where}: {_wrong_kind(connection, action.connection_kinds)}"] = None
        else:
            found[name] = NamedConnection(connection.id, user.id)
    if mistakes:
        raise Invalid("; ".join(mistakes))
    return found, tuple(remarks)


def _hint(act: Act, name: str) -> str:
    # Of those that the user may use: a hint must not tell of others.
    near = nearest(name, [one.name for one in connections.listed(act.tx, act.caller)])
    return f'; did you mean "{near}"?' if near else ""


def _wrong_kind(connection: Connection, kinds: frozenset[str]) -> str:
    return (
        f'the connection "{connection.name}" is of the kind {connection.kind}, and this step needs one of the kind'
        f" {' or '.join(sorted(kinds))}"
    )


def is_changed(act: Act, found: Found, before: Found) -> bool:
    """Whether the names mean other connections than before, or nobody vouches for them any more."""
    if {name: one.connection for name, one in found.items()} != {name: one.connection for name, one in before.items()}:
        return True
    # Applying the same file again must be able to replace a voucher who has left.
    return not all(may_use(act.tx, people.user(act.tx, one.user), one.connection) for one in before.values())


def require(act: Act, run: Run, definition: str) -> None:
    """Raises Invalid when a step of the definition, as it is stored, goes by a connection that is not for it."""
    # As with networks: converting the settings of every step takes longer than a start, and most have no such action.
    if not any(f'"action":"{kind}"' in definition for kind in _reaching(act.resources.actions)):
        return
    found = store.named(act.tx, run.process, run.version)
    troubles = dict[str, None]()
    for step, action, name in uses_of(act.resources.actions, definitions.definition_from_text(definition)):
        if not step.enabled:
            continue
        use = ConnectionUse(name=name, kinds=action.connection_kinds, run=run, user=act.caller.user)
        try:
            _usable(act.tx, found, use)
        except Invalid as error:
            troubles[f'step {step.order} "{step.name}": {error.message}'] = None
    if troubles:
        raise Invalid("; ".join(troubles))


def _reaching(actions: Mapping[str, Action]) -> Iterator[str]:
    return (kind for kind, action in actions.items() if action.connection_kinds)


def _usable(tx: Transaction, found: Found, use: ConnectionUse) -> Connection:
    """The connection, if the step may go by it now. Raises Invalid."""
    named = found.get(use.name)
    if named is None:
        raise Invalid(
            f'what the connection "{use.name}" is, this version of the process does not say; apply its file again'
        )
    connection = store.find(tx, named.connection)
    if connection is None:
        raise Invalid(f'the connection "{use.name}" was removed')
    if connection.kind not in use.kinds:
        raise Invalid(_wrong_kind(connection, use.kinds))
    # Looked up at each use: a right that was taken away counts at once, not with the next version.
    voucher = people.user(tx, named.user)
    if not any(may_use(tx, user, connection.id) for user in (voucher, use.user)):
        who = voucher.login if voucher else "whoever published this version"
        raise Invalid(
            f"neither {who}, who published this version of the process, nor {use.user.login}, who starts the run, may"
            f' use the connection "{use.name}"; an administrator can allow it'
        )
    return connection


@dataclass(frozen=True, slots=True)
class ConnectionsOfSteps:
    """What the engine asks of connections (engine/step_connections.StepConnections)."""

    database: Database
    keyring: Keyring
    clock: Clock

    def open(self, use: ConnectionUse) -> ConnectionInput:
        try:
            # Read anew for each attempt: a password that was changed meanwhile counts.
            opened, connection = self._opened(use)
        except KeyTrouble:
            # `rekey` may have put another key in place between the rows and the file: what is there now fits.
            try:
                opened, connection = self._opened(use)
            except KeyTrouble as error:
                # The step's own end, in words: no retry puts back a key.
                raise Invalid(error.message) from error
        used = ConnectionUsed(run=use.run.id, login=use.user.login, at=self.clock.now())
        # Not waited for, as the engine's thread itself commits it; the attempt's row is there, and names the step.
        self.database.submit(partial(store.add_use, connection=connection.id, used=used))
        return opened

    def _opened(self, use: ConnectionUse) -> tuple[ConnectionInput, Connection]:
        with self.database.read() as tx:
            # The user as of now: a run may have waited for hours.
            user = people.user(tx, use.user.id) or use.user
            now = ConnectionUse(name=use.name, kinds=use.kinds, run=use.run, user=user)
            connection = _usable(tx, store.named(tx, use.run.process, use.run.version), now)
            return opened(tx, self.keyring, connection, called=use.name), connection


def opened(tx: Transaction, keyring: Keyring, connection: Connection, *, called: str) -> ConnectionInput:
    """The connection with its secrets, by this name. Raises KeyTrouble."""
    return ConnectionInput(
        name=called,
        kind=connection.kind,
        options=plain(connection.kind, connection.options),
        secrets={
            one.name: keyring.open(one.sealed, bound_to=bound_to(connection, one.name))
            for one in store.secrets(tx, connection.id)
        },
        private_hosts=connection.private_hosts,
    )
