"""A mail as bytes: read back by a parser, it says what was meant, whatever is in it."""

from __future__ import annotations

import email
import email.policy
import re
from email.headerregistry import Address
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reaching import mails
from procession.actions.reaching.mails import Mail

ADA = Address("Ada", "ada", "x.org")
# Texts of public reports: python/cpython#144156 (Yahoo refused it), #136052, #132105, #87659.
REPORTED = (
    "Re: [SOS-1495488] Commande et livraison - Demande de retour - bibijolie - 251210-AABBCC - Abo actualités digitales"
    " 20 semaines d\u2019abonnement à 24 heures, Bilan, Tribune de Genève et tous les titres Tamedia",
    "Re: some few filler words here RE: Routeraustausch und übriggebliebene Glasfaser",
    "=?utf-8?B?Vm9pY2Vib3ggRmlybWE6IFRlc3QtTmFjaHJpY2h0IHVtIDEwOjAzOjM1Cg==?=",
    "a" * 70 + " " + "b" * 90,
)
WORDS = st.sampled_from(
    [
        "Rechnung",
        "über",
        "Jänner",
        "€",
        "bibijolie",
        "Genève",
        "x" * 40,
        "ü" * 30,
        "12.50",
        '"z"',
        "(x)",
        "<y>",
        "日本語",
        ",",
        "=?",
    ]
)
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Cn", "Cf", "Co", "Zs"]), min_size=1, max_size=120
)


def read_back(mail: Mail, parts: list[EmailMessage] | None = None) -> tuple[EmailMessage, bytes]:
    content = mails.content(mail, parts or [], sender=ADA, key="pr-1/as-1/1/0")
    head = content.partition(b"\r\n\r\n")[0]
    assert max(map(len, content.split(b"\r\n"))) <= 998
    # RFC 2047: encoded words have blanks between them, and something in them.
    assert not re.search(rb"\?==\?|\?[qb]\?\?=", head, re.IGNORECASE)
    return email.message_from_bytes(content, policy=email.policy.default), content


@pytest.mark.parametrize("text", REPORTED)
def test_a_subject_of_a_public_report_arrives_as_it_was(text: str) -> None:
    found, _ = read_back(Mail(to=(ADA,), subject=mails.subject(text), body="x"))

    assert str(found["Subject"]) == text.replace("=?", "= ?")


@given(words=st.lists(WORDS, min_size=1, max_size=40))
def test_a_subject_arrives_as_it_was(words: list[str]) -> None:
    text = mails.subject(" ".join(words)[:500].strip())

    found, _ = read_back(Mail(to=(ADA,), subject=text, body="x"))

    assert str(found["Subject"]) == text


@given(body=st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_a_body_arrives_as_it_was(body: str) -> None:
    found, content = read_back(Mail(to=(ADA,), subject="s", body=body))

    lines = re.split("\r\n|\r|\n", found.get_content())
    assert "\n".join(lines).rstrip("\n") == "\n".join(re.split("\r\n|\r|\n", body)).rstrip("\n")
    assert content.isascii()


@given(name=NAMES)
def test_a_file_arrives_with_its_name(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("file") / "f"
    place.write_bytes(b"\x00\xff\r\n.\r\n")
    file = FileInput(path=str(place), name=name, size_bytes=7)

    parts, left = mails.attachments([file], size_bytes_max=1_000)
    found, _ = read_back(Mail(to=(ADA,), subject="s", body="b"), parts)

    [part] = found.iter_attachments()
    assert (part.get_filename(), part.get_content(), left) == (name.replace("=?", "= ?"), place.read_bytes(), [])


@given(name=st.text(max_size=60), local=st.text("ab.+-_'", min_size=1, max_size=20))
def test_an_address_is_read_as_it_was_meant_or_refused(name: str, local: str) -> None:
    text = f"{name} <{local}@x.org>"
    try:
        [found] = mails.addresses(text, where="to")
    except (Problem, ValueError) as error:
        assert isinstance(error, Problem) or "unpack" in str(error)
        return

    read, _ = read_back(Mail(to=(found,), subject="s", body="b"))

    assert [one.addr_spec for one in read["To"].addresses] == [f"{local}@x.org"]
    assert set(read.keys()) <= {"Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted", "Content-Type",
                                "Content-Transfer-Encoding", "MIME-Version"}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a@faß.de", ["a@xn--fa-hia.de"]),  # ubports/morph-browser#377, dotnet/runtime#30086
        ("a@STRAẞE.de", ["a@xn--strae-oqa.de"]),  # crawler-commons/crawler-commons#608
        ("a@βόλος.com", ["a@xn--nxasmm1c.com"]),
        ("a@Müller.de", ["a@xn--mller-kva.de"]),
        ("a@ex\u200campl.com", None),
        ("a@①ß.de", None),
        ('"Doe, John" <j@x.org>; b@x.org', ["j@x.org", "b@x.org"]),  # overseers-desk/courier#62
        ('"a@x.org, b@x.org" <c@x.org>', ["c@x.org"]),
        ('"Doe, John <j@x.org>', None),
        ("a@x.org\0b@x.org", None),
    ],
)
def test_an_address_leads_to_the_host_that_it_names(text, wanted):
    """The codec of Python makes fass.de of faß.de, which is somebody else's."""
    try:
        found = [one.addr_spec for one in mails.addresses(text, where="to")]
    except Problem:
        found = None

    assert found == wanted
