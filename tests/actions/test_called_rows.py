"""run_process with each, without an engine: which rows it asks to run, and how the step ends by their runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from procession.actions.contract import StepOutcome
from procession.actions.kinds import run_process
from procession.actions.rows import called_ends
from procession.model.child_runs import CalledRow, FileGiven, RowCounts, RowsEnd
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

SUCCESS, WARNING, FAILED = StepStatus.SUCCESS, StepStatus.WARNING, StepStatus.FAILED


def asked(folder: Path, text: str, inputs: dict[str, Any], **each: Any) -> StepOutcome:
    settings = {"process": "Below", "inputs": inputs, "each": {"source": "${d.rows}", **each}}
    return play(run_process.ACTION, folder, settings, {"d.rows": ("rows.csv", text.encode())}).outcome


def given(outcome: StepOutcome) -> list[CalledRow]:
    assert outcome.rows is not None, outcome.message
    return list(outcome.rows)


def test_a_cell_alone_keeps_what_it_is_and_others_are_filled_into_the_text(tmp_path: Path) -> None:
    text = "Account,amount,day\n4010,12.50,2026-01-31\n4020,,2026-02-28\n"
    inputs = {"p.amount": "{amount}", "p.text": "{account}: {amount} on {day}", "p.constant": "x", "p.n": 3}
    outcome = asked(tmp_path, text, inputs)

    assert [row.given for row in given(outcome)] == [
        {"p.amount": "12.5", "p.text": "4010: 12.5 on 2026-01-31"},
        {"p.amount": None, "p.text": "4020:  on 2026-02-28"},
    ]
    assert [row.key for row in given(outcome)] == ["12.5 · 4010 · 2026-01-31", " · 4020 · 2026-02-28"]


def test_rows_keep_the_numbers_that_they_have_in_the_source(tmp_path: Path) -> None:
    outcome = asked(tmp_path, "n\n1\n2\n3\n4\n", {"p.n": "{n}"}, where="n > 2")

    assert [(row.number, row.key) for row in given(outcome)] == [(3, "3"), (4, "4")]
    assert (outcome.status, outcome.message) == (SUCCESS, "2 of 4 rows")


def test_rows_with_a_column_called_rowid_keep_their_order_and_numbers(tmp_path: Path) -> None:
    """They came in the order of that column, and it stood for their numbers."""
    outcome = asked(tmp_path, "rowid,n\n30,a\n10,b\n20,c\n", {"p.n": "{n}"})

    assert [(row.number, row.key) for row in given(outcome)] == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.parametrize(
    ("text", "inputs", "each", "said"),
    [
        ("n\n" + "\n".join(map(str, range(10_001))), {"p.n": "{n}"}, {}, "more than 10,000 rows are to be run"),
        (f"n\n{'x' * 60_000}1\n", {"p.n": "{n}"}, {}, "row 1: its key has 60,001 characters"),
        (
            "k,n\n" + "".join(f"{n},{'x' * 60_000}\n" for n in range(20)),
            {"p.n": "{n}"},
            {"key": ["k"]},
            "the rows give more than 1 MB of inputs",
        ),
        ("a,b\n1,2\n1,3\n", {"p.n": "{a}"}, {}, 'rows 1 and 2 have the same a: "1"'),
        ("a\nx\ny\nx \n", {"p.n": "{a}"}, {}, 'rows 1 and 3 have the same a as far as one can see: "x" and "x "'),
        ("a\nx\u200b\nx\n", {"p.n": "{a}"}, {}, 'one can see: "x\\u200b" and "x"; no run was started'),
        ("a,b\n1,2\n1,2\n", {"p.n": "{a}"}, {"key": ["a", "b"]}, 'rows 1 and 2 have the same a, b: "1 · 2"'),
    ],
)
def test_what_cannot_be_run_is_told_and_nothing_is_asked(
    tmp_path: Path, text: str, inputs: dict[str, Any], each: dict[str, Any], said: str
) -> None:
    outcome = asked(tmp_path, text, inputs, **each)

    assert outcome.status is FAILED and outcome.rows is None
    assert said in outcome.message


def test_ten_thousand_rows_are_taken(tmp_path: Path) -> None:
    outcome = asked(tmp_path, "n\n" + "\n".join(map(str, range(10_000))), {"p.n": "{n}"})

    assert len(given(outcome)) == 10_000


@pytest.mark.parametrize(
    ("end", "status", "message"),
    [
        (RowsEnd(counts=RowCounts(succeeded=2)), SUCCESS, "2 rows: 2 succeeded"),
        (
            RowsEnd(counts=RowCounts(succeeded=1, warned=1)),
            WARNING,
            "2 rows: 1 succeeded, 1 ended with remarks",
        ),
        (
            RowsEnd(counts=RowCounts(warned=1, failed=1), first='"b" (pr-2) failed: no'),
            FAILED,
            '2 rows: 1 ended with remarks, 1 failed; "b" (pr-2) failed: no',
        ),
        (RowsEnd(counts=RowCounts(succeeded=1), remark="odd"), WARNING, "1 row: 1 succeeded; odd"),
        # All that failed has been mended since: what was never started is no success for that.
        (
            RowsEnd(counts=RowCounts(succeeded=1, left_out=1)),
            FAILED,
            "2 rows: 1 succeeded, 1 not started, since one before had failed",
        ),
        (
            RowsEnd(counts=RowCounts(succeeded=1), missing=("p.copy",)),
            FAILED,
            "1 row: 1 succeeded; nothing was given in p.copy",
        ),
    ],
)
def test_the_worst_of_all_is_how_the_step_ends(end: RowsEnd, status: StepStatus, message: str) -> None:
    outcome = called_ends.settle_rows(end)

    assert (outcome.status, outcome.message) == (status, message)


def test_the_list_is_given_also_where_the_step_fails() -> None:
    end = RowsEnd(counts=RowCounts(failed=1), files={"d.list": FileGiven(name="runs.csv")})

    assert list(called_ends.settle_rows(end).outputs) == ["d.list"]
