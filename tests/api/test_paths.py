"""One path, one meaning: every spelling that clients use, and none that goes around a rule."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.door.contract import Route, Space
from procession.door.paths import MethodNotAllowed, Router, normalise
from procession.model.errors import NotFound
from procession.model.rights import PUBLIC


def route(method: str, pattern: str, space: Space = Space.API) -> Route:
    return Route(method=method, pattern=pattern, handler=lambda call: None, rule=PUBLIC, summary="", space=space)


ROUTER = Router(
    [
        route("POST", "processruns/{run}/start"),
        route("GET", "processruns/{run}/runstatus"),
        route("GET", "users/{user}/permissions"),
        route("POST", "token", Space.OAUTH),
        route("GET", "health", Space.ROOT),
    ]
)


@pytest.mark.parametrize(
    "path",
    [
        b"/api/v1/processruns/pr-7/runstatus",
        b"/v1/processRuns/pr-7/runStatus",
        b"/app.solvexia.com/api/v1/processruns/pr-7/runstatus/",
        b"/APP.SolveXia.com/V1/PROCESSRUNS/pr-7/RUNSTATUS",
        b"/api/v1/process%72uns/pr%2D7/runstatus",
    ],
)
def test_every_spelling_reaches_the_same_route(path: bytes) -> None:
    found, ids = ROUTER.find("GET", normalise(path))

    assert (found.pattern, ids) == ("processruns/{run}/runstatus", {"run": "pr-7"})


def test_the_documents_misspelling_of_permissions_is_known() -> None:
    found, _ = ROUTER.find("GET", normalise(b"/api/v1/users/u-1/permisions"))

    assert found.pattern == "users/{user}/permissions"


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"/",
        b"//api/v1/processruns/pr-7/runstatus",
        b"/api/v1//processruns/pr-7/runstatus",
        b"/api/v1/processruns/pr-7/runstatus//",
        b"/api/v1/health/../processruns/pr-7/runstatus",
        b"/api/v1/processruns/%2e%2e/runstatus",
        b"/api/v1/processruns%2fpr-7/runstatus",
        b"/api/v1/processruns%252fpr-7/runstatus",
        b"/api/v1/processruns/pr-7%5crunstatus",
        b"/api/v1/processruns/pr-7%00/runstatus",
        b"/api/v1/processruns/pr-7/runstatus;x=1",
        b"/api/v1/processruns/%ff/runstatus",
        b"/a.solvexia.com/b.solvexia.com/v1/processruns/pr-7/runstatus",
        b"/api/v1/v1/processruns/pr-7/runstatus",
        b"/api/v1/token",
        b"/api/v1/health",
        b"/oauth/processruns/pr-7/runstatus",
        b"/" + b"a" * 3000,
    ],
)
def test_what_is_not_a_known_path_is_nothing(path: bytes) -> None:
    with pytest.raises(NotFound):
        ROUTER.find("GET", normalise(path))


@given(st.binary(max_size=80))
def test_no_bytes_reach_a_route_by_accident(tail: bytes) -> None:
    try:
        path = normalise(b"/" + tail)
        ROUTER.find("GET", path)
    except (NotFound, MethodNotAllowed):
        return
    assert path.keys == ("health",)


@given(st.lists(st.sampled_from(["..", ".", "", "%2f", "%2e", "\\", "api", "v1", "processruns", "pr-7", "runstatus"])))
def test_only_the_one_true_order_of_segments_is_a_route(parts: list[str]) -> None:
    try:
        found, ids = ROUTER.find("GET", normalise(("/" + "/".join(parts)).encode()))
    except (NotFound, MethodNotAllowed):
        return
    assert [part for part in parts if part][-3:-2] == ["processruns"]
    assert (found.pattern, len(ids)) == ("processruns/{run}/runstatus", 1)


@given(st.text(st.sampled_from("processrunsPROCESSRUNS"), min_size=11, max_size=11))
def test_case_is_all_that_may_differ_in_a_literal(word: str) -> None:
    try:
        ROUTER.find("GET", normalise(f"/v1/{word}/pr-7/runstatus".encode()))
    except NotFound:
        assert word.lower() != "processruns"
    else:
        assert word.lower() == "processruns"


def test_a_wrong_method_is_told_the_right_ones() -> None:
    with pytest.raises(MethodNotAllowed) as refused:
        ROUTER.find("DELETE", normalise(b"/v1/processruns/pr-7/runstatus"))

    assert refused.value.allow == ("GET", "HEAD")


def test_get_on_start_names_the_fix_of_the_sdk() -> None:
    with pytest.raises(MethodNotAllowed, match=r"upgrade solvexia-sdk to 1\.3\.1 or later"):
        ROUTER.find("GET", normalise(b"/v1/processruns/pr-7/start"))


def test_two_rows_for_one_route_do_not_start() -> None:
    with pytest.raises(ValueError, match="two routes"):
        Router([route("GET", "a/{b}"), route("GET", "A/{b}")])


def outcome(path: bytes) -> object:
    try:
        return normalise(path)
    except NotFound as error:
        return error.message


@given(st.lists(st.text(alphabet="aZ0._-", max_size=4), max_size=5), st.booleans())
def test_a_plain_path_means_what_it_means_with_every_character_encoded(segments: list[str], has_slash: bool) -> None:
    plain = "".join(f"/{segment}" for segment in segments) + "/" * has_slash
    encoded = re.sub(r"[^/]", lambda found: f"%{ord(found[0]):02x}", plain)

    assert outcome(plain.encode()) == outcome(encoded.encode())
