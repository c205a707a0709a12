"""Who may do what, at a glance: every cell says what the permission function would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.clock import ManualClock
from procession.model.ids import ProcessId, ResourceId, TableId, UserId
from procession.model.people import Role
from procession.operations import people, rights, role_matrix
from procession.operations.role_matrix import RoleMatrix
from procession.store import permissions
from procession.store.database import Transaction
from tests.api.house import House, house


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A table and two processes, with every role given to somebody directly, by a group, and both."""
    folder: Path = tmp_path_factory.mktemp("matrix")
    with house(folder, ManualClock()) as made:
        made.post("processes", content=b"process: Other\ngroups: []\n", who="owner")
        made.post("tables", json={"name": "Rates"}, who="owner")
        made.database.write(lambda tx: _give(tx, made))
        yield made


def _give(tx: Transaction, home: House) -> None:
    group = people.find_group(tx, "Team").id
    everything: list[ResourceId] = [ProcessId(1), ProcessId(2), TableId(1)]
    names = ("editor", "mate", "reader", "stranger")
    for number, name in enumerate(names):
        for place, resource in enumerate(everything):
            if (number + place) % 3:
                role = list(Role)[(number + place) % 4]
                permissions.give(tx, resource, role, holder=home.users[name].id)
    for place, resource in enumerate(everything):
        permissions.give(tx, resource, list(Role)[place], holder=group)
    for name in ("stranger", "reader"):
        people.add_member(tx, group, home.users[name].id)


def of(home: House, who: str, kind: type[ResourceId]) -> RoleMatrix:
    with home.database.read() as tx:
        return role_matrix.of(tx, home.caller(who), kind)


@pytest.mark.parametrize("kind", [ProcessId, TableId])
def test_every_cell_says_what_the_permission_function_says(home: House, kind: type[ResourceId]) -> None:
    matrix = of(home, "admin", kind)

    with home.database.read() as tx:
        for user in matrix.users:
            for resource, _ in matrix.columns:
                counts = matrix.cell(user.id, resource).counts
                assert counts == rights.role_of(tx, user, resource), (user.login, resource)
    assert len(matrix.users) == len(home.users)


@pytest.mark.parametrize("kind", [ProcessId, TableId])
@pytest.mark.parametrize("who", ["owner", "editor", "mate", "reader", "stranger"])
def test_others_see_the_columns_that_they_own_and_no_more(home: House, who: str, kind: type[ResourceId]) -> None:
    matrix = of(home, who, kind)

    with home.database.read() as tx:
        everything: list[ResourceId] = [ProcessId(1), ProcessId(2)] if kind is ProcessId else [TableId(1)]
        owned = {item for item in everything if rights.role_of(tx, home.users[who], item) is Role.OWNER}
        assert {resource for resource, _ in matrix.columns} == owned
        for user in matrix.users:
            has_part = any(permissions.role_on(tx, item, user.id) for item in owned)
            assert has_part or user.id == home.users[who].id, user.login


def test_a_cell_tells_what_is_ones_own_from_what_comes_by_a_group(home: House) -> None:
    matrix = of(home, "admin", TableId)
    with home.database.read() as tx:
        group = people.find_group(tx, "Team")
        own = permissions.role_of_holder(tx, TableId(1), holder=home.users["stranger"].id)

    cell = matrix.cell(home.users["stranger"].id, TableId(1))

    assert cell.own is own
    assert cell.by_group is not None
    assert (cell.by_group.group, cell.by_group.role) == ("Team", Role.EDITOR)
    assert matrix.cell(group.id, TableId(1)).own is Role.EDITOR
    assert matrix.members[group.id] == 3


def test_an_administrator_owns_everything_whatever_was_given(home: House) -> None:
    cell = of(home, "admin", ProcessId).cell(home.users["admin"].id, ProcessId(1))

    assert (cell.is_admin, cell.counts, cell.own) == (True, Role.OWNER, None)


def test_whom_nobody_knows_is_in_no_matrix_of_others(home: House) -> None:
    assert home.users["admin"].id not in {user.id for user in of(home, "owner", ProcessId).users}
    assert UserId(99) not in {user.id for user in of(home, "admin", ProcessId).users}


def test_a_table_that_is_deleted_is_no_column(tmp_path: Path) -> None:
    with house(tmp_path, ManualClock()) as made:
        made.post("tables", json={"name": "Rates"}, who="owner")
        made.ask("DELETE", "tables/mt-1", who="owner")

        assert of(made, "admin", TableId).columns == ()
