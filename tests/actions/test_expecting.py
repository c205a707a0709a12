"""expect: control totals of run_sql are exact, wherever the expected total stands."""

from __future__ import annotations

import pytest

from procession.actions.kinds import run_sql
from procession.model.lifecycle import StepStatus
from tests.actions.context import play


def ended(folder, sql, equals, values=None):
    settings = {"sql": sql, "expect": {"total": {"column": "a", "equals": equals}}}
    return play(run_sql.ACTION, folder, settings, values).outcome


@pytest.mark.parametrize(("total", "status"), [("2.5", StepStatus.SUCCESS), ("2.6", StepStatus.FAILED)])
def test_an_expected_total_may_be_a_property_that_nothing_else_reads(tmp_path, total, status):
    assert ended(tmp_path, "SELECT 2.5 AS a", "${sums.total}", {"sums.total": total}).status is status


@pytest.mark.parametrize(
    ("numbers", "total", "is_met"),
    [
        ("('0.1'), ('0.2')", 0.3, True),
        ("('1e16'), ('1')", 10000000000000000, False),
        ("('1e16'), ('1')", 10000000000000001, True),
        ("('1e16'), ('1'), ('-1e16')", 1, True),
        ("(NULL)", 0, True),
        ("('100000000000000')", "100000000000000.00", True),
        ("('100000000000000')", "100000000000000.01", False),
    ],
)
@pytest.mark.parametrize("kind", ["DOUBLE", "DECIMAL(38,10)"])
def test_a_total_of_binary_numbers_is_that_of_their_decimals(tmp_path, kind, numbers, total, is_met):
    outcome = ended(tmp_path, f"SELECT v::{kind} AS a FROM (VALUES {numbers}) t(v)", total)

    assert (outcome.status is StepStatus.SUCCESS) == is_met, outcome.message


@pytest.mark.parametrize("number", ["nan", "inf", "1e300"])
def test_a_binary_number_that_is_no_amount_meets_no_total(tmp_path, number):
    assert ended(tmp_path, f"SELECT '{number}'::DOUBLE AS a", 1).status is StepStatus.FAILED


@pytest.mark.parametrize(
    ("columns", "status"),
    [({"amount": {"type": "Money"}}, StepStatus.SUCCESS), ({}, StepStatus.FAILED)],
)
def test_an_empty_list_has_the_columns_that_are_declared(tmp_path, columns, status):
    settings = {
        "inputs": {"t": {"file": "${f.t}", "columns": columns}},
        "sql": "SELECT count(*) AS n, sum(amount) AS s FROM t",
        "expect": {"rows": {"at_least": 0}},
        "outputs": {"result": "${o.r}"},
    }

    played = play(run_sql.ACTION, tmp_path, settings, {"f.t": ("t.json", b"[]")})

    assert played.outcome.status is status
    assert played.outputs.get("o.r") == (b"n,s\n0,\n" if columns else None)
    assert ("declare its columns" in played.outcome.message) == (not columns)
