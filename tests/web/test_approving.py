"""What a step asks, on pages: who sees the buttons, what they do, and Home."""

from __future__ import annotations

import pytest

from tests.api.house import House
from tests.approving import asked
from tests.web.site import Site, text


@pytest.fixture
def run(home: House) -> str:
    return asked(home)


def site(home: House, who: str) -> Site:
    return Site(house=home, who=who).sign_in()


def signed(home: House, run: str) -> str:
    return str(home.get(f"processruns/{run}/steps/{home.step(run, 'ok')}/approval")["signed"])


def test_home_shows_it_to_those_who_may_decide(home: House, run: str) -> None:
    assert "To decide Post the accruals?" in text(site(home, "mate").get("/"))
    assert "To decide" not in text(site(home, "editor").get("/"))
    assert "To decide" not in text(site(home, "stranger").get("/"))


def test_the_page_shows_what_is_decided_and_two_buttons(home: House, run: str) -> None:
    seen = text(site(home, "mate").get(f"/runs/{run}"))

    assert 'Post the accruals? step 1.2, waits for "Controllers"' in seen
    assert "Amount 10" in seen
    assert "Approve Reject" in seen


def test_whoever_may_not_reads_why(home: House, run: str) -> None:
    seen = text(site(home, "editor").get(f"/runs/{run}"))

    assert 'This is for "Controllers" to decide' in seen
    assert "Approve Reject" not in seen


def test_a_press_decides_and_comes_back(home: House, run: str) -> None:
    mate, where = site(home, "mate"), f"/runs/{run}/steps/{home.step(run, 'ok')}/approval"

    answer = mate.post(where, f"/runs/{run}", decision="approved", signed=signed(home, run), comment="fits")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run}?step=1.2")
    seen = text(mate.get(f"/runs/{run}"))
    assert "Step 1.2: approved, “fits”" in seen
    assert "Approve Reject" not in seen


def test_what_has_changed_since_is_not_decided(home: House, run: str) -> None:
    mate, where = site(home, "mate"), f"/runs/{run}/steps/{home.step(run, 'ok')}/approval"

    answer = mate.post(where, f"/runs/{run}", decision="approved", signed="0" * 64, comment="as in <May>")

    assert (answer.status_code, "has changed since you looked at it" in text(answer)) == (409, True)
    # What was typed stays, and the form has what is shown now.
    assert ">as in &lt;May&gt;</textarea>" in answer.text
    assert f'name="signed" value="{signed(home, run)}"' in answer.text
    assert home.get(f"processruns/{run}/steps/{home.step(run, 'ok')}/approval")["isOpen"]


def test_a_browser_without_the_form_s_token_decides_nothing(home: House, run: str) -> None:
    where = f"/runs/{run}/steps/{home.step(run, 'ok')}/approval"

    answer = site(home, "mate").ask("POST", where, data={"decision": "approved", "signed": signed(home, run)})

    assert answer.status_code == 403


def test_a_comment_that_is_too_long_stays_in_its_field(home: House, run: str) -> None:
    mate, where = site(home, "mate"), f"/runs/{run}/steps/{home.step(run, 'ok')}/approval"

    answer = mate.post(where, f"/runs/{run}", decision="rejected", signed=signed(home, run), comment="long " * 401)

    assert (answer.status_code, "The comment is longer than 2,000 characters" in text(answer)) == (400, True)
    assert "long long" in answer.text
    assert "Error: " in answer.text


def test_whoever_comes_too_late_reads_who_has_decided(home: House, run: str) -> None:
    mate, where = site(home, "mate"), f"/runs/{run}/steps/{home.step(run, 'ok')}/approval"
    seen = signed(home, run)
    site(home, "reader").post(where, f"/runs/{run}", decision="rejected", signed=seen)

    answer = mate.post(where, f"/runs/{run}", decision="approved", signed=seen)

    assert (answer.status_code, "It was rejected by" in text(answer)) == (409, True)
