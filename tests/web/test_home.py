"""Home: what needs somebody, whose it is, and when it leaves."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from procession.model.ids import RunId
from procession.model.lifecycle import Outcome, RunStatus
from procession.model.people import Caller, User
from procession.operations import run_lists
from procession.store import people, steps, times
from procession.store.database import Transaction
from procession.web import run_filters
from tests.api.house import House
from tests.web.lists_site import NO_COLUMN, end, ended, later, new, timed_out
from tests.web.site import Site, text


def needs(site: Site) -> list[str]:
    """The addresses of what needs the reader, in the order of the page."""
    page = site.get("/").text
    part = page[page.index('id="needs"') : page.index('id="running"')]
    return re.findall(r'class="name" href="/runs/([^"]+)"', part)


def test_what_failed_says_where_and_why(home: House, site: Site) -> None:
    run = ended(home, "May")

    page = text(site.get("/"))
    assert f"Month end: May Step 2.2, Pay: {NO_COLUMN}." in page
    assert needs(site) == [run]
    # In the menu too, with a word for whoever does not see the colour.
    assert "Runs 1 failed" in page


def test_remarks_time_limits_and_missing_inputs_are_in_the_list(home: House, site: Site) -> None:
    late = timed_out(home, "Late")
    noted = ended(home, "Noted", outcome=Outcome.WARNING)
    waiting = new(home, "Waits", start=False)
    empty_amount(home, waiting)

    page = text(site.get("/"))
    assert needs(site) == [noted, late, waiting]
    assert "With remarks" in page and "Timed out" in page and "Waiting for inputs" in page
    assert "1 input missing: Amount" in page
    # A remark is no failure.
    assert "Runs 1 failed" in page


def empty_amount(home: House, run: str) -> None:
    step = home.step(run, "parameters")
    amount = home.get(f"steps/{step}/properties")[0]
    home.post(f"steps/{step}/properties/{amount['id']}", json={"value": None})


def test_a_run_that_only_has_to_be_started_needs_nobody(home: House, site: Site) -> None:
    new(home, start=False)

    assert needs(site) == []


def test_ones_own_come_first(home: House) -> None:
    theirs = ended(home, "Mine", who="mate")
    newer = ended(home, "Theirs")

    assert needs(Site(house=home, who="mate").sign_in()) == [theirs, newer]
    assert needs(Site(house=home, who="owner").sign_in()) == [newer, theirs]


def test_it_leaves_when_anybody_has_seen_it(home: House, site: Site) -> None:
    run = ended(home)

    answer = Site(house=home, who="mate").sign_in().post(f"/runs/{run}/seen", "/", to="home")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert needs(site) == []
    assert home.get(f"processruns/{run}/history")["events"][-1]["user"] == "mate"


def test_another_accounts_success_does_not_hide_this_ones_failure(home: House, site: Site) -> None:
    failed = ended(home, "Account 1200", amount=1)
    ended(home, "Account 1210", amount=2, outcome=Outcome.SUCCESS)
    assert needs(site) == [failed]

    ended(home, "Account 1200", amount=3, outcome=Outcome.SUCCESS)
    assert needs(site) == []


def copied(home: House, site: Site, run: str, *, orders: bytes, amount: int | None = None) -> str:
    """A run with the inputs of another, and another file, that has ended well."""
    made = site.post(f"/runs/{run}/copy", f"/runs/{run}").headers["location"].removeprefix("/runs/")
    with home.database.read() as tx:
        rows = steps.by_reference(tx, RunId.parse(made))
    file, value = rows["parameters.orders"].file, rows["parameters.amount"]
    assert file is not None
    session = home.post(f"files/{file.id}/uploadsessions")["uploadSessionId"]
    home.post(f"files/{file.id}/uploadsessions/{session}/chunks/1", files={"file": ("orders.csv", orders)})
    home.post(f"files/{file.id}/uploadsessions/{session}/commit")
    if amount is not None:
        home.post(f"steps/{value.step}/properties/{value.id}", json={"value": amount})
    home.post(f"processruns/{made}/start")
    home.take(made)
    home.clock.advance(60)
    home.database.write(lambda tx: end(home, tx, RunId.parse(made), Outcome.SUCCESS))
    return made


def test_it_leaves_when_its_copy_with_another_file_ended_well(home: House, site: Site) -> None:
    failed, other = ended(home), ended(home, amount=11)
    between = site.post(f"/runs/{failed}/copy", f"/runs/{failed}").headers["location"].removeprefix("/runs/")

    copied(home, site, between, orders=b"a\n1\n")

    assert needs(site) == [other]


def test_a_copy_with_other_values_does_not_hide_its_source(home: House, site: Site) -> None:
    failed = ended(home)

    copied(home, site, failed, orders=b"a\n1\n", amount=12)

    assert needs(site) == [failed]


def test_it_leaves_when_it_was_restarted(home: House, site: Site) -> None:
    run = ended(home)
    home.post(f"processruns/{run}/steps/{home.step(run, 'pay')}/restartfromhere", json={"reason": "file mended"})

    assert needs(site) == []


def test_a_reader_is_offered_nothing_that_they_may_not_do(home: House) -> None:
    ended(home)

    page = Site(house=home, who="reader").sign_in().get("/").text
    assert "Seen" not in page
    assert ">Open<" in page


def test_a_stranger_sees_nothing_of_it(home: House) -> None:
    ended(home, "Secret month")

    page = text(Site(house=home, who="stranger").sign_in().get("/"))
    assert "Secret month" not in page and "1 failed" not in page
    assert "Everything is new here" in page


def test_somebody_without_a_role_is_told_who_can_give_one(home: House) -> None:
    user = {"email": "new@example.com", "firstName": "Nora", "lastName": "New", "userRole": "Subscriber"}
    home.post("users", json={**user, "timezone": "(UTC) Coordinated Universal Time"}, who="admin")
    home.users["nora"] = next(user for user in _users(home) if user.email == "new@example.com")

    page = text(Site(house=home, who="nora").sign_in().get("/"))
    assert "Nobody has given you a role on a process yet" in page
    assert "Upload" not in page


def _users(home: House) -> list[User]:
    with home.database.read() as tx:
        return people.users(tx)


def test_with_nothing_wrong_it_says_so(home: House, site: Site) -> None:
    assert "Nothing has been run yet." in text(site.get("/"))

    ended(home, outcome=Outcome.SUCCESS)
    assert "Nothing needs you What fails, waits for inputs or has remarks is shown here." in text(site.get("/"))


def test_what_runs_is_shown_with_its_step(home: House, site: Site) -> None:
    run = new(home, "May")
    home.take(run)
    home.clock.advance(41)

    page = text(site.get("/"))
    assert "Month end: May 1.1 Parameters 41 s" in page
    assert 'aria-label="0 of 3 steps done"' in site.get("/").text


def test_the_week_is_a_chart_whose_figures_are_a_sentence(home: House, site: Site) -> None:
    ended(home, "a")
    later(home, days=1)
    ended(home, "b", outcome=Outcome.SUCCESS)
    ended(home, "c", outcome=Outcome.WARNING)

    page = site.sign_in().get("/").text
    assert "Runs that ended in the last 7 days: 1 finished, 1 with remarks, 1 failed. Most on" in page
    assert "style=" not in page
    # A run counts on the day of its end, whenever it was made.
    later(home, days=7)
    assert "Runs that ended in the last 7 days: 0 finished, 0 with remarks, 0 failed." in site.sign_in().get("/").text


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns", "UTC"])
def test_a_day_of_the_week_begins_and_ends_in_the_readers_zone(home: House, zone: str) -> None:
    midnight = run_filters.midnight(home.clock.now().date(), ZoneInfo(zone))
    runs = [ended(home, name) for name in ("before", "at", "after")]
    ends = [midnight - timedelta(microseconds=1), midnight, midnight + timedelta(days=1) - timedelta(microseconds=1)]

    def operation(tx: Transaction) -> list[tuple[int, RunStatus, Outcome | None, int]]:
        for run, ended_at in zip(runs, ends, strict=True):
            moment = (times.to_column(ended_at), RunId.parse(run).number)
            tx.run("UPDATE run SET finished_at = ? WHERE id = ?", *moment)
        days = [midnight - timedelta(days=1), midnight, midnight + timedelta(days=1)]
        return run_lists.ended_by_day(tx, Caller(user=home.users["owner"], scopes=frozenset()), days)

    failed = (RunStatus.FINISHED, Outcome.FAILED)
    assert home.database.write(operation) == [(0, *failed, 1), (1, *failed, 2)]


def test_many_failures_are_counted_to_a_hundred(home: House, site: Site) -> None:
    ended(home)
    home.database.write(
        lambda tx: tx.run(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 130) INSERT INTO run (process_id,"
            " version, name, description, alert_email, alert_sms, created_at, modified_at, modified_by, status, outcome,"
            " needs_person) SELECT 1, 1, 'x', '', '', '', 0, 0, 'owner', 'Finished', 'Failed', 1 FROM n"
        )
    )

    assert f"Runs {run_lists.COUNTED_MAX}+ failed" in text(site.get("/"))
    assert len(needs(site)) == 20
