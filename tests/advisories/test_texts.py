"""Texts of users in pages, mails, headers and logs: each is shown, and none does anything."""

from __future__ import annotations

import dataclasses
import logging
from email.message import EmailMessage

import pytest
from msgspec.structs import replace

from procession import smtp
from procession.config import SmtpServer
from procession.operations import applications as application_operations
from procession.operations import letters
from procession.operations.alerts import Letter
from procession.serving.server_log import OneLine
from procession.store import applications as application_store
from procession.store import outbox
from procession.store import people as people_store
from procession.store.database import Transaction
from tests.api.house import House
from tests.oauth.world import World

PUBLIC = "https://procession.example.com"
SERVER = SmtpServer(host="127.0.0.1", port=25, security="", sender="procession@example.com")
MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
TEMPLATES = "{{7*191}} ${7*191} {link.__class__} {0.__init__.__globals__} %(link)s #{7*191} <%= 7*191 %>"
UNPRINTABLE = "a\r\nb\x1b[2J\x9b31m\x85\u2028\u2029\u202e\u200b\x7f"


def test_an_uploaded_page_is_a_download_and_never_a_page_of_ours(home: House) -> None:
    run = home.new_run()
    step = home.step(run, "parameters")
    file = next(row["file"] for row in home.get(f"steps/{step}/properties") if row["name"] == "Orders")
    for name, kind in (("a.html", "text/html"), ("a.svg", "image/svg+xml"), ("a.js", "text/javascript")):
        home.post(f"files/{file}", files={"file": (name, MARKUP.encode(), kind)})

        headers = home.ask("GET", f"files/{file}").headers

        assert headers["content-disposition"].startswith("attachment;")
        assert headers["content-type"] == "application/octet-stream"
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]


def test_a_name_is_text_on_the_page_that_asks_for_consent(made: World) -> None:
    name = f"{MARKUP} {TEMPLATES}"

    def rename(tx: Transaction) -> None:
        found = application_operations.find(tx, made.web.id)
        application_store.change(tx, replace(found, name=name))
        people_store.change_user(tx, replace(made.ada, first_name=MARKUP, last_name=TEMPLATES))

    made.write(rename)
    page = made.browser().sign_in(made.question())

    assert page.forms.buttons == {"allow", "deny", "leave"}
    assert name in page.text and MARKUP not in page.answer.text
    assert "1337" not in page.answer.text


@pytest.mark.parametrize("name", ["login", "state", "scope"])
def test_what_an_address_says_is_text_on_every_page(made: World, name: str) -> None:
    browser = made.browser()
    browser.open(made.question(None, **{"state": "xyz", name: f"{MARKUP}{TEMPLATES}"}))
    page = browser.submit(login=MARKUP, password=MARKUP, do="sign-in") if browser.forms.buttons else browser

    assert "<script>" not in page.answer.text and "<img" not in page.answer.text
    assert "1337" not in page.answer.text


def mailed(home: House) -> list[Letter]:
    """What a server mails now."""
    sent: list[Letter] = []
    letters.tick(
        letters.Sending(
            database=home.database,
            send=sent.append,
            public_url=PUBLIC,
            clock=home.clock.now,
            home_clock=home.resources.home_clock,
        )
    )
    return sent


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"x-forwarded-host": "evil.example"},
        {"forwarded": "host=evil.example;proto=https"},
        {"x-original-host": "evil.example", "x-host": "evil.example", "origin": "https://evil.example"},
    ],
)
def test_a_mailed_link_leads_to_the_server_whatever_a_request_says(home: House, headers: dict[str, str]) -> None:
    user = home.users["stranger"].id
    home.database.write(lambda tx: outbox.add_link(tx, user, home.clock.now()))
    home.ask("POST", f"users/{user}/passwordlink", who="admin", headers=headers)

    sent = mailed(home)

    assert "evil.example" not in sent[0].text
    assert f"\n{PUBLIC}/oauth/password?link=" in sent[0].text


def test_a_name_is_text_in_a_mail(home: House) -> None:
    user = home.users["stranger"]
    home.database.write(lambda tx: people_store.change_user(tx, replace(user, first_name=TEMPLATES)))
    home.database.write(lambda tx: outbox.add_link(tx, user.id, home.clock.now()))

    sent = mailed(home)

    assert sent[0].text.startswith(f"Hello {TEMPLATES},")


@pytest.mark.parametrize("text", ["x\r\nBcc: evil@example.com", "x\nBcc: evil@example.com", "x\r\n\r\n<b>body</b>"])
def test_a_name_begins_no_header_of_a_mail(home: House, text: str) -> None:
    letter = Letter(address="ada@example.com", name=text, subject="Month end", text=text, at=home.clock.now())

    written: EmailMessage = smtp.message(SERVER, letter)

    assert written["Bcc"] is None and written["To"].addresses[0].addr_spec == "ada@example.com"
    assert sorted(written.keys()) == sorted(set(written.keys()))
    with pytest.raises(ValueError, match="linefeed"):
        smtp.message(SERVER, dataclasses.replace(letter, subject=text))


def test_a_line_of_the_log_is_one_line_that_steers_no_terminal() -> None:
    record = logging.LogRecord("x", logging.INFO, "x", 1, "asked for %s", (UNPRINTABLE,), None)
    record.path = f"/api/v1/{UNPRINTABLE}"

    line = OneLine().format(record)

    assert line.isprintable() and len(line.splitlines()) == 1
