"""The document lists what the route table has, and nothing refers to what is not there."""

from __future__ import annotations

import json
import re

from procession.api import wire
from procession.api.contract import Mode
from procession.api.openapi import document
from procession.api.paths import Router
from procession.api.routes import table
from procession.model.rights import PUBLIC

ROUTES = table(lambda name: lambda call: None)
DOCUMENT = json.loads(wire.encode(document(ROUTES, version="1")))


def test_every_route_is_described_once() -> None:
    operations = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]

    assert len(operations) == len(ROUTES)
    assert len({operation["operationId"] for operation in operations}) == len(ROUTES)


def test_every_reference_leads_somewhere() -> None:
    referred = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))

    assert referred <= DOCUMENT["components"]["schemas"].keys()
    assert "Error" in referred


def test_only_these_routes_need_no_token() -> None:
    public = {route.pattern for route in ROUTES if route.rule is PUBLIC}

    assert public == {"health", "openapi.json"}


def test_what_changes_something_needs_more_than_a_read_scope() -> None:
    changing = [route for route in ROUTES if route.method != "GET"]

    assert all(not route.rule.scope.endswith("_read") for route in changing)
    assert all(route.mode in {Mode.WRITE, Mode.STREAM} for route in changing)


def test_a_rule_asks_for_a_role_on_an_id_of_its_path() -> None:
    assert all("{" + route.rule.of + "}" in route.pattern for route in ROUTES if route.rule.of)
    assert all(route.rule.of for route in ROUTES if "{" in route.pattern)


def test_the_table_can_be_routed() -> None:
    Router(ROUTES)
