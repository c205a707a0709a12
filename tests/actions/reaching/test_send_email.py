"""send_email against a real mail server on loopback: who gets what, what is refused, and what happens once."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from procession.actions.contract import ConnectionInput, OutputTarget
from procession.actions.kinds.send_email import ACTION
from procession.model.lifecycle import StepStatus
from tests import mail_server as servers
from tests import support
from tests.actions.conftest import smtp_connection
from tests.actions.context import Played, play
from tests.mail_server import MailServer

PLAIN = {"to": ["ada@example.com"], "subject": "Close", "body": "Done.\n"}


class Sender:
    """Plays the action, each time in a folder of its own."""

    def __init__(self, folder: Path, server: MailServer) -> None:
        self.folder, self.server, self.number = folder, server, 0

    def __call__(
        self,
        settings: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        *,
        connection: ConnectionInput | None = None,
        recorded: tuple[str, ...] = (),
    ) -> Played:
        self.number += 1
        whole = {"connection": "mail", **(PLAIN if settings is None else settings)}
        assert ACTION.check(msgspec.convert(whole, ACTION.settings)) == ()
        targets = {"r.sent": OutputTarget(type="Number")} if "sent" in whole.get("outputs", {}) else {}
        given = connection or smtp_connection(self.server.port)
        place = self.folder / str(self.number)
        return play(ACTION, place, whole, values, targets, connection=given, recorded=recorded)


@pytest.fixture
def send(tmp_path: Path, mail_server: MailServer) -> Sender:
    return Sender(tmp_path, mail_server)


def failed(played: Played) -> str:
    assert played.outcome.status is StepStatus.FAILED, played.outcome
    return played.outcome.message


def words_of(played: Played) -> list[list[Any]]:
    return [json.loads(entry) for entry in played.context.recorded]


# --- what is sent


def test_a_mail_says_what_was_written_to_whom_it_was_meant(send: Sender, mail_server: MailServer) -> None:
    played = send(
        {
            "to": ["${p.owner}", "{team}@example.com"],
            "cc": ["Bo <bo@example.com>"],
            "bcc": ["hidden@example.com"],
            "reply_to": "books@example.com",
            "subject": "Abschluß {month} ✓",
            "body": "Dear all,\n\nÜber {amount} - done.\n.\nend\n",
            "inputs": {"team": "close", "month": "Jänner", "amount": "${p.amount}"},
        },
        {"p.owner": "Ada Lovelace <ada@example.com>; al@example.com", "p.amount": 5},
    )

    [message], [receivers] = mail_server.messages(), mail_server.receivers
    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert message["Subject"] == "Abschluß Jänner ✓"
    assert message["From"] == "Close <close@example.com>"
    assert message["To"] == "Ada Lovelace <ada@example.com>, al@example.com, close@example.com"
    assert (message["Cc"], message["Bcc"]) == ("Bo <bo@example.com>", None)
    assert message["Reply-To"] == "books@example.com"
    assert message["Message-ID"] == "<pr-1.as-1.1.0@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == "Dear all,\n\nÜber 5 - done.\n.\nend\n"
    assert receivers == [
        *("ada@example.com", "al@example.com", "close@example.com", "bo@example.com", "hidden@example.com")
    ]
    assert b"hidden" not in mail_server.received[0]
    assert mail_server.received[0].isascii()


def test_files_come_along_byte_by_byte_with_their_names(send: Sender, mail_server: MailServer) -> None:
    content = bytes(range(256)) * 50
    send(
        {**PLAIN, "attach": ["${r.a}", "${r.b}", "${r.empty}", "${r.c}"]},
        {
            "r.a": ("Übersicht 1.xlsx", content),
            "r.b": ('a"b;\r\nX-Evil: 1.csv', b"a\nb\r\n"),
            "r.empty": None,
            "r.c": ("note.eml", b"From: x\n\nhello"),
        },
    )

    message = mail_server.messages()[0]
    parts = list(message.iter_attachments())
    assert [part.get_filename() for part in parts] == ["Übersicht 1.xlsx", 'a"b;__X-Evil: 1.csv', "note.eml"]
    assert [part.get_content() for part in parts] == [content, b"a\nb\r\n", b"From: x\n\nhello"]
    assert message["X-Evil"] is None


def test_a_file_over_the_limit_becomes_a_link(send: Sender, mail_server: MailServer) -> None:
    played = send(
        {**PLAIN, "attach": ["${r.a}", "${r.b}", "${r.c}"], "attach_max_mb": 1},
        {"r.a": ("small.csv", b"x" * 600_000), "r.b": ("large.csv", b"x" * 600_000), "r.c": ("more.csv", b"x" * 1_000)},
    )

    message = mail_server.messages()[0]
    body = message.get_body(("plain",))
    assert body is not None
    assert [part.get_filename() for part in message.iter_attachments()] == ["small.csv", "more.csv"]
    assert 'The file "large.csv" is too large for a mail. It is here: https://procession.example/runs/pr-1' in (
        body.get_content().replace("\r\n", "\n")
    )
    assert played.outcome.status is StepStatus.WARNING
    assert played.outcome.message == (
        '1 of 1 mail sent; the file "large.csv" is over the limit of 1 MB: a link stands in the mail'
    )


# --- what is refused


@pytest.mark.parametrize(
    "address",
    [
        *("", " ", ";", "ada", "@example.com", "ada@", "a b@example.com", "ada@exa mple.com", "ada@@example.com"),
        *("ada@example.com\nBcc: eve@evil.example", "ada@example.com\r\n\r\nhello", "<ada@example.com", "ada@-x.org"),
        *('"a b"@example.com', "ada@[127.0.0.1]", "a(comment)@example.com", "group:a@x.org,b@x.org;", "a\0@x.org"),
        *("ada@example.com> RCPT TO:<eve@evil.example", "Ada\r\nBcc: eve@x.org <ada@example.com>", "ada@exämple..com"),
        *(".ada@example.com", "ada.@example.com", f"{'a' * 65}@example.com", "ädä@example.com", "ada@example.com\x85b"),
        *("Ada\u202e <ada@example.com>", "ada@example.com=0aBcc:eve@x.org", "=?utf-8?q?=0aBcc=3a?= <a b@x.org>"),
    ],
)
def test_what_is_no_address_is_refused_before_anything_is_sent(
    send: Sender, mail_server: MailServer, address: str
) -> None:
    said = failed(send({**PLAIN, "to": ["${p.to}"]}, {"p.to": address}))

    assert re.search("to: (.* is no address|there is no address)", said)
    assert mail_server.received == []


@pytest.mark.parametrize("value", ["a\r\nBcc: eve@evil.example", "a\nb", "a\rb", "a\0b", "a\u2028b", "a\x85Bcc: x"])
def test_a_subject_of_two_lines_is_refused(send: Sender, mail_server: MailServer, value: str) -> None:
    said = failed(send({**PLAIN, "subject": "Of {v}", "inputs": {"v": "${p.v}"}}, {"p.v": value}))

    assert said == "subject: a value that is filled in holds a line break or a control character"
    assert mail_server.received == []


def test_a_subject_that_is_encoded_like_a_header_is_text(send: Sender, mail_server: MailServer) -> None:
    send({**PLAIN, "subject": "=?utf-8?q?a=0d=0aBcc=3a_eve=40evil=2eexample?="})

    message = mail_server.messages()[0]
    assert (message["Bcc"], str(message["Subject"])) == (None, "= ?utf-8?q?a=0d=0aBcc=3a_eve=40evil=2eexample?=")
    assert b"\nBcc" not in mail_server.received[0]


@pytest.mark.parametrize("where", ["to", "cc", "reply_to", "file"])
def test_an_encoded_word_is_no_header_anywhere(send: Sender, mail_server: MailServer, where: str) -> None:
    word = "=?utf-8?q?a=0d=0aX-Evil=3a_1=0d=0a=0d=0abody?="
    named = f"{word} <bo@example.com>"
    several: dict[str, dict[str, Any]] = {"file": {"attach": ["${r.a}"]}, "reply_to": {"reply_to": named}}
    settings = several.get(where, {where: [named]})

    send({**PLAIN, **settings}, {"r.a": (f"{word}.csv", b"x")} if where == "file" else {})

    assert b"X-Evil:" not in mail_server.received[0]
    assert mail_server.messages()[0]["X-Evil"] is None


def test_a_name_with_signs_stays_a_name(send: Sender, mail_server: MailServer) -> None:
    send({**PLAIN, "to": ['"Dr. Ada: L" <ada@example.com>']})

    [to] = mail_server.messages()[0]["To"].addresses
    assert (to.display_name, to.addr_spec) == ("Dr. Ada: L", "ada@example.com")


def test_a_domain_of_other_letters_is_sent_as_servers_write_it(send: Sender, mail_server: MailServer) -> None:
    send({**PLAIN, "to": ["ada@exämple.com"]})

    assert mail_server.receivers == [["ada@xn--exmple-cua.com"]]


def test_a_receiver_that_is_refused_among_others_is_a_warning(send: Sender, mail_server: MailServer) -> None:
    mail_server.strangers = {"gone@example.com"}

    played = send({**PLAIN, "to": ["ada@example.com", "gone@example.com"], "outputs": {"sent": "${r.sent}"}})

    assert played.outcome.status is StepStatus.WARNING
    assert played.outcome.message == "1 of 1 mail sent; was not sent to gone@example.com: 550 no such user"
    assert (mail_server.receivers, played.outputs) == ([["ada@example.com"]], {"r.sent": 1})


def test_one_that_nobody_gets_fails_and_leaves_no_doubt(send: Sender, mail_server: MailServer) -> None:
    mail_server.strangers = {"ada@example.com"}

    played = send()

    assert failed(played) == "ada@example.com: 550 no such user (0 of 1 mail sent)"
    assert words_of(played) == []


@pytest.mark.parametrize(("says", "kind"), [("554 spam", "for good"), ("451 later", "for now")])
def test_one_that_is_not_taken_is_known_not_to_be_sent(
    send: Sender, mail_server: MailServer, says: str, kind: str
) -> None:
    mail_server.says = says

    played = send()

    assert failed(played) == f"127.0.0.1 does not take it: {says} (0 of 1 mail sent)", kind
    assert [entry[0] for entry in words_of(played)] == ["try", "not"]


# --- rows


ROWS = {
    "subject": "Invoice {number}",
    "body": "Dear {name}\n",
    "each": {"source": {"file": "${f.rows}", "columns": {"number": {"type": "Text"}}}, "to": "email"},
    "outputs": {"rows": "${f.mails}"},
}
CSV = {"f.rows": ("rows.csv", b"number,name,email\n01,Ada,ada@x.org\n02,Bo,bo@x.org\n03,Co,co@x.org\n")}


def test_each_row_is_a_mail_of_its_own(send: Sender, mail_server: MailServer) -> None:
    played = send(ROWS, CSV)

    found = [(str(one["To"]), str(one["Subject"]), str(one["Message-ID"])) for one in mail_server.messages()]
    assert found == [
        ("ada@x.org", "Invoice 01", "<pr-1.as-1.1.1@example.com>"),
        ("bo@x.org", "Invoice 02", "<pr-1.as-1.1.2@example.com>"),
        ("co@x.org", "Invoice 03", "<pr-1.as-1.1.3@example.com>"),
    ]
    assert [entry[:2] for entry in words_of(played)] == [[word, row] for row in (1, 2, 3) for word in ("try", "done")]


def test_a_row_that_is_refused_for_good_is_passed_by(send: Sender, mail_server: MailServer) -> None:
    mail_server.strangers = {"bo@x.org"}

    played = send(ROWS, CSV)

    assert played.outcome.status is StepStatus.WARNING
    assert played.outcome.message == "2 of 3 mails sent; row 2: was refused: bo@x.org: 550 no such user"
    assert played.outputs["f.mails"] == (
        b"row,address,status,words\n1,ada@x.org,sent,\n2,bo@x.org,refused,bo@x.org: 550 no such user\n3,co@x.org,sent,\n"
    )


def test_rows_that_are_all_refused_fail(send: Sender, mail_server: MailServer) -> None:
    mail_server.strangers = {"ada@x.org", "bo@x.org", "co@x.org"}

    assert failed(send(ROWS, CSV)).startswith("every mail was refused: row 1: was refused: ada@x.org: 550")


def test_one_that_is_refused_for_now_ends_the_step_and_the_next_try_goes_on(
    send: Sender, mail_server: MailServer
) -> None:
    mail_server.says_to = {"bo@x.org": "451 later"}
    first = send(ROWS, CSV)
    mail_server.says_to = {}

    second = send(ROWS, CSV, recorded=tuple(first.context.recorded))

    assert failed(first) == "row 2: 127.0.0.1 does not take it: 451 later (1 of 3 mails sent)"
    assert first.outputs["f.mails"].startswith(b"row,address,status,words\n1,ada@x.org,sent,\n2,bo@x.org,failed,")
    assert mail_server.receivers == [["ada@x.org"], ["bo@x.org"], ["co@x.org"]]
    assert second.outcome.message == "3 of 3 mails sent, 1 of them by an earlier try"


def test_a_mail_in_doubt_goes_out_under_its_first_id_or_not_at_all(send: Sender, mail_server: MailServer) -> None:
    recorded = tuple(send(ROWS, CSV).context.recorded[:3])
    recorded = tuple(entry.replace("pr-1/as-1/1", "pr-1/as-1/0") for entry in recorded)
    mail_server.received.clear()
    mail_server.receivers.clear()

    again = send(ROWS, CSV, recorded=recorded)
    ids = [str(one["Message-ID"]) for one in mail_server.messages()]
    mail_server.receivers.clear()
    skipped = send({**ROWS, "in_doubt": "skip"}, CSV, recorded=recorded)

    assert ids == ["<pr-1.as-1.0.2@example.com>", "<pr-1.as-1.1.3@example.com>"]
    assert again.outcome.status is StepStatus.SUCCESS
    assert mail_server.receivers == [["co@x.org"]]
    assert skipped.outcome.status is StepStatus.WARNING
    assert "row 2: may have been sent by an earlier try, and was not sent again" in skipped.outcome.message


def test_rows_in_another_order_are_refused_before_anybody_gets_two(send: Sender, mail_server: MailServer) -> None:
    recorded = tuple(send(ROWS, CSV).context.recorded[:2])
    moved = {"f.rows": ("rows.csv", b"number,name,email\n02,Bo,bo@x.org\n01,Ada,ada@x.org\n03,Co,co@x.org\n")}
    mail_server.receivers.clear()

    said = failed(send(ROWS, moved, recorded=recorded))

    assert "row 1 was done by an earlier try, and is something else now: nothing was done" in said
    assert mail_server.receivers == []


def test_no_mail_is_sent_before_every_row_has_an_address(send: Sender, mail_server: MailServer) -> None:
    rows = {"f.rows": ("rows.csv", b"number,name,email\n01,Ada,ada@x.org\n02,Bo,\n")}

    assert failed(send(ROWS, rows)) == "row 2: to: there is no address; nothing was sent"
    assert mail_server.received == []


def test_no_rows_are_a_warning(send: Sender, mail_server: MailServer) -> None:
    played = send(ROWS, {"f.rows": ("rows.csv", b"number,name,email\n")})

    assert (played.outcome.status, mail_server.received) == (StepStatus.WARNING, [])


# --- TLS, passwords, servers that are none


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[MailServer, Path]]:
    certificate = support.certificate(tmp_path)
    with contextmanager(servers.served)(certificate) as server:
        yield server, certificate[0]


def test_a_password_goes_only_to_a_server_whose_certificate_is_vouched_for(
    send: Sender, secure: tuple[MailServer, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, authority = secure
    connection = smtp_connection(server.port, security="starttls", user="procession", password="pass word")
    unknown = failed(send(connection=connection))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))

    known = send(connection=connection)
    wrong = failed(send(connection=smtp_connection(server.port, security="starttls", user="procession", password="x")))

    assert "certificate verify failed" in unknown
    assert known.outcome.status is StepStatus.SUCCESS, known.outcome.message
    assert wrong == "127.0.0.1 does not accept user and password (535) (0 of 1 mail sent)"
    assert len(server.received) == 1


def test_a_server_without_starttls_gets_nothing(send: Sender, mail_server: MailServer) -> None:
    said = failed(send(connection=smtp_connection(mail_server.port, security="starttls", user="u", password="p")))

    assert "STARTTLS extension not supported" in said
    assert mail_server.received == []


def test_a_password_is_not_sent_without_tls(send: Sender) -> None:
    given = {"host": "mail.example", "port": 25, "security": "none", "sender": "a@x.org", "user": "u"}
    connection = ConnectionInput(name="mail", kind="smtp", options=given, secrets={"password": "p"})

    assert "would send its password without TLS" in failed(send(connection=connection))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "169.254.169.254", "127.1"])
def test_without_leave_no_mail_server_of_this_machine_is_asked(send: Sender, host: str) -> None:
    given = {"host": host, "port": send.server.port, "security": "none", "sender": "a@x.org"}
    connection = ConnectionInput(name="mail", kind="smtp", options=given)

    assert re.search("private network|no address", failed(send(connection=connection)))
    assert send.server.received == []


@contextmanager
def talking(*lines: bytes) -> Iterator[int]:
    """A server that says these lines, one after each of the client's, and closes."""

    def talk() -> None:
        with suppress(OSError), server.accept()[0] as made, made.makefile("rb") as reader:
            for number, line in enumerate(lines):
                made.sendall(line)
                if number < len(lines) - 1:
                    reader.readline()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    "lines",
    [(b"",), (b"SSH-2.0\r\n",), (b"554 no\r\n",), (b"220 x\r\n", b"x" * 70_000), (b"220 x\r\n", b"250 ok\r\n", b"")],
)
def test_what_is_no_mail_server_fails_and_leaves_no_doubt(send: Sender, lines: tuple[bytes, ...]) -> None:
    with talking(*lines) as port:
        played = send(connection=smtp_connection(port))

    assert "127.0.0.1" in failed(played)
    assert words_of(played) == []


def test_a_connection_that_ends_while_a_mail_is_handed_over_leaves_it_in_doubt(send: Sender) -> None:
    ok = b"250 ok\r\n"
    with talking(b"220 x\r\n", ok, ok, ok, b"354 go\r\n", b"") as port:
        played = send(connection=smtp_connection(port))

    assert failed(played).endswith("it may have arrived all the same (0 of 1 mail sent)")
    assert [entry[0] for entry in words_of(played)] == ["try"]


# --- settings


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"subject": "x", "body": ""}, "to: nobody would get the mail"),
        ({**PLAIN, "subject": "{a}"}, 'subject: "{a}" has no value'),
        ({**PLAIN, "subject": "a\nb"}, "subject: is one line"),
        ({**PLAIN, "to": ["${a}"]}, "is not a reference"),
        ({**PLAIN, "each": {"source": "${a.b}", "to": "email"}}, "to: with each"),
        ({**PLAIN, "outputs": {"rows": "${a.b}"}}, "outputs.rows: is for each"),
    ],
)
def test_mistakes_in_the_settings_are_told(settings: dict[str, Any], words: str) -> None:
    found = ACTION.check(msgspec.convert({"connection": "mail", **settings}, ACTION.settings))

    assert any(words in said for said in found), found
