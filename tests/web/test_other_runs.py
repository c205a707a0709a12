"""Runs that started one another, on their pages: links for those who may follow them."""

from __future__ import annotations

from procession.model.ids import ActionStepId, RunId
from procession.store import child_runs, history
from procession.store.child_runs import ChildRow
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
