"""Who asks a page, and that no other site asks in their name."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from procession.door import browser
from procession.model.errors import Forbidden, Invalid
from procession.model.people import AccountStatus
from procession.operations import sessions
from procession.store import people
from procession.web import forms, routes
from procession.web.forms import Form
from tests.api.house import House
from tests.web.site import SESSION, Site, text

POSTS = [route.pattern for route in routes.ROUTES if route.method == "POST"]
IDS = {"process": "p-1", "run": "pr-1", "step": "as-1", "file": "f-1", "table": "mt-1", "user": "u-1", "group": "ug-1"}


def test_a_page_is_for_whoever_has_signed_in(home: House) -> None:
    nobody = Site(house=home)

    answer = nobody.get("/runs?status=failed&text=a%20b")

    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/sign-in?to=/runs%3Fstatus%3Dfailed%26text%3Da%2520b",
    )
    assert Site(house=home).sign_in().get("/runs").status_code == 200


def test_a_token_of_the_api_opens_no_page_and_a_session_no_api(site: Site) -> None:
    assert Site(house=site.house).get("/runs", authorization="Bearer owner").status_code == 303
    assert site.get("/api/v1/processes").status_code == 401


@pytest.mark.parametrize("ending", ["time", "suspended", "signed out"])
def test_a_session_ends(site: Site, ending: str) -> None:
    if ending == "time":
        site.house.clock.advance(timedelta(hours=13).total_seconds())
    elif ending == "suspended":
        user = site.house.users["owner"]
        site.house.database.write(
            lambda tx: tx.run(
                "UPDATE user_account SET status = ? WHERE id = ?", AccountStatus.SUSPENDED, user.id.number
            )
        )
    else:
        assert site.post("/sign-out").headers["location"] == "/sign-in"

    assert site.get("/runs").status_code == 303


@pytest.mark.parametrize("pattern", POSTS)
def test_every_form_needs_its_token(site: Site, pattern: str) -> None:
    path = "/" + re.sub(r"\{(\w+)\}", lambda found: IDS.get(found[1], "x"), pattern)
    admin = Site(house=site.house, who="admin").sign_in()
    other = Site(house=site.house, who="stranger").sign_in()

    for token in ("", "x", "x.y", other.token(), "\u00e9.\u00e9"):
        answer = admin.ask("POST", path, data={"form": token})
        # What is not there is told first: a token says nothing about it.
        assert answer.status_code in {403, 404}, (path, token, answer.status_code)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://house.example.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
def test_a_form_of_another_site_is_refused_even_with_the_token(site: Site, headers: dict[str, str]) -> None:
    answer = site.ask("POST", "/sign-out", data={"form": site.token()}, headers=headers)

    assert answer.status_code == 403
    assert "reload the page" in text(answer)
    assert site.get("/runs").status_code == 200


def test_the_token_of_a_form_is_another_each_time(site: Site) -> None:
    assert site.token() != site.token()


@pytest.mark.parametrize(
    ("wanted", "sent_to"),
    [
        ("/runs/pr-1?step=3.1", "/runs/pr-1?step=3.1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.example", "/"),
        ("/a\r\nset-cookie: x=y", "/"),
        ("/" + "a" * 3_000, "/"),
        ("", "/"),
        ("evil", "/"),
    ],
)
def test_signing_in_leads_only_to_our_own_pages(site: Site, wanted: str, sent_to: str) -> None:
    answer = site.ask("GET", "/sign-in", params={"to": wanted})

    assert (answer.status_code, answer.headers["location"]) == (303, sent_to)


def test_a_page_is_compressed_and_kept_by_nobody(site: Site) -> None:
    answer = site.get("/runs", **{"accept-encoding": "gzip, deflate, br"})

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("theme", ["dark", "light", "auto", 'x"><script>', ""])
def test_the_theme_is_one_of_three(site: Site, theme: str) -> None:
    site.cookies["procession_theme"] = theme

    shown = re.search(r'data-theme="(\w+)"', site.get("/runs").text)

    assert shown and shown[1] == (theme if theme in {"dark", "light"} else "auto")


def test_a_session_is_not_taken_from_the_query(site: Site) -> None:
    assert Site(house=site.house).get(f"/runs?{SESSION}={site.cookies[SESSION]}").status_code == 303


def test_a_form_may_name_a_field_twice_and_its_line_breaks_are_ours() -> None:
    form = Form(b"run=pr-1&run=pr-2&note=a%0D%0Ab&empty=&form=x")

    assert (form.all("run"), form.one("run"), form.one("note")) == (["pr-1", "pr-2"], "pr-2", "a\nb")
    assert (form.has("empty"), form.one("empty"), form.has("not"), form.all("not")) == (True, "", False, [])


@pytest.mark.parametrize("raw", [b"a=%ff", b"a=\xff", b"a=%00", b"&" * (forms.FIELDS_MAX + 1)])
def test_a_form_that_cannot_be_read_is_refused_in_words(raw: bytes) -> None:
    with pytest.raises(Invalid, match=r"reload the page|type it again"):
        Form(raw)


def test_a_forged_token_of_any_kind_is_refused() -> None:
    asked: Any = type("Asked", (), {"headers": {}, "origin": "http://house.example"})()
    good = browser.form_token("cookie")

    browser.require_form(asked, good, "cookie")
    for token, cookie in (
        (good, ""),
        (good, "other"),
        (good + "0", "cookie"),
        ("." + good.partition(".")[2], "cookie"),
    ):
        with pytest.raises(Forbidden):
            browser.require_form(asked, token, cookie)


def test_a_user_whose_name_is_markup_is_shown_as_text(site: Site) -> None:
    user = site.house.users["owner"]
    name = '<img src=x onerror="alert(1)">'
    site.house.database.write(
        lambda tx: tx.run("UPDATE user_account SET first_name = ? WHERE id = ?", name, user.id.number)
    )
    with site.house.database.read() as tx:
        assert people.user(tx, user.id) is not None

    page = site.get("/").text

    assert "<img" not in page and "&lt;img" in page


def sign_in_link(house: House, who: str = "owner") -> str:
    now = house.resources.home_clock.most()
    return str(house.database.write(lambda tx: sessions.create_link(tx, house.users[who].id, now)))


def open_link(house: House, link: str, to: str = "") -> Any:
    browser_of_somebody = Site(house=house)
    path = f"/sign-in?link={link}{to}"
    shown = browser_of_somebody.get(path)
    found = re.search(r'name="form" value="([^"]+)"', shown.text)
    if not found:
        return shown
    browser_of_somebody.cookies["procession_form"] = shown.headers["set-cookie"].partition("=")[2].partition(";")[0]
    return browser_of_somebody.ask("POST", path, data={"form": found[1], "do": "open"})


def test_a_link_signs_a_user_in_once_and_says_as_whom(home: House) -> None:
    link = sign_in_link(home)

    asked = Site(house=home).get(f"/sign-in?link={link}")
    answer = open_link(home, link, "&to=/runs/pr-1")

    assert "Sign in as" in text(asked) and home.users["owner"].login in text(asked)
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs/pr-1")
    cookie = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert Site(house=home, cookies={SESSION: cookie}).get("/runs").status_code == 200
    assert open_link(home, link).status_code == 404


@pytest.mark.parametrize("what", ["late", "unknown", "a session", "suspended"])
def test_a_link_that_is_not_good_says_so(site: Site, what: str) -> None:
    link = sign_in_link(site.house)
    if what == "late":
        site.house.clock.advance(sessions.LINK_MINUTES * 60 + 1)
    elif what == "suspended":
        user = site.house.users["owner"].id.number
        site.house.database.write(lambda tx: tx.run("UPDATE user_account SET status = 'Suspended' WHERE id = ?", user))

    answer = open_link(site.house, {"unknown": link[:-1], "a session": site.cookies[SESSION]}.get(what, link))

    assert answer.status_code == 404
    assert "ask for a new one" in text(answer)


def test_a_link_is_no_session(home: House) -> None:
    assert Site(house=home, cookies={SESSION: sign_in_link(home)}).get("/runs").status_code == 303


def test_a_link_cannot_be_opened_from_another_site(home: House) -> None:
    link = sign_in_link(home)

    answer = Site(house=home).ask("POST", f"/sign-in?link={link}", data={"form": "x.y"})

    assert answer.status_code == 403
    assert open_link(home, link).status_code == 303
