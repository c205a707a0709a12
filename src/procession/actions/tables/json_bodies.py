"""Parses rows as JSON: numbers exactly as written, no name twice in an object."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from procession.actions.problems import Problem

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HOW_CSV = "rows as CSV need the header Content-Type: text/csv"
_EXPONENT_MAX = 100
_START = re.compile(rb"[ \t\r\n]*(.{0,2})", re.DOTALL)
# Every string of valid JSON, and behind names the colon.
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"(?:[ \t\r\n]*(:))?', re.DOTALL)


def parse(raw: bytes, *, lines: bool = False) -> dict[str, Any]:
    """The body with its own names in lower case and a list of "rows"; `lines` are rows themselves, one a line.

    Raises Problem in the client's words.
    """
    raw = raw.removeprefix(_BYTE_ORDER_MARK)
    if lines:
        return {"rows": [_row(line, number) for number, line in enumerate(raw.split(b"\n"), 1) if line.strip()]}
    _check_start(raw)
    try:
        body = msgspec.json.Decoder(float_hook=_exact).decode(raw)
        if _has_twins(raw, body):
            _refuse_twins(raw)
    except RecursionError:
        raise Problem("the body is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise Problem(f"the body is not valid JSON: {error}") from None
    # What most programs have: a list of rows.
    if isinstance(body, list):
        body = {"rows": body}
    names = [name.lower() for name in body]
    twin = next((name for name, times in Counter(names).items() if times > 1), None)
    if twin is not None:
        raise Problem(f'the body names "{twin[:80]}" twice')
    body = dict(zip(names, body.values(), strict=True))
    if not isinstance(body.get("rows"), list):
        raise Problem('rows must be a list of objects: [{"column": value, ...}, ...]')
    return body


def _row(line: bytes, number: int) -> Any:
    try:
        row = msgspec.json.Decoder(float_hook=_exact).decode(line)
        if _STRING.findall(line).count(b":") > (len(row) if isinstance(row, dict) else 0):
            # Only a line with more names than it kept is read again, by the slower parser.
            row = json.loads(line, object_pairs_hook=_object)
    except RecursionError:
        raise Problem(f"line {number} is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise Problem(f"line {number} is not valid JSON: {error}") from None
    if isinstance(row, _Twins):
        raise Problem(f'line {number} names the column "{row.name[:80]}" twice')
    return row


def _check_start(raw: bytes) -> None:
    """CSV sent with curl's default content type gets advice on the right one, not a JSON syntax error."""
    found = _START.match(raw)
    start = found[1] if found else b""
    if start == b"--":
        raise Problem(f"the rows themselves must be the body, not a form that holds a file of them; {_HOW_CSV}")
    if start[:1] not in {b"[", b"{"}:
        raise Problem(f'the body must be {{"mode": ..., "rows": [{{...}}, ...]}} or a list of rows; {_HOW_CSV}')


def _exact(text: str) -> Decimal:
    number = Decimal(text)
    # 1e999999999 is ten characters, but a gigabyte of digits once written out.
    if number and abs(number.adjusted()) > _EXPONENT_MAX:
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


def _has_twins(raw: bytes, body: Any) -> bool:
    """Whether a name occurs twice in an object: msgspec silently keeps the last.

    True as well where objects lie deeper than rows do: nothing of them counts here. Counting costs a third of a second
    for 30 MB, half of what it would take to have every object's names handed over by the standard library.
    """
    kept = len(body) if isinstance(body, dict) else 0
    lists = body.values() if isinstance(body, dict) else [body]
    for rows in lists:
        kept += sum(len(row) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else 0
    return _STRING.findall(raw).count(b":") > kept


@dataclass(frozen=True, slots=True)
class _Twins:
    """Stands for an object that has this name twice."""

    name: str


def _refuse_twins(raw: bytes) -> None:
    """Raises Problem naming the first row that names a column twice, and the column."""
    body = json.loads(raw, object_pairs_hook=_object)
    if isinstance(body, _Twins):
        raise Problem(f'the body names "{body.name[:80]}" twice')
    lists = body.values() if isinstance(body, dict) else [body]
    for rows in lists:
        for number, row in enumerate(rows if isinstance(rows, list) else (), 1):
            if isinstance(row, _Twins):
                raise Problem(f'row {number} names the column "{row.name[:80]}" twice')


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Twins:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            return _Twins(name)
        found[name] = value
    return found
