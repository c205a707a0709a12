"""A run is filled in: what is asked for, what is read of what people type, what is kept, and when it starts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
from msgspec.structs import replace as with_fields

from procession.model.ids import ProcessId
from procession.model.people import NumberStyle
from procession.operations import processes, trials
from procession.store import people
from procession.store.database import Transaction
from tests.support import wait_until
from tests.web.inputs_site import BANK, LEDGER, RIGHT, InputForm, apply
from tests.web.site import Site, text

MULTIPART_LIMIT = 100_000  # bytes of a file in the house


def field(page: str, label: str) -> str:
    """The markup of one field or file, from its label to the next."""
    found = re.search(
        rf'<(?:div|fieldset)[^>]*id="[a-z]+-[0-9]+">(?:(?!id="(?:dsprop|f)-[0-9]+").)*?{label}.*?(?=id="(?:dsprop|f)-[0-9]+">|</section>)',
        page,
        re.S,
    )
    assert found, f"there is no {label}"
    return found[0]


def test_a_visit_leaves_nothing_behind(form: InputForm) -> None:
    answer = form.site.get(form.new)

    assert answer.status_code == 200
    assert f"New run of {form.name}" in text(answer)
    assert form.runs() == []


@pytest.mark.parametrize(("who", "status"), [("mate", 200), ("reader", 403), ("stranger", 404), ("admin", 200)])
def test_the_form_is_for_whoever_may_execute(form: InputForm, who: str, status: int) -> None:
    assert Site(house=form.house, who=who).sign_in().get(form.new).status_code == status


def test_each_type_has_its_field_and_what_is_invisible_has_none(form: InputForm) -> None:
    page = form.site.get(form.new)

    shown = page.text
    assert 'type="date"' in field(shown, "Period end")
    assert field(shown, "Company").count('type="radio"') == 3
    assert "Choose one" not in field(shown, "Company")
    assert "<select" in field(shown, "Bank")
    assert 'value="001200"' in field(shown, "Account")
    assert "<textarea" in field(shown, "Remarks")
    assert 'inputmode="decimal"' in field(shown, "Tolerance")
    assert 'type="number"' not in shown
    assert 'type="checkbox"' in field(shown, "Post corrections")
    assert "owner" in field(shown, "Prepared by")
    assert 'type="file"' in field(shown, "Ledger")
    assert "Hidden" not in shown
    said = text(page)
    assert "1.1 Period and account" in said
    assert "The last day of the month" in said
    assert "2 decimal places" in said
    assert "Remarks (optional)" in said
    assert '<div class="note bad">' in shown
    assert "Count" not in said


def test_a_browser_is_told_by_the_page_what_is_missing(form: InputForm) -> None:
    said = text(form.site.get(form.new))

    assert "Waiting for 3 inputs" in said
    assert "3 of 11 inputs filled in Period end Company Ledger" in said
    assert "2.3 Post (once, and not again by a restart)" in said


def test_keep_for_later_makes_the_run(form: InputForm) -> None:
    run = form.kept(**{"period.account": "001300", "name": "Close of May"})

    found = form.house.get(f"processruns/{run.removeprefix('/runs/')}")
    assert (form.status(run), found["name"]) == ("NotStarted", "Close of May : run #1")
    assert form.values(run)["Account"] == "001300"
    again = form.site.get(run)
    assert 'value="001300"' in field(again.text, "Account")
    assert 'value="Close of May"' in again.text


def test_a_form_with_all_that_is_asked_starts(form: InputForm) -> None:
    answer = form.send(do="start", files={"files.ledger": ("ledger.csv", LEDGER)}, **RIGHT)

    assert answer.status_code == 303
    run = answer.headers["location"]
    assert form.status(run) == "Scheduled"
    assert form.values(run)["Post corrections"] is False


def test_a_start_says_what_is_missing_and_keeps_the_rest(form: InputForm) -> None:
    sent = form.send(do="start", **{**RIGHT, "period.end": "", "period.account": "1"})

    assert sent.status_code == 303
    page = form.site.get(sent.headers["location"])
    assert "<title>Error: " in page.text
    assert 'role="alert"' in page.text
    assert "2 things are missing before this run can start" in text(page)
    summary = re.search(r'<section class="note bad".*?</section>', page.text, re.S)
    assert summary
    for target in re.findall(r'href="#([^"]+)"', summary[0]):
        assert f'id="{target}"' in page.text
    assert 'aria-invalid="true"' in field(page.text, "Period end")
    assert "Add the file" in field(page.text, "Ledger")
    run = sent.headers["location"].partition("?")[0]
    assert (form.values(run)["Account"], form.status(run)) == ("1", "NotStarted")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("1,234.5", "1234.50"), ("1234.50", "1234.50"), ("1.234,50", "1234.50"), ("1 234,5", "1234.50"),
     ("-0,5", "-0.50"), ("1,234,567", "1234567.00"), ("  7 ", "7.00"), ("", "None")],
)  # fmt: skip
def test_numbers_are_read_with_either_mark(form: InputForm, typed: str, kept: str) -> None:
    assert str(form.values(form.kept(**{"limits.tolerance": typed}))["Tolerance"]) == kept


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("limits.tolerance", "0.015", "at most 2 decimal places"),
        ("limits.tolerance", "12 EUR", "such as 1,234.50 or -0.5, not “12 EUR”"),
        ("limits.days", "1,23,4", "Must be a number"),
        ("limits.days", "1e5", "Must be a number"),
        ("period.end", "31.11.2026", "Must be a date"),
        ("period.end", "2026-11-31", "Must be a date"),
        ("period.company", "Bregenz", "Must be one of"),
    ],
)
def test_what_does_not_fit_stays_as_it_was_typed(form: InputForm, name: str, typed: str, said: str) -> None:
    answer = form.send(do="later", **{**RIGHT, "period.account": "kept", name: typed})

    assert (answer.status_code, answer.headers.get("location")) == (200, None)
    assert "could not be kept as typed" in text(answer)
    assert said in text(answer)
    assert name == "period.company" or f'value="{typed}"' in answer.text
    assert form.values(form.runs()[-1])["Account"] == "kept"


@pytest.mark.parametrize("typed", ["1,234", "1.234"])
def test_a_number_that_can_mean_two_is_asked_back(form: InputForm, typed: str) -> None:
    run = form.kept()

    answer = form.send(run, do="later", **{"limits.days": typed})

    assert f"“{typed}” can be 1234 or 1.234" in text(answer)
    choices = re.findall(r'name="set" value="limits.days=([^"]+)"', answer.text)
    assert choices == ["1234", "1.234"]
    for choice in ("1234", "1.234"):
        chosen = form.send(run, **{"limits.days": typed, "set": f"limits.days={choice}"})
        assert chosen.status_code == 303
        assert form.values(run)["Days"] == Decimal(choice)
        # What the page then shows is read as it stands.
        shown = re.search(r'name="limits.days"[^>]* value="([^"]*)"', form.site.get(run).text)
        assert shown and form.send(run, do="later", **{"limits.days": shown[1]}).status_code == 303
        assert form.values(run)["Days"] == Decimal(choice)


@pytest.fixture(params=[(NumberStyle.COMMA, ".", ","), (NumberStyle.SPACE, "\u00a0", ",")], ids=["comma", "space"])
def marks(form: InputForm, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """How the owner reads numbers while the test lasts: the separator of thousands, the mark of decimals."""
    style, separator, mark = request.param
    owner = form.house.users["owner"]
    form.house.database.write(lambda tx: people.change_user(tx, with_fields(owner, numbers=style)))
    yield separator, mark
    form.house.database.write(lambda tx: people.change_user(tx, owner))


def test_the_form_writes_numbers_as_its_reader_does(form: InputForm, marks: tuple[str, str]) -> None:
    separator, mark = marks
    typed = f"12{separator}480{mark}50"
    page = form.site.get(form.new).text
    assert f'value="0{mark}01"' in field(page, "Tolerance")

    run = form.kept(**{"limits.tolerance": typed})

    assert str(form.values(run)["Tolerance"]) == "12480.50"
    assert f'value="{typed}"' in field(form.site.get(run).text, "Tolerance")
    assert f'value="{typed}"' in field(form.site.get(f"{form.new}?as={run.removeprefix('/runs/')}").text, "Tolerance")
    said = text(form.send(run, do="later", **{"limits.tolerance": "12 EUR"}))
    assert f"such as 1{separator}234{mark}50 or -0{mark}5, not “12 EUR”".replace("\u00a0", " ") in said.replace(
        "\u00a0", " "
    )
    asked = form.send(run, do="later", **{"limits.days": "1.234"})
    whole = "1234" if separator == "." else f"1{separator}234"  # 1.234 could be either again
    assert f"“1.234” can be {whole} or 1{mark}234. Which one" in field(asked.text, "Days")
    assert re.findall(r'value="limits.days=[^"]+"[^>]*>([^<]+)<', asked.text) == [whole, f"1{mark}234"]
    assert form.send(run, **{"limits.days": "1.234", "set": "limits.days=1.234"}).status_code == 303
    assert form.values(run)["Days"] == Decimal("1.234")


def test_pages_of_a_process_write_numbers_as_their_reader_does(form: InputForm, marks: tuple[str, str]) -> None:
    shown = text(form.site.get(f"/processes/{form.process}"))

    assert f"0{marks[1]}01 unless given" in shown


def test_a_date_is_chosen_by_a_button_and_emptied_again(form: InputForm) -> None:
    run = form.kept(**{"period.end": "2026-05-31"})
    ends = re.findall(r'name="set" value="period.end=([^"]+)"', form.site.get(run).text)
    assert len(ends) == 2

    form.send(run, set=f"period.end={ends[1]}", **{"period.end": "2026-05-31"})
    assert form.values(run)["Period end"] == ends[1]

    form.send(run, do="later", **{"period.end": ""})
    assert form.values(run)["Period end"] is None


def test_a_button_of_a_new_form_fills_in_and_makes_no_run(form: InputForm) -> None:
    answer = form.send(set="period.end=2026-10-31", **{"period.account": "77"})

    assert answer.status_code == 200
    assert 'value="2026-10-31"' in field(answer.text, "Period end")
    assert 'value="77"' in answer.text
    assert form.runs() == []


def test_a_box_without_a_tick_is_an_answer(form: InputForm) -> None:
    run = form.kept(**{"limits.post": ["", "true"]})
    assert form.values(run)["Post corrections"] is True

    form.send(run, do="later", **{"limits.post": ""})

    assert form.values(run)["Post corrections"] is False


def test_a_field_that_was_not_sent_stays(form: InputForm) -> None:
    run = form.kept(**{"period.account": "1", "period.company": "Graz"})

    form.send(run, do="field", **{"period.account": "2"})

    assert (form.values(run)["Account"], form.values(run)["Company"]) == ("2", "Graz")


def test_one_form_makes_one_run_however_often_it_is_sent(form: InputForm) -> None:
    sent = [form.send(do="start", once="a", files={"files.ledger": ("l.csv", LEDGER)}, **RIGHT) for _ in range(2)]

    assert [answer.headers["location"] for answer in sent] == [f"/runs/{form.runs()[0]}"] * 2
    assert len(form.runs()) == 1
    wait_until(lambda: form.house.told)  # after the commit, by the thread that makes it
    assert len(form.house.told) == 1
    number = form.runs()[0]
    form.house.take(number)
    form.house.finish(number)
    assert form.send(do="start", once="a", **RIGHT).headers["location"] == f"/runs/{number}"
    # Back, something else typed, and sent again: it must not look as if it had counted.
    late = form.send(do="start", once="a", **{**RIGHT, "period.account": "9"})
    assert (late.status_code, "were frozen when it started" in text(late)) == (400, True)
    late = form.send(do="start", once="a", **{**RIGHT, "name": "Another"})
    assert (late.status_code, "its name and its inputs stay as they are" in text(late)) == (400, True)
    assert form.send(do="later", once="b").headers["location"] != sent[0].headers["location"]


def test_a_form_needs_the_token_of_its_page(form: InputForm) -> None:
    for path in (form.new, f"{form.kept()}/inputs"):
        answer = form.site.ask("POST", f"{path}?form=x.y", data={"do": "later"}, files={"a": ("a.csv", b"x")})
        assert answer.status_code == 403
    assert len(form.runs()) == 1


def test_several_files_come_in_one_form(form: InputForm) -> None:
    run = form.kept(files={"files.ledger": ("May/ledger.csv", LEDGER), "files.contract": ("c.pdf", b"%PDF-1.7")})

    page = text(form.site.get(run))
    assert "ledger.csv" in page
    assert "May" not in page
    assert "c.pdf" in page
    assert "5 of 11 inputs filled in" in page


def test_a_file_is_sent_by_itself_and_shown_in_its_place(form: InputForm) -> None:
    run = form.kept()
    place = re.search(r'hx-post="(/runs/[^"]+/files/[^"]+)"', form.site.get(run).text)
    assert place

    answer = form.site.ask("POST", place[1], files={"files.ledger": ("ledger.csv", LEDGER)})

    assert (answer.status_code, answer.headers["location"]) == (303, run)
    assert form.values(run)["Ledger"] == "ledger.csv"


def test_a_file_under_the_address_of_another_run_is_not_there(form: InputForm) -> None:
    first, second = form.kept(), form.kept()
    place = re.search(r'hx-post="/runs/[^"]+(/files/[^"]+)"', form.site.get(first).text)
    assert place

    assert form.site.ask("POST", f"{second}{place[1]}", files={"a": ("a.csv", b"x")}).status_code == 404


def test_a_file_that_is_too_large_says_so_and_leaves_the_old_one(form: InputForm) -> None:
    run = form.kept(files={"files.ledger": ("old.csv", LEDGER)})

    answer = form.send(
        run, do="later", files={"files.ledger": ("new.csv", b"x" * (MULTIPART_LIMIT + 1))}, **{"period.account": "5"}
    )

    assert "“new.csv” is larger than 100,000 bytes" in text(answer)
    assert "old.csv" in field(answer.text, "Ledger")
    assert form.values(run)["Account"] == "5"


def test_a_file_is_taken_away_again(form: InputForm) -> None:
    run = form.kept(files={"files.ledger": ("old.csv", LEDGER)})

    answer = form.send(run, remove="files.ledger")

    assert answer.headers["location"].startswith(f"{run}#f-")
    assert "old.csv" not in form.site.get(run).text


def test_a_run_is_filled_in_as_the_last_one_without_its_files(form: InputForm) -> None:
    values = {**RIGHT, "period.company": "Linz", "name": "October"}
    first = form.send(do="start", files={"files.ledger": ("l.csv", LEDGER)}, **values).headers["location"]
    assert "Fill in as in October" in text(form.site.get(form.new))

    shown = form.site.get(f"{form.new}?as={first.removeprefix('/runs/')}")
    assert "Filled in as in October" in text(shown)
    assert re.search(r'value="Linz" checked', shown.text)
    run = form.kept()
    answer = form.send(run, **{"as": first.removeprefix("/runs/")})
    assert "Filled in as in October" in text(form.site.get(answer.headers["location"]))
    assert (form.values(run)["Company"], form.values(run)["Ledger"]) == ("Linz", "")


def test_a_run_is_not_filled_in_as_one_of_another_process(form: InputForm) -> None:
    other = form.house.new_run()

    assert form.site.get(f"{form.new}?as={other}").status_code == 404
    assert form.site.get(f"{form.new}?as=x").status_code == 404


def test_a_run_keeps_the_version_that_it_was_made_of(form: InputForm) -> None:
    run = form.kept()
    assert "published anew" not in text(form.site.get(run))

    apply(form.house, BANK.replace("name: Account,", "name: Ledger account,"), name=form.name)

    assert "The run keeps version 1; version 2 is for new runs" in text(form.site.get(run))
    assert "Ledger account" not in text(form.site.get(run))


def test_a_reader_sees_what_is_filled_in_and_no_button(form: InputForm) -> None:
    run = form.kept(**{"period.account": "4711"})

    page = Site(house=form.house, who="reader").sign_in().get(run)

    assert 'value="4711"' in page.text
    assert "not fill it in or start it" in text(page)
    assert "Start run" not in text(page)
    assert Site(house=form.house, who="stranger").sign_in().get(run).status_code == 404


def test_nothing_of_a_value_or_a_name_becomes_markup(form: InputForm) -> None:
    attack = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    run = form.kept(
        files={"files.ledger": (f"{attack}.csv", b"<b>a</b>;x\n<i>1</i>;=1+1\n")},
        **{"period.account": attack, "period.remarks": f"</textarea>{attack}", "name": attack},
    )

    page = form.site.get(run).text

    assert "<script>alert" not in page
    assert "<img" not in page
    assert form.values(run)["Account"] == attack


def test_text_is_kept_to_the_letter(form: InputForm) -> None:
    remarks = "\n  first\nsecond  "

    run = form.kept(**{"period.remarks": remarks})

    assert form.values(run)["Remarks"] == remarks


def test_a_form_of_many_fields_or_bytes_is_refused(form: InputForm) -> None:
    run = form.kept()

    many = form.send(run, **{f"f{number}": "x" for number in range(5_001)})

    assert (many.status_code, "The form has more than 5,000 fields" in text(many)) == (413, True)
    assert form.send(run, **{"period.remarks": "x" * 5_000_000}).status_code == 413
    assert "at most 100,000 characters" in text(form.send(run, **{"period.remarks": "x" * 100_001}))


def test_a_name_of_several_lines_is_no_name(form: InputForm) -> None:
    answer = form.send(do="later", name="a" * 256)

    assert "The name is one line of at most 255 characters" in text(answer)


def test_the_address_of_the_form_leads_back_to_the_run(form: InputForm) -> None:
    run = form.kept()

    assert form.site.get(f"{run}/inputs?form=x").headers["location"] == run


def test_a_process_that_asks_for_nothing_says_so(site: Site) -> None:
    process = apply(
        site.house, "process: Bare\ngroups: [{group: G, steps: [{action: wait, name: W, with: {seconds: 0}}]}]"
    )

    said = text(site.get(f"/processes/{process}/new"))

    assert "This process asks for nothing" in said
    assert "Ready to start" in said


def test_a_try_out_of_a_draft_asks_for_its_inputs_by_the_same_form(form: InputForm) -> None:
    house = form.house
    process = ProcessId.parse(form.process)

    def operation(tx: Transaction) -> str:
        _, definition = processes.find(tx, process)
        return str(trials.create(house.act(tx), process, definition, up_to="2.1").id)

    run = f"/runs/{house.database.write(operation)}"

    page = text(form.site.get(run))
    assert "This is a try-out of a draft" in page
    assert "Version draft" in page
    assert "Name of this run" not in page
    assert "published anew" not in page
    answer = form.send(run, do="start", name="x", files={"files.ledger": ("l.csv", LEDGER)}, **RIGHT)
    assert answer.headers["location"] == run
    assert form.status(run) == "Scheduled"
    # What was tried is nothing to fill in the next run as.
    assert "Fill in as in" not in text(form.site.get(form.new))
