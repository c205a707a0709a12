"""What a choice about a suggestion writes: whatever people choose one after the other, no two rows contradict."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.model.errors import Conflict, Invalid
from procession.model.suggestions import Choice, Decided, DecisionRow, SideName, SuggestedRow, Suggestion, decide

SHAPES: dict[int, tuple[tuple[SideName, str], ...]] = {
    1: (("left", "a"), ("right", "x")),
    2: (("left", "a"), ("right", "y")),
    3: (("left", "b"), ("left", "c"), ("right", "x")),
    4: (("left", "d"), ("left", "e")),
}


def suggestion(number: int, table: list[DecisionRow]) -> Suggestion:
    """As the job reads it beside the table."""
    rows = tuple(SuggestedRow(side=side, values=(key, "1")) for side, key in SHAPES[number])
    keys = {"left": {key for side, key in SHAPES[number] if side == "left"},
            "right": {key for side, key in SHAPES[number] if side == "right"}}  # fmt: skip
    beside = tuple(
        row
        for row in table
        if (sides := (row.left_key in keys["left"]) + (row.right_key in keys["right"]))
        and (row.decision in {"match", "close"} or sides == 2 or None in row.pair)
    )
    return Suggestion(
        number=number, rule="r", why="", difference="0", rows=rows, rows_count=len(rows), decisions=beside
    )


def choose(number: int, decided: Decided, table: list[DecisionRow], **more) -> Choice:
    closes = SHAPES[number][:1] if decided is Decided.CLOSE else ()
    return Choice(
        number=number,
        decided=decided,
        reason="why",
        **{"closes": closes, "seal": suggestion(number, table).seal, **more},
    )


def written(table: list[DecisionRow], numbers, *choices: Choice) -> list[DecisionRow]:
    new = decide([suggestion(number, table) for number in numbers], choices)
    gone, ids = (
        {record for row in new for record in row.replaces},
        count(max((row.record for row in table), default=0) + 1),
    )
    added = [
        DecisionRow(record=next(ids), decision=row.decision, left_key=row.left_key, right_key=row.right_key)
        for row in new
    ]
    return [row for row in table if row.record not in gone] + added


@given(st.lists(st.tuples(st.sampled_from(sorted(SHAPES)), st.sampled_from(list(Decided))), max_size=12))
def test_no_two_decisions_contradict_whatever_people_choose(chosen):
    table: list[DecisionRow] = []
    for number, decided in chosen:
        try:
            table = written(table, [number], choose(number, decided, table))
        except Invalid:
            continue
        pairs = [row.pair for row in table]
        assert len(pairs) == len(set(pairs))
        matched = {
            key for row in table if row.decision == "match" for key in (("l", row.left_key), ("r", row.right_key))
        }
        closed = {
            ("l", row.left_key) if row.left_key else ("r", row.right_key) for row in table if row.decision == "close"
        }
        assert matched.isdisjoint(closed)


def test_a_second_click_writes_nothing_and_another_choice_on_an_old_page_is_refused():
    first = choose(1, Decided.MATCH, [])
    table = written([], [1], first)

    assert written(table, [1], first) == table
    with pytest.raises(Conflict, match="suggestion 1 was decided meanwhile: somebody matched a with x"):
        written(table, [1], choose(1, Decided.NEVER, []))


def test_a_refused_set_rules_out_each_of_its_pairs():
    table = written([], [3], choose(3, Decided.NEVER, []))

    assert [(row.decision, *row.pair) for row in table] == [("never", "b", "x"), ("never", "c", "x")]


def test_a_suggestion_that_is_gone_is_a_conflict():
    with pytest.raises(Conflict, match="suggested anew"):
        decide([], [choose(1, Decided.MATCH, [])])


def test_a_row_without_a_key_cannot_be_decided():
    nameless = Suggestion(
        number=1, rule="r", why="", difference="", rows_count=2,
        rows=(SuggestedRow(side="left", values=(None, "1")), SuggestedRow(side="right", values=("x", "1"))),
    )  # fmt: skip

    with pytest.raises(Invalid, match="has a row without a key"):
        decide([nameless], [Choice(number=1, decided=Decided.MATCH, reason="why", seal=nameless.seal)])
