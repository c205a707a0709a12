"""transfer_files with real other sides: SFTP, S3 and a folder; nothing twice, nothing half, nothing in silence."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from procession.actions.contract import ConnectionInput, FileInput, OutputTarget
from procession.actions.kinds.transfer_files import ACTION
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect
from tests.actions import transfer_sites
from tests.actions.context import LocalContext, Played, play
from tests.actions.site import Site
from tests.actions.transfer_sites import AZURE

KINDS = ["sftp", "s3", AZURE, "folder"]
FILE = OutputTarget(type="File")
PAIN = b"<Document>pay</Document>"


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with transfer_sites.site(request.param, tmp_path) as made:
        yield made


def transfer(site: Site, folder: Path, do: str, *, recorded: tuple[str, ...] = (), **settings: Any) -> Played:
    values = {
        "files.payments": ("pain.xml", PAIN),
        "files.other": ("other.xml", b"other"),
        **settings.pop("values", {}),
    }
    given = {"connection": "bank", "do": do, "settle_seconds": 0, **settings}
    if do not in {"get", "put"}:
        given.pop("settle_seconds")
    targets = {"results.count": OutputTarget(type="Number")}
    place = folder / f"try-{len(list(folder.iterdir()))}"
    place.mkdir()
    return play(ACTION, place, given, values, targets, connection=site.connection, recorded=recorded)


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_one_file_is_fetched_as_it_is(site: Site, tmp_path: Path) -> None:
    content = bytes(range(256)) * 5_000
    site.put("out/CAMT_1.xml", content)
    site.put("out/README.txt")
    outputs = {"file": "${files.statement}", "list": "${files.list}", "count": "${results.count}"}

    played = transfer(site, tmp_path, "get", path="out", pattern="CAMT*.xml", outputs=outputs)

    assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
    assert played.outcome.message.startswith("fetched 1 file from ")
    assert played.outputs["files.statement"] == content
    assert played.outputs["results.count"] == 1
    name, size, at, digest = played.outputs["files.list"].decode().splitlines()[1].split(",")
    assert (name, size, digest) == ("CAMT_1.xml", str(len(content)), hashlib.sha256(content).hexdigest())
    assert at.endswith("Z")
    assert played.outcome.figures == {"files": 1, "bytes": len(content)}


def test_several_files_come_as_a_zip_with_their_names_and_the_same_bytes_each_time(site: Site, tmp_path: Path) -> None:
    site.put("out/b.xml", b"2")
    site.put("out/a.xml", b"1")
    site.put("out/inner/c.xml", b"3")
    wanted: dict[str, Any] = {"path": "out", "pattern": "*.xml", "outputs": {"files": "${files.all}"}}

    first, second = (transfer(site, tmp_path, "get", **wanted).outputs["files.all"] for _ in range(2))

    assert unpacked(first) == {"a.xml": b"1", "b.xml": b"2"}
    assert first == second


def test_more_than_one_for_a_single_file_is_refused_with_their_names(site: Site, tmp_path: Path) -> None:
    site.put("out/b.xml")
    site.put("out/a.xml")

    played = transfer(site, tmp_path, "get", path="out", pattern="*.xml", outputs={"file": "${files.one}"})

    assert played.outcome.status is StepStatus.FAILED
    assert '2 files are called *.xml, and outputs.file takes one ("a.xml", "b.xml")' in played.outcome.message


@pytest.mark.parametrize(("none", "status"), [("warn", StepStatus.WARNING), ("fail", StepStatus.FAILED)])
def test_nothing_found_is_said(site: Site, tmp_path: Path, none: str, status: StepStatus) -> None:
    site.put("out/a.csv")
    wanted: dict[str, Any] = {"path": "out", "pattern": "*.xml", "none": none}

    played = transfer(site, tmp_path, "get", outputs={"file": "${files.one}", "count": "${results.count}"}, **wanted)

    assert played.outcome.status is status
    assert played.outcome.message.startswith("no file is called *.xml in ")
    assert played.outputs == ({"results.count": 0} if none == "warn" else {})


def test_a_pattern_knows_only_the_star_and_the_question_mark(site: Site, tmp_path: Path) -> None:
    """SSHLibrary#260: brackets and braces are letters of names, and case counts."""
    for name in ("[1] Report.pdf", "1 Report.pdf", "{a}.pdf", "[1] REPORT.PDF"):
        site.put(f"out/{name}")

    found = {}
    for pattern in ("[1] *.pdf", "?a?.pdf", "*.PDF", "*"):
        outputs = {"list": "${files.list}"}
        played = transfer(site, tmp_path, "list", path="out", pattern="{p}", inputs={"p": pattern}, outputs=outputs)
        found[pattern] = [line.split(",")[0] for line in played.outputs["files.list"].decode().splitlines()[1:]]

    assert found["[1] *.pdf"] == ["[1] Report.pdf"]
    assert found["?a?.pdf"] == ["{a}.pdf"]
    assert found["*.PDF"] == ["[1] REPORT.PDF"]
    assert len(found["*"]) == 4


@pytest.mark.parametrize(
    "name", ["Ümläute 100% #1 & co.xml", "a+b=c;d.xml", "x" * 190 + ".xml", "~ tilde.xml", "'q'.xml"]
)
def test_a_name_stays_what_it_is(site: Site, tmp_path: Path, name: str) -> None:
    site.folder("in")
    left = transfer(site, tmp_path, "put", path="in", files=["${files.payments}"], name=name)
    if site.kind == "azure" and "'" in name:
        # The library signs it in another way than Azurite: refused, and nothing is left.
        assert (left.outcome.status, site.names("in")) == (StepStatus.FAILED, [])
        return
    assert left.outcome.status is StepStatus.SUCCESS, left.outcome.message
    assert site.names("in") == [name]

    outputs = {"files": "${files.all}"}
    assert unpacked(transfer(site, tmp_path, "get", path="in", pattern="*", outputs=outputs).outputs["files.all"]) == {
        name: PAIN
    }


def test_a_file_is_left_once_and_the_same_again_is_no_second_delivery(site: Site, tmp_path: Path) -> None:
    site.folder("in")
    wanted: dict[str, Any] = {
        "path": "in",
        "files": ["${files.payments}", "${files.other}"],
        "outputs": {"list": "${files.list}"},
    }

    first = transfer(site, tmp_path, "put", **wanted)
    before = site.version("in/pain.xml")
    again = transfer(site, tmp_path, "put", **wanted)

    assert first.outcome.message == f"left 2 files at {where(site)}, in"
    assert again.outcome.message == f"left 2 files, 2 of them before, at {where(site)}, in"
    assert site.names("in") == ["other.xml", "pain.xml"]
    assert site.version("in/pain.xml") == before
    assert hashlib.sha256(PAIN).hexdigest() in first.outputs["files.list"].decode()


def where(site: Site) -> str:
    return f'"{site.connection.name}"'


def test_another_content_is_replaced_only_on_demand_and_nothing_is_sent_before(site: Site, tmp_path: Path) -> None:
    """ShareX#1672: what was longer leaves no tail."""
    site.put("in/pain.xml", b"something longer than the new content, which leaves no tail behind")
    wanted: dict[str, Any] = {"path": "in", "files": ["${files.other}", "${files.payments}"]}

    refused = transfer(site, tmp_path, "put", **wanted)

    assert refused.outcome.status is StepStatus.FAILED
    assert '"pain.xml" is at ' in refused.outcome.message
    assert "already with another content, 66 bytes; nothing was sent" in refused.outcome.message
    assert site.names("in") == ["pain.xml"]

    replaced = transfer(site, tmp_path, "put", overwrite=True, **wanted)
    assert replaced.outcome.status is StepStatus.SUCCESS, replaced.outcome.message
    assert site.read("in/pain.xml") == PAIN


def test_a_part_that_an_earlier_try_left_is_no_file_and_in_nobodys_way(site: Site, tmp_path: Path) -> None:
    site.put("in/pain.xml.part", b"half of an earlier and longer try, that did not come to its end")

    assert transfer(site, tmp_path, "list", path="in", pattern="*", outputs={"count": "${results.count}"}).outputs == {
        "results.count": 0
    }
    transfer(site, tmp_path, "put", path="in", files=["${files.payments}"])

    assert site.read("in/pain.xml") == PAIN
    assert "pain.xml.part" not in site.names("in") or site.kind in {"s3", "azure"}


@pytest.mark.parametrize("site", ["sftp", "folder"], indirect=True)  # a bucket has no folders
def test_a_missing_folder_is_said_and_not_made(site: Site, tmp_path: Path) -> None:
    for do, more in (
        ("put", {"files": ["${files.payments}"]}),
        ("list", {"pattern": "*", "outputs": {"count": "${results.count}"}}),
    ):
        played = transfer(site, tmp_path, do, path="inn", **more)
        assert played.outcome.status is StepStatus.FAILED
        assert "there is no" in played.outcome.message
    assert site.names("inn") == []


def test_files_are_moved_and_moved_again_after_a_crash(site: Site, tmp_path: Path) -> None:
    site.put("out/a.xml", b"1")
    site.put("out/b.xml", b"2")
    site.folder("done")
    wanted: dict[str, Any] = {"path": "out", "pattern": "*.xml", "to": "done"}

    played = transfer(site, tmp_path, "move", **wanted)

    assert played.outcome.message == f"moved 2 files in {where(site)}, out"
    assert (site.names("out"), site.names("done")) == ([], ["a.xml", "b.xml"])
    # The server stopped before the end of the step was written: the next try finds nothing, and knows why.
    again = transfer(site, tmp_path, "move", recorded=tuple(played.context.recorded), **wanted)
    assert again.outcome.message == f"moved 2 files, 2 of them before, in {where(site)}, out"
    assert again.outcome.status is StepStatus.SUCCESS


def test_a_file_that_is_there_already_stops_a_move_before_it_begins(site: Site, tmp_path: Path) -> None:
    site.put("out/a.xml", b"1")
    site.put("out/b.xml", b"2")
    site.put("done/b.xml", b"another")
    wanted: dict[str, Any] = {"path": "out", "pattern": "*.xml", "to": "done"}

    played = transfer(site, tmp_path, "move", **wanted)

    assert played.outcome.status is StepStatus.FAILED
    assert '"b.xml" is in "done" already; nothing was moved' in played.outcome.message
    assert (site.names("out"), site.read("done/b.xml")) == (["a.xml", "b.xml"], b"another")
    assert transfer(site, tmp_path, "move", overwrite=True, **wanted).outcome.status is StepStatus.SUCCESS
    assert (site.names("out"), site.read("done/b.xml")) == ([], b"2")


@pytest.mark.parametrize("to", ["out", "OUT/", "./out"])
def test_a_folder_is_not_moved_onto_itself(site: Site, tmp_path: Path, to: str) -> None:
    """rclone#3104: where case counts for nothing, the file would be deleted."""
    site.put("out/a.xml")

    played = transfer(site, tmp_path, "move", path="out", pattern="*", to=to)

    assert played.outcome.message == "path and to are the same folder"
    assert site.names("out") == ["a.xml"]


def test_what_was_fetched_is_put_away_by_its_list_and_nothing_that_came_since(site: Site, tmp_path: Path) -> None:
    site.put("out/a.xml", b"1")
    site.put("out/=2+5.xml", b"2")
    site.put("out/c.xml", b"3")
    site.folder("done")
    outputs = {"files": "${files.all}", "list": "${files.list}"}
    listed = transfer(site, tmp_path, "get", path="out", pattern="*.xml", outputs=outputs).outputs["files.list"]
    assert b"\n'=2+5.xml," in listed
    site.put("out/new.xml", b"came since")
    site.put("out/a.xml", b"another one of the same name")
    site.remove("out/c.xml")

    played = transfer(
        site, tmp_path, "move", path="out", to="done", listed="${files.list}", values={"files.list": ("l.csv", listed)}
    )

    assert site.names("done") == ["=2+5.xml"]
    assert site.names("out") == ["a.xml", "new.xml"]
    assert played.outcome.status is StepStatus.WARNING
    assert 'not there any more ("c.xml")' in played.outcome.message
    assert 'as they have changed since they were listed ("a.xml")' in played.outcome.message


def test_files_are_deleted_and_a_repeat_finds_them_done(site: Site, tmp_path: Path) -> None:
    site.put("out/a.xml")
    site.put("out/b.csv")

    played = transfer(site, tmp_path, "delete", path="out", pattern="*.xml")

    assert site.names("out") == ["b.csv"]
    assert played.outcome.message == f"deleted 1 file in {where(site)}, out"
    again = transfer(site, tmp_path, "delete", path="out", pattern="*.xml", recorded=tuple(played.context.recorded))
    assert again.outcome.message == f"deleted 1 file, 1 of them before, in {where(site)}, out"
    assert transfer(site, tmp_path, "delete", path="out", pattern="*.xml").outcome.status is StepStatus.WARNING


def test_more_files_or_bytes_than_allowed_are_refused_before_anything_is_done(site: Site, tmp_path: Path) -> None:
    for number in range(4):
        site.put(f"out/{number}.bin", bytes(400_000))
    site.folder("done")

    many = transfer(site, tmp_path, "move", path="out", pattern="*", to="done", at_most=3)
    large = transfer(site, tmp_path, "get", path="out", pattern="*", max_mb=1, outputs={"files": "${files.all}"})

    assert "4 files are called *, more than the 3 of at_most" in many.outcome.message
    assert "4 files hold 2 MB, more than the 1 of max_mb" in large.outcome.message
    assert len(site.names("out")) == 4


@pytest.mark.parametrize("value", ["../secret", "/etc", "..", "a/../../b", "C:\\x", "x\ny", "\\\\host\\share"])
def test_no_value_leads_out_of_the_folder(site: Site, tmp_path: Path, value: str) -> None:
    for place in ("path", "to"):
        more: dict[str, Any] = {"path": "out", "to": "done", place: "{v}"}
        played = transfer(site, tmp_path, "move", pattern="*", inputs={"v": value}, **more)
        assert played.outcome.status is StepStatus.FAILED
        assert played.outcome.message.startswith(f"{place}: ")


@pytest.mark.parametrize("value", ["../x", "a/b", "..", ".", "", "a\nb", "a\\b", "x" * 300, "\u202egnp.exe"])
def test_no_value_makes_a_name_of_something_else(site: Site, tmp_path: Path, value: str) -> None:
    site.folder("in")

    played = transfer(site, tmp_path, "put", path="in", files=["${files.payments}"], name="{v}", inputs={"v": value})

    assert played.outcome.status is StepStatus.FAILED
    assert played.outcome.message.startswith("name: ")
    assert site.names("in") == []


def test_names_that_differ_only_in_case_are_remarked(site: Site, tmp_path: Path) -> None:
    site.put("out/Report.pdf", b"1")
    site.put("out/REPORT.pdf", b"2")

    played = transfer(site, tmp_path, "get", path="out", pattern="*", outputs={"files": "${files.all}"})

    assert played.outcome.status is StepStatus.WARNING
    assert 'names that differ only in case ("REPORT.pdf", "Report.pdf")' in played.outcome.message
    assert unpacked(played.outputs["files.all"]) == {"Report.pdf": b"1", "REPORT.pdf": b"2"}


def test_the_effect_says_what_a_repeat_does() -> None:
    def effect(do: str) -> Effect:
        assert ACTION.effect_of is not None
        return ACTION.effect_of(ACTION.settings(connection="bank", do=do))

    assert {do: effect(do) for do in ("get", "list", "put", "move", "delete")} == {
        "get": Effect.PURE,
        "list": Effect.PURE,
        "put": Effect.IDEMPOTENT,
        "move": Effect.IDEMPOTENT,
        "delete": Effect.IDEMPOTENT,
    }


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"do": "get", "outputs": {"files": "${f.a}"}}, 'get needs "pattern", such as "*.xml"'),
        ({"do": "get", "pattern": "*"}, 'get needs "outputs.file" for one file'),
        ({"do": "get", "pattern": "*", "to": "x", "outputs": {"file": "${f.a}"}}, 'get has no "to"'),
        ({"do": "put"}, 'put needs "files"'),
        ({"do": "put", "files": ["${f.a}", "${f.b}"], "name": "x"}, '"files" must hold exactly one'),
        ({"do": "put", "files": ["${f.a}"], "outputs": {"file": "${f.b}"}}, "put fetches no file"),
        ({"do": "move", "pattern": "*"}, 'move needs "to"'),
        ({"do": "move", "pattern": "*", "listed": "${f.l}", "to": "x"}, 'give "pattern" or "listed", not both'),
        ({"do": "delete"}, 'delete needs "pattern", such as "*.xml", or "listed"'),
        ({"do": "list", "pattern": "*"}, 'list needs "outputs.list" or "outputs.count"'),
        ({"do": "delete", "pattern": "*", "path": "../x"}, "leads out of the folder"),
        ({"do": "delete", "pattern": "a/*"}, "is a path"),
        ({"do": "delete", "pattern": "{month}.xml"}, '"{month}" has no value'),
    ],
)
def test_settings_that_do_not_fit_are_told_when_the_file_is_applied(settings: dict[str, Any], why: str) -> None:
    found = ACTION.check(msgspec.convert({"connection": "bank", **settings}, ACTION.settings))

    assert any(why in message for message in found), found


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {
                "do": "put",
                "path": "in",
                "files": ["${files.payments}"],
                "name": "p-{month}.xml",
                "inputs": {"month": "01"},
            },
            'leaves "p-01.xml" in the folder in of "bank" (/srv/share), and refuses another content of such a name',
        ),
        (
            {"do": "get", "pattern": "*.xml", "outputs": {"files": "${files.all}"}},
            'fetches the files called *.xml from the folder that may be reached of "bank" (/srv/share)',
        ),
        (
            {"do": "move", "pattern": "*.xml", "path": "out", "to": "done"},
            'moves the files called *.xml from the folder out of "bank" (/srv/share) to the folder done',
        ),
        (
            {"do": "delete", "pattern": "*", "path": "old"},
            'deletes the files called * in the folder old of "bank" (/srv/share)',
        ),
        ({"do": "put", "files": ["${files.empty}"]}, "it would fail: files.empty holds no file that could be left"),
    ],
)
def test_a_step_that_is_tried_says_what_it_would_do(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    pain = FileInput(path=str(tmp_path / "pain.xml"), name="pain.xml", size_bytes=len(PAIN))
    Path(pain.path).write_bytes(PAIN)
    context = LocalContext(
        settings=msgspec.convert({"connection": "bank", **settings}, ACTION.settings),
        folder=tmp_path,
        values={"files.payments": pain, "files.empty": None},
        targets={},
        connection=ConnectionInput(name="bank", kind="folder", options={"path": "/srv/share"}),
    )

    assert ACTION.preview is not None
    assert ACTION.preview(context) == said
