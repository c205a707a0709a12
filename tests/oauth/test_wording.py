"""What the page of consent says of scopes, beside what the routes ask for."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from procession.api import routes
from procession.model.people import SCOPES, Role, User, UserRole
from procession.model.rights import (
    ADMINS,
    PROCESS_CEILING,
    ROLE_ON_A_GROUP,
    ROLE_ON_ONESELF,
    USER_ROLE_RANK,
    Rule,
    covers,
)
from procession.oauth import wording
from tests.oauth.world import World


def can_ever(rule: Rule, role: UserRole) -> bool:
    """Whether some user of this role could be let in, whatever else they are given."""
    if rule.user_role and USER_ROLE_RANK[role] < USER_ROLE_RANK[UserRole(rule.user_role)]:
        return False
    if not rule.role or role in ADMINS:
        return True
    most = {"process": PROCESS_CEILING[role], "group": ROLE_ON_A_GROUP, "user": ROLE_ON_ONESELF}
    return covers(most.get(rule.of, Role.OWNER), Role(rule.role))


@pytest.mark.parametrize("role", UserRole)
def test_a_scope_is_struck_where_no_route_could_let_the_user_in(made: World, role: UserRole) -> None:
    user: User = replace(made.ada, role=role)
    found = {scope for scope in SCOPES if wording.is_idle(scope, user)}

    rules = {scope: [route.rule for route in routes.ROUTES if route.rule.scope == scope] for scope in SCOPES}

    assert all(rules.values())
    assert found == {scope for scope, asked in rules.items() if not any(can_ever(rule, role) for rule in asked)}


def test_what_the_user_may_not_do_is_struck_from_the_list(made: World) -> None:
    made.write(lambda tx: tx.run("UPDATE user_account SET role = 'Subscriber' WHERE id = ?", made.ada.id.number))
    browser = made.browser()

    browser.sign_in(made.question(made.web, scope="process"))
    is_told = browser.text.count("You may not do this yourself")
    made.write(lambda tx: tx.run("UPDATE user_account SET role = 'Designer' WHERE id = ?", made.ada.id.number))

    assert is_told == 1
    assert "You may not" not in browser.open(made.question(made.web, scope="process")).text
