"""Figures of the actions on rows: what went in and out, what was rejected, and what amounts add up to."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from procession.actions.contract import Action
from procession.actions.kinds import calculate_fx, import_table, join, map_values, run_sql, transform, validate
from procession.actions.rows import totals
from procession.model.figures import FIGURES_MAX, Figure
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

EXPECTED: list[tuple[Action, dict[str, Figure]]] = [
    (import_table.ACTION, {"rows_in": 3, "rows_out": 2, "rejected": 1, "total_out.amount": Decimal("1189.4")}),
    (
        validate.ACTION,
        {"rows_in": 4, "rows_out": 1, "exceptions": 5, "rules_broken": 4, "total_in.amount": Decimal("0.5")},
    ),
    (
        transform.ACTION,
        {
            "rows_in": 4,
            "rows_out": 2,
            "total_in.amount": Decimal("691.9"),
            "total_in.tax": Decimal("31.9"),
            "total_out.net": Decimal("160"),
        },
    ),
    (
        map_values.ACTION,
        {"rows_in": 4, "rows_out": 4, "unmapped": 1, "unused": 0, "total_out.amount": Decimal("189.5")},
    ),
]


@pytest.mark.parametrize(("action", "expected"), [pytest.param(*one, id=one[0].kind) for one in EXPECTED])
def test_an_example_gives_its_figures(tmp_path: Path, action: Action, expected: dict[str, Figure]) -> None:
    example = action.examples[0]

    played = play(action, tmp_path, example.settings, example.inputs, example.targets)

    assert dict(played.outcome.figures) == expected


def test_a_join_tells_the_totals_before_and_after(tmp_path: Path) -> None:
    example = join.ACTION.examples[0]

    found = play(join.ACTION, tmp_path, example.settings, example.inputs, example.targets).outcome.figures

    assert {"rows_in", "rows_out", "unmatched"} <= set(found)
    assert [name for name in found if name.startswith("total_in.")] == [
        name.replace("_out", "_in") for name in found if name.startswith("total_out.")
    ]
    assert all(found[name] == found[name.replace("_in", "_out")] for name in found if name.startswith("total_in."))


def test_a_conversion_tells_the_totals_of_each_currency(tmp_path: Path) -> None:
    settings = {
        "source": {"file": "${f.a}", "columns": {"amount": {"type": "Money"}}},
        "amount": "amount", "currency": "currency", "date": "day", "to": "EUR", "rule": "on_the_day",
        "rates": {"source": "${f.r}", "from": "from", "to": "to", "on": "on", "rate": "rate"},
        "output": "${o.r}",
    }  # fmt: skip
    values = {
        "f.a": b"amount,currency,day\n1.00,USD,2026-01-31\n2.50,EUR,2026-01-31\n3.00,USD,2026-01-31\n",
        "f.r": b"from,to,on,rate\nUSD,EUR,2026-01-31,0.9\n",
    }

    played = play(calculate_fx.ACTION, tmp_path, settings, values)

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert dict(played.outcome.figures) == {
        "rows_in": 3,
        "rows_out": 3,
        "rates": 2,
        "total_in.EUR": Decimal("2.5"),
        "total_in.USD": Decimal("4"),
        "total_out.EUR of EUR": Decimal("2.5"),
        "total_out.EUR of USD": Decimal("3.6"),
        "total_out.EUR": Decimal("6.1"),
    }


def test_a_failed_import_tells_how_many_rows_were_rejected(tmp_path: Path) -> None:
    settings = {
        "source": {"file": "${f.a}", "columns": {"n": {"type": "Number"}}},
        "output": "${o.r}",
        "rejects": {"to": "${o.x}"},
    }

    played = play(import_table.ACTION, tmp_path, settings, {"f.a": b"n,m\nx,1\n2,3\n"})

    assert (played.outcome.status, dict(played.outcome.figures)) == (StepStatus.FAILED, {"rejected": 1})


def test_a_total_of_too_many_digits_is_left_out_and_the_step_goes_on(tmp_path: Path) -> None:
    text = "document,amount\n" + f"{'9' * 28},1.50\n" * 3
    columns = {"document": {"type": "Number"}, "amount": {"type": "Money"}}
    settings = {"source": {"file": "${f.a}", "columns": columns}, "steps": [{"sort": ["amount"]}], "output": "${o.r}"}

    played = play(transform.ACTION, tmp_path, settings, {"f.a": text.encode()})

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert played.outcome.figures["total_out.amount"] == Decimal("4.5")
    assert "total_out.document" not in played.outcome.figures


def test_a_wide_table_has_no_more_figures_than_a_step_keeps(tmp_path: Path) -> None:
    names = [f"c{n}" for n in range(2 * totals.COLUMNS_MAX)]
    text = ",".join(names) + "\n" + ",".join(["1.5"] * len(names)) + "\n"
    settings = {"source": "${f.a}", "steps": [{"sort": ["c0"]}], "output": "${o.r}"}

    played = play(transform.ACTION, tmp_path, settings, {"f.a": text.encode()})

    assert 2 * totals.COLUMNS_MAX < len(played.outcome.figures) <= FIGURES_MAX


SHARED = b"center,weight\nA,1\nB,1\nC,1\n"
WANTED = "center,weight,share\nA,1,33.33\nB,1,33.34\nC,1,33.33\n"


def test_costs_are_shared_out_in_sql_and_in_expressions(tmp_path: Path) -> None:
    share = "share_out(100.00, weight, first := center)"
    sql = {"inputs": {"t": "${f.a}"}, "sql": f"SELECT *, {share} AS share FROM t ORDER BY center"}
    steps = [{"derive": {"share": share}}, {"sort": ["center"]}]

    by_sql = play(run_sql.ACTION, tmp_path / "a", {**sql, "outputs": {"result": "${o.r}"}}, {"f.a": SHARED})
    by_steps = play(
        transform.ACTION, tmp_path / "b", {"source": "${f.a}", "steps": steps, "output": "${o.r}"}, {"f.a": SHARED}
    )

    assert by_sql.outputs["o.r"].decode() == WANTED, by_sql.outcome.message
    assert by_steps.outputs["o.r"].decode() == WANTED, by_steps.outcome.message
