"""What a field :86: says of an entry: in the German form (?20), by code words between slashes, or as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

LINE_CHARACTERS = 65  # a line as long as this was cut there
PART_CHARACTERS = 27  # the same of a part ?20 to ?29
_NOT_GIVEN = frozenset({"NOTPROVIDED", "NOT PROVIDED", "NONREF"})
# Three digits, then a mark that comes again in front of each part.
_PARTS = re.compile(r"([0-9]{3})([?~<>^@|*%#])(?=[0-9]{2})")
_WORD = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|COAM|OAMT|IBAN|BIC|PURP|RREF|RTRN)\+")
_CODES = (
    "TRTP|TRCD|IBAN|BIC|NAME|REMI|EREF|MARF|CSID|CNTP|ORDP|BENM|ADDR|ISDT|RTRN|PREF|PURP|ULTC|ULTD|ULTB|SVCL|MREF|KREF"
    "|CRED|DEBT|OCMT|CHGS|EXCH|ID|TYPE|ACCW|BO|BI|PY|CHEQ|OAMT|COAM|RREF|ACCT|SWC|IREF"
)
_SLASHES = re.compile(rf"/({_CODES})/")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwiftDetails:
    """Empty where the bank does not say it."""

    text: str = ""
    code: str = ""
    party: str = ""
    party_account: str = ""
    end_to_end_id: str = ""
    reference: str = ""


def parse(lines: list[str]) -> SwiftDetails:
    """Never fails: a form that is not known is plain text."""
    # Joined as they were cut, because a part may go over the end of a line.
    whole = "".join(one.rstrip("\r") for one in lines)
    if found := _PARTS.match(whole):
        return _of_parts(found[1], whole[found.end() :].split(found[2]))
    if len(codes := _SLASHES.findall(whole)) > 1 or (codes and whole.lstrip().startswith("/")):
        return _of_codes(whole)
    return SwiftDetails(text=_joined(lines, LINE_CHARACTERS))


def _joined(lines: Iterable[str], full: int) -> str:
    """Lines that were cut at their full length continue; the others were separate words."""
    return " ".join("".join(one if len(one) >= full else f"{one} " for one in lines).split())


def _of_parts(code: str, parts: list[str]) -> SwiftDetails:
    """The German form: ?00 what it is, ?20 to ?29 and ?60 to ?63 the purpose, ?31 the account, ?32 and ?33 the name."""
    by: dict[str, list[str]] = {}
    for part in parts:
        # Behind a question mark of the text itself there are no digits: it belongs to the part before.
        if part[:2].isdigit() or not by:
            by.setdefault(part[:2], []).append(part[2:])
        else:
            list(by.values())[-1][-1] += f"?{part}"
    purpose = [one for key, ones in by.items() if key[0] == "2" or "60" <= key <= "63" for one in ones]
    text = _joined(purpose, PART_CHARACTERS)
    # The words of SEPA (EREF+, SVWZ+) stand within the German form, and go over the ends of its parts.
    words = _words(text)
    booking = "".join(by.get("00", ())).strip()
    return SwiftDetails(
        text=words.get("SVWZ", words.get("", text)) or booking,
        code=code,
        party=_joined([*by.get("32", ()), *by.get("33", ())], PART_CHARACTERS),
        party_account="".join(by.get("31", ())).strip() or words.get("IBAN", ""),
        end_to_end_id=_given(words.get("EREF", "")),
        reference=_given(words.get("KREF", "")),
    )


def _words(text: str) -> dict[str, str]:
    """The purpose by its code words (EREF+, SVWZ+); what stands before the first one under ""."""
    pieces = _WORD.split(text)
    found = {"": pieces[0].strip()} if pieces[0].strip() or len(pieces) == 1 else {}
    for word, value in zip(pieces[1::2], pieces[2::2], strict=True):
        found[word] = f"{found[word]} {value.strip()}" if word in found else value.strip()
    return found


def _given(text: str) -> str:
    return "" if text.strip().upper() in _NOT_GIVEN else text.strip()


def _of_codes(whole: str) -> SwiftDetails:
    """Code words between slashes, as the banks of the Netherlands and others write them."""
    pieces = _SLASHES.split(whole)
    found: dict[str, str] = {}
    for word, value in zip(pieces[1::2], pieces[2::2], strict=True):
        found.setdefault(word, value.strip().strip("/").strip())
    account, name = found.get("IBAN", ""), found.get("NAME", "")
    # Counterparty: account, bank, name and city behind each other.
    other = found.get("CNTP", "").split("/")
    remittance = re.sub(r"^(USTD//|STRD/(CUR/|ISO/)?)", "", found.get("REMI", ""))
    return SwiftDetails(
        text=" ".join(remittance.split()) or " ".join(pieces[0].split()) or (" ".join(whole.split())),
        party=name or (other[2] if len(other) > 2 else ""),
        party_account=account or (other[0] if _IBAN.fullmatch(other[0]) else ""),
        end_to_end_id=_given(found.get("EREF", "")),
        reference=_given(found.get("PREF", "")),
    )
