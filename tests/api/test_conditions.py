"""Whoever says what they know changes nothing when it is no longer so: no update is lost."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.api.house import House
from tests.api.test_files import file_of

OLD, NEW, OTHER = b"a,b\n1,2\n", b"a,b\n3,4\n", b"a,b\n5,6\n"


def tag(data: bytes) -> str:
    return f'"{hashlib.sha256(data).hexdigest()}"'


@pytest.fixture
def file(home: House) -> str:
    return file_of(home, home.new_run())


def send(home: House, file: str, data: bytes, **conditions: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in conditions.items()}
    return home.ask("POST", f"files/{file}", files={"file": ("a.csv", data)}, headers=named)


def content(home: House, file: str) -> bytes:
    return home.ask("GET", f"files/{file}").content


def test_the_second_of_two_who_saw_the_same_file_is_refused(home: House, file: str) -> None:
    send(home, file, OLD)

    assert send(home, file, NEW, if_match=tag(OLD)).status_code == 200
    assert send(home, file, OTHER, if_match=tag(OLD)).status_code == 412
    assert content(home, file) == NEW


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"if_match": "*"}, 200),
        ({"if_match": f'"x,y", {tag(OLD)}'}, 200),
        ({"if_match": f"W/{tag(OLD)}"}, 412),
        ({"if_match": tag(OLD).strip('"')}, 412),
        ({"if_match": ""}, 412),
        ({"if_none_match": "*"}, 412),
        ({"if_none_match": f"W/{tag(OLD)}"}, 412),
        ({"if_none_match": tag(OTHER)}, 200),
        ({"if_unmodified_since": "Tue, 24 Nov 2037 00:00:00 GMT"}, 412),
    ],
)
def test_a_condition_on_a_file_with_a_content(home: House, file: str, condition: dict[str, str], status: int) -> None:
    send(home, file, OLD)

    assert send(home, file, NEW, **condition).status_code == status
    assert content(home, file) == (NEW if status == 200 else OLD)


@pytest.mark.parametrize(("condition", "status"), [({"if_none_match": "*"}, 200), ({"if_match": "*"}, 412)])
def test_a_condition_on_a_file_that_is_empty(home: House, file: str, condition: dict[str, str], status: int) -> None:
    assert send(home, file, NEW, **condition).status_code == status


def test_a_condition_is_asked_again_where_the_chunks_become_the_file(home: House, file: str) -> None:
    send(home, file, OLD)
    headers = {"if-match": tag(OLD)}
    place = f"files/{file}/uploadsessions"
    session = home.post(place, headers=headers)["uploadSessionId"]
    home.post(f"{place}/{session}/chunks/1", files={"file": ("1", NEW)}, headers=headers)
    send(home, file, OTHER)

    refused = [
        home.ask("POST", f"{place}/{session}/chunks/2", files={"file": ("2", NEW)}, headers=headers).status_code,
        home.ask("POST", f"{place}/{session}/commit", headers=headers).status_code,
        home.ask("POST", place, headers=headers).status_code,
        home.ask("POST", f"files/{file}/metadata", json={"name": "b.csv"}, headers=headers).status_code,
    ]

    assert (refused, content(home, file)) == ([412] * 4, OTHER)


def test_a_commit_that_is_sent_again_is_no_lost_update(home: House, file: str) -> None:
    send(home, file, OLD)
    place = f"files/{file}/uploadsessions"
    session = home.post(place)["uploadSessionId"]
    home.post(f"{place}/{session}/chunks/1", files={"file": ("1", NEW)})

    answers = [home.post(f"{place}/{session}/commit", headers={"if-match": tag(OLD)}) for _ in range(2)]

    assert [answer["sizeInBytes"] for answer in answers] == [len(NEW)] * 2


@pytest.mark.parametrize("condition", [{"if-match": '"x"'}, {"if-unmodified-since": "Tue, 24 Nov 2037 00:00:00 GMT"}])
def test_a_condition_on_what_has_no_tag_changes_nothing(home: House, condition: dict[str, str]) -> None:
    run = home.new_run()

    assert home.ask("POST", f"processruns/{run}/start", headers=condition).status_code == 412
    assert home.get(f"processruns/{run}/runstatus")["status"] == "NotStarted"
    assert home.ask("POST", f"processruns/{run}/start", headers={"if-match": "*"}).status_code == 200
