"""Runs that started one another, on their pages: links for those who may follow them."""

from __future__ import annotations

from procession.model.child_runs import CalledRow
from procession.model.ids import ActionStepId, RunId
from procession.store import child_rows, child_runs, history
from procession.store.child_rows import RowMove
from procession.store.child_runs import ChildRow, ChildState
from procession.store.database import Transaction
from tests.api.house import House
from tests.approving import asked, begun
from tests.web.site import Site, text


def site(home: House, who: str) -> Site:
    return Site(house=home, who=who).sign_in()


def test_a_run_leads_to_those_that_it_started_and_back(home: House) -> None:
    above = asked(home)
    below = begun(home, "p-1", "editor")
    step = ActionStepId(int(home.step(above, "ok").rpartition("-")[2]))

    def tie(tx: Transaction) -> None:
        (attempt,) = history.attempts_of_step(tx, step)
        row = ChildRow(
            attempt=attempt.id, run=RunId.parse(above), step=step, child=RunId.parse(below), inputs="", waits=True
        )
        child_runs.add(tx, row)

    home.database.write(tie)
    reader = site(home, "editor")

    assert f"It started process run {below}" in text(reader.get(f"/runs/{above}"))
    assert f"Started by process run {above}" in text(reader.get(f"/runs/{below}"))
    assert f'href="/runs/{below}"' in reader.get(f"/runs/{above}").text


def test_runs_for_rows_are_shown_with_those_that_failed_first(home: House) -> None:
    above = asked(home)
    good, bad = begun(home, "p-1", "editor"), begun(home, "p-1", "editor")
    step = ActionStepId(int(home.step(above, "ok").rpartition("-")[2]))

    def tie(tx: Transaction) -> None:
        (attempt,) = history.attempts_of_step(tx, step)
        rows = [CalledRow(number=n, key=key, given={}) for n, key in enumerate(("4010", "4020", "4030"), start=1)]
        child_rows.add(tx, attempt.id, (RunId.parse(above), step), rows)
        for place, run in ((1, good), (2, bad)):
            move = RowMove(place=place, state=ChildState.STARTED, child=RunId.parse(run))
            child_rows.move(tx, attempt.id, move)
        tx.run("UPDATE run SET status = 'Cancelled', problem = 'wrong month' WHERE id = ?", RunId.parse(bad).number)

    home.database.write(tie)
    page = site(home, "editor").get(f"/runs/{above}")

    said = text(page)
    assert "1 of 3 have ended: 1 failed, 1 under way, 1 waiting" in said and "in an earlier try" not in said
    assert said.index("4020") < said.index("4010") < said.index("4030")
    assert "cancelled wrong month" in said
    assert page.text.count(f'href="/runs/{bad}"') == 1
    # What the step is to run again is no news of this try.
    home.database.write(lambda tx: tx.run("UPDATE step SET status = 'Scheduled' WHERE id = ?", step.number))
    assert "in an earlier try, 1 of 3 have ended" in text(site(home, "editor").get(f"/runs/{above}"))
