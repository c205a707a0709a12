"""The document lists what the route table has, and nothing refers to what is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from procession.api.openapi.document import as_seen_from, document
from procession.api.routes import ROUTES
from procession.door.contract import Mode
from procession.door.encoding import encode
from procession.door.paths import Router
from procession.model.rights import PUBLIC

DOCUMENT = json.loads(encode(document(ROUTES, version="1")))


def test_every_route_is_described_once() -> None:
    operations = [operation for path in DOCUMENT["paths"].values() for operation in path.values()]

    assert len(operations) == len(ROUTES)
    assert len({operation["operationId"] for operation in operations}) == len(ROUTES)


def test_it_is_a_valid_document_of_openapi_3_1() -> None:
    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []


def test_it_is_the_same_each_time() -> None:
    assert encode(document(ROUTES, version="1")) == encode(document(ROUTES, version="1"))


def test_the_host_of_a_request_cannot_break_it() -> None:
    written = as_seen_from('http://"},{\\', encode(document(ROUTES, version="1")))

    assert json.loads(written)["servers"] == [{"url": 'http://"},{\\'}]


def test_every_operation_says_who_may_and_what_can_go_wrong() -> None:
    for operation in operations():
        is_public = not operation["security"]
        assert ("401" in operation["responses"]) != is_public or "oauth" in operation["operationId"]
        assert {"200", "400", "500", "503"} <= operation["responses"].keys()
        assert operation["description"].startswith("Needs ")


@pytest.mark.parametrize(
    ("path", "statuses"),
    [
        ("/api/v1/files/{file}", {"200", "206", "304", "400", "401", "403", "404", "412", "416", "500", "503"}),
        ("/api/v1/processes", {"200", "400", "401", "403", "500", "503"}),
        ("/health", {"200", "400", "500", "503"}),
    ],
)
def test_the_statuses_are_those_that_can_occur(path: str, statuses: set[str]) -> None:
    assert DOCUMENT["paths"][path]["get"]["responses"].keys() == statuses


def test_a_reader_learns_which_ids_a_path_takes() -> None:
    (parameter,) = DOCUMENT["paths"]["/api/v1/steps/{step}"]["get"]["parameters"]

    assert parameter["schema"]["pattern"] == "^(ds|as)-[1-9][0-9]{0,17}$"


def operations() -> Iterator[dict[str, Any]]:
    for path in DOCUMENT["paths"].values():
        yield from path.values()


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
    # What a body names is asked about by the operation; a list of permissions shows what the caller may see.
    filtered = {"users/{user}/permissions", "usergroups/{group}/permissions"}
    assert all(route.rule.of for route in ROUTES if "{" in route.pattern and route.pattern not in filtered)


def test_the_table_can_be_routed() -> None:
    Router(ROUTES)


def test_every_component_is_of_the_api_and_they_stand_in_the_order_of_their_names() -> None:
    names = list(DOCUMENT["components"]["schemas"])

    assert names == sorted(names)
    assert "Struct" not in names  # the library's own class, with a page about itself
