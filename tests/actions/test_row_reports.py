"""validate, transform, join and map_values: what people reported of other programs. Each case names its report."""

from __future__ import annotations

import pytest

from procession.actions.kinds import join, map_values, run_sql, transform, validate
from procession.model.lifecycle import StepStatus
from tests.actions.context import Played, play

DECOMPOSED = "Mu\u0308ller"
TEXT = {"k": {"type": "Text"}}
# sillsdev/TheCombine#3713 and infinidysk/infinidysk#890: one name in two normal forms; the vignette "Why Your Keys Don't
# Match" of joinspy: blanks that do not break, signs without width.
LOOKALIKES = [
    ("Müller", DECOMPOSED, "Mu\\u0308ller"),
    ("ACME Ltd", "ACME\u00a0Ltd", "ACME\\u00a0Ltd"),
    ("ACME", "ACME\u200b", "ACME\\u200b"),
    ("INV-1", "INV\u20111", "INV\\u20111"),
]


def validated(folder, rows: str, rule: dict[str, object], known: str = "code\n") -> Played:
    settings = {"source": "${f.s}", "rules": [{"name": "R", **rule}], "outputs": {"count": "${o.n}"}}
    return play(validate.ACTION, folder, settings, {"f.s": rows.encode(), "f.k": known.encode()})


def transformed(folder, rows: str, *steps: dict[str, object]) -> Played:
    settings = {"source": "${f.s}", "steps": list(steps), "output": "${o.r}"}
    return play(transform.ACTION, folder, settings, {"f.s": rows.encode()})


def joined(folder, left: str, right: str) -> Played:
    settings = {"left": "${f.l}", "right": "${f.r}", "on": ["k"], "take": {"n": None}, "outputs": {"result": "${o.r}"}}
    return play(join.ACTION, folder, settings, {"f.l": left.encode(), "f.r": right.encode()})


@pytest.mark.parametrize(("one", "other", "shown"), LOOKALIKES)
def test_two_rows_for_what_everybody_takes_for_one_are_told(tmp_path, one, other, shown):
    rows = f"k,v\n{one},1\n{other},2\n"

    unique = validated(tmp_path / "a", rows, {"unique": ["k"]})
    grouped = transformed(tmp_path / "b", rows, {"group": {"by": ["k"], "sum": ["v"]}})
    deduped = transformed(tmp_path / "c", rows, {"dedupe": {"by": ["k"]}})

    for played in (unique, grouped, deduped):
        assert played.outcome.status is StepStatus.WARNING
        assert f'"{shown}"' in played.outcome.message
        assert "look alike and are not equal" in played.outcome.message


@pytest.mark.parametrize("rows", ["k,v\nACME,1\nacme,2\n", "k,v\nA B,1\nAB,2\n", "k,v\nÄ,1\nA,2\n", "k,v\n7,1\n8,2\n"])
def test_texts_that_differ_to_the_eye_are_left_alone(tmp_path, rows):
    grouped = transformed(tmp_path, rows, {"group": {"by": ["k"], "sum": ["v"]}})

    assert grouped.outcome.status is StepStatus.SUCCESS


@pytest.mark.parametrize(("one", "other", "shown"), LOOKALIKES)
def test_a_key_that_is_not_found_for_what_nobody_sees_is_told(tmp_path, one, other, shown):
    found = joined(tmp_path / "a", f"k,v\n{one},1\n", f"k,n\n{other},A\n")
    settings = {
        "source": {"file": "${f.s}", "columns": TEXT},
        "rules": {"file": "${f.r}", "columns": TEXT},
        "match": ["k"],
        "give": {"g": "g"},
        "outputs": {"result": "${o.r}"},
    }
    files = {"f.s": f"k\n{one}\n".encode(), "f.r": f"k,g\n{other},A\n".encode()}
    mapped = play(map_values.ACTION, tmp_path / "b", settings, files)
    known = {"source": "${f.k}", "column": "code"}
    checked = validated(tmp_path / "c", f"k\n{one}\n", {"column": "k", "in": known}, f"code\n{other}\n")
    listed = validated(tmp_path / "d", f"k\n{one}\n", {"column": "k", "one_of": [other]})

    for played in (found, mapped):
        assert f'"{shown}" differ only in case, blanks or signs unseen' in played.outcome.message
    for played in (checked, listed):
        assert ", but for case, blanks or signs unseen" in played.outcome.message


def test_a_sign_without_width_fills_no_cell(tmp_path):
    played = validated(tmp_path, "k,v\n1,x\n2,\u200b\n", {"column": "v", "is": "filled"})

    assert "line 3: is empty" in played.outcome.message


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ({"unique": ["k"]}, StepStatus.WARNING),
        ({"rows": {"at_least": 0}}, StepStatus.SUCCESS),
        ({"rows": {"at_least": 1}}, StepStatus.FAILED),
    ],
)
def test_a_file_without_rows_does_not_pass_in_silence(tmp_path, rule, status):
    """mdneuzerling/exemplar#6 and rocky-data/rocky#1811: nothing was checked, and all was green."""
    assert validated(tmp_path, "k,v\n", rule).outcome.status is status


@pytest.mark.parametrize(
    ("expression", "is_told"),
    [
        # iamkun/dayjs#2620, moment/moment#3665, uthvah/sync-embeds#13: 2025-12-29 in week 1 of 2025
        ("strftime(d, '%Y-%V')", True),
        ("year(d) || '-' || week(d)", True),
        ("extract(year FROM d) * 100 + extract(week FROM d)", True),
        ("strftime(d, '%G-%V')", False),
        ("isoyear(d) || '-' || week(d)", False),
        ("yearweek(d)", False),
        ("strftime(d, '%Y-%m')", False),
        ("year(d) || week(DATE '2026-01-05')", False),
    ],
)
def test_a_week_beside_the_year_of_the_calendar_is_told(tmp_path, expression, is_told):
    derived = transformed(tmp_path / "a", "d,v\n2025-12-29,1\n", {"derive": {"w": expression}})
    sql = f"SELECT {expression} AS w, sum(v) AS v FROM t GROUP BY ALL"
    settings = {"sql": sql, "inputs": {"t": "${f.t}"}, "outputs": {"result": "${o.r}"}}
    selected = play(run_sql.ACTION, tmp_path / "b", settings, {"f.t": b"d,v\n2025-12-29,1\n"})

    for played in (derived, selected):
        assert played.outcome.status is (StepStatus.WARNING if is_told else StepStatus.SUCCESS)
        assert ("write %G-%V" in played.outcome.message or "write isoyear" in played.outcome.message) == is_told


@pytest.mark.parametrize(
    ("expression", "status"),
    [
        ("try_cast(v AS DECIMAL(19,4))", StepStatus.WARNING),  # MicrosoftDocs/sql-docs#5658, MonetDB/MonetDB#90
        ("coalesce(try_cast(v AS DECIMAL(19,4)), 0)", StepStatus.SUCCESS),
        ("CASE WHEN v <> 'n/a' THEN v ELSE NULL END", StepStatus.SUCCESS),
    ],
)
def test_an_amount_that_a_cast_loses_is_told(tmp_path, expression, status):
    played = transformed(tmp_path, 'v\n"1,5"\n2\n', {"derive": {"n": expression}})

    assert played.outcome.status is status
    assert ("1 value is empty although" in played.outcome.message) == (status is StepStatus.WARNING)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        # Open-ISP/ISPyPSA#138, pandas-dev/pandas#9149: the month without a row was "text", and nothing said why
        ("k,v\n", "0 rows in f.s.csv: its columns are text unless columns declares them"),
        ("k,v\na,\n", '"v" has no value in f.s.csv, and is text unless columns declares it'),
        ("k,v\na,x\n", ""),
    ],
)
def test_why_a_column_without_a_value_is_text(tmp_path, rows, told):
    grouped = transformed(tmp_path / "a", rows, {"group": {"by": ["k"], "sum": ["v"]}})
    checked = validated(tmp_path / "b", rows, {"total": {"column": "v", "equals": 0}})
    settings = {"sql": "SELECT sum(v) FROM t", "inputs": {"t": "${f.s}"}, "outputs": {"result": "${o.r}"}}
    selected = play(run_sql.ACTION, tmp_path / "c", settings, {"f.s": rows.encode()})

    assert {one.outcome.status for one in (grouped, checked, selected)} == {StepStatus.FAILED}
    assert told in grouped.outcome.message
    assert told in checked.outcome.message
    # DuckDB does not say of which column a sum was asked for.
    assert ("0 rows in f.s.csv: its" in selected.outcome.message) == ("0 rows" in told)


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("k,g\n40*,A\n4010,\n", "1 row is mapped to nothing, by rule 2 (4010)"),
        ("k,g\n40*,A\n4099,\n", ""),
    ],
)
def test_a_rule_that_gives_nothing_is_told_where_it_holds(tmp_path, rules, told):
    settings = {
        "source": {"file": "${f.s}", "columns": TEXT},
        "rules": {"file": "${f.r}", "columns": TEXT},
        "match": ["k"],
        "give": {"g": "g"},
        "default": "Unmapped",
        "outputs": {"result": "${o.r}"},
    }

    played = play(map_values.ACTION, tmp_path, settings, {"f.s": b"k\n4010\n4020\n", "f.r": rules.encode()})

    assert told in played.outcome.message
    assert played.outcome.status is (StepStatus.WARNING if told else StepStatus.SUCCESS)
