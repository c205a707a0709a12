"""Large files from a browser: in chunks, by its user alone, for the file or table that was meant; whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from procession.clock import ManualClock
from procession.door.limits import UserLimits
from procession.engine.table_workers import TableWorkers
from procession.model.ids import RunId
from procession.operations import uploads
from procession.store import steps
from tests.api.house import House, house
from tests.web.inputs_site import LEDGER, RIGHT, InputForm
from tests.web.site import Site, text
from tests.web.test_tables import furnished

UNKNOWN = "2a27a605-d05f-4199-bae0-8da44cd24f70"


@dataclass(slots=True, kw_only=True)
class Sender:
    """The script of the pages, by hand."""

    site: Site
    base: str
    token: str = field(init=False)

    def __post_init__(self) -> None:
        self.token = self.state()["form"]

    def state(self, session: str = "") -> Any:
        answer = self.site.get(f"{self.base}?session={session}", **{"hx-request": "true"})
        assert answer.status_code == 200, text(answer)
        return answer.json()

    def post(self, path: str = "", **more: Any) -> httpx2.Response:
        headers = {"hx-request": "true", **more.pop("headers", {})}
        return self.site.ask("POST", f"{self.base}{path}?form={self.token}", headers=headers, **more)

    def begin(self, size: int) -> str:
        answer = self.post(data={"name": "ledger.csv", "size": size})
        assert answer.status_code == 200, text(answer)
        return str(answer.json()["session"])

    def chunk(self, session: str, number: int, data: bytes) -> httpx2.Response:
        return self.post(f"/{session}/chunks/{number}", files={"file": ("ledger.csv", data)})

    def commit(self, session: str, size: int) -> httpx2.Response:
        return self.post(f"/{session}/commit", data={"name": "ledger.csv", "size": size})

    def send(self, content: bytes) -> str:
        """All of it; gives the address of the page that shows it."""
        session = self.begin(len(content))
        assert self.chunk(session, 1, content).status_code == 200
        answer = self.commit(session, len(content))
        assert answer.status_code == 200, text(answer)
        return str(answer.json()["page"])


@pytest.fixture
def run(form: InputForm) -> str:
    return form.kept()


@pytest.fixture
def sends(form: InputForm, run: str) -> Sender:
    return Sender(site=form.site, base=f"{run}/files/{file_of(form.house, run)}/uploads")


def file_of(house: House, run: str, name: str = "Ledger") -> str:
    with house.database.read() as tx:
        rows = steps.properties_of_run(tx, RunId.parse(run.removeprefix("/runs/")))
    return next(str(row.file.id) for row in rows if row.file and row.item.name == name)


def is_on_disk(house: House, session: str) -> bool:
    return (Path(house.resources.chunks.folder) / session).exists()


def test_a_file_comes_in_chunks_and_its_page_shows_it(form: InputForm, run: str, sends: Sender) -> None:
    session = sends.begin(len(LEDGER))
    # Again, as after an answer that was lost; and not in order, as from two tabs.
    for start in (40, 0, 40):
        assert sends.chunk(session, start // 40 + 1, LEDGER[start : start + 40]).status_code == 200
    assert sends.state(session)["kept"] == {"1": 40, "2": 40}
    assert is_on_disk(form.house, session)
    sends.chunk(session, 3, LEDGER[80:])

    answer = sends.commit(session, len(LEDGER))

    assert (answer.status_code, answer.json()) == (200, {"page": run})
    assert form.values(run)["Ledger"] == "ledger.csv"
    form.site.get(f"{run}/files/{sends.base.split('/')[4]}/preview")
    assert "-12,480.00" in text(form.site.get(run))
    assert not is_on_disk(form.house, session)


def test_a_file_takes_the_place_and_the_name_of_the_one_before(form: InputForm, run: str, sends: Sender) -> None:
    form.send(run, do="later", files={"files.ledger": ("old.csv", LEDGER[:45])})

    sends.send(LEDGER)

    assert form.values(run)["Ledger"] == "ledger.csv"


def test_a_commit_whose_answer_was_lost_is_known_until_another_file_comes(
    form: InputForm, run: str, sends: Sender
) -> None:
    session = sends.begin(len(LEDGER))
    sends.chunk(session, 1, LEDGER)
    sends.commit(session, len(LEDGER))

    assert sends.state(session)["done"] is True
    assert sends.commit(session, len(LEDGER)).json() == {"page": run}
    form.send(run, do="later", files={"files.ledger": ("other.csv", LEDGER[:45])})
    assert (sends.state(session)["session"], sends.state(session)["done"]) == ("", False)


@pytest.mark.parametrize("session", ["", UNKNOWN, "nonsense", "é" * 200])
def test_what_is_no_session_is_begun_anew(sends: Sender, session: str) -> None:
    assert (sends.state(session)["session"], sends.state(session)["kept"]) == ("", {})


def test_what_is_too_large_is_refused_before_it_comes(sends: Sender) -> None:
    answer = sends.post(data={"name": "a.csv", "size": 100_001})

    assert (answer.status_code, '<div class="note bad"' in answer.text) == (413, True)
    assert "The file has 100.0 kB, and may have at most 100.0 kB" in text(answer)


def test_chunks_beyond_the_size_are_refused(sends: Sender) -> None:
    session = sends.begin(100_000)
    assert sends.chunk(session, 1, b"x" * 60_000).status_code == 200

    assert sends.chunk(session, 2, b"x" * 60_000).status_code == 413


@pytest.mark.parametrize("size", ["", "-1", "x", "9" * 16, "\u0661"])
def test_what_is_no_size_is_refused(sends: Sender, size: str) -> None:
    assert sends.post(data={"name": "a.csv", "size": size}).status_code == 400


def test_what_has_arrived_is_what_was_chosen_or_nothing_changes(form: InputForm, run: str, sends: Sender) -> None:
    session = sends.begin(len(LEDGER))
    sends.chunk(session, 1, LEDGER[:-1])

    answer = sends.commit(session, len(LEDGER))

    assert answer.status_code == 400
    assert f"The file has {len(LEDGER)} bytes, and {len(LEDGER) - 1} have arrived" in text(answer)
    assert form.values(run)["Ledger"] == ""
    sends.chunk(session, 1, LEDGER)
    assert sends.commit(session, len(LEDGER)).status_code == 200


def test_a_gap_is_no_file(sends: Sender) -> None:
    session = sends.begin(4)
    sends.chunk(session, 2, b"abcd")

    assert sends.commit(session, 4).status_code == 400


def test_a_cancel_leaves_nothing(form: InputForm, run: str, sends: Sender) -> None:
    session = sends.begin(100)
    sends.chunk(session, 1, b"x" * 50)

    assert sends.post(f"/{session}/end").status_code == 200

    assert not is_on_disk(form.house, session)
    assert sends.state(session)["session"] == ""
    assert sends.chunk(session, 2, b"x" * 50).status_code == 404
    assert form.values(run)["Ledger"] == ""


def test_a_cancel_that_comes_too_late_takes_nothing_back(form: InputForm, run: str, sends: Sender) -> None:
    session = sends.begin(len(LEDGER))
    sends.chunk(session, 1, LEDGER)
    sends.commit(session, len(LEDGER))

    assert sends.post(f"/{session}/end").status_code == 200

    assert form.values(run)["Ledger"] == "ledger.csv"


def test_a_session_is_its_user_s_and_its_file_s_alone(form: InputForm, run: str, sends: Sender) -> None:
    session = sends.begin(100)
    mate = Sender(site=Site(house=form.house, who="mate").sign_in(), base=sends.base)
    other = Sender(site=form.site, base=f"{run}/files/{file_of(form.house, run, 'Statement')}/uploads")

    for stranger in (mate, other):
        assert stranger.state(session)["session"] == ""
        assert stranger.chunk(session, 1, b"mine").status_code == 404
        assert stranger.commit(session, 100).status_code == 404
        assert stranger.post(f"/{session}/end").status_code == 404
    assert sends.state(session)["kept"] == {}


def test_a_file_of_another_run_is_not_there(form: InputForm, sends: Sender) -> None:
    elsewhere = sends.base.replace(sends.base.split("/")[2], form.kept().removeprefix("/runs/"))

    assert form.site.get(elsewhere).status_code == 404
    assert form.site.ask("POST", f"{elsewhere}?form={sends.token}", data={"size": 1}).status_code == 404


@pytest.mark.parametrize("path", ["", f"/{UNKNOWN}/chunks/1", f"/{UNKNOWN}/commit", f"/{UNKNOWN}/end"])
def test_a_form_of_another_site_is_refused(sends: Sender, path: str) -> None:
    foreign: dict[str, Any] = {"headers": {"origin": "https://evil.example"}, "data": {"size": 1}}
    assert sends.post(path, **foreign).status_code == 403
    sends.token = "stale"
    assert sends.post(path, data={"size": 1}).status_code == 403


def test_whoever_has_signed_out_is_told_where_to_sign_in(sends: Sender) -> None:
    session = sends.begin(100)
    sends.site.cookies.clear()

    answer = sends.chunk(session, 1, b"x")

    assert (answer.status_code, 'href="/sign-in"' in answer.text) == (401, True)


def test_whoever_signs_in_again_goes_on_in_the_page_that_was_open(form: InputForm, run: str, sends: Sender) -> None:
    session, page_token = sends.begin(len(LEDGER)), sends.token
    sends.chunk(session, 1, LEDGER[:40])
    sends.site.cookies["procession_session"] = "another"
    assert sends.chunk(session, 2, LEDGER[40:]).status_code in {401, 403}
    sends.site.sign_in()

    state = sends.state(session)

    assert state["kept"] == {"1": 40}
    sends.token = state["form"]
    assert sends.token != page_token
    assert sends.chunk(session, 2, LEDGER[40:]).status_code == 200
    assert sends.commit(session, len(LEDGER)).json() == {"page": run}


def test_what_is_a_day_old_is_begun_anew(form: InputForm, sends: Sender) -> None:
    session, home = sends.begin(100), form.house
    sends.chunk(session, 1, b"x" * 50)
    home.clock.advance(timedelta(hours=24, seconds=1).total_seconds())
    home.renew_tokens()
    sends.site.sign_in()

    uploads.tidy(home.database, home.resources.chunks, home.resources.home_clock.least())

    sends.token = sends.state()["form"]
    assert sends.state(session)["session"] == ""
    assert sends.chunk(session, 2, b"x" * 50).status_code == 404
    assert not is_on_disk(home, session)


def test_a_run_that_was_started_meanwhile_keeps_its_inputs(form: InputForm, run: str, sends: Sender) -> None:
    session = sends.begin(len(LEDGER))
    sends.chunk(session, 1, LEDGER)
    form.send(
        run,
        do="start",
        files={"files.ledger": ("first.csv", LEDGER)},
        **RIGHT,
    )
    assert form.status(run) == "Scheduled"

    assert sends.commit(session, len(LEDGER)).status_code == 400
    assert sends.chunk(session, 2, b"x").status_code == 400
    assert form.values(run)["Ledger"] == "first.csv"


def test_whoever_has_too_many_uploads_is_told_when_to_come_back(tmp_path: Path) -> None:
    with house(tmp_path, ManualClock(), limits=UserLimits(uploads_max=1, upload_bytes_max=1_000)) as home:
        run = home.new_run()
        base = f"/runs/{run}/files/{file_of(home, run, 'Orders')}/uploads"
        sends = Sender(site=Site(house=home).sign_in(), base=base)
        session = sends.begin(10)
        assert sends.chunk(session, 1, b"x" * 900).status_code == 200

        many, much = sends.post(data={"size": 10}), sends.chunk(session, 2, b"x" * 200)

        assert [answer.status_code for answer in (many, much)] == [429, 429]
        assert all(int(answer.headers["retry-after"]) > 0 for answer in (many, much))
        assert "commit" not in text(many) + text(much)


@pytest.fixture
def rates(home: House, table_workers: TableWorkers) -> House:
    return furnished(home)


def test_rows_come_in_chunks_and_are_looked_at_before_anything_changes(rates: House) -> None:
    sends = Sender(site=Site(house=rates, who="editor").sign_in(), base="/tables/mt-1/uploads")

    page = sends.send(b"Currency,Rate\nUSD,1.1\n")

    shown = text(sends.site.get(page))
    assert "Import into Closing rates From ledger.csv. Nothing is changed yet." in shown
    assert "Rows added 1" in shown


def test_a_preview_whose_address_was_lost_is_given_again(rates: House) -> None:
    sends = Sender(site=Site(house=rates, who="editor").sign_in(), base="/tables/mt-1/uploads")
    session = sends.begin(4)
    sends.chunk(session, 1, b"a\n1\n")
    page = sends.commit(session, 4).json()

    assert sends.state(session)["done"] is True
    assert sends.commit(session, 4).json() == page


@pytest.mark.parametrize(("who", "status"), [("reader", 403), ("stranger", 404)])
def test_rows_are_sent_by_editors_alone(rates: House, who: str, status: int) -> None:
    site = Site(house=rates, who=who).sign_in()

    assert site.get("/tables/mt-1/uploads").status_code == status


def test_an_upload_into_a_table_that_was_deleted_goes_nowhere(rates: House) -> None:
    sends = Sender(site=Site(house=rates).sign_in(), base="/tables/mt-1/uploads")
    session = sends.begin(4)
    sends.chunk(session, 1, b"a\n1\n")
    rates.ask("DELETE", "tables/mt-1")

    assert sends.commit(session, 4).status_code == 404
