"""Amounts, sizes, times and columns as an accountant reads them in a terminal."""

from __future__ import annotations

from decimal import Decimal

import pytest

from procession.commands import plain, watching, wording
from procession.commands.console import Console
from procession.commands.watching import RunView, StepView


def view(*statuses: str, status: str = "Running", progress: float | None = None) -> RunView:
    steps = tuple(
        StepView(order=f"1.{number}", name=f"Step {number}", status=each, progress=progress)
        for number, each in enumerate(statuses, start=1)
    )
    return RunView(name="Month end", status=status, outcome=None, seconds=None, steps=steps)


@pytest.mark.parametrize(
    ("value", "text"),
    [("1234567.80", "1,234,567.80"), ("-0.005", "-0.005"), ("1E+3", "1,000"), ("1E30", "1" + ",000" * 10)],
)
def test_an_amount_keeps_every_digit(value: str, text: str) -> None:
    assert wording.amount(Decimal(value)) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (1024**5, "1024.0 TiB"),
    ],
)
def test_a_size_has_the_unit_that_fits(count: int, text: str) -> None:
    assert wording.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.04 s"), (12.34, "12.3 s"), (60, "1 min 00 s"), (3_599.9, "59 min 59 s"), (7_500, "2 h 05 min")],
)
def test_a_duration_is_as_exact_as_it_is_short(seconds: float, text: str) -> None:
    assert watching.duration(seconds) == text


def test_a_table_is_aligned_and_cut_at_its_last_column() -> None:
    rows = [("ID", "ROWS", "NAME"), ("pr-1", "7", "Month end"), ("pr-12", "1,200", "A name\nof two lines")]

    assert wording.table(rows, right=frozenset({1}), width=24) == [
        "ID      ROWS  NAME",
        "pr-1       7  Month end",
        "pr-12  1,200  A name of…",
    ]
    assert wording.table(rows, width=None)[2].endswith("A name of two lines")
    assert wording.table([]) == []


def test_counted_things_have_their_plural() -> None:
    assert wording.counted(1, "run") == "1 run"
    assert wording.counted(1200, "run") == "1,200 runs"
    assert wording.counted(2, "process", "processes") == "2 processes"


def test_the_bar_counts_what_is_over_and_the_part_that_steps_tell() -> None:
    assert watching.bar(view("Success", "Running", progress=0.5)).count("█") == 24 * 3 // 4
    assert watching.bar(view("Success", "Failed", "NotStarted", status="Cancelled")).count("█") == 24
    assert "2/3" in watching.bar(view("Success", "Failed", "NotStarted"))


def test_a_long_run_is_shown_around_the_step_at_work() -> None:
    run = view(*["Success"] * 30, "Running", *["NotStarted"] * 30)

    lines = watching.frame(run, width=60, height=10)

    assert len(lines) == 7
    assert any("1.31" in line for line in lines) and not any("1.1 " in line for line in lines)


def test_what_could_drive_a_terminal_is_shown_as_text() -> None:
    """A name could clear the screen of whoever lists it, or hide what kind of file it is."""
    hostile = "a\x1b[2J\x9b1m\r\b\x07\N{RIGHT-TO-LEFT OVERRIDE}fdp.exe\N{NO-BREAK SPACE}\ud800"

    assert plain.line(hostile) == r"a\x1b[2J\x9b1m\r\x08\x07\u202efdp.exe \ud800"
    assert plain.lines("one\ntwo\x1b") == "one\ntwo\\x1b"


@pytest.mark.parametrize("is_json", [False, True])
def test_every_answer_of_a_command_is_for_people_or_exact(is_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(json=is_json)
    console.answer({"name": "a\x1b[2J"}, "a\x1b[2J")
    console.remark("b\x1b[2J")

    said = capsys.readouterr()

    assert said.out == ('{"name": "a\\u001b[2J"}\n' if is_json else "a\\x1b[2J\n")
    assert said.err == "b\\x1b[2J\n"


def test_a_name_cannot_drive_the_terminal() -> None:
    step = StepView(order="1.1", name="a\x1b]0;owned\x07b", status="Success", message="c\rd\x9b2J")

    assert all(character.isprintable() for character in watching.step_line(step))
