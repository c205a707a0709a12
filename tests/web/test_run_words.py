"""A run in sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from procession import actions
from procession.model import process_file
from procession.model.ids import RunId
from procession.model.runs import HistoryKind, HistoryRow
from procession.operations import run_views
from procession.operations.run_views import ShownRun
from procession.web import run_words
from tests.api.house import House
from tests.web.run_site import play, well

NOW = datetime(2026, 12, 3, 9, tzinfo=UTC)


def view(home: House, run: str) -> ShownRun:
    with home.database.snapshot() as tx:
        return run_views.of_run(tx, home.caller("owner"), RunId.parse(run))


def row(kind: HistoryKind, **detail: object) -> HistoryRow:
    return HistoryRow(revision=9, at=NOW, attempt=1, kind=kind, step=None, user="owner", detail=detail)


def told(shown: ShownRun, kind: HistoryKind, **detail: object) -> list[str]:
    return [event.what for event in run_words.history(replace(shown, events=[row(kind, **detail)]))]


@pytest.mark.parametrize(
    ("kind", "detail", "expected"),
    [
        (HistoryKind.CREATED, {"version": 4}, "Created from version 4"),
        (HistoryKind.CREATED, {"version": 4, "copiedFrom": "pr-7"}, "Created from version 4, with the inputs of pr-7"),
        (HistoryKind.STARTED, {}, "Started; its inputs are frozen"),
        (HistoryKind.TAKEN_OVER, {}, "Taken up again: the server had stopped while it was at work"),
        (HistoryKind.FINISHED, {"outcome": "Success", "durationInSeconds": 7300}, "Finished, after 2 h 01 min of work"),
        (HistoryKind.FINISHED, {"outcome": "Warning"}, "Finished with remarks"),
        (HistoryKind.FINISHED, {"outcome": "Failed"}, "Ended: it failed"),
        (HistoryKind.CANCELLED, {"steps": []}, "Cancelled"),
        (HistoryKind.TIMED_OUT, {"limitInSeconds": 7200}, "Timed out after 2 h 00 min, its time limit"),
        (
            HistoryKind.KILLED,
            {"processes": 1, "signals": ["TERM", "KILL"], "durationInMilliseconds": 120, "survivors": []},
            "A step that this version no longer has: 1 process ended (TERM, KILL, 120 ms); nothing that it started is left",
        ),
        (HistoryKind.LATE_RESULT, {"status": "Failed"}, None),
        (
            HistoryKind.RESTARTED,
            {"reset": ["as-1"], "carried": ["ds-1", "ds-2"], "version": 5, "versionBefore": 4},
            "Restarted from a step that this version no longer has as attempt 1: 1 step again, 2 kept; from version 4 to 5",
        ),
        (HistoryKind.TAKEN, {}, None),
    ],
)
def test_each_event_is_a_sentence(
    home: House, kind: HistoryKind, detail: dict[str, object], expected: str | None
) -> None:
    assert told(view(home, well(home).id), kind, **detail) == ([] if expected is None else [expected])


def test_a_late_answer_is_told_to_have_changed_nothing(home: House) -> None:
    (said,) = told(view(home, well(home).id), HistoryKind.LATE_RESULT, status="Success")

    assert said.endswith("answered after the run had moved on; its answer changed nothing")


@pytest.mark.parametrize(
    ("prefix", "name"),
    [("December 1993", "December 1993"), ("", "run #1"), ("Standing orders", "run #1"), ("a : run #7", "a : run #7")],
)
def test_a_run_without_a_name_shows_its_number(home: House, prefix: str, name: str) -> None:
    assert run_words.title(view(home, play(home, prefix=prefix).id)) == ("Standing orders", name)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{succeeded: a}", "step 1.2 is done"),
        ("{all: [{failed: a}, {any: [{warned: a}, {skipped: a}]}]}", "step 1.2 failed and (step 1.2 has remarks or step 1.2 is skipped)"),
        ("{not: {completed: a}}", "not (step 1.2 has ended)"),
        ('{at_least: {property: p.amount, value: 5}}', "Amount is at least 5"),
        ('{equals: {property: p.month, value: ""}}', "Month is empty"),
        ("{updated: p.orders}", "there is a new file for Orders"),
    ],
)  # fmt: skip
def test_a_condition_is_read_back_as_a_sentence(text: str, sentence: str) -> None:
    process = process_file.parse(
        f"""
process: x
groups:
  - group: g
    steps:
      - data: p
        key: p
        properties:
          - {{name: Amount, key: amount, type: Number, flow: INPUT}}
          - {{name: Month, key: month, type: String, flow: INPUT}}
          - {{name: Orders, key: orders, type: File, flow: INPUT}}
      - {{action: wait, name: A, key: a, with: {{seconds: 1}}}}
      - {{action: wait, name: B, key: b, when: {text}, with: {{seconds: 1}}}}
""",
        actions=actions.registry(),
    )

    assert run_words.condition(process, process.steps[2].when) == sentence


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_names_are_listed(names: list[str], text: str) -> None:
    assert run_words.listed(names) == text
