"""The key of connections' secrets: another one in its place, and what to do when it is lost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from procession.model.connections import bound_to
from procession.model.errors import Invalid
from procession.operations import connections
from procession.store import connections as store
from procession.store.connections import SealedSecret
from procession.store.crash import CrashPoint, pass_by
from procession.store.database import Database, Transaction
from procession.store.keyring import Keyring, KeyTrouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekeyed:
    """How many secrets are under the new key, and which were lost, as words."""

    secrets: int
    lost: tuple[str, ...] = ()


def rekey(database: Database, keyring: Keyring, *, crash_point: CrashPoint = pass_by) -> Rekeyed:
    """Every secret under a new key; the old one is forgotten. May be begun again after a crash. Raises KeyTrouble.

    The new key is in the file before a row needs it, and the old one as long as any does: a server at work, which
    reads the file each time, never finds a secret without its key.
    """
    with database.read() as tx:
        if not store.has_secrets(tx):
            raise Invalid("no connection has a secret, so there is no key to change")
    # From here on whatever anybody stores is under the new key, and stays readable by the file as it is.
    new = keyring.add_key()
    crash_point("new key added")
    count = database.write(partial(_reseal, keyring=keyring))
    crash_point("secrets under the new key")
    keyring.keep_only(new)
    return Rekeyed(secrets=count)


def _reseal(tx: Transaction, keyring: Keyring) -> int:
    # All in one transaction: there are hundreds at most, each of microseconds.
    every = store.secrets(tx)
    for one in every:
        binding = _binding(tx, one)
        # The first that does not open undoes all: a half-changed key would be two lost ones.
        secret = keyring.open(one.sealed, bound_to=binding)
        sealed = keyring.seal(secret, bound_to=binding)
        store.reseal(tx, SealedSecret(connection=one.connection, name=one.name, sealed=sealed))
    return len(every)


def _binding(tx: Transaction, one: SealedSecret) -> str:
    return bound_to(connections.find(tx, one.connection), one.name)


def forget_lost(database: Database, keyring: Keyring) -> Rekeyed:
    """Secrets that no key opens are forgotten, so that they can be set again; the others stay."""
    lost = database.write(partial(_forget, keyring=keyring))
    with database.read() as tx:
        left = len(store.secrets(tx))
    # A file that holds no usable key is in the way of the next secret.
    # The others go on with the key that opens them.
    if not left:
        keyring.start_over()
    return Rekeyed(secrets=left, lost=tuple(lost))


def _forget(tx: Transaction, keyring: Keyring) -> list[str]:
    lost = []
    for one in store.secrets(tx):
        # Opened, and not only looked up by the key's id: a row that somebody has changed is lost as well.
        try:
            keyring.open(one.sealed, bound_to=_binding(tx, one))
        except KeyTrouble:
            store.forget_secret(tx, one.connection, one.name)
            lost.append(f"{one.name} of {connections.find(tx, one.connection).name}")
    return lost


def unreadable(tx: Transaction, keyring: Keyring) -> list[str]:
    """Which secrets cannot be opened, and why; [] when all is well."""
    # A missing file is the trouble of every secret, and is told once for each that it closes.
    troubles = dict[str, None]()
    for one in store.secrets(tx):
        try:
            keyring.open(one.sealed, bound_to=_binding(tx, one))
        except KeyTrouble as error:
            troubles[f'{one.name} of "{connections.find(tx, one.connection).name}": {error.message}'] = None
    return [*troubles]
