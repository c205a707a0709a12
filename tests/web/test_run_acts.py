"""Acts from a run's page: nothing is done that was not shown, each says why, and a stranger does none."""

from __future__ import annotations

import re
from typing import Any

import httpx2

from procession.model.lifecycle import Outcome, RunStatus, StepStatus
from procession.store import history
from procession.store import steps as step_store
from tests.api.house import House
from tests.web.run_site import PROCESS, Play, failed, play, well
from tests.web.site import Site, text


def plan_path(run: Play, key: str = "match") -> str:
    return f"/runs/{run.id}/steps/{run.row(key).id}/plan"


def restart(site: Site, run: Play, key: str = "match", **fields: Any) -> httpx2.Response:
    """The form of the plan, as it was shown, filled in so."""
    shown = site.get(plan_path(run, key)).text
    mark = re.search(r'name="plan" value="(\w+)"', shown)
    assert mark
    path = f"/runs/{run.id}/steps/{run.row(key).id}/restart"
    return site.post(path, _page=plan_path(run, key), **{"plan": mark[1], **fields})


def test_a_run_is_cancelled_with_a_reason(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p")
    run.begin("match")

    answer = site.post(f"/runs/{run.id}/cancel", _page=f"/runs/{run.id}", reason=" wrong period ")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run.id}")
    assert run.run.status is RunStatus.CANCELLED
    assert "“wrong period”" in text(site.get(f"/runs/{run.id}"))


def test_a_run_that_has_ended_meanwhile_stays_as_it_is(site: Site, home: House) -> None:
    run = well(home)

    answer = site.post(f"/runs/{run.id}/cancel", reason="too late")

    assert answer.status_code == 303
    assert run.run.status is RunStatus.FINISHED


def test_the_plan_is_shown_before_a_restart(site: Site, home: House) -> None:
    run = failed(home, "No space left on device")

    page, part = site.get(plan_path(run)), site.get(plan_path(run), **{"hx-request": "true"})

    assert "<!doctype html>" in page.text and "<!doctype" not in part.text
    for answer in (page, part):
        said = text(answer)
        assert "Runs again 4 2.1 Match orders" in said
        assert "Stays as it is 1 1.1 Parameters" in said
        assert "Restart 4 steps" in said
    assert 'command="close"' in part.text and 'command="close" commandfor="restart"' not in page.text


def test_a_restart_takes_a_reason_and_a_tick_for_what_happens_again(site: Site, home: House) -> None:
    run = failed(home, "No space left on device")

    without = restart(site, run, reason=" ")
    unticked = restart(site, run, reason="space was made")
    done = restart(site, run, reason="space was made", repeat=str(run.row("match").id))

    assert without.status_code == 400
    assert "Nothing was restarted yet: 2 things are missing" in text(without)
    assert "Say why: the reason is kept in the history." in text(without)
    assert "Tick that step 2.1, Match orders, may do again" in text(unticked)
    assert 'value="space was made"' in unticked.text
    assert "<title>Error: Restart from step 2.1" in unticked.text
    assert (done.status_code, done.headers["location"]) == (303, f"/runs/{run.id}")
    assert (run.run.status, run.run.attempt) == (RunStatus.SCHEDULED, 2)
    assert "Restarted from step 2.1 as attempt 2: 4 steps again, 1 kept “space was made”" in text(
        site.get(f"/runs/{run.id}")
    )


def test_a_step_that_happens_once_is_released_by_its_name(site: Site, home: House) -> None:
    run = well(home)

    wrong = restart(site, run, "pay", reason="again", **{f"release-{run.row('pay').id}": "pay"})
    done = restart(site, run, "pay", reason="again", **{f"release-{run.row('pay').id}": " Pay "})

    assert wrong.status_code == 400 and 'Type the name of step 2.4, "Pay", to release it' in text(wrong)
    assert run.run.attempt == 2 and done.status_code == 303
    with home.database.read() as tx:
        detail = history.of_run(tx, run.run.id)[-1].detail
    assert detail["released"] == ["pay"]
    assert "released to happen once more: step 2.4" in text(site.get(f"/runs/{run.id}"))


def test_a_plan_that_has_changed_since_is_shown_anew(site: Site, home: House) -> None:
    run = failed(home, "No space left on device")

    answer = restart(site, run, reason="x", repeat=str(run.row("match").id), plan="0" * 16)

    assert answer.status_code == 400
    assert "has changed since this plan was shown" in text(answer)
    assert run.run.attempt == 1


def test_the_plan_warns_where_inputs_are_the_cause(site: Site, home: House) -> None:
    run = failed(home, 'the file "orders.csv" has no column "amount" (it has id)')

    said = text(site.get(plan_path(run)))

    assert "The inputs stay the same" in said and "Copy inputs to a new run" in said


def test_a_run_under_way_has_no_plan(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p")

    answer = site.get(plan_path(run), accept="text/html")

    assert answer.status_code == 400
    assert "cancel it or wait for its end" in text(answer)


def test_inputs_are_copied_with_their_files(site: Site, home: House) -> None:
    run = failed(home, "KeyError: 'amount'")

    answer = site.post(f"/runs/{run.id}/copy", _page=f"/runs/{run.id}")

    copy = Play(house=home, id=answer.headers["location"].removeprefix("/runs/"))
    assert copy.run.status is RunStatus.NOT_STARTED
    assert _inputs(home, copy) == _inputs(home, run)
    created = site.house.get(f"processruns/{copy.id}/history")["events"][0]
    assert created["detail"]["copiedFrom"] == str(run.id)


def test_inputs_that_the_newest_version_lacks_are_left(site: Site, home: House) -> None:
    run = failed(home, "KeyError: 'amount'")

    newer = PROCESS.replace("key: amount, type: Decimal", "key: amount, type: Dropdown, options: [a, b]").replace(
        ", decimal_points: 2, value: -12345.60", ""
    )
    newer = newer.replace("key: orders, type: File, flow: INPUT", "key: ledger, type: File, flow: INPUT").replace(
        "${p.orders}", "${p.ledger}"
    )
    home.ask("PUT", f"processes/{run.run.process}/definition", content=newer.encode())

    answer = site.post(f"/runs/{run.id}/copy", _page=f"/runs/{run.id}")

    copy = Play(house=home, id=answer.headers["location"].removeprefix("/runs/"))
    values = _inputs(home, copy)
    assert values["p.month"] == ("1993-12", None) and values["p.amount"] == (None, None)
    assert values["p.ledger"] == (None, None)


def _inputs(home: House, run: Play) -> dict[str, Any]:
    with home.database.read() as tx:
        rows = step_store.properties_of_run(tx, run.run.id)
    return {row.reference: (row.item.value, row.file and row.file.sha256) for row in rows if row.item.flow == "INPUT"}


def test_a_run_starts_from_its_page(site: Site, home: House) -> None:
    run = play(home)

    answer = site.post(f"/runs/{run.id}/start", _page=f"/runs/{run.id}")

    assert answer.status_code == 303
    assert run.run.status is RunStatus.SCHEDULED


def test_a_reader_does_none_of_it(home: House) -> None:
    run = failed(home, "no")
    user = home.users["stranger"]
    home.post(f"users/{user.id}/permissions", json={"resourceId": str(run.run.process), "role": "reader"}, who="admin")
    reader = Site(house=home, who="stranger").sign_in()

    for path in ("cancel", "copy", "start", f"steps/{run.row('match').id}/restart"):
        assert reader.post(f"/runs/{run.id}/{path}", _page=f"/runs/{run.id}", reason="x").status_code == 403
    assert reader.get(plan_path(run), accept="text/html").status_code == 403


def test_an_earlier_attempt_stays_readable(site: Site, home: House) -> None:
    run = play(home).fill().start().take().perform("p")
    run.write("match", {"p.summary": "700 orders executed"}, report=b"first")
    run.perform("match", StepStatus.WARNING, "first remark").perform("mail", StepStatus.FAILED, "no mail server")
    run.finish(Outcome.FAILED)
    restart(site, run, reason="again", repeat=[str(run.row("match").id), str(run.row("mail").id)])
    run.take()
    run.write("match", {"p.summary": "784 orders executed"}, report=b"second")
    run.perform("match", message="second").perform("mail").finish()

    present, first = site.get(f"/runs/{run.id}"), site.get(f"/runs/{run.id}?attempt=1")

    assert "784 orders executed" in text(present) and "Attempt 1 2" in text(present)
    said = text(first)
    assert "Failed: Standing orders" in first.text and "no mail server" in said
    assert "700 orders executed" in said and "first remark" in said and "784 orders executed" not in said
    assert "You are looking at attempt 1 of 2" in said
    assert "Restart from" not in said
    file = re.search(r"/files/f-\d+/download\?attempt=1", first.text)
    assert file and site.get(file[0]).content == b"first"
    assert "1.1 Parameters" in text(site.get(f"/runs/{run.id}?attempt=1&step=1.1"))


def test_steps_that_a_restart_kept_say_so(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p").perform("match").perform("mail", StepStatus.FAILED, "no mail server")
    run.finish(Outcome.FAILED)
    restart(site, run, "mail", reason="again", repeat=str(run.row("mail").id))
    run.take()
    run.begin("mail")

    answer = site.get(f"/runs/{run.id}")

    assert text(answer).count("kept from an earlier attempt") == 2
    assert "Restarted by" in text(answer) and "from step 2.3 : “again”".replace(" :", ":") in text(answer)


def test_an_attempt_that_there_is_not_is_said(site: Site, home: House) -> None:
    run = well(home)

    for wrong in ("2", "0", "x", "1" * 30, "²"):
        answer = site.get(f"/runs/{run.id}?attempt={wrong}", accept="text/html")
        assert answer.status_code == 400, wrong


def test_a_restart_may_go_on_with_the_newest_version(site: Site, home: House) -> None:
    run = failed(home, "No space left on device")
    home.ask(
        "PUT", f"processes/{run.run.process}/definition", content=PROCESS.replace("Send the mail", "Send").encode()
    )

    shown = text(site.get(plan_path(run)))
    stays = restart(site, run, reason="x")
    done = restart(site, run, reason="x", repeat=str(run.row("match").id), latest="1")

    assert "Version 2 is newer" in shown and "Go on with version 2 instead of 1" in shown
    assert stays.status_code == 400 and done.status_code == 303
    assert run.run.version == 2
    assert "from version 1 to 2" in text(site.get(f"/runs/{run.id}"))


def test_a_run_that_failed_is_seen_from_its_page(site: Site, home: House) -> None:
    run = failed(home, "KeyError: 'amount'")
    assert ">Seen<" in site.get(f"/runs/{run.id}").text
    assert ">Seen<" not in Site(house=home, who="reader").sign_in().get(f"/runs/{run.id}").text

    answer = site.post(f"/runs/{run.id}/seen", _page=f"/runs/{run.id}")

    assert answer.headers["location"] == f"/runs/{run.id}"
    assert ">Seen<" not in site.get(f"/runs/{run.id}").text
