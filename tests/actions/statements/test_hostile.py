"""Files that were cut, changed or made to harm: a clear refusal, never an exception, never a part of the rows."""

from __future__ import annotations

import random
import tracemalloc
from decimal import Decimal
from time import process_time

import pytest

from procession.model.lifecycle import StepStatus
from tests.actions.statements import bank
from tests.actions.statements.bank import Month, Moved, camt_entry
from tests.actions.statements.statements import parse

MOVED = [Moved(amount=Decimal(n) / 4, reference=f"R{n}", text=f"Invoice {n}, of Müller & Co") for n in range(-4, 5)]
MONTHS = [Month(moved=MOVED), Month(account="OTHER", moved=MOVED)]
WRITTEN = {
    "MT940": bank.swift(*MONTHS),
    "CAMT": bank.camt(*MONTHS),
    "BAI2": bank.bai2(*MONTHS),
    "OFX": bank.ofx(*MONTHS),
    "OFX in XML": bank.ofx(*MONTHS, is_xml=True),
}
SECONDS_MAX = 10  # of a process, for one file (trust.md S4)
_PIECES = [
    b"\0",
    b"\xff",
    b"<",
    b">",
    b"/",
    b",",
    b":",
    b"\n",
    b"9" * 30,
    b"-",
    b"",
    b"&x;",
    b"]]>",
    b"<![CDATA[",
    b"{4:",
]


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_file_that_was_cut_anywhere_gives_no_rows(tmp_path, kind, is_thorough):
    whole = WRITTEN[kind].rstrip()

    # The last characters of MT940 and BAI2 say nothing that is not said before.
    for size in range(1, len(whole) - 8, max(1, len(whole) // (30 if is_thorough else 11))):
        parsed = parse(tmp_path, whole[:size])

        assert parsed.status in {StepStatus.FAILED, StepStatus.WARNING, StepStatus.SUCCESS}
        # One whole statement of two may stand before the cut where the format has no end of its own.
        if parsed.status is not StepStatus.FAILED:
            assert kind == "MT940" and len(parsed.rows) % len(MOVED) == 0, size


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_file_of_which_something_was_changed_ends_in_words(tmp_path, kind, is_thorough):
    chance = random.Random(kind)  # noqa: S311 - the same changes in every run
    for _ in range(25 if is_thorough else 10):
        changed = bytearray(WRITTEN[kind])
        for _ in range(chance.choice([1, 1, 3])):
            place = chance.randrange(len(changed))
            changed[place : place + chance.choice([0, 1, 1, 5, 40])] = chance.choice(_PIECES)

        parsed = parse(tmp_path, bytes(changed))

        if parsed.status is StepStatus.FAILED:
            assert parsed.message and "\0" not in parsed.message and not parsed.played.outputs
        elif kind in {"MT940", "CAMT", "BAI2"}:
            # Balances and totals stand guard: what is read all the same has every amount.
            assert sorted(parsed.column("amount")) == sorted(f"{one.amount.normalize():f}" for one in MOVED * 2)


def entities(depth: int) -> bytes:
    lines = ['<!ENTITY e0 "aaaaaaaaaa">'] + [f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, depth)]
    return f"<?xml version='1.0'?><!DOCTYPE Document [{''.join(lines)}]>".encode()


CAMT = bank.camt(Month(moved=[Moved(amount=Decimal(1), text="TEXT")])).partition(b"?>\n")[2]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        pytest.param(entities(12) + CAMT.replace(b"TEXT", b"&e11;"), "document type", id="a billion laughs"),
        pytest.param(b'<!DOCTYPE Document SYSTEM "http://127.0.0.1:1/x.dtd">' + CAMT, "document type", id="fetched"),
        pytest.param(b'<!DOCTYPE D [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + CAMT.replace(b"TEXT", b"&x;"),
                     "document type", id="a file of the server"),
        pytest.param(CAMT.replace(b"TEXT", b"<a>" * 100_000), "no whole XML", id="deep"),
        pytest.param(CAMT.replace(b"TEXT", b"x" * 200_000), "more than 100,000 letters", id="a long text"),
        pytest.param(CAMT.replace(b"TEXT", b"x" * 9_000_000), "without an end of an entry", id="a longer text"),
        pytest.param(CAMT.replace(b"<GrpHdr>", b"<a/>" * 3_000_000 + b"<GrpHdr>"), "without an end of an entry", id="wide"),
        pytest.param(CAMT.replace(b"<TxDtls>", b"<TxDtls/>" * 100_001 + b"<TxDtls>"), "transactions", id="many details"),
        pytest.param(b":20:A\n:25:B\n:28C:1\n:60F:C260101EUR0,\n:61:260101C1,NTRF\n:86:" + b"x\n" * 100_000, "longer than", id="long :86:"),
        pytest.param(b":20:A\n:25:B\n:28C:1\n" + b"x" * 3_000_000, "characters", id="a long line"),
        pytest.param(b"01,A,B,260101,,1,,,2/\n02,A,B,1,260101,,,/\n03,A,/\n" + b"88,1\n" * 100_000, "goes on", id="88 without end"),
        pytest.param(b"OFXHEADER:100\n\n<OFX>" + b"<STMTTRN>" * 100_000, "nested", id="deep OFX"),
        pytest.param(b"OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>" + b"x" * 3_000_000, "characters", id="a long value"),
        pytest.param(b"OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>" + b"<![CDATA[" * 300_000, "characters", id="CDATA without end"),
        pytest.param(b"OFXHEADER:100\n\n<OFX>" + b"<" * 3_000_000, "characters", id="marks only"),
        pytest.param(b":20:\n" * 600_000, "no bank statement", id="beginnings only"),
        pytest.param(b"\x00" * 1_000_000, "nothing but zero bytes", id="zeros"),
    ],
)  # fmt: skip
def test_a_file_that_is_made_to_harm_is_refused_within_seconds(tmp_path, file, said):
    began = process_time()

    parsed = parse(tmp_path, file)

    assert (parsed.status, said in parsed.message) == (StepStatus.FAILED, True), parsed.message[:300]
    assert process_time() - began < SECONDS_MAX
    assert str(tmp_path) not in parsed.message


def test_memory_does_not_grow_with_the_entries_of_a_statement(tmp_path):
    held = []
    for count in (500, 4_000):
        entries = camt_entry(Moved(amount=Decimal(1))) * count
        file = bank.camt(Month(said_closing=Decimal(100 + count))).replace(b"</Stmt>", entries.encode() + b"</Stmt>")
        tracemalloc.start()
        parsed = parse(tmp_path, file)
        held.append(tracemalloc.get_traced_memory()[1] - len(parsed.rows) * 2_000)
        tracemalloc.stop()

        assert (parsed.status, len(parsed.rows)) == (StepStatus.SUCCESS, count), parsed.message

    # The rows that this test itself reads, and the file, are all that there is more of.
    assert held[1] - held[0] < (6 << 20)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b":20:R\n:25:A\n:28C:1\n:34F:EUR0,\n:61:260131C1,NTRFX\n:86:text\n-\n:61:260131C2,NTRFX\n-\n", "the field :61: stands outside"),
        (WRITTEN["OFX"].replace(b"<STMTRS>", b"<LOANSTMTRS>", 1), "a transaction stands outside of a statement"),
        (WRITTEN["CAMT"].replace(b"<Ntry>", b"<Ntries><Ntry>", 1).replace(b"</Ntry>", b"</Ntry></Ntries>", 1),
         "an entry stands where none belongs, in <Ntries>"),
    ],
)  # fmt: skip
def test_an_entry_outside_of_its_statement_is_not_passed_over(tmp_path, file, said):
    parsed = parse(tmp_path, file)

    assert (parsed.status, said in parsed.message) == (StepStatus.FAILED, True), parsed.message
