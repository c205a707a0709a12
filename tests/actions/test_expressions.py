"""Expressions: one value of a row, whatever a text tries to be beside it."""

from __future__ import annotations

import pytest

from procession.actions.rows import expressions

VALUES = frozenset({"x"})


def mistakes(*texts: str) -> list[str]:
    """Of each text, as it is told when the process is applied: all are read by one process."""
    found = expressions.mistakes([[("here", text, VALUES)] for text in texts])
    return ["; ".join(said for _, said in step) for step in found]


RIGHT = ["amount > $x", "sum(amount) OVER (PARTITION BY k)", "1 -- comment", "CASE WHEN a THEN b END", '"Konto Nr"',
         "x BETWEEN 1 AND 2", "list_transform([1], lambda y: y + 1)", "k LIKE '%(SELECT%'"]  # fmt: skip
WRONG = {
    "1) FROM t WHERE (1=1": "write one expression",
    "1), (2": "write one expression",
    "1) UNION SELECT (2": "write one expression",
    "1) x WHERE (true": "write one expression",
    "1) ORDER BY (1": "write one expression",
    "1) LIMIT (1": "write one expression",
    "1) GROUP BY (1": "write one expression",
    "1) HAVING (true": "write one expression",
    "1) QUALIFY (true": "write one expression",
    "1) AS x, (2": "write one expression",
    "1); DROP TABLE t; SELECT (1": "write one expression",
    "(SELECT 1)": "a SELECT inside of it",
    "k IN (SELECT k FROM t)": "a SELECT inside of it",
    "COLUMNS(*)": "*, where a column is meant",
    "*": "*, where a column is meant",
    "now()": "now gives something else each time",
    "current_date": "current_date gives something else each time",
    "random() < 0.5": "random gives something else each time",
    "current_setting('temp_directory')": "current_setting is not available here",
    "$y > 1": "$y is not among the inputs (there are: $x)",
    "a >": "syntax error",
}


def test_one_value_is_taken():
    assert mistakes(*RIGHT) == [""] * len(RIGHT)


def test_what_is_more_than_a_value_is_refused_in_words():
    for (text, wanted), said in zip(WRONG.items(), mistakes(*WRONG), strict=True):
        assert wanted in said, (text, said)


def test_a_text_that_takes_all_memory_is_refused_and_the_others_are_read():
    hostile = "(" * 9_000 + "1" + ")" * 900

    assert [bool(said) for said in mistakes("1", hostile, "2")] == [False, True, False]


@pytest.mark.parametrize("text", [text for text in WRONG if text.startswith("1)")])
def test_what_leaves_its_brackets_is_refused_again_at_work(text, tmp_path):
    """Older servers have applied files with fewer checks."""
    from procession.actions.kinds import transform
    from tests.actions.context import play

    settings = {"source": "${f.a}", "steps": [{"derive": {"x": text}}], "output": "${o.x}"}
    played = play(transform.ACTION, tmp_path, settings, {"f.a": b"k,amount\na,1\n"})

    assert played.outcome.message.startswith("step 1, derive x: write one expression")
