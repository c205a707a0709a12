"""A run that was never started is deleted by whoever may execute it, from its page or by the API, and leaves a trace."""

from __future__ import annotations

import pytest

from tests.web.inputs_site import LEDGER, RIGHT, InputForm
from tests.web.site import Site, text

TABLES = ("run", "step", "property", "file", "history")


def rows(form: InputForm) -> dict[str, int]:
    counts = {}
    with form.house.database.read() as tx:
        for table in TABLES:
            row = tx.one(f"SELECT count(*) FROM {table}")
            assert row is not None
            counts[table] = row[0]
    return counts


def test_it_goes_with_all_that_was_kept_for_it(form: InputForm) -> None:
    before = rows(form)
    run = form.kept(files={"files.ledger": ("l.csv", LEDGER)}, **RIGHT)
    page = form.site.get(run)
    assert f"Delete {form.name} : run #1?" in text(page)
    assert 'command="show-modal" commandfor="delete"' in page.text

    answer = form.site.post(f"{run}/delete", run)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/processes/{form.process}")
    assert rows(form) == before
    assert form.site.get(run).status_code == 404
    newest = form.house.get("logs", who="admin")[0]
    assert newest["message"] == (
        f'Process run {run.removeprefix("/runs/")} "{form.name} : run #1" of process "{form.name}"'
        " was deleted before it was ever started"
    )


def test_a_second_time_there_is_nothing_to_delete(form: InputForm) -> None:
    run = form.kept().removeprefix("/runs/")

    answers = [form.house.ask("DELETE", f"processruns/{run}") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 404]


@pytest.mark.parametrize("how", ["page", "api"])
def test_what_was_ever_started_stays(form: InputForm, how: str) -> None:
    run = form.send(do="start", files={"files.ledger": ("l.csv", LEDGER)}, **RIGHT).headers["location"]
    number = run.removeprefix("/runs/")
    form.house.post(f"processruns/{number}/cancel")

    if how == "page":
        answer = form.site.post(f"{run}/delete", form.new)
    else:
        answer = form.house.ask("DELETE", f"processruns/{number}")

    assert answer.status_code == 400
    assert f"process run {number} was started and stays as evidence" in answer.text.replace(
        "Process run", "process run"
    )
    assert form.status(run) == "Cancelled"


@pytest.mark.parametrize(("who", "status"), [("stranger", 404), ("reader", 403), ("mate", 200)])
def test_it_takes_an_executor(form: InputForm, who: str, status: int) -> None:
    run = form.kept().removeprefix("/runs/")

    assert form.house.ask("DELETE", f"processruns/{run}", who=who).status_code == status


def test_the_page_of_a_reader_has_no_button(form: InputForm) -> None:
    run = form.kept()

    assert "Delete" not in text(Site(house=form.house, who="reader").sign_in().get(run))


def test_the_next_run_has_the_next_number_and_an_id_of_its_own(form: InputForm) -> None:
    first = form.kept()
    form.site.post(f"{first}/delete", first)

    second = form.kept()

    assert second != first
    assert "run #2" in text(form.site.get(second))


def test_a_form_whose_run_was_deleted_says_so(form: InputForm) -> None:
    run = form.kept(once="same")
    form.site.post(f"{run}/delete", run)

    answer = form.send(do="later", once="same")

    assert answer.status_code == 400
    assert "The run that this form made was deleted" in text(answer)
