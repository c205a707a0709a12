"""archive: the same files make the same zip, and what comes from outside is looked over before it is unpacked."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib

import msgspec
import pytest

from procession.actions.contract import OutputTarget
from procession.actions.kinds import archive
from procession.model.lifecycle import StepStatus
from tests.actions.context import play

UNPACK = {"do": "unpack", "files": ["${f.zip}"], "output": "${o.file}"}


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    """A zip as others make them; names may be ZipInfos."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as packed:
        for name, content in members:
            packed.writestr(name, content)
    return out.getvalue()


def unpacked(folder, content, **settings):
    return play(archive.ACTION, folder, {**UNPACK, **settings}, {"f.zip": ("a.zip", content)})


def refused(folder, content, **settings):
    played = unpacked(folder, content, **settings)
    assert played.outcome.status is StepStatus.FAILED and played.outputs == {}
    return played.outcome.message


def pack(folder, files, names=None, **settings):
    given = [
        f"${{f.n{number}}}" if names is None else {"file": f"${{f.n{number}}}", "as": names[number]}
        for number in range(len(files))
    ]
    values = {f"f.n{number}": file for number, file in enumerate(files)}
    values["p.month"] = "2026-07"
    return play(archive.ACTION, folder, {"do": "pack", "files": given, "output": "${o.zip}", **settings}, values)


def mistakes(**settings):
    return archive.ACTION.check(msgspec.convert(settings, archive.ACTION.settings))


def test_the_same_files_make_the_same_bytes(tmp_path):
    files = [("b.csv", b"x" * 10_000), ("a.csv", b"")]

    first, second = (pack(tmp_path / name, files).outputs["o.zip"] for name in "ab")

    assert first == second
    archived = zipfile.ZipFile(io.BytesIO(first))
    assert archived.namelist() == ["b.csv", "a.csv"] and archived.testzip() is None
    assert {one.date_time for one in archived.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    # Zip64 would need version 4.5 of whoever unpacks it.
    assert {one.extract_version for one in archived.infolist()} == {20}


def test_a_name_in_a_zip_is_made_of_inputs_and_makes_no_folder_by_itself(tmp_path):
    played = pack(
        tmp_path, [("x.csv", b"1")], ["out/{month}/{who}.csv"], name="close-{month}.zip",
        inputs={"month": "${p.month}", "who": "../a/b"},
    )  # fmt: skip

    assert zipfile.ZipFile(io.BytesIO(played.outputs["o.zip"])).namelist() == ["out/2026-07/.._a_b.csv"]
    assert played.names == {"o.zip": "close-2026-07.zip"}


@pytest.mark.parametrize(
    "names", [("a.csv", "a.csv"), ("a.csv", "A.CSV"), ("\u00e9.csv", "e\u0301.csv"), ("ss.csv", "\u00df.csv")]
)
def test_names_that_are_one_file_on_some_systems_are_refused(tmp_path, names):
    played = pack(tmp_path / "pack", [(name, b"1") for name in names])

    assert played.outcome.status is StepStatus.FAILED
    assert "on some systems" in played.outcome.message
    if names[0] != names[1]:
        assert "on some systems" in refused(
            tmp_path / "unpack", zipped([(name, b"1") for name in names]), pattern=names[0]
        )


def test_a_file_and_a_folder_of_one_name_are_refused(tmp_path):
    names = ("july", "july.csv", "July/list.csv")

    played = pack(tmp_path / "pack", [(f"{number}", b"1") for number in range(3)], names)
    said = refused(tmp_path / "unpack", zipped([(name, b"1") for name in names]), pattern="list.csv")

    assert played.outcome.status is StepStatus.FAILED and played.outputs == {}
    for one in (played.outcome.message, said):
        assert '"july" is a file, and "July/list.csv" needs a folder of that name' in one


def test_a_folder_that_is_listed_is_no_file(tmp_path):
    content = zipped([("july/", b""), ("july/in/", b""), ("july/in/list.csv", b"1"), ("july.csv", b"2")])

    assert unpacked(tmp_path, content, pattern="list.csv").outputs == {"o.file": b"1"}


def test_a_pattern_has_no_sign_but_the_star(tmp_path):
    content = zipped([("list1.csv", b"1"), ("list[1].csv", b"2"), ("what?.csv", b"3"), ("whats.csv", b"4")])

    taken = unpacked(tmp_path, content, pattern="list[1].csv", more=[{"pattern": "what?*", "output": "${o.other}"}])

    assert taken.outputs == {"o.file": b"2", "o.other": b"3"}


def test_a_name_with_dots_is_found_however_they_are_written(tmp_path):
    content = zipped([("Ma\u0308rz.csv", b"1")])

    assert unpacked(tmp_path, content, pattern="M\u00c4RZ.csv").outputs == {"o.file": b"1"}


def test_what_was_packed_is_unpacked(tmp_path):
    content = pack(tmp_path / "pack", [("a.csv", b"1"), ("\u00e9t\u00e9.XML", b"<x/>")]).outputs["o.zip"]

    played = unpacked(tmp_path / "un", content, pattern="*.xml", more=[{"pattern": "a.*", "output": "${o.other}"}])

    assert played.outputs == {"o.file": b"<x/>", "o.other": b"1"}
    assert played.names == {"o.file": "\u00e9t\u00e9.XML", "o.other": "a.csv"}
    assert played.outcome.message == "\u00e9t\u00e9.XML and a.csv taken from a.zip"


def test_a_file_in_a_folder_is_taken_without_the_folder(tmp_path):
    content = zipped([("in/", b""), ("in/CAMT_1.xml", b"1"), ("in/x.txt", b"2"), ("__MACOSX/in/._CAMT_1.xml", b"3")])

    assert unpacked(tmp_path / "a", content, pattern="camt*.xml").outputs == {"o.file": b"1"}
    assert unpacked(tmp_path / "b", content, pattern="in/*.txt").names == {"o.file": "x.txt"}


def test_none_and_several_are_told_with_the_names_that_there_are(tmp_path):
    content = zipped([("a.csv", b"1"), ("b.csv", b"2")])

    assert refused(tmp_path / "a", content, pattern="*.xml") == (
        '"a.zip" has no file that fits "*.xml" (it has a.csv, b.csv)'
    )
    assert refused(tmp_path / "b", content) == '"a.zip" has 2 files that fit "*": a.csv, b.csv'


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x", "a/../../x", "..\\x", "C:/x", "C:x", "~/x", "a//b", "./x", "a\x1fb", "a/./b"]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    info = zipfile.ZipInfo("x")
    info.filename = name  # as it stands: the constructor would cut it

    assert "has a file whose name" in refused(tmp_path, zipped([(info, b"1")]))


def test_links_and_devices_are_refused(tmp_path):
    for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR):
        info = zipfile.ZipInfo("x")
        info.external_attr = (kind | 0o777) << 16
        assert "no file, such as a link" in refused(tmp_path / str(kind), zipped([(info, b"/etc/passwd")]))


def test_a_password_is_refused(tmp_path):
    content = bytearray(zipped([("x", b"1")]))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1

    assert "protected with a password" in refused(tmp_path, bytes(content))


def test_a_bomb_is_known_by_what_it_says_of_itself(tmp_path):
    assert "looks like a bomb" in refused(tmp_path / "ratio", zipped([("x", b"\0" * (20 << 20))]))
    assert "at most 1,000" in refused(tmp_path / "many", zipped([(f"{n}", b"") for n in range(1_001)]))


def test_a_member_that_lies_about_its_size_is_damaged(tmp_path):
    content = bytearray(zipped([("x", b"1" * 100)]))
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<I", 10)

    assert "is damaged" in refused(tmp_path, bytes(content))


def test_members_that_share_their_bytes_are_refused(tmp_path):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("a", b"1" * 1_000)
        packed.writestr("b", b"")
        # One content, in the list of the archive under two names.
        packed.infolist()[1].header_offset = packed.infolist()[0].header_offset

    assert "share their bytes" in refused(tmp_path, out.getvalue(), pattern="a")


def second_name(name, *, of):
    payload = struct.pack("<BI", 1, zlib.crc32(of)) + name.encode()
    return struct.pack("<HH", 0x7075, len(payload)) + payload


def test_a_member_with_two_names_is_refused_where_readers_differ(tmp_path):
    """python/cpython#154894: one reader takes the first of them, another the last, and older ones none."""
    for number, extra in enumerate(
        (
            second_name("last.txt", of=b"raw.txt"),
            second_name("a.txt", of=b"raw.txt") + second_name("b.txt", of=b"raw.txt"),
        )
    ):
        info = zipfile.ZipInfo("raw.txt")
        info.extra = extra
        assert "more than one name" in refused(tmp_path / f"{number}", zipped([(info, b"1")]))
    # Void: its checksum is of another name.
    info.extra = second_name("last.txt", of=b"else.txt")
    assert unpacked(tmp_path / "void", zipped([(info, b"1")]), pattern="raw.txt").outputs == {"o.file": b"1"}


def test_a_name_in_a_code_page_is_read_by_the_one_beside_it(tmp_path):
    """As WinZip and 7-Zip write names: an older Python took the first, a newer one the second."""
    info = zipfile.ZipInfo("Bel\u00e4ge.csv")
    # Python's packer says UTF-8: as many bytes of code page 437 in their place.
    raw, page = "Bel\u00e4ge.csv".encode(), b"Bel\x84ge_.csv"
    info.extra = second_name("Bel\u00e4ge_.csv", of=page)
    packed = zipped([(info, b"1")]).replace(raw, page)
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = packed.index(sign) + place
        packed = packed[:at] + b"\0\0" + packed[at + 2 :]

    assert unpacked(tmp_path, packed, pattern="Bel\u00e4ge_.csv").outputs == {"o.file": b"1"}


def test_a_name_that_ends_within_is_refused(tmp_path):
    content = zipped([("x.csvQexe", b"1")]).replace(b"x.csvQexe", b"x.csv\0exe")

    assert "has a file whose name" in refused(tmp_path, content)


def test_two_archives_behind_each_other_are_refused(tmp_path):
    """The list at the end names the files of the last one alone."""
    first, last = zipped([("a.csv", b"1")]), zipped([("b.csv", b"2")])

    assert "begins with files that are not in its list" in refused(tmp_path / "two", first + last)
    assert unpacked(tmp_path / "program", b"#!/bin/sh\n" + last).outputs["o.file"] == b"2"


class Pipe(io.RawIOBase):
    """Nobody goes back in it, so sizes and sums follow the bytes that they are of."""

    def __init__(self):
        self.written = b""

    def writable(self):
        return True

    def write(self, data):
        self.written += bytes(data)
        return len(data)


@pytest.mark.parametrize("large", [False, True])
def test_what_was_packed_into_a_pipe_is_unpacked(tmp_path, large):  # uktrade/stream-unzip#25
    pipe = Pipe()
    with (
        zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("a.csv", "w", force_zip64=large) as one,
    ):
        one.write(b"a,b\n1,2\n" * 1_000)

    assert unpacked(tmp_path, pipe.written).outputs["o.file"] == b"a,b\n1,2\n" * 1_000


def test_two_members_of_one_name_are_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped([("a", b"1"), ("a", b"2")])

    assert 'two files are called "a"' in refused(tmp_path, content)


def test_a_damaged_zip_and_what_is_none_are_refused(tmp_path):
    content = bytearray(zipped([("a", bytes(range(256)) * 40)]))
    content[60] ^= 0xFF

    assert "is damaged" in refused(tmp_path / "crc", bytes(content))
    assert "is no zip, or did not arrive whole" in refused(tmp_path / "half", bytes(content[:-40]))
    assert "is no zip" in refused(tmp_path / "none", b"a,b\n1,2\n")


def test_a_zip_of_much_more_than_four_gigabytes_says_so_and_is_refused(tmp_path):
    info = zipfile.ZipInfo("x")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr(info, b"1")
        packed.infolist()[0].file_size = 5 << 30  # Zip64 in the list of the archive

    assert "unpacks to 5,120 MiB" in refused(tmp_path, out.getvalue())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"do": "pack", "files": ["${f.a}"], "output": "${o.z}", "name": "a.tar"}, "name: a.tar must end in .zip"),
        ({"do": "pack", "files": ["${f.a}"], "output": "${o.z}", "name": "{m}.zip"}, 'name: "{m}" has no value'),
        ({"do": "pack", "files": ["${f.a}"], "output": "${o.z}", "pattern": "a"}, "pattern: means nothing for pack"),
        ({"do": "pack", "files": [{"file": "${f.a}", "as": "../a"}], "output": "${o.z}"}, 'files.1.as: "../a" leads out'),
        ({"do": "unpack", "files": ["${f.a}", "${f.b}"], "output": "${o.z}"}, "files: unpack takes one zip"),
        ({**UNPACK, "name": "a.zip"}, "name: means nothing for unpack"),
        ({**UNPACK, "more": [{"pattern": "a", "output": "${o.file}"}]}, "more: two files would go to one property"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_when_the_file_is_applied(settings, said):
    assert any(one.startswith(said) for one in mistakes(**settings)), mistakes(**settings)


def test_an_archive_goes_to_a_file_property(tmp_path):
    played = play(
        archive.ACTION, tmp_path, UNPACK, {"f.zip": ("a.zip", zipped([("a", b"1")]))},
        {"o.file": OutputTarget(type="Number")},
    )  # fmt: skip

    assert played.outcome.message == "${o.file} is a Number, and takes no file"
