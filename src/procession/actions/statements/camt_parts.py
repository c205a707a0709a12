"""The parts of an element of CAMT as texts by their path, whatever namespace its version has."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

# "Amt" -> "12.00", "Amt@Ccy" -> "EUR", "Refs/EndToEndId" -> "E1". Of several of one path the first; those in LISTED
# are put together with blanks: a text in several lines, charges of several kinds, each invoice that was paid. Amounts
# of one path in further currencies are told apart, as "Chrgs/Rcrd/Amt@USD": what is put together is added up.
Parts = dict[str, str]
_LISTED = (
    "Ustrd",
    "AddtlTxInf",
    "AddtlNtryInf",
    "AddtlRmtInf",
    "Chrgs/Rcrd/Amt",
    "Chrgs/Amt",
    "CdtrRefInf/Ref",
    "CdtrRefInf/CdtrRef",
    "RfrdDocInf/Nb",
)
_LEVELS_MAX = 30  # the deepest path of the standard has eight
_TRANSACTION = "TxDtls"  # read and emptied before the entry that it is in
# Of no row: addresses, other banks, and what a country adds. They are a third of all elements.
_LEFT_OUT = frozenset(
    {_TRANSACTION, "RltdAgts", "PstlAdr", "CtctDtls", "SplmtryData", "RltdDts", "Issr", "SchmeNm", "Svcr"}
)
_PATHS_MAX = 4096  # remembered; all messages together have a few hundred


def local(node: Any) -> str:
    """Its name without a namespace."""
    tag = node.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def parts_of(node: Any) -> Parts:
    """Every part below the element; its own text under ""."""
    found: Parts = {}
    if node.text and (text := node.text.strip()):
        found[""] = text
    _take(node, "", found, 0)
    return found


# A hundred thousand entries have six million elements, of a few hundred paths.
@lru_cache(maxsize=_PATHS_MAX)
def _about(path: str, tag: object) -> tuple[str, str, bool, str]:
    """The child's name and path, whether its texts are put together, and the path of its currency, if any."""
    # An entity would be a node whose tag is a function, and a comment too.
    name = tag.rpartition("}")[2] if isinstance(tag, str) else ""
    name = "" if name in _LEFT_OUT else name
    whole = f"{path}/{name}" if path else name
    return name, whole, whole.endswith(_LISTED), f"{whole}@Ccy" if name.endswith(("Amt", "AmtAndTax")) else ""


def _take(node: Any, path: str, found: Parts, level: int) -> None:
    for child in node:
        name, whole, is_listed, currency_path = _about(path, child.tag)
        if not name:
            continue
        text = child.text
        if text and (text := text.strip()):
            currency = child.get("Ccy") if currency_path else None
            if currency is not None and found.setdefault(currency_path, currency) != currency:
                whole_of = f"{whole}@{currency}"
            else:
                whole_of = whole
            if is_listed and whole_of in found:
                found[whole_of] += f" {text}"
            else:
                found.setdefault(whole_of, text)
        if level < _LEVELS_MAX and len(child):
            _take(child, whole, found, level + 1)


def first(parts: Parts, *paths: str) -> str:
    """The text of the first of these paths that is there, else ""."""
    for path in paths:
        if text := parts.get(path):
            return text
    return ""
