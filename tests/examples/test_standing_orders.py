"""The example, on real input: its steps in order, and every figure computed again in plain Python."""

from __future__ import annotations

import csv
import io
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from procession.actions import registry
from procession.actions.contract import FileInput, FileOutput, OutputTarget
from procession.model.lifecycle import StepStatus
from tests.actions.context import LocalContext

EXAMPLE = Path(__file__).parents[2] / "examples" / "standing-orders"
PURPOSES = {"SIPO": "Household", "UVER": "Loan", "POJISTNE": "Insurance", "LEASING": "Leasing"}


def run_example(folder, **changed):
    """Every action of the process file, in its order; returns the properties at the end and the step messages."""
    process = yaml.safe_load((EXAMPLE / "process.yaml").read_text())
    steps = [step for group in process["groups"] for step in group["steps"]]
    properties = {f"{s['key']}.{p['key']}": p for s in steps if "data" in s for p in s["properties"]}
    values = {ref: as_value(p) for ref, p in properties.items()}
    for key in ("orders", "accounts", "transactions"):
        values[f"files.{key}"] = file_input(changed.get(key, EXAMPLE / "data" / f"{key}.csv"))
    if "month" in changed:
        values["parameters.month"] = changed["month"]
    outcomes = {}
    for step in steps:
        if "action" in step:
            outcomes[step["key"]] = run_step(folder, step, values, properties)
    return values, outcomes


def as_value(item):
    return Decimal(str(item["value"])) if item["type"] == "Decimal" else item.get("value")


def file_input(path, name=None):
    return FileInput(path=str(path), name=name or Path(path).name, size_bytes=Path(path).stat().st_size)


def run_step(folder, step, values, properties):
    action = registry()[step["action"]]
    settings = msgspec.convert(step["with"], action.settings)
    assert action.check(settings) == ()
    work = folder / step["key"]
    work.mkdir()
    targets = {ref: OutputTarget(type=properties[ref]["type"]) for ref in action.writes(settings)}
    readable = {ref: values[ref] for ref in action.reads(settings)}
    outcome = action.run(
        LocalContext(settings=settings, folder=work, values=readable, targets=targets, step_key=step["key"])
    )
    assert outcome.status is not StepStatus.FAILED, outcome.message
    for ref, value in outcome.outputs.items():
        values[ref] = file_input(value.path, value.name) if isinstance(value, FileOutput) else value
    return outcome


def rows(name):
    with (EXAMPLE / "data" / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def what(row, suffix=""):
    bank, account = (row["bank_to"], row["account_to"]) if "bank_to" in row else (row["bank"], row["account"])
    return row["account_id"], bank, account, Decimal(row["amount"])


def transfers(month):
    return [
        row for row in rows("transactions") if row["operation"] == "PREVOD NA UCET" and row["date"].startswith(month)
    ]


def open_orders(month):
    opened = {row["account_id"]: row["date"][:4] for row in rows("accounts")}
    return [row for row in rows("orders") if opened.get(row["account_id"], "9999") <= month]


def expected(month, month_before):
    """Plain Python's answer: no row of this data has a twin, so counting is matching."""
    orders = Counter(map(what, open_orders(month)))
    paid, before = Counter(map(what, transfers(month))), Counter(map(what, transfers(month_before)))
    matched = orders & paid
    missed = sorted((orders - matched) & before)
    return matched, orders - matched, paid - matched, missed


@pytest.mark.parametrize(("month", "short", "before"), [("1993-12", "9312", "9311"), ("1993-11", "9311", "9310")])
def test_the_figures_are_those_of_plain_python(tmp_path, month, short, before):
    matched, unmatched, unexplained, missed = expected(short, before)

    values, _ = run_example(tmp_path, month=month)

    assert values["results.matched_count"] == matched.total() > 600
    assert values["results.unmatched_count"] == unmatched.total() > 0
    assert values["results.unexplained_count"] == unexplained.total()
    assert values["results.missed_count"] == len(missed)


def test_the_control_totals_by_purpose_are_those_of_plain_python(tmp_path):
    values, _ = run_example(tmp_path)

    totals = read_csv(values["results.totals"])
    assert totals == expected_totals(expected("9312", "9311")[0])


def expected_totals(matched):
    orders = {what(row): row for row in rows("orders")}
    found: dict[str, Any] = {}
    for key in matched:
        purpose = PURPOSES.get(orders[key]["k_symbol"].strip(), "Not stated")
        for name in ("All", purpose):
            count, total = found.get(name, (0, Decimal(0)))
            found[name] = (count + 1, total + key[3])
    return found


def read_csv(file):
    text = Path(file.path).read_text()
    lines = [row for row in csv.DictReader(io.StringIO(text)) if row["line"] == "Matched"]
    assert all(Decimal(row["difference"]) == 0 for row in lines)
    return {row["purpose"]: (int(row["left_count"]), Decimal(row["left_total"])) for row in lines}


def test_an_order_that_the_bank_forgot_is_listed(tmp_path):
    before = {what(row) for row in transfers("9311")}
    forgotten = next(row for row in transfers("9312") if what(row) in before)
    lines = (EXAMPLE / "data" / "transactions.csv").read_text().splitlines(keepends=True)
    changed = tmp_path / "transactions.csv"
    changed.write_text("".join(line for line in lines if not line.startswith(forgotten["trans_id"] + ";")))

    values, outcomes = run_example(tmp_path, transactions=changed)

    listed = list(csv.DictReader(io.StringIO(Path(values["results.missed"].path).read_text())))
    assert [(row["account_id"], row["account_to"]) for row in listed] == [
        (forgotten["account_id"], forgotten["account"])
    ]
    assert outcomes["summary"].status is StepStatus.WARNING


def test_account_numbers_are_written_as_the_bank_wrote_them(tmp_path):
    values, _ = run_example(tmp_path)

    written = {
        row["left_account_to"] for row in csv.DictReader(io.StringIO(Path(values["results.matched"].path).read_text()))
    }
    assert written <= {row["account_to"] for row in rows("orders")}
