"""The rules themselves: one that says nothing does not start, and what no rule knows passes for nobody."""

from __future__ import annotations

from typing import Any, cast

import pytest

from procession.door.contract import Route
from procession.model.errors import NotFound
from procession.model.ids import Id
from procession.model.people import Role
from procession.model.rights import PUBLIC, Rule, check
from procession.operations import rights
from procession.serving import application as app
from tests.rights.labels import every_route
from tests.rights.world import World

PATH = ("process", "session")


class InvoiceId(Id, frozen=True, order=True):
    """Of a kind of thing that nobody has written rules for."""

    prefix = "inv"
    noun = "invoice"


@pytest.mark.parametrize(
    "rule",
    [
        Rule(scope=""),
        Rule(scope="everything"),
        Rule(scope="process_read", role="reader"),
        Rule(scope="process_read", of="process"),
        Rule(scope="process_read", role="reader", of="run"),
        Rule(scope="process_read", role="reader", of="session"),
        Rule(scope="process_read", role="king", of="process"),
        Rule(scope="process_read", user_role="King"),
    ],
)
def test_a_rule_that_cannot_be_asked_does_not_start(rule: Rule) -> None:
    with pytest.raises(ValueError, match="Rule"):
        check(rule, PATH)


def test_the_rules_of_all_routes_can_be_asked() -> None:
    check(PUBLIC, ())
    check(Rule(scope="process_read", role="reader", of="process"), PATH)

    for route in every_route():
        check(route.rule, [part[1:-1] for part in route.pattern.split("/") if part.startswith("{")])


def test_the_application_does_not_start_with_such_a_route(everybody: World) -> None:
    house, nothing = everybody.house, cast("Any", None)
    wrong = Route(method="GET", pattern="secrets", handler=nothing, rule=Rule(scope=""), summary="")
    settings = app.ApiSettings(more=(wrong,), threads=nothing, hashing=nothing, parsing=nothing, upload_bytes_max=1)

    with pytest.raises(ValueError, match="no token has the scope"):
        app.build(
            house.database, house.resources, clock=house.clock, announcements=house.announcements, settings=settings
        )


@pytest.mark.parametrize("who", ["owner", "admin"])
def test_a_thing_of_a_kind_without_rules_is_there_for_nobody(everybody: World, who: str) -> None:
    thing: Any = InvoiceId(1)
    rule = Rule(scope="process_read", role="reader", of="process")

    with everybody.house.database.read() as tx:
        assert rights.role_of(tx, everybody.house.users[who], thing) is None
        with pytest.raises(NotFound, match="there is no invoice inv-1"):
            rights.require(tx, everybody.house.caller(who), thing, Role.READER)
        with pytest.raises(KeyError):  # a path without the id that the rule asks about
            rights.permit(tx, everybody.house.caller(who), rule, {})
