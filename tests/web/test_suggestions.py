"""Suggestions of a reconciliation: seen side by side, decided with a reason, once, by whoever may write the table."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from procession.model.ids import RunId
from procession.store import approvals
from tests.api.house import House
from tests.web.account_site import visitor
from tests.web.run_site import play
from tests.web.suggestions_site import (
    COLUMNS,
    OPEN,
    OTHER,
    PAIR,
    PROCESS,
    REVERSAL,
    WITH_OPEN,
    Reviewer,
    decisions,
    place,
    reconciled,
    table,
    write_file,
)


@pytest.fixture
def review(home: House) -> Reviewer:
    table(home, mate="reader", editor="editor")
    return Reviewer(home, reconciled(home))


def test_a_pair_is_shown_side_by_side_with_what_differs(review: Reviewer) -> None:
    assert "To decide 3 of 3" in review.said
    assert "1 · Near one of several candidates" in review.said
    assert "key B4 K5 amount 81.37 80.97 0.40 day 20 Jan 2026 23 Jan 2026 3 days later" in review.said
    assert "reference INV-4 INV-5 differs" in review.said
    # Another case is no other reference: rules compare cleaned texts.
    assert "reference INV-5 inv-5 What about suggestion 2?" in review.said


def test_a_set_is_shown_row_by_row_with_the_total_of_each_side(review: Reviewer) -> None:
    assert "Left B7 100.00 20 Jan 2026 INV-7 Left B8 1,245.60 20" in review.said
    assert "Left, 2 rows 1,345.60 Right, 1 row 1,345.60" in review.said


def test_several_are_decided_at_once_each_with_a_reason_and_who_and_when(review: Reviewer, home: House) -> None:
    said = review.decides(d1="never", why1="another customer", d3="match", why="one transfer for both")

    assert "2 decided" in said and "To decide 1 of 3" in said
    by = {"decided_by": "owner", "decided_at": "2026-11-30T09:00:00.000"}
    assert [{**row, "decided_at": by["decided_at"]} for row in decisions(home)] == [
        {"decision": "never", "left_key": "B4", "right_key": "K5", "comment": "another customer", **by},
        {"decision": "match", "left_key": "B7", "right_key": "K7", "comment": "one transfer for both", **by},
        {"decision": "match", "left_key": "B8", "right_key": "K7", "comment": "one transfer for both", **by},
    ]
    assert home.get("tables/mt-1/versions")[0]["author"] == "owner"


def test_who_decided_stands_in_the_run_s_history_and_on_the_log_page(review: Reviewer, home: House) -> None:
    review.decides(d1="never", why1="another customer", d3="match", why="one transfer for both")

    run = review.place.split("/")[2]
    (told,) = [row for row in home.get(f"processruns/{run}/history")["events"] if row["kind"] == "reviewed"]
    assert (told["user"], told["detail"]["decided"]) == ("owner", {"refused": 1, "accepted": 1})
    assert told["detail"]["wrote"][0]["version"] == home.get("tables/mt-1/versions")[0]["version"]
    assert "suggestions decided, 1 refused, 1 accepted; version" in review.visitor.open(f"/runs/{run}")
    assert f"decided about suggestions of step 1.2 of process run {run}" in review.visitor.open("/log")


def test_a_refused_form_leaves_no_trace_in_the_history(review: Reviewer, home: House) -> None:
    review.refused(d1="never", why="")

    events = home.get(f"processruns/{review.place.split('/')[2]}/history")["events"]
    assert [row["kind"] for row in events if row["kind"] == "reviewed"] == []


def test_whoever_decides_about_suggestions_is_no_judge_of_the_run(home: House) -> None:
    table(home, mate="editor")
    run = reconciled(home)

    Reviewer(home, run, "mate").decides(d1="never", why1="another customer")

    with home.database.read() as tx:
        assert "mate" in approvals.preparers(tx, RunId.parse(run.id))


def test_what_was_decided_is_told_with_its_words(review: Reviewer) -> None:
    review.decides(d1="match", why1="fees of the bank")

    assert "owner accepted B4 with K5" in review.look("?show=decided")
    assert "“fees of the bank”" in review.said
    assert "B5" not in review.said


def test_a_reason_is_asked_for_and_what_was_chosen_stays_in_the_form(review: Reviewer, home: House) -> None:
    said = review.refused(d1="match", d2="never", why2="a double")

    assert "Say why for suggestion 1" in said and decisions(home) == []
    assert 'name="d-1" value="match" checked' in review.html
    assert re.search(r'name="why-2" [^>]*value="a double"', review.html)


def test_nothing_chosen_is_told(review: Reviewer) -> None:
    assert "Nothing was chosen" in review.refused()


def test_a_double_click_makes_one_decision(review: Reviewer, home: House) -> None:
    fields, version = review.fields(d1="match", why1="yes"), home.get("tables/mt-1")["version"]

    places = [review.visitor.does(review.place, **fields) for _ in range(2)]

    assert places[0] == places[1]
    assert len(decisions(home)) == 1
    # The second changes nothing, so that it makes no version either.
    assert home.get("tables/mt-1")["version"] == version + 1


def test_of_two_people_at_once_one_decides_and_the_other_is_told(review: Reviewer, home: House) -> None:
    mine, theirs = review.fields(d1="match", why1="yes"), review.fields(d1="never", why1="no")

    with ThreadPoolExecutor(2) as threads:
        sent = [threads.submit(review.visitor.send, review.place, **fields) for fields in (mine, theirs)]
        statuses = sorted(answer.result().status_code for answer in sent)

    assert statuses == [303, 400]
    assert len(decisions(home)) == 1


def test_whoever_decides_on_a_page_that_is_old_is_told_by_whom_it_was_decided(review: Reviewer, home: House) -> None:
    other = Reviewer(home, reconciled(home), "owner")
    other.decides(d1="never", why1="no")

    said = review.refused(d1="match", why1="yes")

    assert "owner refused B4 with K5; nothing was written" in said
    assert [row["decision"] for row in decisions(home)] == ["never"]


def test_a_decision_is_taken_back_by_a_newer_one_and_the_older_is_in_the_versions(
    review: Reviewer, home: House
) -> None:
    review.decides(d1="match", why1="yes")
    version = home.get("tables/mt-1")["version"]
    review.look("?show=decided")

    review.decides(d1="open", why1="a mistake of mine")

    assert [(row["decision"], row["comment"]) for row in decisions(home)] == [("open", "a mistake of mine")]
    older = home.get(f"tables/mt-1/rows?version={version}")
    assert [(row["decision"], row["comment"]) for row in older] == [("match", "yes")]
    assert "To decide 3 of 3" in review.look()


def test_a_set_that_was_refused_and_is_accepted_leaves_no_pair_refused(review: Reviewer, home: House) -> None:
    review.decides(d3="never", why3="no")
    review.look("?show=decided")

    review.decides(d3="match", why3="it is, says the bank")

    assert {(row["left_key"], row["decision"]) for row in decisions(home)} == {("B7", "match"), ("B8", "match")}


def test_two_accepted_suggestions_with_one_row_are_refused(home: House) -> None:
    table(home)
    shared = PAIR + "2,Near,one of several candidates,0,B4,INV-4,2026-01-20,81.37,K9,INV-4,2026-01-20,81.37\n"
    review = Reviewer(home, reconciled(home, shared))

    said = review.refused(d1="match", d2="match", why="both")

    assert "B4 is accepted or closed in suggestion 1 and again in 2; choose one" in said
    assert decisions(home) == []


def test_a_row_that_is_matched_elsewhere_is_not_matched_again(home: House) -> None:
    table(home)
    home.post("tables/mt-1/rows", json={"rows": [{"decision": "match", "left_key": "B4", "right_key": "K1"}]})
    review = Reviewer(home, reconciled(home))

    said = review.look("?show=decided")
    assert "Somebody accepted B4 with K1" in said

    assert "omebody matched B4 with K1; take that back" in review.refused(d1="match", why1="yes")


def test_rows_are_closed_with_words_and_only_what_is_ticked(review: Reviewer, home: House) -> None:
    review.decides(d1="close", close1=["right K5"], why1="written off")

    assert [(row["decision"], row["left_key"], row["right_key"]) for row in decisions(home)] == [("close", None, "K5")]
    assert "Tick the rows of suggestion 2" in review.refused(d2="close", why2="x")
    assert "has other rows now" in review.refused(d2="close", close2=["left B99"], why2="x")


def test_a_row_and_its_reversal_can_be_closed_and_not_paired(home: House) -> None:
    table(home)
    review = Reviewer(home, reconciled(home, REVERSAL))

    assert 'value="match"' not in review.html
    assert "all on one side" in review.refused(d4="match", why4="x")
    review.decides(d4="close", close4=["left B9", "left B10"], why4="reversed")

    assert [row["left_key"] for row in decisions(home)] == ["B9", "B10"]


def test_a_key_that_a_spreadsheet_would_run_is_written_as_the_ledger_has_it(home: House) -> None:
    table(home)
    review = Reviewer(home, reconciled(home, PAIR.replace("B4", "'=B4").replace("K5", "0005")))

    review.decides(d1="match", why1="yes")

    assert [(row["left_key"], row["right_key"]) for row in decisions(home)] == [("=B4", "0005")]


def test_suggestions_of_another_attempt_are_not_decided_on(review: Reviewer, home: House) -> None:
    fields = {**review.fields(d1="match", why1="yes"), "file": "0" * 64}

    assert "has run again meanwhile" in review.visitor.refused(review.place, **fields)
    assert decisions(home) == []


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (("decided_by", "decided_at"), "no column decided_by (text), decided_at"),
        (("comment",), "no column comment (text)"),
    ],
)
def test_a_table_that_lacks_columns_is_told_which(home: House, left_out: tuple[str, ...], said: str) -> None:
    table(home, {name: kind for name, kind in COLUMNS.items() if name not in left_out})

    review = Reviewer(home, reconciled(home))

    assert said in review.said and 'name="d-1"' not in review.html
    assert said in review.refused(number="1", d1="match", why1="yes")


def test_a_key_column_that_is_no_text_is_refused(home: House) -> None:
    table(home, {**COLUMNS, "left_key": "Number"})

    assert "the column left_key of the table" in Reviewer(home, reconciled(home)).said.lower()


def test_who_may_read_the_table_sees_and_decides_nothing(review: Reviewer, home: House) -> None:
    review.decides(d1="match", why1="yes")
    mate = Reviewer(home, reconciled(home), "mate")

    assert "need the role editor" in mate.said and 'name="d-2"' not in mate.html
    assert "owner accepted B4 with K5" in mate.look("?show=decided")
    assert "need the role editor" in mate.refused(number="2", d2="match", why2="x")
    assert len(decisions(home)) == 1


def test_who_has_no_role_on_the_table_sees_no_decision(home: House) -> None:
    table(home)
    run = reconciled(home)
    Reviewer(home, run).decides(d1="match", why1="a secret reason")

    mate = Reviewer(home, run, "mate")

    assert "you have no role on the table" in mate.said.lower()
    assert "a secret reason" not in mate.look("?show=all")


def test_other_people_do_not_see_the_page(review: Reviewer, home: House) -> None:
    assert visitor(home, "stranger").ask("GET", review.place).status_code == 404


def test_a_step_that_suggests_to_nobody_says_so(home: House) -> None:
    table(home)
    run = reconciled(home, text=PROCESS.replace('          decisions: "${table:Decisions}"\n', ""))

    assert "names no `decisions`" in visitor(home).ask("GET", place(run)).text


def test_a_file_that_is_no_list_of_suggestions_is_told(home: House) -> None:
    table(home)
    run = play(home, PROCESS).start().take().perform("p")
    run.write("match", {}, report=b"a,b\n1,2\n", name="suggested.csv").perform("match").finish()

    said = Reviewer(home, run).said

    assert "The suggestions cannot be shown" in said and 'no column "suggestion"' in said


def test_many_suggestions_are_paged(home: House) -> None:
    table(home)
    rows = "".join(
        OTHER.replace("2,Near", f"{n},Near").replace("B5", f"B{n}").replace("K6", f"K{n}") for n in range(1, 61)
    )
    review = Reviewer(home, reconciled(home, rows))

    assert "Suggestions 1 to 25 of 60" in review.said and len(re.findall(r'name="number"', review.html)) == 25
    assert "Suggestions 51 to 60 of 60" in review.look("?skip=50")


def test_the_page_of_the_run_leads_there_and_to_a_restart_with_the_tables_of_now(review: Reviewer, home: House) -> None:
    run = review.place.split("/steps/")[0]
    page = review.visitor.open(run)
    assert "Decide" in page and review.place in review.html

    review.look()
    assert "plan?tables=latest" in review.html


def test_no_one_is_shown_what_has_not_run(home: House) -> None:
    table(home)
    run = play(home, PROCESS)

    assert "has suggested nothing yet" in visitor(home).ask("GET", place(run)).text


def with_open_rows(home: House) -> Reviewer:
    table(home)
    run = reconciled(home, text=WITH_OPEN)
    write_file(home, run, "p.open", OPEN.encode())
    return Reviewer(home, run)


def test_an_open_row_that_no_suggestion_names_is_closed_with_words(home: House) -> None:
    review = with_open_rows(home)

    said = review.visitor.open(review.visitor.does(review.place, side="left", key=" 0012 ", why="written off"))

    assert "1 decided" in said
    assert [(row["decision"], row["left_key"], row["comment"]) for row in decisions(home)] == [
        ("close", "0012", "written off")
    ]


def test_a_key_that_no_open_row_has_closes_nothing(home: House) -> None:
    review = with_open_rows(home)

    # 12 is another key than 0012, whatever numbers they look like.
    assert 'No open row on the left has the key "12"' in review.visitor.refused(
        review.place, side="left", key="12", why="x"
    )
    assert "writes no file of the rows that are open on the right" in review.visitor.refused(
        review.place, side="right", key="K5", why="x"
    )
    assert "Say why for the row" in review.visitor.refused(review.place, side="left", key="0012", why=" ")
    assert decisions(home) == []


def test_an_open_row_that_was_matched_by_hand_is_not_closed_as_well(home: House) -> None:
    review = with_open_rows(home)
    home.post("tables/mt-1/rows", json={"rows": [{"decision": "match", "left_key": "B5", "right_key": "K1"}]})

    said = review.visitor.refused(review.place, side="left", key="B5", why="x")

    assert "omebody matched B5 with K1; take that back before you close it" in said


def test_a_decision_leaves_all_others_as_they_are(review: Reviewer, home: House) -> None:
    """OpenRefine#5738: another act on a row took its judgment away. OpenRefine#6693: taken back, candidates were lost."""
    review.decides(d1="match", why1="yes", d2="never", why2="no")
    review.look("?show=decided")

    review.decides(d2="open", why2="I was wrong")

    assert {(row["left_key"], row["decision"]) for row in decisions(home)} == {("B4", "match"), ("B5", "open")}
    assert "INV-5" in review.look() and "To decide 2 of 3" in review.said
