"""What a file is, whatever it is called."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile

import pytest

from procession.actions.problems import Problem
from procession.actions.reading.kinds import FileKind, kind_of
from tests.actions.reading.files import given


def packed(**members):
    """A zip of no moment; "__" in a name stands for a slash, "_dot_" for a point."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name.replace("__", "/").replace("_dot_", ".")), content)
    return out.getvalue()


WORKBOOK = packed(xl__workbook_dot_xml="<workbook/>")


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (b"a,b\n1,2\n", "a.json", FileKind.CSV),
        (b"a\tb\n1\t2\n", "statement.xls", FileKind.CSV),
        ("a;b\n1;2\n".encode("utf-16"), "a.csv", FileKind.CSV),
        ("a;b\n1;2\n".encode("utf-16-le"), "a.csv", FileKind.CSV),
        (b"[Date],[Amount]\n1,2\n", "a.csv", FileKind.CSV),
        (b"{6B29FC40-CA47},x\n1,2\n", "a.csv", FileKind.CSV),
        (b"<MTH>stuff</MTH>,x\n1,2\n", "a.csv", FileKind.CSV),
        (b"ORCHID,x\n1,2\n", "a.csv", FileKind.CSV),
        (b"BZhang,x\n1,2\n", "a.csv", FileKind.CSV),
        (b"ID;PRICE\n1;2\n", "a.csv", FileKind.CSV),
        (b"BMW,x\n1,2\n", "a.csv", FileKind.CSV),
        (b"404 Not Found,x\n1,2\n", "a.csv", FileKind.CSV),
        (b'[{"a":1}]', "a.csv", FileKind.JSON),
        (b'\xef\xbb\xbf\r\n [{"a":1}]', "a.txt", FileKind.JSON),
        ('[{"a":1}]'.encode("utf-16"), "a.json", FileKind.JSON),
        (b"[]", "a.json", FileKind.JSON),
        (b'{"a":1}\n', "a.json", FileKind.JSON),
        (b'{"a":1}\n', "a.jsonl", FileKind.JSON_LINES),
        (b'{"a":1}\n{"a":2}\n', "a.json", FileKind.JSON_LINES),
        (b'{"a":1}\r\n\r\n{"a":2}', "a.txt", FileKind.JSON_LINES),
        (b'{\n"a":1}\n', "a.jsonl", FileKind.JSON),
        (b'{"a":1,"a":2}\n{"a":3}\n', "a.json", FileKind.JSON_LINES),
        (b'{"a":"' + b"x" * 100_000 + b'"}\n{"a":1}\n', "a.jsonl", FileKind.JSON_LINES),
        (WORKBOOK, "a.csv", FileKind.SHEET),
        (packed(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "a.csv", FileKind.SHEET),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old.xls", FileKind.SHEET),
        (b"PAR1 PAR1", "a.csv", FileKind.PARQUET),
    ],
)
def test_the_first_bytes_say_what_a_file_is_and_the_name_does_not(tmp_path, content, name, kind):
    assert kind_of(given(tmp_path, content, name)) is kind


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.csv", 'the file "a.csv" is empty'),
        (b"\0" * 4096, "a.csv", "nothing but zero bytes"),
        (b" \r\n\r\n", "a.csv", "nothing but blanks"),
        (b"\xef\xbb\xbf", "a.csv", "nothing but blanks"),
        (b"\0\x01\x02\x03" * 100, "a.csv", "data of a program"),
        (b"\n<!DOCTYPE html>\n<table>", "a.xls", "a web page saved as a spreadsheet"),
        (b"\xef\xbb\xbf<TABLE border=1>", "a.xls", "a web page saved as a spreadsheet"),
        (b"&nbsp;<table><tr><td>a</td></tr></table>", "a.xls", "a web page saved as a spreadsheet"),
        (b"&NBSP; &#160;\n<br>a,b\n", "a.csv", "a web page"),
        (b"Sales of May\n<table border=1>\n<tbody><tr><td>a</td></tr></table>\n", "a.xls", "a web page saved"),
        (b"<html><head><title>502 Bad Gateway</title>", "a.csv", 'a web page ("502 Bad Gateway")'),
        (b"<br />\n<b>Warning</b>: mysqli", "a.csv", "a web page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "a.csv", "server's error (AccessDenied)"),
        (b"404: Not Found", "a.csv", "a web server's error"),
        (b"HTTP/1.1 200 OK\r\n\r\na,b", "a.csv", "a web server's answer"),
        (b'<?xml version="1.0"?><rows><row/></rows>', "a.xml", "XML"),
        (b"<rows><row a='1'/></rows>\n", "a.csv", "XML"),
        (b"<Workbook xmlns='urn:schemas-microsoft-com:office:spreadsheet'></Workbook>", "a.xls", "XML spreadsheet"),
        (b"<?xml?><Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.02'>", "a.xml", "(camt.053)"),
        (b"OFXHEADER:100\r\nDATA:OFXSGML\r\n", "a.qfx", "OFX"),
        (b"<?xml version='1.0'?>\n<?OFX OFXHEADER='200'?>\n<OFX>", "a.ofx", "OFX"),
        (b":20:STMT\r\n:25:DE12\r\n:28C:1/1\r\n", "a.sta", "MT940"),
        (b"{1:F01BANKDEFF}{4:\r\n:20:X\r\n:25:DE", "a.txt", "MT940"),
        (b"!Type:Bank\nD1/1/2026\n", "a.csv", "QIF"),
        (b"01,SENDER,ME,260131,0000,1,,,2/\n02,ME/\n", "a.csv", "BAI2"),
        (b"UNA:+.? 'UNB+UNOC:3+40:14+50:14+260131:1200+1'UNH+1+INVOIC:D:96A:UN'", "a.edi", "EDIFACT"),
        (b"UNB+UNOA:1+A+B+260131:1200+1'", "a.txt", "EDIFACT"),
        (b"ISA*00*          *00*          *ZZ*A*ZZ*B*260131*1200*U*00401*1*0*P*>~GS*IN~", "a.txt", "ANSI X12"),
        (
            b'<?xml version="1.0"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"/>',
            "a.fods",
            "(.fods)",
        ),
        (b"ID;PWXL;N;E\nP;PGeneral\nC;Y1;X1;K1\n", "a.csv", "SYLK"),
        (b"MIME-Version: 1.0\nContent-Type: multipart/related", "a.xls", "MIME"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a.parquet", "Git LFS"),
        (b"%PDF-1.7\n", "a.csv", "PDF"),
        (rb"{\rtf1\ansi", "a.csv", "RTF"),
        (gzip.compress(b"a,b", mtime=0), "a.csv", "gzip"),
        (bz2.compress(b"a,b"), "a.csv", "bzip2"),
        (lzma.compress(b"a,b"), "a.csv", "xz"),
        (b"\x28\xb5\x2f\xfd....", "a.csv", "zstd"),
        (b"7z\xbc\xaf\x27\x1c", "a.csv", "7z"),
        (b"\x89PNG\r\n\x1a\n", "a.xlsx", "PNG"),
        (b"\xff\xd8\xff\xe0", "a.csv", "JPEG"),
        (packed(word__document_dot_xml="x"), "a.xlsx", "Word"),
        (packed(march_dot_csv="x"), "a.csv", "a zip of 1 file (march.csv)"),
        (WORKBOOK[:60], "a.xlsx", "the beginning of a workbook or a zip"),
        (b"PAR1 and then nothing", "a.parquet", "the beginning of a Parquet file"),
        (b"PARE....PARE", "a.parquet", "encrypted"),
        (b"hello", "a.json", "neither JSON nor CSV"),
        (b"null", "a.json", "neither JSON nor CSV"),
        (b'// rows, all\n[{"a":1}]', "a.json", "begins with a comment"),
    ],
)
def test_what_cannot_be_read_is_said_for_what_it_is(tmp_path, content, name, said):
    with pytest.raises(Problem) as problem:
        kind_of(given(tmp_path, content, name))

    assert said in str(problem.value)
    assert f'"{name}"' in str(problem.value)
    assert str(tmp_path) not in str(problem.value)
