"""Texts and bodies that have broken other servers, for every place of every operation (S4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from tests.fuzz.places import Attack, operations

# What injections.py has breaks out of where it stands; these are odd where they stand.
TEXTS = (
    "\x00",
    "a\x00b",
    "\u202excod.exe",
    "\ufeff",
    "\U0001f4a9" * 50,
    "A" * 10_000,
    "9" * 400,
    "-1",
    "1e400",
    "NaN",
    "null",
    "[]",
    "{}",
    "%s%n%x",
    "; id",
    "con",
    " ",
    "",
    "2026-02-30T25:61:61Z",
    "\u0130\u212a\ufb01\u1e9e",
)
# What shows that one of them did something.
HITS = ("root:x:", "uid=0", "syntax error", "sqlite", "Traceback", "OperationalError", "[extensions]")
BODIES = (
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"NaN",
    b'{"name": NaN, "value": Infinity, "start": -Infinity}',
    b'{"name": 1e999999999, "value": 1e999999999, "wait": 1E-999999999}',
    b'{"value": ' + b"9" * 5_000 + b"}",
    b'{"name": "a", "name": "b", "NAME": {"x": 1}, "value": 1, "value": [1]}',
    b"[" * 50_000,
    b'{"a":' * 50_000,
    b'{"name": "\\ud800", "reason": "\\udfff", "value": "\\ud83d"}',
    b'{"name": "\\u0000", "reason": "\\u0000", "value": "\\u0000", "mouseoverText": "\\u0000"}',
    b"\xff\xfe\x00{\x00}",
    b'{"name": "\xff"}',
    b"\x00" * 1_000,
    b'{"__proto__": {"admin": true}, "__class__": "os", "constructor": 1}',
    b"%PDF-1.7",
    b"PK\x03\x04" + b"\x00" * 200,
    b"PAR1" + b"\xff" * 200 + b"PAR1",
    b"&a&a=&=&%ZZ=%",
    b"- &a [*a, *a]\n",
    b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: &d [*c,*c]\nprocess: *d\n",
    b"process: !!python/object/apply:os.system [id]\n",
)
KINDS = ("application/json", "application/x-www-form-urlencoded", "application/yaml", "text/csv", "x", "")
OFFER = "multipart/form-data; boundary=x"


def attacks(document: Mapping[str, Any], ids: Mapping[str, str]) -> Iterator[Attack]:
    """Every text in every place of every operation, one at a time, and every body."""
    for operation in operations(document, ids):
        for place in operation.places():
            yield from (place(text) for text in TEXTS)
        if operation.good.kind:
            yield from _bodies(operation.good)


def _bodies(good: Attack) -> Iterator[Attack]:
    for number, body in enumerate(BODIES):
        yield replace(good, body=body, kind=KINDS[number % len(KINDS)])
        yield replace(good, body=b"--x\r\n" + body + b"\r\n--x--\r\n", kind=OFFER)
