"""The page of a run: the question that brought its reader is answered first, in every state."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest

from procession.model.lifecycle import Outcome, StepEvent, StepStatus
from procession.store import moves
from procession.store.database import Transaction
from tests.api.house import House
from tests.web.run_site import OUTPUTS, Play, column, failed, play, well
from tests.web.site import Site, text


def test_a_run_that_went_well_says_what_came_of_it(site: Site, home: House) -> None:
    run = well(home)

    answer = site.get(f"/runs/{run.id}")

    assert "<title>Finished: Standing orders, December 1993 · Procession</title>" in answer.text
    said = text(answer)
    assert "Standing orders: December 1993" in said
    assert re.search(r'id="now".*?784 orders executed', answer.text, re.S)
    assert "Matched 784" in said
    assert "report.csv" in said
    assert "took 13 s" in said
    assert "-12,345.60" in said and "31 Dec 1993" in said and "Is final yes" in said and '" "' in said


def test_a_failure_says_what_failed_what_it_means_and_what_to_do(site: Site, home: House) -> None:
    run = failed(home, "OSError: [Errno 28] No space left on device: 'report.csv' (line 4)")

    answer = site.get(f"/runs/{run.id}")

    said = text(answer)
    assert "Failed: Standing orders" in answer.text
    assert "Step 2.1, Match orders, failed The disk of the server is full" in said
    assert "Ask your administrator for space" in said
    assert "<details>" in answer.text and "Errno 28" in said
    # The failed step is open.
    assert 'id="step"' in answer.text and "2.1 Match orders</h2>" in answer.text
    assert "Not reached" in said
    assert "Nothing was written: step 2.1 would have done it" in said


@pytest.mark.parametrize(
    ("message", "primary"),
    [("No space left on device", "Restart from 2.1…"), ("KeyError: 'amount' (line 3)", "Copy inputs to a new run")],
)
def test_the_one_primary_button_is_what_helps(site: Site, home: House, message: str, primary: str) -> None:
    answer = site.get(f"/runs/{failed(home, message).id}")

    buttons = re.findall(r'class="btn primary"[^>]*>(.*?)</(?:a|button)>', answer.text, re.S)
    assert [re.sub(r"<[^>]*>", "", button) for button in buttons] == [primary]


def test_a_running_run_says_where_it_is(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p")
    run.begin("match")
    home.clock.advance(7)

    answer = site.get(f"/runs/{run.id}")

    said = text(answer)
    assert "<title>Running 1/5: " in answer.text
    assert "Step 2.1, Match orders 1 of 5 steps done" in said
    assert "So far 7 s" in said
    assert f'hx-sse:connect="/runs/{run.id}/live?since={run.run.revision}' in answer.text
    assert "Cancel run…" in said


def test_several_steps_at_the_same_time_are_named(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p")
    run.begin("match")
    run.begin("mail")

    assert "2 steps at the same time" in text(site.get(f"/runs/{run.id}"))


def test_a_queued_run_says_its_place(site: Site, home: House) -> None:
    first, second = play(home).start(), play(home).start()

    assert "nobody is before it" in text(site.get(f"/runs/{first.id}"))
    assert "starts as soon as a place is free; 1 is before it" in text(site.get(f"/runs/{second.id}"))


def test_remarks_are_lines_with_their_steps(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p").perform("match", StepStatus.WARNING, "3 rows without an amount")
    run.finish(Outcome.WARNING)

    said = text(site.get(f"/runs/{run.id}"))

    assert "Finished with a remark Step 2.1, Match orders : 3 rows without an amount" in said


def test_a_cancelled_run_says_who_where_and_that_nothing_is_left(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p")
    run.begin("match")
    home.clock.advance(41)
    home.post(f"processruns/{run.id}/cancel", json={"reason": "wrong period"})

    before = text(site.get(f"/runs/{run.id}"))
    run.receipt("match", processes=3)
    after = text(site.get(f"/runs/{run.id}"))

    assert ": wrong period It was stopped in step 2.1, Match orders. What it had started is being ended." in before
    assert "Nothing that it started is left. 3 processes were ended." in after
    assert "Cancelled 41 s" in after
    assert "Step 2.1: 3 processes ended (TERM, 18 ms); nothing that it started is left" in after


def test_processes_that_could_not_be_ended_are_told(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p")
    run.begin("match")
    home.post(f"processruns/{run.id}/cancel")
    run.receipt("match", processes=1, survivors=1)

    said = text(site.get(f"/runs/{run.id}"))

    assert "Some of its processes could not be ended; tell your administrator." in said
    assert "Nothing that it started is left" not in said


def test_a_step_that_was_left_out_says_why_in_words(site: Site, home: House) -> None:
    run = well(home)

    assert "runs only when Month is 1993-03" in text(site.get(f"/runs/{run.id}?step=1.1"))


def test_any_step_can_be_opened_by_its_address(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p")
    run.begin("match")
    run.log("match", b"rule 1 of 2\n<script>alert(1)</script>\n")
    run.end("match")

    opened = site.get(f"/runs/{run.id}?step=2.1")
    other = site.get(f"/runs/{run.id}?step=1.1")
    none = site.get(f"/runs/{run.id}?step=9.9")

    assert "rule 1 of 2\n&lt;script&gt;" in opened.text
    assert "Run a Python script" in opened.text and "Summary<br>Matched<br>Report" in opened.text
    assert "1.1 Parameters</h2>" in other.text
    assert none.status_code == 200


def test_a_long_log_shows_its_last_lines_and_links_the_whole(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p")
    run.begin("match")
    lines = b"".join(b"line %06d of a long log\n" % number for number in range(20_000))
    run.log("match", lines)

    answer = site.get(f"/runs/{run.id}?step=2.1")
    whole = site.get(f"/runs/{run.id}/steps/{run.row('match').id}/log")

    assert "line 019999 of" in answer.text and "line 000001 of" not in answer.text
    assert "What stands before these lines is in the whole log" in text(answer)
    assert len(answer.content) < 200_000
    assert whole.content == lines
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_log_without_a_word_is_empty(site: Site, home: House) -> None:
    run = well(home)

    assert site.get(f"/runs/{run.id}/steps/{run.row('mail').id}/log").content == b""
    assert site.get(f"/runs/{run.id}/steps/{run.row('p').id}/log?attempt=1").content == b""


def test_what_people_and_files_say_is_shown_as_text(site: Site, home: House) -> None:
    evil = '"><script>alert(1)</script><hx-partial id="now">x</hx-partial>'
    run = play(home, prefix=evil).fill(name=evil.replace("/", "")).start().take().perform("p")
    run.write("match", {"p.summary": evil}, report=b"x", name=evil.replace("/", ""))
    run.perform("match", StepStatus.FAILED, evil).finish(Outcome.FAILED)

    answer = site.get(f"/runs/{run.id}")

    assert "<script>alert" not in answer.text
    assert "<hx-partial" not in answer.text
    assert answer.text.count("&lt;script&gt;") >= 4


def test_times_are_in_the_zone_of_the_reader(site: Site, home: House) -> None:
    run = well(home)
    home.clock.advance(timedelta(days=1).total_seconds())
    site.sign_in()

    assert "Finished yesterday " in text(site.get(f"/runs/{run.id}"))


def test_the_sheet_for_paper_has_the_proofs(site: Site, home: House) -> None:
    run = well(home)

    answer = site.get(f"/runs/{run.id}")

    paper = " ".join(re.findall(r'class="[^"]*\bprint\b[^"]*"[^>]*>(.*?)</(?:p|section)>', answer.text, re.S))
    definition = column(home, "SELECT sha256 FROM process_version WHERE process_id = ?", run.run.process.number)
    content = column(home, "SELECT sha256 FROM file WHERE name = 'report.csv'")
    given = column(home, "SELECT sha256 FROM file WHERE name = 'orders.csv'")
    assert definition in paper and content in paper and given in paper
    assert re.search(r"printed by \S+.* on \d+ \w+ \d{4} \d\d:\d\d \(\d\d:\d\d UTC\)", paper)
    steps = re.search(r'aria-label="Steps with times">(.*?)</section>', answer.text, re.S)
    assert steps is not None and "784 matched" in steps[1]


def test_a_reader_sees_everything_and_may_do_nothing(home: House) -> None:
    run = failed(home, "no")
    role = {"resourceId": str(run.run.process), "role": "reader"}
    home.post(f"users/{home.users['stranger'].id}/permissions", json=role, who="admin")
    reader = Site(house=home, who="stranger").sign_in()

    answer = reader.get(f"/runs/{run.id}")

    assert answer.status_code == 200
    for word in ("Restart from", "Copy inputs", "Cancel run"):
        assert word not in answer.text


def test_a_stranger_is_told_that_there_is_nothing(home: House) -> None:
    run = failed(home, "no")
    stranger = Site(house=home, who="stranger").sign_in()

    for path in (
        "",
        "/live",
        "/results.zip",
        f"/steps/{run.row('match').id}/log",
        f"/steps/{run.row('match').id}/plan",
    ):
        assert stranger.get(f"/runs/{run.id}{path}", accept="text/html").status_code == 404


def test_usually_is_the_median_of_runs_that_went_well(site: Site, home: House) -> None:
    for seconds in (10.0, 14.0, 60.0):
        play(home).start().take().perform("p").finish(seconds=seconds)
    play(home).start().take().perform("p").finish(Outcome.FAILED, seconds=1.0)
    run = play(home).start().take().perform("p")
    run.begin("match")

    assert ", usually 14 s" in text(site.get(f"/runs/{run.id}"))


def test_the_text_among_the_results_is_not_the_answer_when_it_is_long(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p")
    run.write("match", {**OUTPUTS, "p.summary": "x" * 400})
    run.perform("match").finish()

    answer = site.get(f"/runs/{run.id}")

    assert "All 5 steps are done" in text(answer) and "x" * 400 in answer.text


def test_the_log_of_every_try_can_be_read(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p")
    run.begin("match")
    run.log("match", b"first try\n")
    step = run.row("match").id

    def again(tx: Transaction) -> None:
        moves.move(
            tx, step, StepStatus.RUNNING, StepEvent.RETRY, moves.StepWrite(message="no; try 2 of 3 follows in 9 s")
        )

    home.database.write(again)
    run.begin("match", number=2)
    run.log("match", b"second try\n")

    said = site.get(f"/runs/{run.id}?step=2.1").text
    path = f"/runs/{run.id}/steps/{step}/log"
    assert f'href="{path}?attempt=1&amp;try=1"' in said and "second try" in said
    assert site.get(f"{path}?attempt=1&try=1").content == b"first try\n"
    assert site.get(f"{path}?try=2").content == b"second try\n"
    for wrong in ("3", "0", "x"):
        assert site.get(f"{path}?try={wrong}", accept="text/html").status_code == 400


def many(home: House) -> Play:
    """A run of forty steps, three of which are over."""
    steps = "".join(f"      - {{data: Sheet {n}, key: d{n}, properties: []}}\n" for n in range(40))
    run = play(home, f"process: Many\ngroups:\n  - group: All\n    steps:\n{steps}").start().take().perform("d0")
    run.perform("d1", StepStatus.WARNING, "a remark")
    run.begin("d2")
    return run


def test_a_long_list_of_steps_can_be_shown_in_parts(site: Site, home: House) -> None:
    run = many(home)

    whole, part = site.get(f"/runs/{run.id}"), site.get(f"/runs/{run.id}?show=remarks")

    assert "All 40 Running 1 Remarks 1 To do 37" in text(whole)
    assert (whole.text.count('<tr id="s'), part.text.count('<tr id="s')) == (40, 1)
    assert "a remark" in text(part) and 'class="fold numbered dense"' in part.text
    assert site.get(f"/runs/{run.id}?show=nonsense").text.count('<tr id="s') == 40
    assert "Remarks" not in text(site.get(f"/runs/{well(home).id}?step=1.1"))


def test_the_figures_of_a_step_stand_beside_those_of_the_run_before(site: Site, home: House) -> None:
    before = play(home).start().take().perform("p")
    before.figures = {"rows_in.orders": 784, "total": Decimal("12345.60")}
    before.perform("match")
    run = play(home).start().take().perform("p")
    run.figures = {"rows_in.orders": 790, "total": Decimal("12000.00"), "rejected": 1}
    run.perform("match")

    page = site.get(f"/runs/{run.id}?step=2.1")

    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', page.text.partition('id="step-figures"')[2])
    shown = {name: re.findall(r">([^<]+)</td>", cells) for name, cells in rows[:3]}
    assert shown == {
        "rows_in.orders": ["790", "784", "6"],
        "total": ["12,000.00", "12,345.60", "-345.60"],
        "rejected": ["1", "-", "-"],
    }
    assert f'<a href="/runs/{before.id}?step=2.1">' in page.text
