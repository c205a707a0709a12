"""Failures in plain words: each message of ours has a row, and what nobody foresaw is said to be so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.model import explanations
from procession.model.explanations import explain

# Message, action | a word of what it means, a word of what to do, whether the inputs matter.
CASES = [
    ("OSError: [Errno 28] No space left on device: 'a.xlsx' (line 4)", "run_python", "disk of the server is full", "administrator for space", False),
    ("was stopped because the disk is nearly full: 1 GB are left, 2 GB are kept", "run_sql", "disk of the server is full", "administrator", False),
    ("used more than 2 GB of disk: 3 GB (PROCESSION_STEP_DISK_BYTES_MAX)", "run_python", "more to the disk than one step may", "larger limit", False),
    ("used more than 1.5 GB of memory: 2 GB, all its processes", "run_python", "more memory than it may use", "larger than usual", False),
    ("the script ran out of memory", "run_python", "more memory", "administrator", False),
    ("was killed by signal 9, most likely because the machine ran out of memory", "run_python", "more memory", "administrator", False),
    ('the file "a.csv" cannot be read: it needs more memory than this step may use', "run_sql", "more memory", "administrator", False),
    ("timed out after 60 s", "wait", "time limit of 60 seconds", "longer limit", False),
    ("timed out after 7200 s, the time limit of the process run", "wait", "run took longer than its time limit of 7200", "each attempt", False),
    ("used more than 30 seconds of processor time", "run_python", "computed for longer", "larger than usual", False),
    ("the step asks for the network, and this server does not allow it (PROCESSION_ALLOW_NETWORK)", "run_python", "does not let steps use the network", "administrator", False),
    ("OSError: [Errno 101] Network is unreachable (line 3)", "run_python", "could not reach another system", "wait and restart", False),
    ('the required input "Orders" has no value', "", 'input "Orders" is empty', "Copy the inputs", True),
    ('the required inputs "Orders", "Month" have no value', "", 'input "Orders" is empty', "Copy the inputs", True),
    ('the input "orders" has no file yet (${files.orders})', "run_sql", 'input "orders" has no file', "upload it", True),
    ('the file "orders.csv" has no column "amount" (it has "id")', "run_sql", 'column "amount"', "last month", True),
    ('the left file has no column "amount" (it has id)', "reconcile", 'column "amount"', "last month", True),
    ('the SQL of this step, line 3: there is no column "amount" here', "run_sql", 'column "amount"', "last month", True),
    ('the file "a.csv" has columns that are not expected: "x"', "reconcile", "other columns", "last month", True),
    ("KeyError: 'amount' (line 12)", "run_python", 'looked for "amount"', "last month", True),
    ('the file "scan.csv" is a PDF document; export the table behind it as CSV or XLSX', "run_sql", '"scan.csv" is not of a kind', "CSV or XLSX", True),
    ('"a.xlsx" is not a workbook: it has neither the form', "run_sql", '"a.xlsx" is not of a kind', "CSV or XLSX", True),
    ('"a.xlsx" is protected with a password; save it without one', "run_sql", "password", "without a password", True),
    ('"a.xlsx" has no sheet "May" (it has June)', "run_sql", "does not have the sheet", "usual name", True),
    ('the file "a.csv" is empty', "run_sql", '"a.csv" is empty', "Export it again", True),
    ('the file "a.csv" is nothing but zero bytes; write it again', "run_sql", '"a.csv" is empty', "Export it again", True),
    ('the file "a.csv" cannot be read: byte 7 is not UTF-8', "run_sql", "could not be read", "usual way", True),
    ('the left file, row 7, column "amount": "x" is not an amount such as 1234.50', "reconcile", "cell of a file", "row and the value", True),
    ("the result has 0 rows, and at least 1 were expected; nothing was published", "run_sql", "does not fit", "another month", True),
    ('the output "report": the file was not written', "run_python", 'without writing its output "report"', "whoever built it", False),
    ('the output "total" is no table or view of the SQL', "run_sql", 'without writing its output "total"', "whoever built it", False),
    ('the output "total": "x" is not a number', "run_python", "does not fit the property", "whoever built", False),
    ("was killed by signal 11 (SIGSEGV)", "run_python", "ended before it was done", "administrator", False),
    ("the process ended itself with exit code 3 before the step was done", "run_python", "ended before", "Restart", False),
    ("the script ended with exit code 2", "run_python", "exit code 2", "Read its log", False),
    ("the server stopped 3 times while this step was under way; it is not tried again", "wait", "stopped several times", "why the server", False),
    ("the server stopped while this step was under way; it must not happen twice (effect: once), so it was not repeated", "wait", "only once", "release it", False),
    ('this server has no action "ftp"; install it', "ftp", "action is missing", "install", False),
    ("the action run_sql failed unexpectedly: ValueError: x", "run_sql", "inside Procession", "Restart", False),
    ("the SQL of this step, line 2: near FROM", "run_sql", "SQL of this step", "compare them", False),
    ("ZeroDivisionError: division by zero (line 9)", "run_python", "stopped at its line 9", "whoever wrote the script", False),
    ("The bank's file is not this month's", "fail", "on purpose", "word for word", True),
    ("No space left on device", "fail", "on purpose", "word for word", True),
    ("something new", "wait", "no explanation", "Read its log", False),
    ("", "", "not complete", "fill in", True),
]  # fmt: skip


@pytest.mark.parametrize(("message", "action", "meaning", "advice", "inputs_matter"), CASES)
def test_a_message_is_explained(message: str, action: str, meaning: str, advice: str, inputs_matter: bool) -> None:
    found = explain(message, action=action)

    assert meaning in found.meaning
    assert advice in found.advice
    assert found.inputs_matter is inputs_matter


@given(st.text(), st.sampled_from(["", "run_python", "run_sql", "wait", "fail"]))
def test_every_message_has_an_explanation_in_sentences(message: str, action: str) -> None:
    found = explain(message, action=action)

    for text in (found.meaning, found.advice):
        assert text[0].isupper() and text.endswith(".")


@given(st.text(alphabet="{}[]%s\"'\\.0a ", max_size=60))
def test_names_of_a_message_are_shown_as_they_are(name: str) -> None:
    """What stands in braces is no place to fill in."""
    if not name or '"' in name:
        return

    assert f'"{name}"' in explain(f'the file "a" has no column "{name}" (it has b)', action="run_sql").meaning


def test_a_long_message_takes_no_long_time_and_no_long_name() -> None:
    found = explain('the file "a" has no column "' + "x" * 150 + '" (it has b)', action="run_sql")
    explain(" (line " * 100_000, action="run_python")
    explain('file, "' * 100_000, action="reconcile")

    assert len(found.meaning) < 2 * explanations.NAME_CHARACTERS_MAX + 60


def test_every_row_is_reached_by_a_case() -> None:
    """A row that no message of ours reaches is a guess, or stands behind one that takes its messages."""
    reached = {explain(message, action=action).advice for message, action, *_ in CASES}

    assert len(reached) >= len({row.advice for row in explanations._TABLE})
