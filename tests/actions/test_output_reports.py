"""excel_report, export and archive: what people reported of other programs. Each case names its report."""

from __future__ import annotations

import io
import struct
import zipfile

import msgspec
import pytest

from procession.actions.kinds import archive, excel_report, export, run_sql
from procession.model.lifecycle import StepStatus
from tests.actions.context import Played, play

_IS_UTF_8 = 1 << 11


def reported(folder, rows: str, *more: dict[str, object], **sheet: object) -> Played:
    lines = {"sheet": "Lines", "source": {"file": "${f.l}", "columns": {"a": {"type": "Money"}}}, **sheet}
    return play(excel_report.ACTION, folder, {"sheets": [lines, *more], "output": "${o.r}"}, {"f.l": rows.encode()})


def chart(kind: str) -> dict[str, object]:
    return {"sheet": "Chart", "chart": {"kind": kind, "source": "Lines", "x": "n", "y": ["a"]}}


def zipped(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in names:
            packed.writestr(name, b"1")
    return out.getvalue()


def without_flag(content: bytes) -> bytes:
    """As of a program that writes UTF-8 and does not say so."""
    changed = bytearray(content)
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = changed.find(mark)
        while at >= 0:
            (bits,) = struct.unpack_from("<H", changed, at + offset)
            struct.pack_into("<H", changed, at + offset, bits & ~_IS_UTF_8)
            at = changed.find(mark, at + 1)
    return bytes(changed)


def unpacked(folder, content: bytes, pattern: str) -> Played:
    settings = {"do": "unpack", "files": ["${f.z}"], "pattern": pattern, "output": "${o.file}"}
    return play(archive.ACTION, folder, settings, {"f.z": ("a.zip", content)})


@pytest.mark.parametrize("more", [{"totals": ["a"]}, {"totals": ["a"], "group_by": "n"}])
def test_a_total_leaves_out_no_number_that_is_text_on_the_sheet(tmp_path, more):
    """spiculedata/saiku#29, exceljs/exceljs#2017: numbers of too many digits are text, and SUM makes nothing of them."""
    played = reported(tmp_path, "n,a\nx,99999999999999.99\ny,1.00\n", **more)

    assert played.outcome.status is StepStatus.FAILED
    assert "1 numbers of more than 15 digits, written as text, and Excel adds up no text" in played.outcome.message


def test_such_a_number_without_a_total_is_whole(tmp_path):
    assert reported(tmp_path, "n,a\nx,99999999999999.99\n").outcome.status is StepStatus.SUCCESS


@pytest.mark.parametrize(
    ("kind", "amount", "status"),
    [
        # chartjs/Chart.js#7, elastic/kibana#4030, codinguser/gnucash-android#421: a loss drawn as a gain
        ("pie", "-1.00", StepStatus.WARNING),
        ("pie", "1.00", StepStatus.SUCCESS),
        ("column", "-1.00", StepStatus.SUCCESS),
        ("column", "99999999999999.99", StepStatus.FAILED),  # text would be drawn as zero
    ],
)
def test_a_chart_shows_no_amount_as_another(tmp_path, kind, amount, status):
    assert reported(tmp_path, f"n,a\nx,{amount}\ny,2.00\n", chart(kind)).outcome.status is status


@pytest.mark.parametrize("name", ["Umsätze.csv", "Umsa\u0308tze.csv"])
def test_a_name_in_utf_8_that_does_not_say_so_is_read(tmp_path, name):
    """weichsel/ZIPFoundation#63, pop-os/cosmic-files#2030: zips of macOS gave Umsa╠êtze.csv."""
    played = unpacked(tmp_path, without_flag(zipped(name)), "Umsätze.csv")

    assert played.names == {"o.file": name}


def test_a_name_in_the_code_page_of_old_zips_is_read_as_before(tmp_path):
    content = without_flag(zipped("UmsXtze.csv")).replace(b"X", b"\x84")

    assert unpacked(tmp_path, content, "Umsätze.csv").names == {"o.file": "Umsätze.csv"}


def test_what_a_desktop_adds_is_no_file_of_the_archive(tmp_path):
    """pop-os/cosmic-files#2030 and others: .DS_Store beside the one file that was packed."""
    content = zipped("Umsatz.csv", ".DS_Store", "__MACOSX/._Umsatz.csv", "sub/Thumbs.db")

    assert unpacked(tmp_path, content, "*").names == {"o.file": "Umsatz.csv"}


def test_folders_written_with_backslashes_are_folders(tmp_path):
    """dotnet/runtime#98247, icsharpcode/SharpZipLib#617: zips of PowerShell 5."""
    content = zipped("sub\\", "sub\\sales.csv")

    assert unpacked(tmp_path / "a", content, "*").names == {"o.file": "sales.csv"}
    assert unpacked(tmp_path / "b", content, "sub/*.csv").names == {"o.file": "sales.csv"}
    assert "leads out" in unpacked(tmp_path / "c", zipped("sub\\..\\..\\x"), "*").outcome.message


def exported(folder, rows: str, **layout: object) -> Played:
    settings = {"source": "${f.l}", "output": {"to": "${o.x}", "as": "x.csv"}, "layout": layout}
    return play(export.ACTION, folder, settings, {"f.l": rows.encode()})


TWICE = "d\n2026-10-25T02:30:00+02:00\n2026-10-25T02:30:00+01:00\n2026-10-25T04:30:00+01:00\n"


@pytest.mark.parametrize(
    ("rows", "zone", "is_told"),
    [
        # vshulcz/deja-vu#1788, duplicati/duplicati#2857: two moments of the night when clocks go back are one text
        (TWICE, "Europe/Berlin", True),
        (TWICE, "UTC", False),
        ("d\n2026-03-29T03:30:00+02:00\n2026-10-25T04:30:00+01:00\n", "Europe/Berlin", False),
    ],
)
def test_an_hour_that_comes_twice_is_told(tmp_path, rows, zone, is_told):
    sql = {"sql": "FROM t", "inputs": {"t": "${f.t}"}, "outputs": {"result": {"to": "${o.x}", "zone": zone}}}

    for played in (
        exported(tmp_path / "a", rows, zone=zone),
        play(run_sql.ACTION, tmp_path / "b", sql, {"f.t": rows.encode()}),
    ):
        assert played.outcome.status is (StepStatus.WARNING if is_told else StepStatus.SUCCESS)
        assert ("2 moments are in an hour that comes twice in Europe/Berlin" in played.outcome.message) == is_told


@pytest.mark.parametrize(
    ("days", "pattern", "is_told"),
    [
        ("1926-01-31\n2026-01-31\n", "%d.%m.%y", True),  # mdbtools/mdbtools#39, moment/moment-timezone#957
        ("1926-01-31\n2026-01-31\n", "%d.%m.%Y", False),
        ("1985-01-31\n2026-01-31\n", "%d.%m.%y", False),
    ],
)
def test_a_day_that_would_be_read_as_one_of_another_century_is_told(tmp_path, days, pattern, is_told):
    message = exported(tmp_path, f"d\n{days}", date=pattern).outcome.message

    assert ("1 day is not of 1969 to 2068" in message) == is_told


@pytest.mark.parametrize(("pattern", "is_refused"), [("%d.%M.%Y", True), ("%Y%m%d%H%M%S", False), ("%d.%m.%Y", False)])
def test_a_minute_that_was_meant_as_a_month_is_told_when_the_file_is_applied(pattern, is_refused):
    """dimagi/commcare-hq#17528, artilleryio/artillery#7, felixge/node-dateformat#72: 31.00.2026."""
    settings = {"source": "${f.l}", "output": {"to": "${o.x}", "as": "x.csv"}, "layout": {"date": pattern}}

    mistakes = export.ACTION.check(msgspec.convert(settings, export.ACTION.settings))

    assert any("is the minute; the month is %m" in said for said in mistakes) == is_refused
