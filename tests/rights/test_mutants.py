"""Any single rule that is made wrong is noticed by the matrix; the few that cannot be are listed, and why."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import pytest

from procession.door.dispatch import Api
from procession.model import rights
from tests.rights import matrix, mutants
from tests.rights.asking import App
from tests.rights.labels import label
from tests.rights.matrix import Case
from tests.rights.mutants import DataMutant, RuleMutant, rebound
from tests.rights.world import World
from tests.support import one_in

SAMPLE = 3  # of so many mutants `make test` tries one; `make thorough` tries them all
# Mutants that nobody could tell from the server as it is, and why; every other one is noticed.
EQUIVALENT = {
    "DELETE tables/{table}/columns/{column}: no role": "the operation asks for the editor again, as it publishes",
    "GET usergroups/{group}: no role": "everybody may read every group, and the operation says which do not exist",
}
EQUIVALENT_DATA = {
    **{f"ROLE_RANK: {change}": "only the order counts" for change in ("reader -1", "owner +1")},
    **{f"USER_ROLE_RANK: {change}": "only the order counts" for change in ("Subscriber -1", "SVXAdmin +1")},
    **{
        f"{name}: {role}": "no rule asks for a role between reader and owner on a user or a group"
        for name in ("ROLE_ON_ONESELF", "ROLE_ON_A_GROUP")
        for role in ("executor", "editor")
    },
}


@pytest.fixture(scope="module")
def mixed(everybody: World) -> list[Case]:
    """All cases, those of the limited child last, the others in an order that has something of everything soon."""
    return sorted(matrix.cases(everybody), key=lambda case: (case.probe.is_slow, zlib.crc32(str(case).encode())))


def first_mismatch(world: World, app: App, asked: Iterable[Case]) -> str:
    async def work() -> str:
        async for wrong in matrix.mismatches(world, app, asked):
            return wrong
        return ""

    return world.run(work())


def unnoticed(world: World, found: Iterable[RuleMutant], mixed: list[Case]) -> list[str]:
    """The mutants that no case of their route shows."""
    by_label: dict[str, list[Case]] = {}
    for case in mixed:
        by_label.setdefault(case.label, []).append(case)
    server: Any = world.app._server  # what the real application is connected to
    return [
        f"{label(mutant.route)}: {mutant.change}"
        for mutant in found
        if not first_mismatch(world, Api(server, [mutant.route]), by_label[label(mutant.route)])
    ]


def test_a_wrong_rule_of_a_route_is_noticed(everybody: World, mixed: list[Case], is_thorough: bool) -> None:
    every = {f"{label(mutant.route)}: {mutant.change}": mutant
             for route in everybody.routes for mutant in mutants.of_route(route)}  # fmt: skip
    tried = one_in(SAMPLE, every, unless=is_thorough)

    missed = unnoticed(everybody, (every[name] for name in tried), mixed)

    assert len(every) > 400
    assert sorted(missed) == sorted(EQUIVALENT.keys() & {*tried})


def concerned(mutant: DataMutant, mixed: list[Case]) -> list[Case]:
    """Those that can show it, where they are few."""
    match mutant.name:
        case "IMPLIED_SCOPES":
            scope = mutant.change.removeprefix("no ").partition(" ")[0]
            return [case for case in mixed if case.scopes == scope]
        case "USER_ROLE_RANK":
            return [case for case in mixed if any(item.user_role for item in (case.demand, *case.probe.demands))]
        case "ROLE_ON_ONESELF":
            return [case for case in mixed if "users/{user}" in case.label]
        case "ROLE_ON_A_GROUP":
            return [case for case in mixed if "usergroups/{group}" in case.label]
        case _:
            return mixed


def test_a_wrong_entry_in_a_table_of_rules_is_noticed(everybody: World, mixed: list[Case], is_thorough: bool) -> None:
    missed = []
    every = {f"{mutant.name}: {mutant.change}": mutant for mutant in mutants.of_data()}
    tried = one_in(SAMPLE, every, unless=is_thorough)
    for mutant in (every[name] for name in tried):
        if mutant.name.endswith("_RANK") and mutants.keeps_order(getattr(rights, mutant.name), mutant.value):
            missed.append(f"{mutant.name}: {mutant.change}")
            continue
        with rebound(mutant.name, mutant.value, mutants.who_know(mutant.name)):
            everybody.forget_callers()
            if not first_mismatch(everybody, everybody.app, concerned(mutant, mixed)):
                missed.append(f"{mutant.name}: {mutant.change}")

    everybody.forget_callers()
    assert sorted(missed) == sorted(EQUIVALENT_DATA.keys() & {*tried})


def test_no_rule_asks_for_a_role_that_nobody_has_on_a_user_or_a_group(everybody: World) -> None:
    asked = {route.rule.role for route in everybody.routes if route.rule.of in {"user", "group"}}

    assert asked == {"reader", "owner"}


def test_a_check_that_an_operation_leaves_out_is_noticed(
    everybody: World, mixed: list[Case], is_thorough: bool
) -> None:
    missed = []
    for number, mutant in enumerate(mutants.of_checks()):
        if number % SAMPLE and not is_thorough:
            continue
        with rebound(mutant.name, mutant.value, [mutant.module]):
            if not first_mismatch(everybody, everybody.app, mixed):
                missed.append(f"{mutant.module.__name__}.{mutant.name}: {mutant.change}")

    assert missed == []
