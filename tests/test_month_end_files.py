"""More of a month end: files as banks, payrolls and tax offices send them, every number computed again."""

from __future__ import annotations

import csv
import io
import random
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import xlsxwriter

from procession.actions.contract import OutputTarget
from procession.actions.kinds import run_python, run_sql
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

NUMBER, DECIMAL, FILE = OutputTarget(type="Number"), OutputTarget(type="Decimal"), OutputTarget(type="File")
CENT = Decimal("0.01")


def read(content):
    return list(csv.DictReader(io.StringIO(content.decode())))


def folder(parent, name):
    place = parent / name
    place.mkdir()
    return place


REVALUATION = """\
CREATE TABLE revalued AS
  SELECT account, currency, balance, booked, CAST(round(balance * rate, 2) AS DECIMAL(18, 2)) AS worth,
  FROM balances LEFT JOIN rates USING (currency);
SELECT *, worth - booked AS gain FROM revalued ORDER BY account
"""


def test_balances_in_foreign_money_are_revalued_at_the_rates_of_the_month_end(tmp_path):
    dice = random.Random(3)  # noqa: S311 - amounts
    rates = {"USD": Decimal("1.0837"), "CHF": Decimal("0.9412"), "JPY": Decimal("0.006143")}
    balances = [
        (f"{n:04d}", dice.choice(list(rates)), Decimal(dice.randint(-(10**8), 10**8)) / 100, Decimal(n) / 4)
        for n in range(300)
    ]
    settings = {
        "inputs": {
            "balances": "${f.b}",
            "rates": {"file": "${f.r}", "columns": {"Kurs": {"name": "rate", "type": "Number", "decimal": ","}}},
        },
        "sql": REVALUATION,
        "outputs": {"result": {"to": "${o.g}", "as": "gains.csv"}},
    }
    lines = "account,currency,balance,booked\n" + "".join(f"{a},{c},{b},{w}\n" for a, c, b, w in balances)
    quoted = "currency;Kurs\n" + "".join(f"{c};{str(r).replace('.', ',')}\n" for c, r in rates.items())
    files = {"f.b": ("balances.csv", lines.encode()), "f.r": ("rates.csv", quoted.encode())}

    played = play(run_sql.ACTION, tmp_path, settings, files, {"o.g": FILE})

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    found = {row["account"]: Decimal(row["gain"]) for row in read(played.outputs["o.g"])}
    assert found == {a: (b * rates[c]).quantize(CENT, ROUND_HALF_UP) - w for a, c, b, w in balances}


AGES = """\
SELECT customer,
  sum(amount) FILTER (WHERE date_diff('day', due, $day) <= 0) AS current,
  sum(amount) FILTER (WHERE date_diff('day', due, $day) BETWEEN 1 AND 30) AS to_30,
  sum(amount) FILTER (WHERE date_diff('day', due, $day) BETWEEN 31 AND 60) AS to_60,
  sum(amount) FILTER (WHERE date_diff('day', due, $day) > 60) AS older,
FROM items GROUP BY customer ORDER BY customer
"""


def test_debtors_are_aged_by_the_due_dates_of_a_workbook(tmp_path):
    dice = random.Random(4)  # noqa: S311 - amounts
    day = date(2026, 11, 30)
    items = [
        (f"{dice.randint(1, 20):05d}", day + timedelta(days=dice.randint(-90, 30)), dice.randint(1, 10**6))
        for _ in range(400)
    ]
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    book.add_worksheet("Cover").write(0, 0, "Aged debtors")
    page = book.add_worksheet("Items")
    page.write(0, 0, "As at 30.11.2026")
    page.write_row(2, 0, ["customer", "due", "amount"])
    as_date = book.add_format({"num_format": "dd.mm.yyyy"})
    for number, (customer, due, cents) in enumerate(items, 3):
        page.write_string(number, 0, customer)
        page.write_datetime(number, 1, due, as_date)
        page.write_number(number, 2, cents / 100)
    book.close()
    settings = {
        "inputs": {"items": {"file": "${f.i}", "sheet": "Items", "skip": 2}, "day": "${p.day}"},
        "sql": AGES,
        "outputs": {"result": {"to": "${o.a}", "as": "ages.csv"}},
    }

    played = play(
        run_sql.ACTION, tmp_path, settings, {"f.i": ("items.xlsx", file.getvalue()), "p.day": day}, {"o.a": FILE}
    )

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    ages = {"current": (-99, 0), "to_30": (1, 30), "to_60": (31, 60), "older": (61, 999)}
    rows = read(played.outputs["o.a"])
    assert [row["customer"] for row in rows] == sorted({customer for customer, _, _ in items})
    for row in rows:
        for age, (least, most) in ages.items():
            cents = sum(c for who, due, c in items if who == row["customer"] and least <= (day - due).days <= most)
            assert Decimal(row[age] or 0) == Decimal(cents) / 100


def test_codes_for_tax_keep_their_zeros_in_any_column_and_join_as_texts(tmp_path):
    settings = {
        "inputs": {"lines": "${f.l}", "codes": "${f.c}"},
        "sql": "SELECT code, sum(net) AS net FROM lines JOIN codes USING (code) GROUP BY code ORDER BY code",
        "outputs": {"result": {"to": "${o.v}", "as": "vat.csv"}},
    }
    files = {
        "f.l": ("lines.csv", b"code,net\n01,10.00\n1,5.00\n01,0.10\n001,7.00\n"),
        "f.c": ("codes.csv", b"code,rate\n01,19\n001,7\n"),
    }

    played = play(run_sql.ACTION, tmp_path, settings, files, {"o.v": FILE})

    assert played.outputs["o.v"] == b"code,net\n001,7\n01,10.1\n"


def test_a_payroll_with_minus_signs_behind_and_brackets_adds_up(tmp_path):
    columns = {"Net": {"name": "net", "type": "Money", "thousands": ","}, "Staff": {"type": "Text"}}
    settings = {
        "inputs": {"pay": {"file": "${f.p}", "columns": columns}},
        "sql": 'SELECT sum(net) AS net, count(DISTINCT "Staff") AS staff FROM pay',
        "expect": {"total": {"column": "net", "equals": "${p.t}"}},
        "outputs": {"result": {"to": "${o.t}", "as": "total.csv"}},
    }
    lines = b'Staff,Net\n0007,"1,250.10"\n0007,100.00-\n0008,(75.05)\n7,-0.05\n'
    total = Decimal("1250.10") - 100 - Decimal("75.05") - Decimal("0.05")

    played = play(run_sql.ACTION, tmp_path, settings, {"f.p": ("pay.csv", lines), "p.t": total}, {"o.t": FILE})

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert read(played.outputs["o.t"]) == [{"net": "1075", "staff": "3"}]


def test_a_payroll_that_nobody_declared_is_not_added_up_wrongly(tmp_path):
    settings = {"inputs": {"pay": "${f.p}"}, "sql": "SELECT sum(net) AS net FROM pay", "outputs": {"result": "${o.t}"}}

    played = play(run_sql.ACTION, tmp_path, settings, {"f.p": ("pay.csv", b"net\n250.10\n100.00-\n")}, {"o.t": DECIMAL})

    assert played.outcome.status is StepStatus.FAILED
    assert played.outputs == {}


def test_debit_and_credit_marks_make_the_sign(tmp_path):
    settings = {
        "inputs": {"bank": {"file": "${f.b}", "columns": {"amount": {"type": "Money"}}}},
        "sql": """SELECT sum(CASE mark WHEN 'CR' THEN amount WHEN 'DR' THEN -amount ELSE error('mark ' || mark) END)
                  AS net FROM bank""",
        "outputs": {"result": "${o.n}"},
    }
    content = b"amount,mark\n100.00,CR\n250.05,DR\n0.05,CR\n"

    played, other = (
        play(run_sql.ACTION, folder(tmp_path, name), settings, {"f.b": ("bank.csv", lines)}, {"o.n": DECIMAL})
        for name, lines in (("known", content), ("unknown", content + b"1.00,C\n"))
    )

    assert played.outputs == {"o.n": Decimal("-150.00")}
    assert "mark C" in other.outcome.message


def test_the_totals_row_at_the_end_is_refused_where_it_would_be_booked(tmp_path):
    columns = {"Datum": {"type": "Date", "pattern": "%d.%m.%Y", "required": True}}
    columns["Betrag"] = {"name": "amount", "type": "Money", "decimal": ",", "thousands": "."}
    bank = {"file": "${f.b}", "encoding": "latin-1", "skip": 2, "columns": columns}
    settings = {
        "inputs": {"bank": bank},
        "sql": "SELECT sum(amount) AS total FROM bank",
        "outputs": {"result": "${o.t}"},
    }
    targets = {"o.t": DECIMAL}
    statement = "Kontoauszug März\n\nDatum;Text;Betrag\n02.11.2026;Müller;1.234,56\n03.11.2026;Büro;-34,56\n"

    good, refused = (
        play(run_sql.ACTION, folder(tmp_path, name), settings, {"f.b": ("b.csv", text.encode("latin-1"))}, targets)
        for name, text in (("good", statement), ("totals", statement + "Summe;;1.200,00\n"))
    )

    assert good.outputs == {"o.t": Decimal("1200.00")}, good.outcome.message
    assert refused.outcome.status is StepStatus.FAILED
    assert "line 6" in refused.outcome.message and '"Summe"' in refused.outcome.message


MT940 = b"""\
:20:STARTUMSE
:25:10020030/0001234567
:60F:C261031EUR1000,00
:61:2611021102DR250,05NTRFNONREF
:86:166?00ABGANG?20RE 00017
:61:2611031103C1200,00NTRFNONREF
:86:166?00EINGANG?20RE 00018
:62F:C261130EUR1949,95
-
"""

PARSE = """\
import csv, re
from decimal import Decimal

text = inputs["statement"].read_text(encoding="latin-1")
sign = {"C": 1, "D": -1, "RD": 1, "RC": -1}
balance = {}
for tag, mark, amount in re.findall(r"^:(60F|62F):([CD])\\\\d{6}[A-Z]{3}([\\\\d,]+)", text, re.M):
    balance[tag] = sign[mark] * Decimal(amount.replace(",", "."))
lines = re.findall(r"^:61:(\\\\d{6})(?:\\\\d{4})?(R?[CD])R?([\\\\d,]+)", text, re.M)
rows = [(day, sign[mark] * Decimal(amount.replace(",", "."))) for day, mark, amount in lines]
if balance["60F"] + sum(amount for _, amount in rows) != balance["62F"]:
    raise ValueError(f"{inputs['statement'].name}: the lines do not lead to the closing balance {balance['62F']}")
with outputs.file("lines", "lines.csv").open("w", newline="") as file:
    csv.writer(file).writerows([("day", "amount"), *rows])
outputs["closing"] = balance["62F"]
""".replace("\\\\", "\\")


def read_statement(place, content):
    settings = {
        "code": PARSE,
        "inputs": {"statement": "${f.s}"},
        "outputs": {"lines": "${o.l}", "closing": "${o.c}"},
    }
    return play(run_python.ACTION, place, settings, {"f.s": ("november.sta", content)}, {"o.l": FILE, "o.c": DECIMAL})


def test_a_statement_in_mt940_is_read_by_a_script_that_proves_its_balance(tmp_path):
    played = read_statement(tmp_path, MT940)

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert played.outputs["o.c"] == Decimal("1949.95")
    assert [row["amount"] for row in read(played.outputs["o.l"])] == ["-250.05", "1200.00"]


def test_a_statement_in_mt940_that_lost_a_line_is_refused_by_its_file_name(tmp_path):
    lost = MT940.replace(b":61:2611031103C1200,00NTRFNONREF\n", b"")

    played = read_statement(tmp_path, lost)

    assert played.outcome.message.startswith("november.sta: the lines do not lead to the closing balance 1949.95")
    assert played.outputs == {}
