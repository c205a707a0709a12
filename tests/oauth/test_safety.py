"""Guessing, forged forms, leaks."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import httpx2
import pytest

from procession.clock import ManualClock
from procession.model.errors import Invalid
from procession.oauth import limits
from procession.operations import links, passwords, sessions
from procession.operations import people as people_operations
from tests import plain_http
from tests.oauth.world import PASSWORD, Browser, World


def test_guessing_a_password_is_stopped_and_time_opens_it_again(made: World) -> None:
    browser = made.browser()
    browser.open(made.question())
    for _ in range(limits.SIGN_INS_OF_ACCOUNT.most):
        assert browser.submit(login="ada", password="wrong", do="sign-in").answer.status_code == 400

    stopped = browser.sign_in(made.question()).answer
    assert stopped.status_code == 429 and 0 < int(stopped.headers["retry-after"]) <= limits.SIGN_INS_OF_ACCOUNT.seconds
    assert isinstance(made.clock, ManualClock)
    made.clock.advance(float(stopped.headers["retry-after"]))

    assert browser.sign_in(made.question()).forms.buttons == {"allow", "deny", "leave"}


def test_a_login_and_an_email_are_two_names_of_one_account(made: World) -> None:
    """mvecchione145/degen-lite#32: whoever took turns with the two names had twice the guesses."""
    browser = made.browser()
    browser.open(made.question())
    names = ("ada", "ada@example.com", " ADA ", "Ada@Example.COM")
    for number in range(limits.SIGN_INS_OF_ACCOUNT.most):
        assert browser.submit(login=names[number % 4], password="wrong", do="sign-in").answer.status_code == 400

    stopped = [browser.sign_in(made.question(), name).answer for name in names]

    assert [answer.status_code for answer in stopped] == [429] * 4


def guess(made: World, browser: Browser, times: int, login: str = "ada") -> list[int]:
    browser.open(made.question())
    return [browser.submit(login=login, password="wrong", do="sign-in").answer.status_code for _ in range(times)]


def test_whoever_guesses_from_elsewhere_does_not_lock_the_user_out(made: World) -> None:
    """psecio/gatekeeper#55, osTicket/osTicket-1.7#452: ten wrong passwords each quarter of an hour, and nobody signs in."""
    most, home = limits.SIGN_INS_OF_ACCOUNT.most, made.browser()
    home.sign_in(made.question()).submit(do="leave")

    assert guess(made, made.browser(), most + 1) == [400] * most + [429]

    assert home.sign_in(made.question()).forms.buttons == {"allow", "deny", "leave"}
    home.submit(do="leave")
    assert guess(made, home, most + 1) == [400] * most + [429]  # a browser that was stolen guesses no more than others


@pytest.mark.parametrize("change", ["another user", "password", "forged"])
def test_the_mark_of_a_browser_is_good_for_its_user_and_password_alone(made: World, change: str) -> None:
    browser = made.browser()
    browser.sign_in(made.question()).submit(do="leave")
    login = "ada"
    if change == "another user":
        login = made.write(lambda tx: people_operations.create_user(
            tx, email="bob@example.com", first_name="B", last_name="B", role=made.ada.role, now=made.clock.now()
        )).login  # fmt: skip
    elif change == "password":
        hashed = passwords.hashed("another password")
        made.write(lambda tx: people_operations.set_password(tx, made.ada.id, hashed, made.clock.now()))
    else:
        browser.cookies["procession_mark"] = "x." + "0" * 64

    guess(made, made.browser(), limits.SIGN_INS_OF_ACCOUNT.most, login)

    assert guess(made, browser, 1, login) == [429]


@pytest.mark.parametrize(
    "email", ["ada@example.com@evil.example", '"ada@example.com"@evil.example', "ada@evil.example"]
)
def test_nobody_is_given_the_name_by_which_somebody_else_signs_in(made: World, email: str) -> None:
    """keycloak/keycloak#52837: a user who took the email of another as a name locked them out."""
    with contextlib.suppress(Invalid):
        made.write(lambda tx: people_operations.create_user(
            tx, email=email, first_name="E", last_name="E", role=made.ada.role, now=made.clock.now()
        ))  # fmt: skip

    for name in ("ada", "ada@example.com"):
        with made.database.read() as tx:
            assert sessions.claim(tx, name).user == made.ada.id


def test_who_is_locked_out_gets_in_by_a_link(made: World) -> None:
    guess(made, made.browser(), limits.SIGN_INS_OF_ACCOUNT.most)
    link = made.write(lambda tx: links.create(tx, made.ada.id, made.clock.now()))
    browser = made.browser().open(f"/oauth/password?link={link}")

    browser.submit(password="a new password", again="a new password")

    assert browser.sign_in(made.question(), password="a new password").forms.buttons > {"allow"}
    assert guess(made, made.browser(), 1) == [429]


def test_guessing_a_secret_is_stopped(made: World) -> None:
    fields = {"grant_type": "client_credentials", "client_id": made.web.client_id}
    for _ in range(limits.FAILURES_OF_CLIENT.most):
        assert made.token(**fields, client_secret="wrong").status_code == 401

    stopped = made.token(**fields, client_secret=made.secret)

    assert (stopped.status_code, stopped.json()["error"]) == (429, "temporarily_unavailable")
    assert int(stopped.headers["retry-after"]) > 0 and stopped.json()["supportId"]
    assert made.token(grant_type="client_credentials", client_id=made.script.client_id,
                      client_secret=made.script_secret).status_code == 200  # fmt: skip


def test_a_stranger_and_a_wrong_password_look_the_same(made: World) -> None:
    made.write(lambda tx: people_operations.create_user(
        tx, email="new@example.com", first_name="N", last_name="N", role=made.ada.role, now=made.clock.now()
    ))  # fmt: skip

    said = [made.browser().sign_in(made.question(), login, "x" * 20) for login in ("ada", "nobody", "new")]

    assert len({(page.answer.status_code, page.text) for page in said}) == 1


@pytest.mark.parametrize("page", ["sign-in", "allow"])
def test_a_form_of_another_site_is_refused(made: World, page: str) -> None:
    browser = made.browser()
    browser.open(made.question()) if page == "sign-in" else browser.sign_in(made.question())
    fields = {"do": page, "login": "ada", "password": PASSWORD}

    browser.forms.hidden["form"] = "0" * 64

    assert browser.submit(**fields).answer.status_code == 403
    browser.forms.hidden.clear()
    assert browser.submit(**fields).answer.status_code == 403


def test_pages_can_be_framed_and_kept_by_nobody_and_cookies_are_read_by_no_script(made: World) -> None:
    browser = made.browser()
    policy = browser.open(made.question()).answer.headers
    browser.sign_in(made.question())

    assert "frame-ancestors 'none'" in policy["content-security-policy"]
    assert "default-src 'none'" in policy["content-security-policy"]
    assert (policy["cache-control"], policy["referrer-policy"]) == ("no-store", "same-origin")
    assert "HttpOnly" in policy["set-cookie"] and "SameSite=Lax" in policy["set-cookie"]
    assert set(browser.cookies) == {"procession_form", "procession_session", "procession_mark"}
    assert "form-action 'self' https://app.example;" in browser.answer.headers["content-security-policy"]


def test_over_tls_cookies_are_secure_and_bound_to_the_host(made: World) -> None:
    async def ask() -> httpx2.Response:
        transport = httpx2.ASGITransport(app=made.app)
        async with httpx2.AsyncClient(transport=transport, base_url="https://procession.example") as client:
            return await client.get(made.question())

    cookie = asyncio.run(ask()).headers["set-cookie"]

    assert cookie.startswith("__Host-procession_form=") and "; Secure" in cookie and "; Path=/;" in cookie


def test_signing_out_ends_the_session(made: World) -> None:
    browser = made.browser()
    browser.sign_in(made.question())
    session, form = browser.cookies["procession_session"], browser.forms.hidden["form"]

    answer = plain_http.post(f"{made.address}/sign-out", data={"form": form},
                         headers={"cookie": f"procession_session={session}"})  # fmt: skip
    browser.cookies["procession_session"] = session

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert browser.open(made.question()).forms.buttons == {"sign-in"}


def test_a_link_sets_a_password_once_and_ends_every_session(made: World) -> None:
    signed_in = made.browser()
    signed_in.sign_in(made.question())
    link = made.write(lambda tx: links.create(tx, made.ada.id, made.clock.now()))
    browser = made.browser()
    browser.open(f"/oauth/password?link={link}")

    assert "not the same" in browser.submit(password="a new password", again="another one!").text
    assert "12 to 64 characters" in browser.submit(password="short", again="short").text
    assert "Your password is set" in browser.submit(password="a new password", again="a new password").text

    assert made.browser().open(f"/oauth/password?link={link}").answer.status_code == 404
    assert signed_in.open(made.question()).forms.buttons == {"sign-in"}
    assert made.browser().sign_in(made.question()).answer.status_code == 400
    assert made.browser().sign_in(made.question(), password="a new password").forms.buttons > {"allow"}


def test_no_secret_reaches_the_log_or_the_database(made: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    browser = made.browser()
    link = made.write(lambda tx: links.create(tx, made.ada.id, made.clock.now()))
    browser.open(f"/oauth/password?link={link}")
    browser.sign_in(made.question(), password="canary of a password").sign_in(made.question())
    code = browser.submit(do="allow").back["code"]
    tokens = made.redeem(code).json()
    again = made.refresh(tokens["refresh_token"]).json()
    made.redeem(code)
    made.token(grant_type=made.secret)
    made.browser().open(f"/oauth/password?link={link}x")
    secrets = [
        *(PASSWORD, "canary of a password", made.secret, link, code, *browser.cookies.values()),
        *(tokens["access_token"], tokens["refresh_token"], again["access_token"], again["refresh_token"]),
    ]

    made.write(lambda tx: None)
    kept = b"".join(path.read_bytes() for path in made.database.path.parent.glob("world.sqlite*"))

    # uvicorn.access is off in the server (serving/http.py); pytest listens to it all the same.
    names = ("procession", "authlib", "uvicorn.error")
    ours = [record for record in caplog.records if record.name.startswith(names)]
    logged = "\n".join(f"{record.getMessage()} {vars(record)}" for record in ours)
    assert "this link is unknown" in logged and "Invalid 'code'" in logged
    for secret in secrets:
        assert secret and secret not in logged and secret.encode() not in kept
