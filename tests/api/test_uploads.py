"""Uploads: whatever the client calls its parts, the bytes arrive whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procession.door.bodies import ClientGone
from procession.door.uploads import Upload, receive_file
from procession.model.errors import Invalid, ProcessionError, TooLarge
from procession.model.files import NAME_BYTES_MAX, clean_name
from procession.store.folder import BlobFolder

MULTIPART = "multipart/form-data; boundary=XyZ"


def part(data: bytes, disposition: str = 'form-data; name="file"; filename="a.csv"') -> bytes:
    return b"--XyZ\r\nContent-Disposition: " + disposition.encode() + b"\r\n\r\n" + data + b"\r\n"


def upload(
    folder: Path, pieces: Iterable[bytes], *, kind: str = MULTIPART, most: int = 10_000_000, hangs_up: bool = False
) -> Upload:
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.disconnect"} if hangs_up else {"type": "http.request", "body": b""})
    coming = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(coming)

    sink = BlobFolder(folder).sink()
    return asyncio.run(receive_file(receive, {"content-type": kind}, sink, most=most))


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


def test_the_bytes_arrive_with_their_hash(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9_000

    got = upload(tmp_path, [part(data) + b"--XyZ--\r\n"])

    assert (got.name, got.content.size_bytes) == ("a.csv", len(data))
    assert got.content.sha256 == hashlib.sha256(data).hexdigest()
    assert [path.read_bytes() for path in kept(tmp_path)] == [data]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_the_cut_between_pieces_does_not_matter(tmp_path: Path, size: int) -> None:
    data = b"line\r\n--XyQ\r\n--Xy" * 20
    body = part(data) + b"--XyZ--\r\n"

    got = upload(tmp_path, [body[at : at + size] for at in range(0, len(body), size)])

    assert got.content.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("field", ["file", "Filename", "C:/orders.csv"])
def test_the_first_file_part_counts_whatever_its_field(tmp_path: Path, field: str) -> None:
    body = part(b"text", 'form-data; name="note"') + part(b"yes", f'form-data; name="{field}"; filename="y.csv"')

    got = upload(tmp_path, [body + part(b"no") + b"--XyZ--\r\n"])

    assert (got.name, kept(tmp_path)[0].read_bytes()) == ("y.csv", b"yes")


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/json", "", "multipart/form-data"])
@pytest.mark.parametrize("size", [3, 1000])
def test_a_multipart_body_is_known_by_its_first_line(tmp_path: Path, kind: str, size: int) -> None:
    body = part(b"yes") + b"--XyZ--\r\n"

    got = upload(tmp_path, [body[at : at + size] for at in range(0, len(body), size)], kind=kind)

    assert kept(tmp_path)[0].read_bytes() == b"yes"
    assert got.content.size_bytes == len(b"yes")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a;b\r\n1;2\r\n", "application/octet-stream", 415),
        (b"", "application/octet-stream", 415),
        (b"--" + b"x" * 200, "text/plain", 415),
        (part(b"cut off"), MULTIPART, 400),
        (b"", MULTIPART, 400),
        (b"--XyZ--\r\n", MULTIPART, 400),
        (part(b"text", 'form-data; name="note"') + b"--XyZ--\r\n", MULTIPART, 400),
        (part(b"", 'form-data; name="file"; filename=""') + b"--XyZ--\r\n", MULTIPART, 400),
        (b"--XyZ\r\nX: " + b"x" * 20_000, MULTIPART, 400),
        (part(b"x" * 2_000) + b"--XyZ--\r\n", MULTIPART, 413),
        (part(b"x") * 200 + b"--XyZ--\r\n", MULTIPART, 400),
    ],
)
def test_a_refused_upload_leaves_nothing(tmp_path: Path, body: bytes, kind: str, status: int) -> None:
    with pytest.raises(ProcessionError) as refused:
        upload(tmp_path, [body], kind=kind, most=1_000)

    assert (refused.value.status, kept(tmp_path)) == (status, [])


def test_a_client_that_hangs_up_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ClientGone):
        upload(tmp_path, [part(b"x" * 3_000_000)], hangs_up=True)

    assert kept(tmp_path) == []


def test_an_announced_length_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    async def receive() -> dict[str, Any]:
        raise AssertionError("the body was read")

    with pytest.raises(TooLarge):
        asyncio.run(receive_file(receive, {"content-length": str(2**40)}, BlobFolder(tmp_path).sink()))


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    assert upload(tmp_path, [part(b"") + b"--XyZ--\r\n"]).content.size_bytes == 0


def test_a_name_of_old_clients_is_decoded(tmp_path: Path) -> None:
    body = part(b"x", "form-data; name=\"f\"; filename*=utf-8''Z%C3%BCrich.csv") + b"--XyZ--\r\n"

    assert upload(tmp_path, [body]).name == "Zürich.csv"


@pytest.mark.parametrize(
    ("given_name", "cleaned"),
    [
        ("C:\\Users\\me\\a.xlsx", "a.xlsx"),
        ("../../etc/passwd", "passwd"),
        ("..", "file"),
        ("a/", "file"),
        ("Žlutý kůň 銀行.csv", "Žlutý kůň 銀行.csv"),
        ("a\r\nb\x00.csv", "ab.csv"),
        ("a\u202evsc.exe", "avsc.exe"),
        ("é" * 300 + ".parquet", "é" * 123 + ".parquet"),
    ],
)
def test_a_name_is_only_a_name(given_name: str, cleaned: str) -> None:
    assert clean_name(given_name) == cleaned


@given(st.text())
def test_a_clean_name_is_safe_and_stays_clean(text: str) -> None:
    cleaned = clean_name(text)

    assert 0 < len(cleaned.encode()) <= NAME_BYTES_MAX
    assert not {"/", "\\", "\0", "\n"} & set(cleaned) and cleaned not in {".", ".."}


def test_invalid_is_in_the_clients_words(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="holds no file part"):
        upload(tmp_path, [b"--XyZ--\r\n"])


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b'form-data; name="file"; filename="M\xfcller.csv"', "Müller.csv"),
        ('form-data; name="file"; filename="Müller.csv"'.encode(), "Müller.csv"),
        (b"form-data; name=\"file\"; filename*=ISO-8859-1''M%FCller.csv", "Müller.csv"),
        (b'form-data; name="file"; filename="x.csv"; filename*=utf-8\'\'M%C3%BCller.csv', "Müller.csv"),
        (b'form-data; name="file"; filename="\x80 rates.csv"', "€ rates.csv"),
    ],
)
def test_a_name_is_what_its_client_meant(tmp_path: Path, disposition: bytes, name: str) -> None:
    body = b"--XyZ\r\nContent-Disposition: " + disposition + b"\r\n\r\na,b\r\n--XyZ--\r\n"

    assert upload(tmp_path, [body]).name == name


@pytest.mark.parametrize("name", ["UTF-8''M%FCller.csv", "koi8-r''%C1.csv", "M.csv"])
def test_a_refusal_names_the_only_name_of_a_file_where_it_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match=rf"filename\*={name}, cannot be read; write it like"):
        upload(tmp_path, [part(b"a", f'form-data; name="file"; filename*={name}') + b"--XyZ--\r\n"])


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "x-uuencode"])
def test_an_encoded_part_is_refused_and_not_kept_as_it_came(tmp_path: Path, encoding: str) -> None:
    head = (
        f'--XyZ\r\nContent-Disposition: form-data; name="file"; filename="a"\r\nContent-Transfer-Encoding: {encoding}'
    )

    with pytest.raises(Invalid, match=f"encoded as {encoding}; send its bytes as they are"):
        upload(tmp_path, [head.encode() + b"\r\n\r\nYSxi\r\n--XyZ--\r\n"])


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('form-data; name="file"; filename=May close.csv', "May close.csv"),
        ('form-data; name="file"; filename="May close.csv"', "May close.csv"),
        ('form-data; name="file"; filename="a;filename*=utf-8\'\'b.csv"', "a;filename*=utf-8''b.csv"),
        ('form-data; name="a; filename*=utf-8\'\'b.csv"; filename="real.csv"', "real.csv"),
        ('form-data; name="file"; filename="plain.csv"; filename*=utf-8\'\'%zz.csv', "plain.csv"),
        ('form-data; name="file"; filename="plain.csv"; filename*=utf-8\'\'%FF.csv', "plain.csv"),
        ('form-data; name="file"; filename="plain.csv"; filename*=koi8-r\'\'%C1.csv', "plain.csv"),
        ('form-data; name="file"; filename="a\\"b.csv"', 'a"b.csv'),
        ('form-data; name="file"; filename="a%22b 100%25.csv"', 'a"b 100%25.csv'),
        ('form-data; FILENAME="C:\\temp\\new.csv"; NAME=file', "new.csv"),
    ],
)
def test_a_name_is_read_where_it_stands_and_whole(tmp_path: Path, disposition: str, name: str) -> None:
    assert upload(tmp_path, [part(b"a", disposition) + b"--XyZ--\r\n"]).name == name


@pytest.mark.parametrize(
    "disposition",
    [
        'form-data; name="file"; filename="a.csv"; filename="b.csv"',
        'form-data; name="file"; filename="a.csv"\r\nContent-Disposition: form-data; name="file"; filename="b.csv"',
    ],
)
def test_a_part_with_two_names_is_refused(tmp_path: Path, disposition: str) -> None:
    with pytest.raises(Invalid, match="twice"):
        upload(tmp_path, [part(b"a", disposition) + b"--XyZ--\r\n"])


@pytest.mark.parametrize("more", ["Content-Encoding: gzip", "Content-Range: bytes 0-0/9", f"Content-MD5: {'A' * 22}=="])
def test_a_part_that_is_not_the_file_itself_is_refused(tmp_path: Path, more: str) -> None:
    disposition = f'form-data; name="file"; filename="a.csv"\r\n{more}'

    with pytest.raises(Invalid):
        upload(tmp_path, [part(b"a", disposition) + b"--XyZ--\r\n"])

    assert kept(tmp_path) == []
