"""Your own account: what one may change of it, and what ends with a password, a session, a consent."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import httpx2
import pytest

from procession.door import browser
from procession.model.consents import IssuedToken
from procession.model.ids import ApplicationId
from procession.model.people import NumberStyle
from procession.operations import consents, people
from procession.store import consents as consent_store
from procession.store import people as people_store
from procession.store.database import Transaction
from tests.api.house import House
from tests.web.account_site import AGENT, PASSWORD, Visitor, give_password, visitor

NEW = "a much newer password"
ACCOUNT = {
    "first_name": "Zoë",
    "last_name": "Ångström",
    "timezone": "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
    "numbers": "comma",
}


def test_a_stranger_is_sent_to_sign_in_and_comes_back(shared: House) -> None:
    answer = Visitor(shared, "nobody").ask("GET", "/account")

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?to=/account")


def test_name_zone_numbers_and_shortcuts_are_ones_own_to_change(home: House) -> None:
    mate = visitor(home, "mate")

    assert mate.does("/account", **ACCOUNT) == "/account?said=account"

    with home.database.read() as tx:
        user = people.user(tx, home.users["mate"].id)
    assert (user.first_name, user.last_name, user.numbers) == ("Zoë", "Ångström", NumberStyle.COMMA)
    assert not user.has_shortcuts
    assert 'data-keys="off"' in mate.ask("GET", "/account").text
    assert "Your account is changed" in mate.open("/account?said=account")


@pytest.mark.parametrize("also", [{"role": "ClientAdmin"}, {"email": "me@elsewhere.example"}, {"status": "Locked"}])
def test_nobody_raises_themselves_by_a_field_that_the_page_has_not(home: House, also: dict[str, str]) -> None:
    before = home.users["mate"]

    visitor(home, "mate").does("/account", **ACCOUNT, **also)

    with home.database.read() as tx:
        user = people.user(tx, before.id)
    assert (user.role, user.email, user.status, user.login) == (before.role, before.email, before.status, before.login)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"first_name": " "}, "The first name must be one line of 1 to 255 characters"),
        ({"timezone": "Mars"}, '"Mars" is not a time zone'),
        ({"numbers": "roman"}, "Choose how numbers are written"),
    ],
)
def test_a_mistake_is_told_and_what_was_typed_stays(shared: House, wrong: dict[str, str], said: str) -> None:
    mate = visitor(shared, "mate")

    answer = mate.refused("/account", **{**ACCOUNT, **wrong})

    assert said in answer
    assert mate.page is not None
    assert 'value="Ångström"' in mate.page.text
    assert "<title>Error: Your account" in mate.page.text


def test_a_new_password_asks_for_the_old_one_and_ends_every_other_session(home: House) -> None:
    give_password(home, "mate")
    mate, elsewhere = visitor(home, "mate"), visitor(home, "mate")
    before = mate.cookie

    where = mate.does("/account/password", old=PASSWORD, password=NEW, again=NEW)

    assert where == "/account?said=password"
    assert mate.cookie != before
    assert "Your password is changed" in mate.open(where)
    assert elsewhere.ask("GET", "/account").status_code == 303
    assert browser.MARK in mate.cookies
    assert home.ask("GET", "processes", who="mate").status_code == 401


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"old": "wrong", "password": NEW, "again": NEW}, "That is not your present password"),
        ({"old": PASSWORD, "password": NEW, "again": NEW + "!"}, "The two new passwords are not the same"),
        ({"old": PASSWORD, "password": "short", "again": "short"}, "A password has 12 to 64 characters"),
    ],
)
def test_a_password_that_does_not_do_changes_nothing(home: House, given: dict[str, str], said: str) -> None:
    give_password(home, "mate")
    with home.database.read() as tx:
        before = people_store.password_hash(tx, home.users["mate"].id)

    assert said in visitor(home, "mate").refused("/account/password", **given)

    with home.database.read() as tx:
        assert people_store.password_hash(tx, home.users["mate"].id) == before


def test_who_found_a_browser_signed_in_may_guess_five_times(home: House) -> None:
    give_password(home, "mate")
    found = visitor(home, "mate")

    answers = [found.send("/account/password", old="guess", password=NEW, again=NEW) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 303]
    assert answers[-1].headers["location"] == "/sign-in"
    assert found.ask("GET", "/account").status_code == 303


def test_without_a_password_there_is_none_to_change(shared: House) -> None:
    mate = visitor(shared, "mate")

    assert "An administrator can send you a link" in mate.open("/account")
    assert "not your present password" in mate.refused("/account/password", old="", password=NEW, again=NEW)


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_the_appearance_is_this_browsers(shared: House, theme: str) -> None:
    mate = visitor(shared, "mate")

    mate.does("/account/theme", theme=theme)

    assert f'data-theme="{theme}"' in mate.ask("GET", "/account").text
    assert 'data-theme="auto"' in visitor(shared, "mate").ask("GET", "/account").text
    assert "Choose an appearance" in mate.refused("/account/theme", theme='"><script>')


def test_sessions_are_told_by_browser_and_ended_one_by_one(home: House) -> None:
    mate, other = visitor(home, "mate"), visitor(home, "mate")
    stranger = visitor(home, "stranger")
    digest = hashlib.sha256(other.cookie.encode()).hexdigest()

    assert "Firefox on Windows this one" in mate.open("/account")
    stranger.does("/account/sessions", session=digest)
    assert other.ask("GET", "/account").status_code == 200
    assert mate.does("/account/sessions", session=digest) == "/account?said=session"

    assert other.ask("GET", "/account").status_code == 303
    assert stranger.ask("GET", "/account").status_code == 200


def test_all_others_are_ended_at_once(home: House) -> None:
    mate, others = visitor(home, "mate"), [visitor(home, "mate") for _ in range(3)]
    admin = visitor(home, "admin")

    mate.does("/account/sessions", session="others")

    assert [one.ask("GET", "/account").status_code for one in (mate, *others, admin)] == [200, 303, 303, 303, 200]


def _allow(home: House, who: str, application: int) -> None:
    """As if they had pressed Allow, and the application fetched its tokens."""
    user, most = home.users[who], home.resources.home_clock.most()

    def operation(tx: Transaction) -> None:
        consent = consent_store.add(tx, ApplicationId(application), user.id, frozenset({"process_read"}), most)
        token = IssuedToken(
            application=ApplicationId(application),
            user=user.id,
            login=user.login,
            scopes=consent.scopes,
            expires_at=most + timedelta(hours=1),
        )
        consents.issue(tx, token, most, consent=consent)
        consents.issue_refresh_token(tx, consent, consent.scopes, most)

    home.database.write(operation)


def test_what_acts_for_somebody_is_told_and_its_access_revoked(home: House) -> None:
    _allow(home, "mate", 1)
    _allow(home, "stranger", 1)
    mate, stranger = visitor(home, "mate"), visitor(home, "stranger")
    assert "Revoke access of owner" in mate.open("/account")

    mate.does("/account/applications", application="c-1")

    assert "Revoke access" not in mate.open("/account")
    assert "Revoke access of owner" in stranger.open("/account")
    mate.does("/account/applications", application="c-1")
    assert "There is no application x" in mate.refused("/account/applications", application="x")


@pytest.mark.parametrize("path", ["account", "account/password", "account/theme", "account/sessions"])
def test_another_site_cannot_send_the_forms(shared: House, path: str) -> None:
    mate = visitor(shared, "mate")

    assert "This form is not from this browser" in mate.refused(f"/{path}", form="x.y", session="others")
    foreign = {"origin": "https://elsewhere.example"}
    answer = mate.ask("POST", f"/{path}", content=f"form={browser.form_token(mate.cookie)}".encode(), headers=foreign)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (AGENT, "Firefox on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15", "Safari on macOS"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("curl/8.1", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_a_browser_is_told_in_a_few_words(agent: str, told: str) -> None:
    from procession.door.contract import Request

    request = Request(method="GET", path="/", origin="", headers={"user-agent": agent}, query={})

    assert browser.described(request) == told


def test_a_sign_in_remembers_its_browser(home: House) -> None:
    give_password(home, "mate")
    shown = Visitor(home, "").ask("GET", "/sign-in")
    kept = shown.headers["set-cookie"].partition(";")[0]
    token = shown.text.partition('name="form" value="')[2].partition('"')[0]

    answer = httpx2.QueryParams({"form": token, "login": "mate", "password": PASSWORD, "do": "sign-in"})
    signed = Visitor(home, "")
    signed.ask(
        "POST",
        "/sign-in",
        content=str(answer).encode(),
        headers={"cookie": kept, "content-type": "application/x-www-form-urlencoded"},
    )

    assert "Firefox on Windows this one" in signed.open("/account")


def test_the_values_of_a_run_are_in_the_language_of_their_reader(home: House) -> None:
    run = home.new_run()
    step = home.step(run, "parameters")
    amount = next(item["id"] for item in home.get(f"steps/{step}/properties") if item["name"] == "Amount")
    home.post(f"steps/{step}/properties/{amount}", json={"value": 12345})
    home.post(f"processruns/{run}/start")
    mate = visitor(home, "mate")
    assert "12,345" in mate.open(f"/runs/{run}")

    mate.does("/account", **ACCOUNT)

    assert "12.345" in mate.open(f"/runs/{run}")
