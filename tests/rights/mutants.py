"""Rules made wrong on purpose, one at a time: the matrix must notice each.

On users and groups there are two roles, reader and owner, and on an application one: what is lower or higher is counted
among those that somebody can have.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from procession.api.nouns import permissions as api_permissions
from procession.api.nouns import runs as api_runs
from procession.door.contract import Route
from procession.model import people, rights
from procession.model.people import Role, UserRole
from procession.model.rights import PUBLIC, Rule
from procession.operations import applications, files, log_items, permissions
from procession.operations import people as users
from procession.operations import rights as rights_operations
from tests.rights import oracle

ROLES_ON: Mapping[str, tuple[str, ...]] = {
    "user": ("reader", "owner"),
    "group": ("reader", "owner"),
    "application": ("owner",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleMutant:
    """A route with another rule; `change` says in what."""

    route: Route
    change: str


def of_route(route: Route) -> Iterator[RuleMutant]:
    """Each field of its rule, each way of getting it wrong."""
    if route.rule is PUBLIC:
        yield _changed(route, "not public", Rule(scope="process_read"))
        return
    yield _changed(route, "public", PUBLIC)
    for scope in _other_scopes(route.rule.scope):
        yield _changed(route, f"scope {scope or 'empty'}", replace(route.rule, scope=scope))
    if route.rule.of:
        yield _changed(route, "no role", replace(route.rule, role="", of=""))
    for role in _neighbours(route.rule.role, ROLES_ON.get(route.rule.of, oracle.ROLES)):
        yield _changed(route, f"role {role}", replace(route.rule, role=role))
    if route.rule.user_role:
        yield _changed(route, "no user role", replace(route.rule, user_role=""))
    for user_role in _neighbours(route.rule.user_role, oracle.USER_ROLES):
        yield _changed(route, f"user role {user_role}", replace(route.rule, user_role=user_role))


def _changed(route: Route, change: str, rule: Rule) -> RuleMutant:
    return RuleMutant(route=replace(route, rule=rule), change=change)


def _other_scopes(scope: str) -> list[str]:
    """The others of its family, one of another family, and none."""
    family = next(family for family in oracle.FAMILIES if scope in family)
    stranger = "file_read" if scope == "log_read" else "log_read"
    return [*(other for other in family if other != scope), stranger, ""]


def _neighbours(role: str, order: tuple[str, ...]) -> list[str]:
    if not role:
        return []
    at = order.index(role)
    return [order[near] for near in (at - 1, at + 1) if 0 <= near < len(order)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataMutant:
    """Another value for what `name` calls in the modules of the server."""

    name: str
    change: str
    value: Any


def of_data() -> Iterator[DataMutant]:
    """Each entry of each table of rules."""
    yield from _of_ranks("ROLE_RANK", rights.ROLE_RANK)
    yield from _of_ranks("USER_ROLE_RANK", rights.USER_ROLE_RANK)
    for role in UserRole:
        yield DataMutant(name="ADMINS", change=f"{role} the other way", value=rights.ADMINS ^ {role})
    for user_role, ceiling in rights.PROCESS_CEILING.items():
        for most in Role:
            if most is not ceiling:
                value = {**rights.PROCESS_CEILING, user_role: most}
                yield DataMutant(name="PROCESS_CEILING", change=f"{user_role} is {most}", value=value)
    for name in ("ROLE_ON_ONESELF", "ROLE_ON_A_GROUP"):
        for role_on in (None, *Role):
            if role_on is not getattr(rights, name):
                yield DataMutant(name=name, change=str(role_on), value=role_on)
    yield from _of_scopes()


def _of_ranks(name: str, ranks: Mapping[Any, int]) -> Iterator[DataMutant]:
    """Each one more and one less: as large as its neighbour, or further away from it, which changes nothing."""
    for key, rank in ranks.items():
        for by in (-1, 1):
            yield DataMutant(name=name, change=f"{key} {by:+}", value={**ranks, key: rank + by})


def keeps_order(ranks: Mapping[Any, int], others: Mapping[Any, int]) -> bool:
    """Whether any two compare alike in both."""
    return all((ranks[one] >= ranks[other]) == (others[one] >= others[other]) for one in ranks for other in ranks)


def _of_scopes() -> Iterator[DataMutant]:
    """One implied scope less, one more, for each entry; and the entry away."""
    known = people.IMPLIED_SCOPES
    for scope, found in known.items():
        rest = {other: value for other, value in known.items() if other != scope}
        yield DataMutant(name="IMPLIED_SCOPES", change=f"no {scope}", value=rest)
        for less in sorted(found):
            value = {**known, scope: found - {less}}
            yield DataMutant(name="IMPLIED_SCOPES", change=f"{scope} without {less}", value=value)
        for more in sorted(people.SCOPES - found):
            value = {**known, scope: found | {more}}
            yield DataMutant(name="IMPLIED_SCOPES", change=f"{scope} with {more}", value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckMutant:
    """What `module` calls `name` is another thing there: a check that an operation makes by itself is switched off."""

    module: ModuleType
    name: str
    change: str
    value: Any


def of_checks() -> Iterator[CheckMutant]:
    """Each check of an operation away, each choice between administrators and others the one way and the other."""

    def passes(*_: Any, **__: Any) -> None:
        return None

    for module, name in CHECKS:
        yield CheckMutant(module=module, name=name, change="passes", value=passes)
    for module in (users, permissions, applications, log_items, rights_operations):
        yield CheckMutant(module=module, name="ADMINS", change="nobody", value=frozenset())
        yield CheckMutant(module=module, name="ADMINS", change="everybody", value=frozenset(UserRole))
    for module, name in IN_BODIES:
        rule = getattr(module, name)
        for role in _neighbours(rule.role, oracle.ROLES):
            yield CheckMutant(module=module, name=name, change=f"role {role}", value=replace(rule, role=role))
        yield CheckMutant(module=module, name=name, change="no role", value=replace(rule, role="", of=""))
    for answer in (True, False):
        yield CheckMutant(module=permissions, name="_is_of", change=str(answer), value=lambda *_, said=answer: said)


CHECKS: tuple[tuple[ModuleType, str], ...] = (
    (rights_operations, "require_scope"),
    (rights_operations, "require_user_role"),
    (rights_operations, "require"),
    (rights_operations, "viewer"),  # None sees everything
    (users, "require_rank"),
    (files, "check_open"),
    (applications, "_require_scopes"),
    (applications, "_require_control"),
)
# Rules that are asked about what a body names.
IN_BODIES: tuple[tuple[ModuleType, str], ...] = ((api_permissions, "OWN_RESOURCE"), (api_runs, "EXECUTE_R"))


@contextmanager
def rebound(name: str, value: Any, places: Sequence[ModuleType]) -> Iterator[None]:
    """These modules know another value by this name, for a while."""
    originals = [getattr(module, name) for module in places]
    for module in places:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, original in zip(places, originals, strict=True):
            setattr(module, name, original)


def who_know(name: str) -> list[ModuleType]:
    """Every module of the server that has it by this name."""
    return [
        module for key, module in list(sys.modules.items()) if key.startswith("procession.") and name in vars(module)
    ]
