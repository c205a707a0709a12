"""Whatever a client sends is read in time that grows with its size, also where it is refused (S4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from procession import actions
from procession.door import bodies, digests, downloads
from procession.door.contract import Request
from procession.model import process_file
from tests.fuzz.growth import Case, complaint, memory_complaint, sized

ACTIONS = actions.registry()
STEP = "process: P\ngroups:\n- group: G\n  steps:\n  - data: D\n    key: d\n"
CODE = "process: P\ngroups:\n- group: G\n  steps:\n  - action: run_python\n    with:\n      code: pass\n      inputs:\n"
SQL = CODE.replace("run_python", "run_sql").replace("code: pass", "sql: SELECT 1").replace("inputs", "outputs")
HEADER_BYTES = 32_000
BODY_BYTES = bodies.BODY_BYTES_MAX // 2 - 100
FILE_CHARACTERS = 240_000


def repeated(head: str, unit: str, tail: str = "") -> Callable[[int], str]:
    return lambda size: head + unit * (size // len(unit)) + tail


def numbered(head: str, unit: str, tail: str = "") -> Callable[[int], str]:
    return lambda size: head + "".join(unit.replace("#", str(n)) for n in range(size // (len(unit) + 4))) + tail


def json_body(text: str) -> object:
    return bodies.parse_json(text.encode())


def form(text: str) -> object:
    return bodies.parse_form(text.encode(), "application/x-www-form-urlencoded")


def digest(text: str) -> object:
    return digests.Hashed({"content-digest": text})


def byte_range(text: str) -> object:
    request = Request(method="GET", path="/", origin="", headers={"range": text}, query={})
    return downloads.choose(request, size_bytes=10, etag="")


def file(text: str) -> object:
    return process_file.parse(text, actions=ACTIONS, reads_code=False)


SHAPES: list[tuple[str, Callable[[Any], object], int, Callable[[int], str]]] = [
    ("the last key twice", json_body, BODY_BYTES, numbered('{"last":1,', '"k#":1,', '"last":1}')),
    ("one key", json_body, BODY_BYTES, repeated("{", '"a":1,', '"a":1}')),
    ("lists in lists", json_body, BODY_BYTES, repeated('{"a":', "[")),
    ("digits", json_body, BODY_BYTES, repeated('{"a":', "9", "}")),
    ("decimals", json_body, BODY_BYTES, repeated('{"a":0.', "9", "}")),
    ("digits of an exponent", json_body, BODY_BYTES, repeated('{"a":1e', "9", "}")),
    ("escapes", form, bodies.PUBLIC_BODY_BYTES_MAX // 2, repeated("a=", "%41")),
    ("bad escapes", form, bodies.PUBLIC_BODY_BYTES_MAX // 2, repeated("a=", "%")),
    ("blanks in a digest", digest, HEADER_BYTES, repeated("a=", " ", "!")),
    ("blanks in a range", byte_range, HEADER_BYTES, repeated("bytes=", " ", "x")),
    ("blanks behind a range", byte_range, HEADER_BYTES, repeated("bytes=1-", " ", "x")),
    ("equal keys", file, FILE_CHARACTERS, repeated("", "a: 1\n")),
    ("unknown keys", file, FILE_CHARACTERS, numbered("", "k#: 1\n")),
    ("similar keys", file, FILE_CHARACTERS, numbered(STEP, "    propertie#: 1\n")),
    ("steps", file, FILE_CHARACTERS, numbered(STEP, "  - data: s#\n")),
    ("needs that are not there", file, FILE_CHARACTERS, numbered(STEP + "    needs: [", "s#,", "s]")),
    ("references", file, FILE_CHARACTERS, numbered(CODE, "        i#: ${d.x#}\n")),
    ("outputs", file, 100_000, numbered(SQL, "        i#: ${d.x}\n")),
    ("accents", file, FILE_CHARACTERS, repeated(STEP + "  - data: a", "\u0301\u0316", "\n")),
    ("directives", file, FILE_CHARACTERS, numbered("", "%TAG !e#! tag:e,2000:\n")),
]
# A node of YAML knows where it stands, and each escape of a form becomes a text.
BYTES_MAX: dict[Callable[[Any], object], int] = {file: 100, form: 200}
CASES = [
    Case(name=name, parse=parse, make=make, size=size, bytes_max=BYTES_MAX.get(parse, 40))
    for name, parse, size, make in SHAPES
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_twice_the_input_takes_about_twice_the_time(case: Case, is_thorough: bool) -> None:
    assert complaint(sized(case, is_thorough=is_thorough)) == ""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_twice_the_input_takes_about_twice_the_memory(case: Case, is_thorough: bool) -> None:
    assert memory_complaint(sized(case, is_thorough=is_thorough)) == ""
