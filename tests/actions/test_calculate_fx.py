"""calculate_fx: each amount by the rate that holds, rounded once; what has no rate stops the step."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.converting.rates import RateTable, Way
from procession.actions.kinds import calculate_fx
from procession.model.lifecycle import StepStatus
from tests.actions.context import Played, play
from tests.support import examples

DAY = date(2026, 1, 30)
COLUMNS = {"amount": {"type": "Money"}, "currency": {"type": "Text"}, "date": {"type": "Date"}}


def converted(folder: Path, rows: str, rates: str, **settings: object) -> Played:
    given = {
        "source": {"file": "${f.s}", "columns": COLUMNS},
        "to": "AUD",
        "rates": {"source": "${f.r}"},
        "output": "${o.rows}",
    }
    files = {"f.s": ("s.csv", rows.encode()), "f.r": ("r.csv", f"from,to,on,rate\n{rates}".encode())}
    return play(calculate_fx.ACTION, folder, {**given, **settings}, files)


def rows_of(played: Played) -> list[dict[str, str]]:
    assert played.outcome.status is not StepStatus.FAILED, played.outcome.message
    return list(csv.DictReader(io.StringIO(played.outputs["o.rows"].decode())))


def one(folder: Path, amount: str, currency: str, day: str, rates: str, **settings: object) -> tuple[str, str, str]:
    """The amount, the day of its rate, and how that came about."""
    row = rows_of(converted(folder, f"amount,currency,date\n{amount},{currency},{day}\n", rates, **settings))[0]
    return row["amount_aud"], row["rate_on"], row["rate_source"]


@pytest.mark.parametrize(
    ("rates", "settings", "wanted"),
    [
        ("USD,AUD,2026-01-30,1.5\n", {}, ("150", "2026-01-30", "direct")),
        ("AUD,USD,2026-01-30,0.8\n", {}, ("125", "2026-01-30", "inverse")),
        ("EUR,USD,2026-01-30,1.25\nEUR,AUD,2026-01-30,1.6\n", {"via": ["EUR"]}, ("128", "2026-01-30", "crossed by EUR")),
        ("USD,AUD,2026-01-28,1.5\n", {"rule": "last_before"}, ("150", "2026-01-28", "direct")),
        ("USD,AUD,2026-01-01,1\nUSD,AUD,2026-01-02,2\n", {"rule": "month_average"}, ("150", "2026-01-02", "direct")),
        ("USD,AUD,2026-01-30,1.5\nUSD,AUD,2026-01-31,2\n", {"rule": "month_end"}, ("200", "2026-01-31", "direct")),
        ("USD,AUD,2026-01-29,2\n", {"rule": "month_end"}, ("200", "2026-01-29", "direct")),
        # OCA/account-reconcile#693: a rate of twelve decimals; ours was text, and refused.
        ("USD,AUD,2026-01-30,1.259890137585\n", {}, ("125.99", "2026-01-30", "direct")),
    ],
)  # fmt: skip
def test_the_rate_that_holds(tmp_path, rates, settings, wanted):
    assert one(tmp_path, "100", "USD", "2026-01-30", rates, **settings) == wanted


@pytest.mark.parametrize(
    ("rates", "settings", "said"),
    [
        ("USD,AUD,2026-01-29,1.5\n", {}, "there is no rate to AUD for USD on 2026-01-30 (on_the_day)"),
        ("USD,AUD,2026-01-24,1.5\n", {"rule": "last_before"}, "there is no rate to AUD for USD"),
        ("USD,AUD,2026-01-31,1.5\n", {"rule": "last_before"}, "there is no rate to AUD for USD"),
        ("EUR,USD,2026-01-30,1.25\nEUR,AUD,2026-01-30,1.6\n", {}, "there is no rate to AUD for USD"),
        ("USD,AUD,2026-01-30,1.5\nUSD,AUD,2026-01-30,1.6\n", {}, "two rates for USD to AUD on 2026-01-30: 1.5"),
        ("USD,AUD,2026-01-30,0\n", {}, "is no rate: it must be a number that is more than 0"),
        ("USD,AUD,2026-01-30,n/a\n", {}, "2026-01-30, n/a is no rate"),
        ("USD,AUD,2026-01-30,1.0000000000000000001\n", {}, "has more than 18 decimals"),
        ("USD,AUD,,1.5\nUSD,AUD,2026-01-30,1.5\n", {}, "a line is not complete"),
        ("USD,AUD,2026-01-30,1.5\n", {"to": "Euro"}, 'to: "Euro" is no currency'),
    ],
)  # fmt: skip
def test_what_has_no_one_rate_stops_the_step(tmp_path, rates, settings, said):
    if settings.get("to") == "Euro":
        settings = {"to": "${p.to}"}
    files = {"f.s": ("s.csv", b"amount,currency,date\n1,USD,2026-01-30\n"),
             "f.r": ("r.csv", f"from,to,on,rate\n{rates}".encode()), "p.to": "Euro"}  # fmt: skip
    given = {"source": {"file": "${f.s}", "columns": COLUMNS}, "to": "AUD", "rates": {"source": "${f.r}"},
             "output": "${o.rows}", **settings}  # fmt: skip

    played = play(calculate_fx.ACTION, tmp_path, given, files)

    assert played.outcome.status is StepStatus.FAILED
    assert said in played.outcome.message


def test_an_older_rate_is_a_warning_with_how_old_it_is(tmp_path):
    played = converted(
        tmp_path, "amount,currency,date\n1,USD,2026-01-30\n", "USD,AUD,2026-01-27,1.5\n", rule="last_before"
    )

    assert "1 amount has a rate that is older than its day, by up to 3 days" in played.outcome.message


def test_an_amount_in_the_currency_itself_has_no_old_rate(tmp_path):
    rows = "amount,currency,date\n1,AUD,2026-01-05\n1,USD,2026-01-30\n"

    played = converted(tmp_path, rows, "USD,AUD,2026-01-31,1.5\n", rule="month_end")

    assert played.outcome.status is StepStatus.SUCCESS


def test_a_column_that_differs_in_case_alone_from_the_result_is_refused(tmp_path):
    rows = "amount,currency,date,Amount_AUD\n1,USD,2026-01-30,7\n"

    played = converted(tmp_path, rows, "USD,AUD,2026-01-30,1.5\n")

    assert 'have a column "amount_aud" already' in played.outcome.message


def test_a_rate_that_moved_much_is_a_warning(tmp_path):
    rates = "USD,AUD,2026-01-29,1.5\nUSD,AUD,2026-01-30,15\n"

    played = converted(tmp_path, "amount,currency,date\n1,USD,2026-01-30\n", rates, warn_percent=5)

    assert "rates moved by more than 5.0 % (USD to AUD on 2026-01-30: 1.5" in played.outcome.message


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,,2026-01-30", '1 amount has no currency in "currency" (line 2)'),
        ("1,USD,", '1 amount has no day in "date" (line 2)'),
    ],
)
def test_an_amount_without_a_currency_or_a_day_is_refused(tmp_path, row, said):
    rates = "USD,AUD,2026-01-30,1.5\n"

    assert said in converted(tmp_path, f"amount,currency,date\n{row}\n", rates).outcome.message


def test_a_row_without_an_amount_has_no_rate_and_stops_nothing(tmp_path):
    rows = rows_of(converted(tmp_path, "amount,currency,date\n,XXX,\n2,USD,2026-01-30\n", "USD,AUD,2026-01-30,1.5\n"))

    assert [row["amount_aud"] for row in rows] == ["", "3"]


def test_a_journal_that_balanced_still_does(tmp_path):
    """Three lines of a third each: rounded alone they leave a cent over."""
    rows = "amount,currency,date,journal\n" + "".join(
        f"{amount},USD,2026-01-30,J1\n" for amount in ("100.00", "-33.33", "-33.33", "-33.34")
    )
    rates = "USD,AUD,2026-01-30,1.1735\n"

    plain = rows_of(converted(tmp_path / "a", rows, rates))
    balanced = rows_of(converted(tmp_path / "b", rows, rates, residual={"by": ["journal"]}))

    assert sum(Decimal(row["amount_aud"]) for row in plain) != 0
    assert sum(Decimal(row["amount_aud"]) for row in balanced) == 0
    assert [row["amount_aud"] for row in balanced[1:]] == [row["amount_aud"] for row in plain[1:]]


def test_groups_of_several_rates_are_left_and_told(tmp_path):
    rows = "amount,currency,date,journal\n1,USD,2026-01-30,J\n1,EUR,2026-01-30,J\n"
    rates = "USD,AUD,2026-01-30,1.5\nEUR,AUD,2026-01-30,1.6\n"

    played = converted(tmp_path, rows, rates, residual={"by": ["journal"]})

    assert "1 group of journal has more than one rate" in played.outcome.message


CENTS = st.integers(-(10**15), 10**15)
RATES = st.integers(1, 10**14).map(lambda n: Decimal(n).scaleb(-10))


@examples(6)
@given(
    amounts=st.lists(CENTS, min_size=1, max_size=20),
    rate=RATES,
    places=st.integers(0, 4),
    way=st.sampled_from(["half_even", "half_up"]),
)
def test_each_amount_is_the_exact_product_rounded_once(tmp_path_factory, amounts, rate, places, way):
    rows = "amount,currency,date\n" + "".join(f"{Decimal(n).scaleb(-4):f},USD,{DAY}\n" for n in amounts)
    rounding = ROUND_HALF_EVEN if way == "half_even" else ROUND_HALF_UP
    exact = Context(prec=80, rounding=rounding)

    played = converted(
        tmp_path_factory.mktemp("fx"), rows, f"USD,AUD,{DAY},{rate:f}\n", round={"places": places, "way": way}
    )

    wanted = [exact.quantize(Decimal(n).scaleb(-4) * rate, Decimal(1).scaleb(-places)) for n in amounts]
    assert [Decimal(row["amount_aud"]) for row in rows_of(played)] == wanted


@examples(10)
@given(
    known=st.dictionaries(st.dates(date(2025, 12, 1), date(2026, 2, 28)), RATES, min_size=1, max_size=12),
    day=st.dates(date(2025, 12, 1), date(2026, 2, 28)),
    days_max=st.integers(0, 40),
)
def test_the_last_rate_before_is_what_a_look_at_every_day_finds(known, day, days_max):
    table = RateTable(("USD", "AUD", on, rate) for on, rate in sorted(known.items()))

    found = table.find("USD", "AUD", day, Way(rule="last_before", days_max=days_max))

    wanted = next(
        (on for on in (day - timedelta(back) for back in range(days_max + 1)) if on in known),
        None,
    )
    assert (None if found is None else found.on) == wanted


@pytest.mark.parametrize(
    ("to", "rate", "settings", "wanted"),
    [
        ("JPY", "163.934426", {}, "164025"),  # frappe/books#770, panosl/django-currencies#57: yen with hundredths
        ("KWD", "0.333333", {}, "333.516"),
        ("EUR", "0.333333", {}, "333.52"),
        ("JPY", "163.934426", {"round": {"places": 2}}, "164024.59"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(tmp_path, to, rate, settings, wanted):
    rows = "amount,currency,date\n1000.55,USD,2026-01-30\n"

    played = converted(tmp_path, rows, f"USD,{to},2026-01-30,{rate}\n", to=to, **settings)

    assert rows_of(played)[0][f"amount_{to.lower()}"] == wanted


def test_a_newer_rate_of_the_other_way_is_taken(tmp_path):
    """rustledger/rustledger#1759: an older direct rate hid it."""
    rates = "USD,AUD,2026-01-28,1.5\nAUD,USD,2026-01-30,0.8\n"

    assert one(tmp_path / "a", "100", "USD", "2026-01-30", rates, rule="last_before") == (
        "125",
        "2026-01-30",
        "inverse",
    )
    assert one(tmp_path / "b", "100", "USD", "2026-01-29", rates, rule="last_before") == ("150", "2026-01-28", "direct")


def test_an_average_says_which_days_only_the_other_way_has(tmp_path):
    rates = "USD,AUD,2026-01-15,1.5\nAUD,USD,2026-01-15,0.66\nAUD,USD,2026-01-30,0.5\nAUD,USD,2026-02-02,0.4\n"

    played = converted(tmp_path, "amount,currency,date\n100,USD,2026-01-31\n", rates, rule="month_average")

    assert "average of USD to AUD in 2026-01 is without 1 day on which" in played.outcome.message
    assert rows_of(played)[0]["amount_aud"] == "150"


@pytest.mark.parametrize(("back", "is_told"), [("0.8", True), ("0.66", False)])
def test_two_ways_of_one_day_that_contradict_each_other_are_told(tmp_path, back, is_told):
    """beancount/beancount#813: which of the two was taken, nobody could tell."""
    rates = f"USD,AUD,2026-01-30,1.5\nAUD,USD,2026-01-30,{back}\n"

    played = converted(tmp_path, "amount,currency,date\n100,USD,2026-01-30\n", rates)

    assert ("AUD to USD on 2026-01-30 is 0.8000, and 0.666667 by" in played.outcome.message) == is_told
    assert rows_of(played)[0]["amount_aud"] == "150"


@pytest.mark.parametrize(
    ("rates", "settings", "wanted"),
    [
        # 0.09 / 1.2 is 0.075: by an inverse of 18 decimals it was less than a half of a cent.
        ("AUD,USD,2026-01-30,1.2\n", {}, ["0.02", "0.08", "-0.08", "3.88"]),
        ("AUD,USD,2026-01-30,1.2\n", {"round": {"way": "half_up"}}, ["0.03", "0.08", "-0.08", "3.88"]),
        ("EUR,USD,2026-01-30,2.4\nEUR,AUD,2026-01-30,2\n", {"via": ["EUR"]}, ["0.02", "0.08", "-0.08", "3.88"]),
        ("AUD,USD,2026-01-29,1.1\nAUD,USD,2026-01-30,1.3\n", {"rule": "month_average"}, ["0.02", "0.08", "-0.08", "3.88"]),
    ],
)  # fmt: skip
def test_a_rate_is_divided_by_and_not_rounded_first(tmp_path, rates, settings, wanted):
    rows = "".join(f"{amount},USD,2026-01-30\n" for amount in ("0.03", "0.09", "-0.09", "4.65"))

    played = converted(tmp_path, f"amount,currency,date\n{rows}", rates, **settings)

    assert [Decimal(row["amount_aud"]) for row in rows_of(played)] == [Decimal(one) for one in wanted]


def test_a_cross_of_more_digits_than_fit_is_rounded_to_those_that_are_shown(tmp_path):
    rates = "AUD,EUR,2026-01-30,1.123456789013\nEUR,USD,2026-01-30,1.000000000003\n"

    played = converted(tmp_path, "amount,currency,date\n99999999999,USD,2026-01-30\n", rates, via=["EUR"])

    wide = Context(prec=60)
    product = wide.multiply(Decimal("1.123456789013"), Decimal("1.000000000003"))
    (row,) = rows_of(played)
    assert Decimal(row["amount_aud"]) == wide.divide(Decimal(99_999_999_999), product).quantize(Decimal("0.01"))
    assert row["rate"] == str(wide.divide(Decimal(1), product).quantize(Decimal(1).scaleb(-18)))


@pytest.mark.parametrize(
    ("amount", "rate", "is_told"),
    [
        ("600000000", "'XTS' AS \"from\", 'AUD' AS \"to\", 1::DOUBLE / 60 AS rate", True),
        ("1000", "'AUD' AS \"from\", 'XTS' AS \"to\", 1::DOUBLE / 47000.7 AS rate", True),
        ("1000", "'XTS' AS \"from\", 'AUD' AS \"to\", 1::DOUBLE / 60 AS rate", False),  # to the cent as it should be
    ],
)
def test_binary_rates_that_are_rounded_so_that_amounts_may_show_it_are_told(tmp_path, amount, rate, is_told):
    """600,000,000 at 1/60 were 10,000,000.02, and 1,000 at the inverse of 1/47000.7 were 47,000,653.31."""
    path = tmp_path / "rates.parquet"
    duckdb.execute(f"COPY (SELECT {rate}, DATE '2026-01-30' AS \"on\") TO '{path}' (FORMAT parquet)")
    given = {"source": {"file": "${f.s}", "columns": COLUMNS}, "to": "AUD", "rates": {"source": "${f.r}"}}
    files = {
        "f.s": ("s.csv", f"amount,currency,date\n{amount},XTS,2026-01-30\n".encode()),
        "f.r": ("r.parquet", path.read_bytes()),
    }

    played = play(calculate_fx.ACTION, tmp_path / "work", {**given, "output": "${o.rows}"}, files)

    assert len(rows_of(played)) == 1
    assert (played.outcome.status is StepStatus.WARNING) is is_told
    assert ("which amounts may show" in played.outcome.message) is is_told
