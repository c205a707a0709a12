"""What is blacked out of all that an attempt says, whatever way it is written and however it is cut."""

from __future__ import annotations

import base64
import html
import itertools
import json
import os
import pprint
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.actions.blackout import MARK, Blackout, wipe
from procession.actions.contract import ConnectionInput, FileOutput, StepOutcome
from procession.engine.isolation import codec
from procession.model.lifecycle import StepStatus

SECRET = "canary&2f~ <p@ss/w\u00f6rd'\"\\+="
SECRETS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="["), min_size=4, max_size=40).filter(
    lambda text: text.strip() == text and text not in MARK
)


def guard(*secrets: str) -> Blackout:
    named = {str(number): secret for number, secret in enumerate(secrets)}
    return Blackout(ConnectionInput(name="bank", kind="http", options={}, secrets=named))


WAYS: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: secret,
    "quote": urllib.parse.quote,
    "quote all": lambda secret: urllib.parse.quote(secret, safe=""),
    "quote plus": urllib.parse.quote_plus,
    "form": lambda secret: urllib.parse.urlencode({"password": secret}),
    "basic": lambda secret: base64.b64encode(f"ada:{secret}".encode()).decode(),
    "basic, longer name": lambda secret: base64.b64encode(f"ada.b:{secret}".encode()).decode(),
    "basic, longest name": lambda secret: base64.b64encode(f"ada.by:{secret}".encode()).decode(),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64, urlsafe": lambda secret: base64.urlsafe_b64encode(f"x{secret}y".encode()).decode(),
    "SASL plain": lambda secret: base64.b64encode(f"\0ada\0{secret}".encode()).decode(),
    "JSON": json.dumps,
    "JSON in UTF-8": lambda secret: json.dumps(secret, ensure_ascii=False),
    "repr": repr,
    "repr of bytes": lambda secret: repr(secret.encode()),
    "HTML": html.escape,
    "hex": lambda secret: secret.encode().hex(),
    "hex in capitals": lambda secret: secret.encode().hex().upper(),
    "hex with blanks": lambda secret: secret.encode().hex(" "),
    "XML": lambda secret: html.escape(secret).replace("&#x27;", "&apos;"),
    "JSON of Go": lambda secret: json.dumps(secret, ensure_ascii=False).replace("&", "\\u0026").replace("<", "\\u003c"),
    "JSON of .NET": lambda secret: (
        json.dumps(secret)
        .replace('\\"', "\\u0022")
        .replace("\\u00f6", "\\u00F6")
        .translate({ord(sign): f"\\u{ord(sign):04X}" for sign in "<>&'+"})
    ),
    "JSON of PHP": lambda secret: json.dumps(secret).replace("/", "\\/"),
    "pprint": lambda secret: pprint.pformat({"headers": {"authorization": secret}}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_found_however_it_is_written(way: str) -> None:
    written = WAYS[way](SECRET)

    told = guard(SECRET).text(f"before {written} after")

    assert MARK in told
    assert told.startswith("before ") and told.endswith(" after")
    assert written not in told


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "encodebytes": base64.encodebytes,
    "encodebytes in an exception": lambda content: repr(base64.encodebytes(content)).encode(),
    "MIME": lambda content: base64.encodebytes(content).replace(b"\n", b"\r\n"),
    "a folded header": lambda content: base64.encodebytes(content).replace(b"\n", b"\r\n "),
    "JSON": lambda content: json.dumps(base64.encodebytes(content).decode()).encode(),
    "hex dump": lambda content: b"\n".join(content[at : at + 8].hex().encode() for at in range(0, len(content), 8)),
    "wrapped": lambda content: b"\n".join(content[at : at + 8] for at in range(0, len(content), 8)),
}


@pytest.mark.parametrize("way", BROKEN)
@pytest.mark.parametrize("before", [b"", b"ada:", b"x" * 50, b"y" * 55])
@pytest.mark.parametrize("size", [1, 7, 4_096])
def test_what_is_broken_over_lines_is_found_however_it_is_cut(way: str, before: bytes, size: int) -> None:
    secret = "a-long-secret-of-a-service-that-writes-tokens-0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    written = b"before\n" + BROKEN[way](before + secret.encode()) + b"\nafter\n"

    black, said, held = guard(secret), b"", b""
    for start in range(0, len(written), size):
        held += written[start : start + size]
        place = black.cut(held)
        said, held = said + black.content(held[:place]), held[place:]
    said += black.rest(held)

    assert said.startswith(b"before\n") and said.endswith(b"after\n")
    assert said.count(MARK.encode()) == 1
    # No more than the neighbours and their share of a group are left.
    assert len(said) < len(BROKEN[way](before)) + len(MARK) + 30


def test_lines_of_others_stay_as_they_are() -> None:
    black, told = guard("s3cret-s3cret"), "s3cret-\n\nother\\nlines \n s3cre\n"

    assert black.text(told) == told


@given(secret=SECRETS, before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_base64_around_a_secret_leaves_at_most_what_its_neighbours_share(
    secret: str, before: bytes, after: bytes
) -> None:
    written = base64.b64encode(before + secret.encode() + after)

    told = guard(secret).content(written)

    left = told.partition(MARK.encode())
    assert left[1] or len(secret.encode()) < 5
    # Of the secret, no more is left than the character at either end that it shares with a neighbour.
    assert len(left[0]) <= len(before) * 8 // 6 + 1 or not left[1]


@given(
    secrets=st.lists(SECRETS, min_size=1, max_size=3), cuts=st.lists(st.integers(0, 400), max_size=12), data=st.data()
)
def test_a_secret_that_is_split_over_writes_is_found_like_a_whole_one(
    secrets: list[str], cuts: list[int], data: st.DataObject
) -> None:
    black = guard(*secrets)
    words = st.sampled_from([*secrets, *(secret[:-1] for secret in secrets), "-", urllib.parse.quote(secrets[0])])
    whole = "".join(data.draw(st.lists(words, max_size=8))).encode()

    said, held, places = b"", b"", sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    for start, end in itertools.pairwise(places):
        held += whole[start:end]
        place = black.cut(held)
        said, held = said + black.content(held[:place]), held[place:]
    said += black.rest(held)

    assert said == black.rest(whole)
    assert not any(secret.encode() in said for secret in secrets if secret not in MARK)


def test_the_longer_of_two_secrets_that_begin_alike_leaves_no_rest() -> None:
    black = guard("abcd", "abcdefgh")

    assert black.cut(b"abcd") == 0
    assert black.content(b"abcdefgh") == MARK.encode()


def test_the_lines_of_a_key_are_secret_each() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"

    assert guard(key).text("cannot read kqhkiG9w0BAQEF here") == f"cannot read {MARK} here"


def test_the_parts_of_a_secret_that_is_json_are_secret_each() -> None:
    """actions/runner#2232: each line was masked as it stands, and a program said the key of it alone."""
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----\n"
    secret = json.dumps({"type": "ok", "private_key_id": "f871b60d0617", "keys": [{"private_key": key}]}, indent=2)

    black = guard(secret)

    assert black.text("id f871b60d0617 of {}") == f"id {MARK} of {{}}"
    assert "MIIEvQIBADANBg" not in black.text(f"{key!r} {json.dumps(key)}")
    assert black.text("cannot read MIIEvQIBADANBg here") == f"cannot read {MARK} here"
    # Nothing that is in any log: no brace, and no word as short as that.
    assert black.text('{ "type": "ok" }') == '{ "type": "ok" }'


def test_all_that_an_outcome_says_is_looked_through() -> None:
    outcome = StepOutcome(
        status=StepStatus.FAILED,
        message="no s3cret!",
        outputs={"a.b": "s3cret!", "a.c": FileOutput(path="/x", name="s3cret!.csv"), "a.d": 5},
        figures={"s3cret!": 1},
    )

    told = guard("s3cret!").outcome(outcome)

    assert "s3cret" not in repr(told).replace("[secret]", "")
    assert told.outputs["a.d"] == 5


def test_without_secrets_nothing_changes() -> None:
    black = Blackout(None)

    assert (black.is_needed, black.text("any\ud800"), black.cut(b"any")) == (False, "any\ud800", 3)


def test_an_empty_secret_blacks_out_nothing() -> None:
    assert guard("").text("plain") == "plain"


def test_what_is_written_to_the_log_by_anybody_passes_through(tmp_path: Path) -> None:
    place = tmp_path / "log"
    first = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    second = os.dup(first)

    with guard("s3cret!").over_log(first, second):
        os.write(first, b"one s3c")
        os.write(first, b"ret! two\n")
        os.write(second, b"x" * 200_000 + b"s3cret!")
    os.write(first, b"\nas before\n")

    assert place.read_bytes() == b"one [secret] two\n" + b"x" * 200_000 + b"[secret]\nas before\n"
    os.close(first)
    os.close(second)


def test_a_beginning_before_megabytes_of_line_ends_is_not_kept_for_ever(tmp_path: Path) -> None:
    handle = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    with guard("s3cret!").over_log(handle):
        for _ in range(40):
            os.write(handle, b"s3cre" + b"\n" * 60_000)
            os.write(handle, b"\n" * 60_000)
        os.write(handle, b"done")
    os.close(handle)

    said = (tmp_path / "log").read_bytes()
    assert said.endswith(b"done") and said.count(b"\n") > 1_000_000


def test_a_frame_is_wiped() -> None:
    payload = codec.encoded(["password", "s3cret!"])

    wipe(payload)

    assert payload == bytes(len(payload))


def test_a_connection_that_is_printed_tells_no_secret() -> None:
    assert "s3cret" not in repr(ConnectionInput(name="bank", kind="http", options={}, secrets={"token": "s3cret!"}))
