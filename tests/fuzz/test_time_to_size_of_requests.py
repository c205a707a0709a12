"""What the doors read beside bodies takes time and memory that grow with its size: uploads, heads, paths, OAuth (S4)."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from authlib.oauth2 import OAuth2Error
from multipart import MultipartError

from procession.api.wire import reading
from procession.door import browser, conditions, idempotency_key, ids, part_headers, paths, requests, uploads
from procession.door.contract import Request
from procession.model import columns, ends, redirects
from procession.model.columns import Column, ColumnType
from procession.model.errors import ProcessionError
from procession.model.files import Content
from procession.model.processes import Flow, Property, PropertyType
from procession.model.values import normalise
from procession.oauth import core
from procession.operations import events
from tests.fuzz.growth import Case, complaint, memory_complaint, sized
from tests.fuzz.test_time_to_size import HEADER_BYTES, numbered, repeated

UPLOAD_BYTES = 4_000_000
PART_BYTES = uploads.HEADER_BYTES_MAX // 2
QUERY_BYTES = 30_000
TEXT_BYTES = 500_000
PART = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
FILE = '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'


class Nowhere:
    """A sink that keeps nothing."""

    def write(self, data: bytes, /) -> object:
        return len(data)

    def finish(self) -> Content:
        return Content(sha256="", size_bytes=0)

    def abandon(self) -> None:
        pass


def multipart(text: str) -> object:
    """As uploads.receive_file() reads it, in pieces of a megabyte."""
    parts: Any = uploads._FileOfParts({"content-type": "multipart/form-data; boundary=b"}, Nowhere(), most=2**33)
    raw = text.encode()
    for start in range(0, len(raw), uploads.BATCH_BYTES):
        parts.feed([raw[start : start + uploads.BATCH_BYTES]])
    return parts.finish()


def small_pieces(text: str) -> object:
    """The boundary is not known before the first line is whole."""
    parts: Any = uploads._FileOfParts({}, Nowhere(), most=2**33)
    for character in text.encode():
        parts.feed([bytes([character])])
    return parts.finish()


def part_name(text: str) -> object:
    return part_headers.file_name({"content-disposition": text})


def content_type(text: str) -> object:
    return uploads.boundary_of(text, b"")


def scope_of(head: str, query: str = "") -> dict[str, Any]:
    pairs = [line.encode().partition(b":") for line in head.split("\n") if line]
    return {
        "type": "http",
        "method": "GET",
        "path": "/",
        "scheme": "http",
        "query_string": query.encode(),
        "headers": [(name, value) for name, _, value in pairs],
    }


def head(text: str) -> object:
    return requests.read(scope_of(text), "")


def query(text: str) -> object:
    return requests.read(scope_of("", text), "")


def path(text: str) -> object:
    return paths.normalise(text.encode())


def cookie(text: str) -> object:
    return browser.cookie(asked({"cookie": text}), browser.SESSION)


def asked(headers: dict[str, str]) -> Request:
    return Request(method="GET", path="/", origin="", headers=headers, query={})


def if_match(text: str) -> None:
    conditions.check({"if-match": text}, '"a"')


def if_none_match(text: str) -> object:
    return conditions.matches(text, '"a"')


def key(text: str) -> object:
    return idempotency_key._KEY.match(text)


def basic(text: str) -> object:
    return core.basic_id(f"Basic {text}")


def chosen_id(text: str) -> object:
    return ids.parse_ids({"process": text})


def position(text: str) -> object:
    return events._parsed(text) if events._POSITION.match(text) else None


def moment(text: str) -> object:
    return reading.moment(text, field="from")


def mail(text: str) -> None:
    with contextlib.suppress(ValueError):
        ends.addresses(text)


def value_of(kind: PropertyType) -> Any:
    item = Property(name="A", key="a", type=kind, flow=Flow.INPUT)
    return lambda text: normalise(item, text)


def cell_of(kind: ColumnType) -> Any:
    column = Column(field=2, name="A", type=kind, length=255)
    return lambda text: columns.canonical(column, text)


SHAPES: list[tuple[str, Any, int, Any]] = [
    ("a file", multipart, UPLOAD_BYTES, repeated(FILE, "x", "\r\n--b--\r\n")),
    ("a file that is cut off", multipart, UPLOAD_BYTES, repeated(FILE, "x")),
    ("a field and no file", multipart, UPLOAD_BYTES, repeated(PART, "x", "\r\n--b--\r\n")),
    ("line ends in a file", multipart, UPLOAD_BYTES, repeated(FILE, "\r\n", "\r\n--b--\r\n")),
    ("almost boundaries", multipart, UPLOAD_BYTES, repeated(FILE, "\r\n--", "\r\n--b--\r\n")),
    ("boundaries that go on", multipart, UPLOAD_BYTES, repeated(FILE, "\r\n--bx", "\r\n--b--\r\n")),
    ("empty parts", multipart, 100_000, repeated("", PART + "\r\n", "--b--\r\n")),
    ("a head without end", multipart, UPLOAD_BYTES, repeated("--b\r\nContent-Disposition: ", "x")),
    ("line ends before the first part", multipart, UPLOAD_BYTES, repeated("", "\r\n")),
    ("a body behind the last part", multipart, UPLOAD_BYTES, repeated(FILE + "x\r\n--b--\r\n", "\r\n--b")),
    ("pieces of a byte", small_pieces, 10_000, repeated(FILE.replace("=f", "=g"), "x")),
    ("a first line without end", small_pieces, 10_000, repeated("--", "b")),
    ("a name of a file", part_name, PART_BYTES, repeated('form-data; filename="', "x", '"')),
    ("escapes in a name", part_name, PART_BYTES, repeated('form-data; filename="', "\\", '"')),
    ("an open quote", part_name, PART_BYTES, repeated("form-data", ';a="')),
    ("blanks before a name", part_name, PART_BYTES, repeated("form-data;", " ", "x")),
    ("an extended name", part_name, PART_BYTES, repeated("form-data; filename*=UTF-8''", "%41", "%")),
    ("parameters of a part", part_name, PART_BYTES, numbered("form-data", ";a#=b", ";a1=b")),
    ("parameters of a type", content_type, HEADER_BYTES, repeated("multipart/form-data", ';a="')),
    ("escapes in a type", content_type, HEADER_BYTES, repeated('multipart/form-data; boundary="', "\\")),
    ("one header", head, HEADER_BYTES, repeated("", "a:\n")),
    ("many headers", head, HEADER_BYTES, numbered("", "a#:b\n")),
    ("hosts", head, HEADER_BYTES, repeated("", "host:a\n")),
    ("blanks around a header", head, HEADER_BYTES, repeated("host:", " ", "x")),
    ("names of a query", query, QUERY_BYTES, numbered("", "a#=b&")),
    ("one name of a query", query, QUERY_BYTES, repeated("", "a&")),
    ("marks of a query", query, QUERY_BYTES, repeated("", "&")),
    ("escapes of a query", query, QUERY_BYTES, repeated("a=", "%41", "%00")),
    ("bad escapes of a query", query, QUERY_BYTES, repeated("a=", "%F")),
    ("a path", path, QUERY_BYTES, repeated("", "/a")),
    ("a path up", path, paths.PATH_BYTES_MAX // 2 - 10, repeated("", "/..")),
    ("an escaped path", path, paths.PATH_BYTES_MAX // 2 - 10, repeated("/", "%2e", "%ff")),
    ("a path that is plain but for its end", path, paths.PATH_BYTES_MAX // 2 - 10, repeated("", "/a.a", "!")),
    ("cookies", cookie, HEADER_BYTES, repeated("", "a=b; ")),
    ("marks of cookies", cookie, HEADER_BYTES, repeated("", ";")),
    ("tags", if_match, HEADER_BYTES, numbered("", 'W/"#",')),
    ("quotes of tags", if_match, HEADER_BYTES, repeated("", '"', "x")),
    ("marks of tags", if_none_match, HEADER_BYTES, repeated("", "W/")),
    ("a key", key, HEADER_BYTES, repeated("", "a")),
    ("a secret", basic, HEADER_BYTES, repeated("", "YTph")),
    ("a secret that is none", basic, HEADER_BYTES, repeated("", "YTph", "!")),
    ("a secret of escapes", basic, HEADER_BYTES, repeated("", "JTQx", "Og==")),
    ("scopes", core.split_scopes, HEADER_BYTES, numbered("", "s# ")),
    ("blanks between scopes", core.split_scopes, HEADER_BYTES, repeated("a", " ,")),
    ("a loopback address", core._LOOPBACK.match, HEADER_BYTES, repeated("http://localhost:1/", "a", " ")),
    ("a redirect address", redirects.check, 480, repeated("https://a.example/", "a", "#")),
    ("an id", chosen_id, 2_000, repeated("p-", "9")),
    ("a position", position, HEADER_BYTES, repeated("1.1", ".1-1")),
    ("a position that is none", position, HEADER_BYTES, repeated("1.1", ".1-1", "x")),
    ("a moment", moment, HEADER_BYTES, repeated("2026-01-01T00:00:00.", "0")),
    ("blanks of a moment", moment, HEADER_BYTES, repeated("2026-01-01T00", " ", "+01:00")),
    ("addresses", mail, HEADER_BYTES, numbered("", "a#@b.example, ")),
    ("an address", mail, HEADER_BYTES, repeated("a@", "b.", "@")),
    ("a number", value_of(PropertyType.NUMBER), TEXT_BYTES, repeated("", "9")),
    ("a number that is none", value_of(PropertyType.NUMBER), TEXT_BYTES, repeated("", "9", "x")),
    ("a date", value_of(PropertyType.DATEPICKER), TEXT_BYTES, repeated("2026-01-01T00:00:00.", "0")),
    ("digits of a cell", cell_of(ColumnType.NUMBER), TEXT_BYTES, repeated("", "9", "x")),
    ("a moment of a cell", cell_of(ColumnType.DATETIME), TEXT_BYTES, repeated("", " ", "x")),
    ("decimals of a cell", cell_of(ColumnType.DATETIME), TEXT_BYTES, repeated("2026-01-01 00:00:00.", "0", "x")),
]
CASES = [
    Case(
        name=name,
        parse=parse,
        make=make,
        size=size,
        bytes_max=200,
        refusals=(ProcessionError, MultipartError, OAuth2Error),
    )
    for name, parse, size, make in SHAPES
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_twice_the_input_takes_about_twice_the_time(case: Case, is_thorough: bool) -> None:
    assert complaint(sized(case, is_thorough=is_thorough)) == ""


@pytest.mark.parametrize("case", CASES, ids=str)
def test_twice_the_input_takes_about_twice_the_memory(case: Case, is_thorough: bool) -> None:
    assert memory_complaint(sized(case, is_thorough=is_thorough)) == ""


def test_headers_of_one_name_are_a_list_and_cookies_are_joined_as_cookies() -> None:
    found = requests.read(scope_of("host:a\nx:1\nx:2\ncookie:a=1\ncookie:b=2\nx:3"), "")

    assert found.headers == {"host": "a", "x": "1, 2, 3", "cookie": "a=1; b=2"}
