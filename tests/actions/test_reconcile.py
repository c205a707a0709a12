"""reconcile: who pairs with whom, and that nothing is ever lost."""

from __future__ import annotations

import io
import zipfile
from decimal import Decimal

import duckdb
import msgspec
import pytest

from procession.actions import database
from procession.actions.kinds import reconcile
from procession.actions.problems import Problem
from procession.actions.reconciling import control_totals, reconcile_settings, setting_mistakes
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

EXACT = {"name": "Exact", "equal": ["key"]}
NEAR = {"name": "Near", "equal": ["key"], "tolerance": 1}
OUTPUTS = {"matched": "${o.m}", "only_left": "${o.l}", "only_right": "${o.r}", "summary": "${o.s}"}


def match(folder, left, right, *rules, values=None, **settings):
    """Each side is text "key,amount" lines; columns id, key, amount."""
    given = {
        "left": "${f.l}", "right": "${f.r}", "amount": "amount", "rules": list(rules or (EXACT,)), "outputs": OUTPUTS,
    }  # fmt: skip
    files = {"f.l": ("left.csv", side(left)), "f.r": ("right.csv", side(right))}
    return play(reconcile.ACTION, folder, given | settings, files | (values or {}))


def side(lines):
    return ("id,key,amount\n" + "".join(f"{n},{line}\n" for n, line in enumerate(lines, start=1))).encode()


def pairs(played):
    """(left id, right id) of every pair."""
    assert played.outcome.status is not StepStatus.FAILED, played.outcome.message
    lines = played.outputs["o.m"].decode().splitlines()
    left, right = lines[0].split(",").index("left_id"), lines[0].split(",").index("right_id")
    return [(int(line.split(",")[left]), int(line.split(",")[right])) for line in lines[1:]]


def test_equal_keys_and_amounts_pair(tmp_path):
    assert pairs(match(tmp_path, ["a,1.10", "b,2"], ["b,2.00", "a,1.1", "a,1.2"])) == [(1, 2), (2, 1)]


@pytest.mark.parametrize(
    ("declared", "moment"),
    [
        ({"type": "Datetime"}, "2024-01-31T23:30:00Z"),
        ({"type": "Datetime", "pattern": "%d.%m.%Y %H:%M %z"}, "31.01.2024 23:30 +0000"),
        ({"type": "Datetime"}, "2024-02-01 00:30:00"),
        ({"type": "Date"}, "2024-01-31T23:30:00Z"),
        (None, "2024-01-31T23:30:00Z"),
    ],
)
@pytest.mark.parametrize(
    "rule", [{"name": "Day", "equal": ["day"]}, {"name": "Day", "equal": ["amount"], "date": "day", "days": 0}]
)
def test_the_day_of_a_moment_is_that_of_the_file_s_zone_whatever_is_declared(tmp_path, declared, moment, rule):
    left = {"file": "${f.l}", "zone": "Europe/Berlin", **({"columns": {"day": declared}} if declared else {})}
    right = {"file": "${f.r}", "columns": {"day": {"type": "Date"}}}
    given = {"left": left, "right": right, "amount": "amount", "rules": [rule], "outputs": OUTPUTS}
    files = {
        "f.l": ("l.csv", f"id,day,amount\n1,{moment},5\n".encode()),
        "f.r": ("r.csv", b"id,day,amount\n7,2024-02-01,5\n"),
    }

    assert pairs(play(reconcile.ACTION, tmp_path, given, files)) == [(1, 7)]


@pytest.mark.parametrize(
    ("left", "right", "is_told"),
    [
        (("l.json", b'[{"key": 4100.1, "amount": 1}]'), ("r.csv", b"key,amount\n4100.10,1\n"), True),
        (("l.json", b'[{"key": 7, "amount": 1}]'), ("r.csv", b"key,amount\n007,1\n"), True),
        (("l.json", b'[{"key": true, "amount": 1}]'), ("r.csv", b"key,amount\nTRUE,1\n"), True),
        (("l.json", b'[{"key": 7, "amount": 1}]'), ("r.csv", b"key,amount\n8,1\n"), False),
        (("l.csv", b"key,amount\n4100.1,1\n"), ("r.csv", b"key,amount\n4100.10,1\n"), True),
    ],
)
def test_keys_that_only_their_spelling_keeps_apart_are_told(tmp_path, left, right, is_told):
    given = {"left": "${f.l}", "right": "${f.r}", "amount": "amount", "rules": [EXACT], "outputs": OUTPUTS}

    played = play(reconcile.ACTION, tmp_path, given, {"f.l": left, "f.r": right})

    assert ("are not equal as texts" in played.outcome.message) == is_told
    assert "nothing matched" in played.outcome.message


def test_the_amount_as_a_key_is_compared_as_an_amount(tmp_path):
    rule = {"name": "Amount", "equal": ["amount"]}

    assert pairs(match(tmp_path, ["a,5.0", "b,7"], ["c,7.00", "d,5"], rule)) == [(1, 2), (2, 1)]


@pytest.mark.parametrize(("amount", "kind"), [("true", "boolean"), ('"2024-01-31"', "date")])
def test_what_is_no_number_is_no_amount(tmp_path, amount, kind):
    given = {"left": "${f.l}", "right": "${f.r}", "amount": "amount", "rules": [EXACT], "outputs": OUTPUTS}
    files = {
        "f.l": ("l.json", f'[{{"key": "a", "amount": {amount}}}]'.encode()),
        "f.r": ("r.csv", b"key,amount\na,1\n"),
    }

    played = play(reconcile.ACTION, tmp_path, given, files)

    assert played.outcome.message == f'the column "amount" of the left file holds no amounts ({kind})'


def test_totals_keep_all_their_digits(tmp_path):
    long = "1234567890123456789012345.1234"

    played = match(tmp_path, [f"a,{long}"], ["b,0.10"], outputs={"left_total": "${o.t}", "difference": "${o.d}"})

    assert played.outputs == {"o.t": Decimal(long), "o.d": Decimal("1234567890123456789012345.0234")}
    assert "left 1,234,567,890,123,456,789,012,345.1234 and right 0.1000 differ by" in played.outcome.message
    assert "345.0234; nothing matched" in played.outcome.message


def test_binary_amounts_pair_with_their_decimals(tmp_path):
    path = tmp_path / "binary.parquet"
    rows = "VALUES (1, 'a', 1234567.89::DOUBLE), (2, 'b', 12345678901.12), (3, 'c', 0.00001)"
    duckdb.connect().sql(f"SELECT * FROM ({rows}) t(id, key, amount)").write_parquet(str(path))
    values = {"f.l": ("left.parquet", path.read_bytes())}

    played = match(tmp_path, [], ["a,1234567.89", "b,12345678901.12", "c,0.00001"], values=values)

    assert pairs(played) == [(1, 1), (2, 2), (3, 3)]


def test_twins_pair_in_the_order_of_the_files_as_many_as_there_are(tmp_path):
    assert pairs(match(tmp_path, ["a,1", "a,1", "a,1"], ["a,1", "x,9", "a,1"])) == [(1, 1), (2, 3)]


def test_twins_pair_within_a_tolerance_too(tmp_path):
    assert pairs(match(tmp_path, ["a,1.00", "a,1.00"], ["a,1.01", "a,1.01"], NEAR)) == [(1, 1), (2, 2)]


def test_a_rule_sees_only_what_the_rules_before_it_left(tmp_path):
    played = match(tmp_path, ["a,1.00", "a,1.01"], ["a,1.01", "a,1.02"], EXACT, NEAR)

    assert pairs(played) == [(1, 2), (2, 1)]
    assert played.outcome.message == "2 matched, 0 only left, 0 only right; left 2.01 and right 2.03 differ by -0.02"


def test_the_nearest_amount_wins(tmp_path):
    assert pairs(match(tmp_path, ["a,10.00"], ["a,10.50", "a,9.90"], NEAR)) == [(1, 2)]


def test_a_second_choice_is_taken_when_the_first_is_gone(tmp_path):
    assert pairs(match(tmp_path, ["a,10.00", "a,10.40"], ["a,10.30", "a,9.50"], NEAR)) == [(1, 2), (2, 1)]


def test_two_equally_good_partners_are_left_to_a_person(tmp_path):
    played = match(tmp_path, ["a,10.00"], ["a,10.50", "a,9.50"], NEAR)

    assert pairs(played) == []
    assert "1 left rows have several equally good partners" in played.context.logged
    assert played.outcome.status is StepStatus.WARNING


@pytest.mark.parametrize(("amount", "found"), [("10.01", [(1, 1)]), ("10.02", [])])
def test_a_tolerance_includes_its_limit_and_may_be_a_reference(tmp_path, amount, found):
    rule = {**NEAR, "tolerance": "${p.cents}"}

    assert pairs(match(tmp_path, ["a,10"], [f"a,{amount}"], rule, values={"p.cents": Decimal("0.01")})) == found


@pytest.mark.parametrize(("days", "found"), [(3, [(1, 1)]), (2, [])])
def test_dates_may_lie_apart_by_so_many_days(tmp_path, days, found):
    rule = {"name": "Window", "equal": ["amount"], "date": "key", "days": days}

    assert pairs(match(tmp_path, ["2026-01-30,5"], ["2026-02-02,5"], rule)) == found


def test_an_empty_key_or_amount_pairs_with_nothing(tmp_path):
    played = match(tmp_path, [",1", "a,"], [",1", "a,"])

    assert pairs(played) == []
    assert played.outcome.message.startswith("0 matched, 2 only left, 2 only right")


def test_leading_zeros_make_another_key(tmp_path):
    assert pairs(match(tmp_path, ["007,1", "8,1"], ["7,1", "8,1"])) == [(2, 2)]


def test_columns_may_be_called_differently(tmp_path):
    rule = {"name": "Same", "equal": [{"left": "key", "right": "id"}]}

    assert pairs(match(tmp_path, ["2,5"], ["x,4", "y,5"], rule)) == [(1, 2)]


def test_what_is_left_keeps_its_own_columns_and_order(tmp_path):
    played = match(tmp_path, ["c,1", "a,1", "b,1"], ["a,1"])

    nothing = "nothing on the other side"
    assert played.outputs["o.l"].decode() == f"id,key,amount,reason\n1,c,1,{nothing}\n3,b,1,{nothing}\n"
    assert played.outputs["o.r"] == b"id,key,amount,reason\n"


def test_totals_are_made_by_purpose(tmp_path):
    played = match(tmp_path, ["a,1.10", "b,2"], ["a,1.10"], totals_by="key")

    assert played.outputs["o.s"].decode().splitlines()[-3:] == [
        "a,Everything,1,1.1,1,1.1,0",
        "b,Only left,1,2,0,0,2",
        "b,Everything,1,2,0,0,2",
    ]


def test_the_report_has_four_sheets(tmp_path):
    played = match(tmp_path, ["a,1"], ["a,1"], outputs={"report": "${o.x}"})

    book = zipfile.ZipFile(io.BytesIO(played.outputs["o.x"])).read("xl/workbook.xml").decode()
    assert played.names["o.x"] == "step.xlsx"
    assert all(f'name="{name}"' in book for name in ("Summary", "Matched", "Only left", "Only right"))


@pytest.mark.parametrize(
    ("left", "settings", "said"),
    [
        (["a,many"], {}, 'the left file, line 2, column "amount": "many" is not an amount'),
        (["a,1"], {"amount": "sum"}, 'the left file has no column "sum" (it has id, key, amount)'),
        (["a,1"], {"totals_by": "why"}, 'the left file has no column "why" (it has id, key, amount)'),
        (
            ["a,1"],
            {"rules": [{**EXACT, "date": "key"}]},
            'the left file, line 2, column "key": "a" is not a date such as 1993-12-31',
        ),
    ],
)
def test_a_file_that_does_not_fit_fails_the_step(tmp_path, left, settings, said):
    played = match(tmp_path, left, ["a,1"], **settings)

    assert played.outcome.status is StepStatus.FAILED
    assert played.outcome.message.startswith(said)
    assert played.outputs == {}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("(1)", "left side do not balance: 1 rows and 5 came in, 2 rows and 10 would go out"),
        # The row that is lost has the amount of the one that is in two results.
        ("(1), (2)", "left side do not balance: 2 rows and 10 came in, 2 rows and 10 would go out"),
    ],
)
def test_totals_that_do_not_balance_stop_the_step(tmp_path, rows, said):
    with database.connect(tmp_path, 1 << 30) as connection:
        for name in ("left", "right"):
            connection.execute(f"CREATE TABLE {name}_items AS SELECT *, 5 AS amount FROM (VALUES {rows}) v(row)")
            connection.execute(f"CREATE TABLE {name}_open AS SELECT 1 AS row, 5 AS amount")
        connection.execute("CREATE TABLE pairs AS SELECT 1 AS rule, 1 AS left_row, 1 AS right_row")
        connection.execute("CREATE TABLE grouped (rule INTEGER, id INTEGER, side INTEGER, row INTEGER)")
        connection.execute("CREATE TABLE suggested_items (side INTEGER, row INTEGER)")
        control_totals.make(connection, None, None)

        with pytest.raises(Problem, match=said):
            control_totals.check(connection)


def test_mistakes_of_the_settings_are_told_when_they_are_applied():
    rule = {"name": "x", "equal": ["a"], "tolerance": -1}
    settings = {"left": {"file": "${a.b}", "encoding": "klingon"}, "right": "${a.c}", "amount": "n",
                "rules": [rule, {"name": "y", "equal": ["a"], "days": 2}],
                "outputs": {"matched": {"to": "${a.d}", "as": "x.pdf"}}}  # fmt: skip

    found = setting_mistakes.check(msgspec.convert(settings, reconcile_settings.ReconcileSettings))

    assert [mistake.split(":")[0] for mistake in found] == [
        "left.encoding", "outputs.matched.as", "rules[0].tolerance", "rules[1].days",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("expect", "is_taken"),
    [
        ({"rows": {"at_least": 0}}, True),
        ({"rows": {"at_least": 50}}, False),
        ({"rows": {"at_least": 0, "at_most": 3}}, False),
        ({"total": {"column": "amount", "equals": 999}}, False),
        ({"otherwise": "warn"}, False),
    ],
)
def test_what_a_reconciliation_would_not_check_is_refused(expect, is_taken):
    side, rule = {"left": "${f.l}", "right": "${f.r}", "amount": "amount"}, {"rules": [EXACT]}
    settings = msgspec.convert({**side, **rule, "expect": expect}, reconcile.ACTION.settings)

    assert bool(reconcile.ACTION.check(settings)) is not is_taken
