"""approve and reject in a terminal: as who signs in to a server, and never on the files of a home."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from procession.client import errors
from tests.approving import text
from tests.client.conftest import Place, opened
from tests.client.test_command_line import remote
from tests.programs import apply_text, command, sign_in
from tests.support import wait_until

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Place]]:
    """One server, of the administrator who starts runs, and of Ann, who is a controller."""
    home = tmp_path_factory.mktemp("approving") / "home"
    apply_text(home, text("Accruals", comment="required"))
    person = ("--email", "ann@example.com", "--first-name", "Ann", "--last-name", "Lee", "--role", "Subscriber")
    login = command(home, "user", "create", *person, "--json").json["loginName"]
    command(home, "group", "create", "--name", "Controllers", "--json")
    hers = ("application", "create", "--name", "hers", "--user", login, "--scopes", "process", "--json")
    made = command(home, *hers).json
    with opened(home) as found:
        client = sign_in(home, found.server.address)
        user = next(row["id"] for row in client.json("GET", "users") if "ann" in str(row).lower())
        group = client.json("GET", "usergroups")[0]["id"]
        client.json("POST", f"usergroups/{group}/users/{user}")
        client.json("POST", f"users/{user}/permissions", {"resourceId": "p-1", "role": "reader"})
        yield found, replace(found, credentials=made)


def waiting(place: Place) -> str:
    """A run that waits for its controllers."""
    with place.client() as client:
        run = client.process("Accruals").create_run(start=True)
        wait_until(lambda: run.step("ok").status().status == "Running")
        return run.id


def test_a_controller_approves_as_who_signs_in(places: tuple[Place, Place]) -> None:
    starter, ann = places
    run = waiting(starter)

    said = remote(ann, "approve", run, "ok", "--comment", "fits the ledger")

    assert (said.code, said.err) == (0, "")
    assert said.out == f'{run} "Post the accruals?": approved\n  "Amount": "10"\n'
    with starter.client() as client:
        assert client.run(run).wait().outcome == "Success"


def test_whoever_started_it_is_refused_and_nothing_is_decided(places: tuple[Place, Place]) -> None:
    starter, ann = places
    run = waiting(starter)

    said = remote(starter, "approve", run, "ok", "--comment", "me")

    assert (said.code, said.out) == (1, "")
    assert 'this is for "Controllers" to decide' in said.err
    with ann.client() as client:
        asked = client.run(run).step("ok").approval()
        assert (asked.is_open, asked.may_decide) == (True, True)
        with pytest.raises(errors.Conflict):
            client.run(run).step("ok").reject(comment="no", signed="0" * 64)
    assert remote(ann, "reject", run, "ok", "--comment", "no", "--json").json["decision"] == "rejected"


def test_a_comment_that_is_asked_for_is_needed(places: tuple[Place, Place]) -> None:
    starter, ann = places

    said = remote(ann, "reject", waiting(starter), "ok")

    assert (said.code, "needs a comment" in said.err) == (1, True)


def test_the_files_of_a_home_make_nobody_a_controller(places: tuple[Place, Place], tmp_path: Path) -> None:
    starter, _ = places

    said = command(starter.home, "approve", waiting(starter), "ok", "--comment", "x")

    assert (said.code, "a decision is a person's" in said.err) == (1, True)
