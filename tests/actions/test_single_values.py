"""run_sql: a value that goes to a property is what SQL has, to the last digit, or is refused."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from procession.actions.contract import OutputTarget
from procession.actions.kinds import run_sql
from procession.model.lifecycle import StepStatus
from tests.actions.context import LocalContext, play


def given(folder, sql, kind):
    settings = {"sql": f"SELECT {sql} AS v", "outputs": {"result": "${o.x}"}}
    return play(run_sql.ACTION, folder, settings, targets={"o.x": OutputTarget(type=kind)})


@pytest.mark.parametrize(
    ("sql", "kind", "wanted"),
    [
        ("0.1::FLOAT", "Decimal", Decimal("0.1")),
        ("0.1::FLOAT", "Text", "0.1"),
        ("0.1::DOUBLE", "Decimal", Decimal("0.1")),
        ("NULL::FLOAT", "Decimal", None),
        ("TIMESTAMP_NS '2024-01-31 10:00:00.123456789'", "Text", "2024-01-31T10:00:00.123456789"),
        ("TIMESTAMP_NS '2024-01-31 10:00:00'", "Text", "2024-01-31T10:00:00"),
        ("TIMESTAMP '2024-01-31 10:00:00.5'", "Text", "2024-01-31T10:00:00.500000"),
        ("TIMESTAMPTZ '2024-01-31 10:00+02'", "Text", "2024-01-31T08:00:00.000000Z"),
        ("DATE '9999-12-31'", "Text", "9999-12-31"),
    ],
)
def test_a_value_is_what_sql_has(tmp_path, sql, kind, wanted):
    assert given(tmp_path, sql, kind).outputs["o.x"] == wanted


@pytest.mark.parametrize("kind", ["DATE", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMPTZ", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_what_is_infinite_is_no_value(tmp_path, kind, sign):
    played = given(tmp_path, f"'{sign}infinity'::{kind}", "Text")

    assert played.outcome.status is StepStatus.FAILED
    assert 'the output "result": ' in played.outcome.message


def test_a_box_that_nobody_ticked_is_false(tmp_path):
    settings = {
        "sql": "SELECT count(*) FROM (SELECT 1) WHERE NOT $paid",
        "inputs": {"paid": "${p.paid}"},
        "outputs": {"result": "${o.count}"},
    }
    context = LocalContext(
        settings=msgspec.convert(settings, run_sql.ACTION.settings),
        folder=tmp_path,
        values={"p.paid": None},
        targets={"o.count": OutputTarget(type="Number")},
        types={"p.paid": "CheckBox"},
    )

    assert run_sql.ACTION.run(context).outputs["o.count"] == 1
