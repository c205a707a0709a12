"""Tells the format of a bank statement by its first bytes; a name proves nothing, banks use .txt for all of them."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading import kinds
from procession.actions.statements import numbered_lines

_HEAD_BYTES = 1 << 16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CAMT = re.compile(r"<(?:[\w.-]{1,40}:)?BkToCstmr(?:Stmt|AcctRpt|DbtCdtNtfctn)")
_OFX = re.compile(r"\s*(?:OFXHEADER\s*:|(?:<\?xml[^>]*>\s*|<\?OFX[^>]*>\s*)*<OFX>)", re.IGNORECASE)
# Some banks write lines of their own, or SWIFT's envelope, in front of the first field.
_MT940 = re.compile(
    r"^[\x01-\x03]?(?:\{[^\n]*\{4:\s*)?:2(?:0|5P?):[^\n]*\n(?:[^:\n][^\n]*\n|\n)*:(?:2[158]C?P?|60[FM]|13D?|34F):",
    re.MULTILINE,
)
_BAI2 = re.compile(r"\s*01,[^\n]*[\r\n]+\s*(?:88,[^\n]*[\r\n]+\s*)*02,")
_INSTEAD = "parse_statement reads MT940, MT942, CAMT, BAI2, OFX and QFX; other steps read tables as a source"


def format_of(source: FileInput) -> str:
    """ "mt940", "camt", "bai2" or "ofx". Raises Problem for anything else, saying what it is."""
    with Path(source.path).open("rb") as file:
        head = file.read(_HEAD_BYTES)
    numbered_lines.refuse_ebcdic(source, head)
    text = _decoded(head)
    if _CAMT.search(text):
        return "camt"
    if _OFX.match(text):
        return "ofx"
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _MT940.search(text):
        return "mt940"
    if _BAI2.match(text):
        return "bai2"
    # It names what else it can be, a picture say; a table of rows it takes for one.
    kind = kinds.kind_of(source)
    raise Problem(f"{source.called} is no bank statement (it looks like {kind}); {_INSTEAD}")


def _decoded(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "replace")
    # Without a mark, XML may still be in UTF-16: every other byte is zero then.
    if head[:4] == b"<\0?\0":
        return head.decode("utf-16-le", "replace")
    return head.decode("latin-1")
