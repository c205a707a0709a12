"""What a client promises about its bytes is compared with what arrived: wrong bytes never become a file."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from tests.api.house import House
from tests.api.test_files import file_of

DATA = b"invoice,amount\n007,100.00\n"
HEAD = b'--XyZ\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n'
BODY = HEAD + b"\r\n" + DATA + b"\r\n--XyZ--\r\n"
KIND = {"content-type": "multipart/form-data; boundary=XyZ"}


def of(data: bytes, algorithm: str = "sha256") -> str:
    return base64.b64encode(hashlib.new(algorithm, data).digest()).decode()


@pytest.fixture
def file(home: House) -> str:
    return file_of(home, home.new_run())


def send(home: House, file: str, headers: dict[str, str], body: bytes = BODY) -> Any:
    return home.ask("POST", f"files/{file}", content=body, headers={**KIND, **headers})


PROMISES = [
    ("content-digest", "sha-256=:{}:", "sha256"),
    ("content-digest", "unknown=:AAAA:, sha-512=:{}:", "sha512"),
    ("repr-digest", "sha-256=:{}:", "sha256"),
    ("digest", "SHA-256={}", "sha256"),
    ("digest", "md5={},sha-256=" + of(DATA), "md5"),
    ("content-md5", "{}", "md5"),
]


@pytest.mark.parametrize(("header", "text", "algorithm"), PROMISES)
def test_a_wrong_digest_is_refused_and_the_file_stays_empty(
    home: House, file: str, header: str, text: str, algorithm: str
) -> None:
    refused = send(home, file, {header: text.format(of(DATA + b"x", algorithm))})

    assert refused.status_code == 400
    assert header in refused.json()["message"]
    assert home.get(f"files/{file}/metadata")["sizeInBytes"] == 0


@pytest.mark.parametrize("data", [DATA, BODY])
@pytest.mark.parametrize(("header", "text", "algorithm"), PROMISES)
def test_a_digest_may_be_of_the_file_or_of_the_whole_body(
    home: House, file: str, header: str, text: str, algorithm: str, data: bytes
) -> None:
    assert send(home, file, {header: text.format(of(data, algorithm))}).status_code == 200


@pytest.mark.parametrize(("data", "status"), [(DATA, 200), (DATA + b"x", 400)])
def test_a_part_may_promise_by_itself(home: House, file: str, data: bytes, status: int) -> None:
    more = f"Content-Digest: sha-256=:{of(data)}:\r\n".encode()

    assert send(home, file, {}, HEAD + more + BODY[len(HEAD) :]).status_code == status


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("content-digest", "sha-256"),
        ("content-digest", "sha-256=:AAAA:"),
        ("content-digest", f"sha-256=:{'!' * 44}:"),
        ("content-digest", "crc32c=:AAAAAA==:"),
        ("content-md5", ""),
        ("trailer", "Content-Digest"),
    ],
)
def test_a_digest_that_cannot_be_compared_is_refused(home: House, file: str, header: str, text: str) -> None:
    assert send(home, file, {header: text}).status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("files/{file}/metadata", b'{"name": "b.csv"}', "application/json"),
        ("processes", b"process: P\ngroups: []\n", "application/yaml"),
        ("tables/{table}/rows", b"Amount\n5\n", "text/csv"),
    ],
)
def test_the_digest_of_every_body_is_compared(home: House, file: str, path: str, body: bytes, kind: str) -> None:
    table = home.post("tables", json={"name": "Amounts"})["id"]
    home.post(f"tables/{table}/columns", json={"name": "Amount", "dataType": "Number"})
    headers = {"content-type": kind, "content-digest": f"sha-256=:{of(body + b' ')}:"}

    refused = home.ask("POST", path.format(file=file, table=table), content=body, headers=headers)

    assert (refused.status_code, "content-digest" in refused.json()["message"]) == (400, True)


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"content-encoding": "gzip"}, 415),
        ({"content-encoding": "identity"}, 200),
        ({"transfer-encoding": "gzip, chunked"}, 415),
        ({"content-range": "bytes 0-9/100"}, 400),
    ],
)
def test_a_body_that_is_encoded_or_a_part_is_not_kept_as_the_file(
    home: House, file: str, more: dict[str, str], status: int
) -> None:
    assert send(home, file, more).status_code == status


@pytest.mark.parametrize("path", ["files/{file}/metadata", "tables/{table}/rows", "files/{file}/uploadsessions"])
def test_only_a_body_can_be_encoded(home: House, file: str, path: str) -> None:
    table = home.post("tables", json={"name": "Amounts"})["id"]
    path = path.format(file=file, table=table)

    refused = home.ask("POST", path, content=b'{"name": "b.csv"}', headers={"content-encoding": "br"})

    assert (refused.status_code, refused.headers["accept-encoding"]) == (415, "identity")
    assert home.ask("POST", f"files/{file}/uploadsessions", headers={"content-encoding": "br"}).status_code == 200
