"""A token that was proved once is not looked up again, and whatever ends it counts at once, whoever does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from procession.model.errors import Unauthorized
from procession.model.ids import ApplicationId
from procession.model.people import AccountStatus, Application, Caller, UserRole
from procession.operations import consents
from procession.operations.callers import Callers
from procession.store import applications, people
from procession.store.database import Transaction
from procession.store.sqlite import SqliteDatabase
from tests.engine.world import World
from tests.operations.test_statements import statements

TOKEN = "a token"
LIFE = timedelta(hours=1)


class Door:
    """Who asks with TOKEN, as the server finds it, and another program on the same file."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.callers = Callers()
        self.now = self.world.clock.now()
        self.world.db.write(self._issue)
        self.other = SqliteDatabase(folder / "procession.db", on_fatal=print)

    def _issue(self, tx: Transaction) -> None:
        application = Application(
            id=ApplicationId(1),
            client_id="client",
            secret_hash="",
            name="script",
            user=self.world.caller.user.id,
            scopes=frozenset({"process"}),
            redirect_uris=(),
            is_public=False,
        )
        made = applications.add(tx, application, self.now)
        digest = consents.digest(TOKEN)
        applications.add_token(tx, digest, made, scopes=made.scopes, expires_at=self.now + LIFE)

    def ask(self, tx: Transaction) -> Caller:
        return self.callers.authenticate(tx, TOKEN, self.now)

    def caller(self) -> Caller:
        with self.world.db.snapshot() as tx:
            return self.ask(tx)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    made.other.close()
    made.world.db.close()


def change_user(door: Door, **changes: Any) -> Callable[[Transaction], None]:
    user = replace(door.world.caller.user, **changes)
    return lambda tx: people.change_user(tx, user)


def test_a_token_that_was_proved_takes_one_short_read(door: Door) -> None:
    first = door.caller()

    assert len(statements(door.world, door.ask)) == 1
    assert door.caller() is first


def test_a_token_that_another_program_ends_is_refused_at_once(door: Door) -> None:
    door.caller()

    door.other.write(lambda tx: applications.revoke_tokens(tx, ApplicationId(1), door.now))

    with pytest.raises(Unauthorized):
        door.caller()


def test_an_account_that_another_program_locks_is_refused_at_once(door: Door) -> None:
    door.caller()

    door.other.write(change_user(door, status=AccountStatus.LOCKED))

    with pytest.raises(Unauthorized):
        door.caller()


def test_a_role_that_another_program_takes_is_gone_at_once(door: Door) -> None:
    assert door.caller().user.role is UserRole.CLIENT_ADMIN

    door.other.write(change_user(door, role=UserRole.SUBSCRIBER))

    assert door.caller().user.role is UserRole.SUBSCRIBER


def test_a_token_ends_at_its_time(door: Door) -> None:
    door.caller()

    door.now += LIFE

    with pytest.raises(Unauthorized):
        door.caller()


def test_what_an_operation_changed_and_took_back_was_never_proved(door: Door) -> None:
    def refused(tx: Transaction) -> None:
        change_user(door, role=UserRole.SUBSCRIBER)(tx)
        assert door.ask(tx).user.role is UserRole.SUBSCRIBER
        raise RuntimeError("refused")

    for _ in range(3):
        with pytest.raises(RuntimeError):
            door.world.db.write(refused)

    assert door.caller().user.role is UserRole.CLIENT_ADMIN
    door.other.write(change_user(door, city="Prague"))
    assert door.caller().user.role is UserRole.CLIENT_ADMIN
