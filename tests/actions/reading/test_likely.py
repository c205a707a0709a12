"""A guess at the first rows never decides: it proves itself over all rows, or the columns are found as without it."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from procession.actions.reading import likely
from tests.actions.reading.relation import Read, read, refusal

ROWS = 600  # more than a guess looks at
GUESSED = {
    "whole": [str(number) for number in range(ROWS)],
    "cents": [f"{number}.{number % 100:02d}" for number in range(ROWS)],
    "shortest": [str(number / 4).removesuffix(".0") for number in range(ROWS)],
    "day": [f"2026-01-{number % 28 + 1:02d}" for number in range(ROWS)],
    "moment": [f"2026-01-{number % 28 + 1:02d} 10:{number % 60:02d}:00" for number in range(ROWS)],
    "text": [f"Invoice {number}" for number in range(ROWS)],
    "nothing": [""] * ROWS,
}
LATE = [
    *("", "x", "7", "-0", "007", "+7", " 7", "7 ", "1e2", "0x1F", "1_0", "7.", ".5", "7.5", "7.50", "-0.00", "7.12345"),
    *("9" * 18, "1" + "0" * 18, "9" * 30, "9" * 16 + ".25", "0.0000000001", "2026-02-30", "2026-02-28", "infinity"),
    *("2026-02-28T10:00:00", "2026-02-28 10:00:00.5", "2026-02-28 24:00:00", "2026-02-28 10:00:00+01", "true", "null"),
]
FIRST = ['"x"', "7.25", "true", '"2026-02-28"', "null", '"a\\tb"']
NEAR = {  # what comes closest to each, without being it
    "whole": ["-0", "007", "7.5", "0x1F", "1" + "0" * 18],
    "cents": ["7.5", "7", "-0.00", "9" * 16 + ".25"],
    "shortest": ["7.50", "7.", "-0", "7.12345"],
    "day": ["2026-02-30", "2026-02-28 10:00:00"],
    "moment": ["2026-02-28 24:00:00", "2026-02-28T10:00:00", "2026-02-28"],
    "text": ["7"],
    "nothing": ["7", "x"],
}
TYPES = {
    "whole": "BIGINT",
    "cents": "DECIMAL(19,4)",
    "shortest": "DECIMAL(19,4)",
    "day": "DATE",
    "moment": "TIMESTAMP",
    "text": "VARCHAR",
    "nothing": "VARCHAR",
}


@contextmanager
def without_guesses():
    known = likely.find
    likely.find = lambda connection, source, columns: [None] * len(columns)  # the reference alone
    try:
        yield
    finally:
        likely.find = known


def both(folder, *given, **options) -> tuple[Read, Read]:
    with without_guesses():
        found = read(folder, *given, **options)
    return read(folder, *given, **options), found


def table(columns: dict[str, list[str]], rows: int = ROWS) -> str:
    lines = (",".join(values[row] for values in columns.values()) for row in range(rows))
    return "\n".join([",".join(columns), *lines]) + "\n"


def test_each_guess_is_made_and_holds(tmp_path, monkeypatch):
    monkeypatch.setattr("procession.actions.reading.columns._find", None)  # what is asked where a guess fails

    assert read(tmp_path, table(GUESSED)).types == TYPES


@pytest.mark.parametrize(("column", "late"), [(column, late) for column, texts in NEAR.items() for late in texts])
def test_a_late_text_makes_of_a_csv_column_what_it_made_without_a_guess(tmp_path, column, late):
    values = [*GUESSED[column][:-1], late]

    guessed, found = both(tmp_path, table({"a": GUESSED["whole"], column: values}))

    assert guessed == found


@pytest.mark.thorough
@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("column", GUESSED)
def test_any_late_text_makes_of_a_csv_column_what_it_made_without_a_guess(tmp_path, column, late):
    test_a_late_text_makes_of_a_csv_column_what_it_made_without_a_guess(tmp_path, column, late)


@pytest.mark.parametrize(
    "late", ["null", '"x"', '"7"', "7", "7.5", "7.50", "-0", "1e2", "true", "[1]", '"a\\"\\n"', "9" * 30]
)
@pytest.mark.parametrize(
    "first",
    ['"7"', "7", *(pytest.param(first, marks=pytest.mark.thorough) for first in FIRST)],
)
def test_a_late_token_makes_of_a_json_column_what_it_made_without_a_guess(tmp_path, first, late):
    tokens = [first] * 600 + [late]
    content = "".join(f'{{"n": {number}, "a": {token}}}\n' for number, token in enumerate(tokens))

    guessed, found = both(tmp_path, content, "t.jsonl")

    assert guessed == found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([*LATE, "12.25", "3", "2026-01-01", "é"]), min_size=1, max_size=6), st.booleans())
def test_any_column_is_the_same_with_and_without_a_guess(tmp_path, texts, as_json):
    columns = {"n": [str(number) for number in range(len(texts))], "a": texts}
    content = table(columns, len(texts))
    if as_json:
        content = "".join(json.dumps({"n": number, "a": text}) + "\n" for number, text in enumerate(texts))

    guessed, found = both(tmp_path, content, "t.jsonl" if as_json else "t.csv")

    assert guessed == found


@pytest.mark.parametrize("late", ["x", "7,123", "1.2.3", ""])
def test_a_late_value_that_does_not_fit_its_declared_column_is_refused_with_its_line(tmp_path, late):
    columns = {"a": {"type": "Number", "required": True}}

    said = refusal(tmp_path, table({"n": GUESSED["whole"], "a": [*GUESSED["cents"][:-1], late]}), columns=columns)

    assert f"line {ROWS + 1}" in said


def test_why_a_column_stays_text_names_the_line_also_when_it_was_guessed(tmp_path):
    values = ["7"] * 400 + ["n/a"] + ["7"] * (ROWS - 401)

    guessed, found = both(tmp_path, table({"n": GUESSED["whole"], "a": values}))

    assert guessed.logged == found.logged
    assert 'because of "n/a" (line 402)' in guessed.logged
