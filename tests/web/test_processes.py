"""Processes and the page of one: find, start, see which step keeps failing, what each version changed, upload a file."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx2

from procession import actions
from procession.model import process_file
from procession.model.lifecycle import Outcome
from procession.model.processes import Process
from procession.pages import changes, differences
from procession.pages.formats import Reader
from tests.api.house import PROCESS, House
from tests.web.lists_site import NO_COLUMN, ended, new
from tests.web.site import Site, text

READER = Reader(zone=ZoneInfo("Europe/Vienna"), now=datetime(2026, 11, 30, 9, 0, tzinfo=UTC))
SECOND = PROCESS.replace("Closes a month", "Closes every month").replace(
    "{action: wait, name: Pay, key: pay, with: {seconds: 1}}",
    "{action: wait, name: Pay, key: pay, with: {seconds: 2}, when: {all: [{succeeded: settle},"
    " {greater: {property: parameters.amount, value: 1000}}]}}",
)


def lines(site: Site, query: str = "") -> list[str]:
    return re.findall(r'class="name" href="/processes/[^"]+">([^<]+)', site.get(f"/processes{query}").text)


def another(home: House, name: str, description: str = "") -> str:
    file = PROCESS.replace("Month end", name).replace("Closes a month", description or "Other")
    return str(home.post("processes", content=file.encode())["id"])


def upload(site: Site, path: str, content: str | bytes, name: str = "process.yaml") -> httpx2.Response:
    found = re.search(rf'action="({path}\?form=[^"]+)"', site.get(path).text)
    assert found
    raw = content if isinstance(content, bytes) else content.encode()
    return site.ask("POST", found[1], files={"file": (name, raw)})


def test_a_row_has_the_last_result_the_last_runs_and_my_role(home: House, site: Site) -> None:
    ended(home, "a")
    ended(home, "b", amount=2, outcome=Outcome.WARNING)
    ended(home, "c", amount=3, outcome=Outcome.SUCCESS)

    page = site.get("/processes")
    assert "Month end Closes a month Finished" in text(page)
    assert 'aria-label="Last 3 runs, newest first: 1 failed, 1 with remarks"' in page.text
    assert re.findall(r'<rect class="(\w+)"', page.text) == ["ok", "warn", "bad"]
    assert "Owner New run of Month end" in text(page)


def test_a_reader_is_offered_no_run(home: House) -> None:
    reader = Site(house=home, who="reader").sign_in()

    page = text(reader.get("/processes"))
    assert "Never run" in page and "Reader" in page and "New run of" not in page
    page = text(reader.get("/processes/p-1"))
    assert "To run it you need the role executor; owner Test can give it to you" in page
    assert "Run it once" not in page and "Upload" not in page


def test_processes_are_found_by_name_and_description_and_by_what_is_wrong(home: House, site: Site) -> None:
    another(home, "Year end", "Closes the year")
    ended(home)

    assert lines(site) == ["Month end", "Year end"]
    assert lines(site, "?q=YEAR") == ["Year end"]
    assert lines(site, "?q=closes") == ["Month end", "Year end"]
    assert lines(site, "?show=failing") == ["Month end"]
    assert lines(site, "?show=mine") == ["Month end", "Year end"]
    assert lines(Site(house=home, who="reader").sign_in(), "?show=mine") == []
    assert "No process is like that" in text(site.get("/processes?q=zzz"))
    assert site.get("/processes?show=wrong").status_code == 400


def test_many_processes_come_a_page_at_a_time(home: House, site: Site) -> None:
    for number in range(26):
        another(home, f"P {number:02d}")

    first = site.get("/processes?q=P")
    assert "25 of 26" in text(first)
    following = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert following
    assert lines(site, following[1].replace("&amp;", "&").removeprefix("/processes")) == ["P 25"]


def test_whoever_has_no_role_is_told_so(home: House) -> None:
    stranger = Site(house=home, who="stranger").sign_in()

    assert "There is no process yet that you may see" in text(stranger.get("/processes"))
    assert stranger.get("/processes/p-1").status_code == 404


def test_a_step_that_keeps_failing_is_said_and_marked(home: House, site: Site) -> None:
    for number in range(3):
        ended(home, f"a {number}", amount=number)
    latest = ended(home, "b", amount=9)
    ended(home, "c", outcome=Outcome.SUCCESS, amount=12)

    page = site.get("/processes/p-1")
    assert f"Step 2.2 keeps failing: in 4 of the last 5 runs, each time: {NO_COLUMN}." in text(page)
    assert f'href="/runs/{latest}?step=2.2"' in page.text
    assert '<tr class="keeps"><th scope="row" title="2.2 Pay">' in page.text
    assert page.text.count('class="bad" href=') == 4


def test_two_failures_are_no_pattern(home: House, site: Site) -> None:
    ended(home, "a")
    ended(home, "b", amount=2)

    page = site.get("/processes/p-1").text
    assert "keeps failing" not in page and "keeps" not in re.findall(r'<tr class="(\w+)"', page)


def test_of_many_steps_only_those_with_trouble_are_shown(home: House, site: Site) -> None:
    steps = "".join(f"      - {{action: wait, name: Step {n}, key: s{n}, with: {{seconds: 1}}}}\n" for n in range(40))
    long = PROCESS.replace("      - {action: wait, name: Settle", steps + "      - {action: wait, name: Settle")
    home.ask("PUT", "processes/p-1/definition", content=long.encode())
    ended(home)

    page = site.get("/processes/p-1")
    assert re.findall(r'<th scope="row" title="([^"]+)"', page.text) == ["2.42 Pay"]
    assert "Show all 43" in text(page)
    assert len(re.findall(r'<th scope="row" title="', site.get("/processes/p-1?steps=all").text)) == 43


def test_a_step_that_is_gone_stays_in_the_grid_of_the_runs_that_had_it(home: House, site: Site) -> None:
    ended(home, "a")
    home.ask(
        "PUT",
        "processes/p-1/definition",
        content=PROCESS.replace("name: Pay, key: pay", "name: Post, key: post").encode(),
    )

    page = site.get("/processes/p-1").text
    rows = re.findall(r'<th scope="row" title="([^"]+)"', page)
    assert rows == ["1.1 Parameters", "2.1 Settle", "2.2 Post", "2.2 Pay, no longer a step"]
    # Otherwise the run that failed in it would look well.
    assert page.count('class="bad" href="/runs/pr-1?step=2.2"') == 1
    assert re.search(r'title="a, \d+ \w+ \d{4}: Failed"', page)


def test_a_process_that_never_ran_says_how_to_begin(home: House, site: Site) -> None:
    new(home, start=False)

    assert "It has never run" in text(site.get("/processes/p-1"))


def test_steps_say_what_they_do_and_when(home: House, site: Site) -> None:
    home.ask("PUT", "processes/p-1/definition", content=SECOND.encode())

    page = text(site.get("/processes/p-1"))
    assert "1.1 Parameters Data: 3 inputs, 1 result at the start" in page
    assert "2.1 Settle Wait 1.1 succeeded" in page
    assert "2.2 Pay Wait 2.1 succeeded and Amount is greater than 1,000" in page
    assert "Amount number, 10 unless given" in page and "Orders file, optional" in page


def test_versions_say_what_they_changed_in_words_and_as_text(home: House, site: Site) -> None:
    home.ask("PUT", "processes/p-1/definition", content=SECOND.encode())

    page = text(site.get("/processes/p-1?compare=2"))
    assert "The process: description; Step 2.2 Pay: runs when, seconds Compare with 1" in page
    assert "What version 2 changed The process: description was Closes a month , is now Closes every month" in page
    assert "runs when was 2.1 succeeded , is now 2.1 succeeded and Amount is greater than 1,000" in page
    assert "seconds was 1 , is now 2" in page
    assert "- description: Closes a month" in page and "+ description: Closes every month" in page
    assert site.get("/processes/p-1?compare=3").status_code == 400
    assert site.get("/processes/p-1?compare=1").status_code == 400


def test_each_kind_of_change_is_said_as_it_was_and_as_it_is() -> None:
    old = _parsed(PROCESS)
    new = _parsed(
        PROCESS.replace("name: Amount, key: amount, type: Number", "name: Sum, key: amount, type: Decimal")
        .replace("required: true, mouseover: how much, value: 10", "required: false, value: 12.50")
        .replace("          - {name: Orders, key: orders, type: File, flow: INPUT}\n", "")
        .replace(
            "name: Report, key: report, type: File, flow: OUTPUT",
            "name: Kind, key: kind, type: Dropdown, options: [a, b]",
        )
        .replace(
            "name: Settle, key: settle, with: {seconds: 1}",
            "name: Settle, key: settle, with: {seconds: 1}, retry: {times: 2}",
        )
        .replace("      - {action: wait, name: Pay, key: pay", "      - {action: wait, name: Close, key: close")
    )

    told = {
        place.place: [(one.what, one.was, one.now) for one in place.changes]
        for place in changes.between(old, new, READER)
    }

    assert told["Step 1.1 Parameters"] == [
        ("name of “Amount”", "Amount", "Sum"),
        ("type of “Sum”", "number", "decimal"),
        ("“Sum” required", "yes", "no"),
        ("value of “Sum”", "10", "12.50"),
        ("help of “Sum”", "how much", "empty"),
        ("new value “Kind”, choice", "", ""),
        ("input “Orders” is gone", "", ""),
        ("result “Report” is gone", "", ""),
    ]
    assert told["Step 2.1 Settle"] == [("tries again", "never", "2 times, after 10 s")]
    assert told["Step 2.2 Close"] == [("new step", "", "")]
    assert told["Step 2.2 Pay"] == [("is gone", "", "")]
    assert changes.between(old, old, READER) == []


def _parsed(text: str) -> Process:
    return process_file.parse(text, actions=actions.registry())


def test_an_owner_sees_all_roles_and_others_whom_to_ask(home: House, site: Site) -> None:
    page = text(site.get("/processes/p-1"))
    assert "Who may do what Change" in page and "Group Team Executor" in page and "reader Test Reader" in page

    page = text(Site(house=home, who="mate").sign_in().get("/processes/p-1"))
    assert "Who owns it owner Test Owner" in page
    assert "reader Test" not in page


def test_a_file_makes_a_process_and_then_its_next_version(home: House, site: Site) -> None:
    new_file = PROCESS.replace("Month end", "Year end")
    answer = upload(site, "/processes/upload", b"\xef\xbb\xbf" + new_file.encode())
    assert (answer.status_code, answer.headers["location"]) == (303, "/processes/p-2")

    answer = upload(site, "/processes/p-2/upload", SECOND.replace("Month end", "Year end"))
    assert answer.headers["location"] == "/processes/p-2?compare=2#versions"
    answer = upload(site, "/processes/p-2/upload", SECOND.replace("Month end", "Year end"))
    assert answer.headers["location"] == "/processes/p-2?same=1"
    assert "The file says what version 2 says already." in text(site.get("/processes/p-2?same=1"))


def test_mistakes_are_shown_with_their_place_and_the_nearest_right_name(home: House, site: Site) -> None:
    wrong = PROCESS.replace("type: Number", "type: Nubmer").replace(
        "action: wait, name: Pay", "action: wiat, name: Pay"
    )
    answer = upload(site, "/processes/p-1/upload", wrong, name="<b>wrong.yaml")

    assert answer.status_code == 400
    page = text(answer)
    assert "<b>wrong.yaml has 2 mistakes; nothing was published" in page and "<b>wrong" not in answer.text
    assert 'did you mean "Number"?' in page and 'There is no action "wiat"; did you mean "wait"?' in page
    assert re.findall(r'<td class="num">(\d+)</td>', answer.text) == ["10", "47", "17", "18"]
    assert "<title>Error: New version of Month end" in answer.text
    assert len(home.get("processes/p-1/versions")) == 1


def test_what_is_no_process_file_is_refused_in_words(home: House, site: Site) -> None:
    for content, words in (("", "the file is empty"), (b"\xff\xfe\x00", "no text in UTF-8")):
        answer = upload(site, "/processes/upload", content)
        assert answer.status_code == 400
        assert words in text(answer).lower().replace("utf-8", "UTF-8")
    # Of another process, where this one's next version is asked for.
    another(home, "Year end")
    answer = upload(site, "/processes/p-1/upload", PROCESS.replace("Month end", "Year end"))
    assert 'names the process "Year end", which is another one' in text(answer)


def test_a_name_that_is_taken_by_others_is_refused(home: House) -> None:
    answer = upload(Site(house=home, who="stranger").sign_in(), "/processes/upload", PROCESS)

    assert answer.status_code == 400
    assert 'process "Month end" already, and changing it needs the role editor' in text(answer)


def test_an_upload_without_its_token_changes_nothing(home: House, site: Site) -> None:
    answer = site.ask("POST", "/processes/upload?form=x.y", files={"file": ("a.yaml", PROCESS.encode())})
    assert answer.status_code == 403
    assert Site(house=home, who="mate").sign_in().get("/processes/upload").status_code == 403


def test_a_difference_is_bounded_and_begins_where_it_does() -> None:
    old = "\n".join(f"line {number}" for number in range(10_000))

    found = differences.between(old, old.replace("line 5000\n", "line five\n"))
    kinds = "".join(line.kind for line in found.lines)
    assert kinds == "   -+   "
    assert [line.text for line in found.lines if line.kind in "+-"] == ["line 5000", "line five"]
    assert differences.between(old, old.replace("line", "row")).problem.startswith("More than 2,000 lines differ")
    assert differences.between("a", "a\n").problem == "The text is the same."
    assert [line.kind for line in differences.between("", "a").lines] == ["+"]
