"""Processes, runs, steps, properties and files, as a script uses them."""

from __future__ import annotations

import io
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from procession.client import Client, Invalid, NotFound, TimedOut, errors
from procession.client.shapes import Progress
from tests.programs import ECHO

pytestmark = pytest.mark.acceptance


def test_the_example_of_the_readme_works(procession: Client, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("hello")
    told: list[Progress] = []
    run = procession.process("Echo").create_run(
        inputs={"data.word": "longer"}, files={"data.text": tmp_path / "text.txt"}, start=True
    )

    status = run.wait(on_progress=told.append)

    assert (status.status, status.outcome, status.is_success) == ("Finished", "Success", True)
    assert repr(run.property("data.length").value) == "Decimal('6')"
    assert run.property("data.copy").file.read() == b"hello"
    assert str(told[-1]).startswith(f"{run.id} Success: ")
    assert told[-1].run.is_over


def test_values_and_start_are_one_call(procession: Client) -> None:
    status = procession.process("p-1").create_run(inputs={"data.word": "ab"}, start=True).wait()

    assert status.date_started is not None and status.date_started.tzinfo is UTC
    assert status.duration_seconds is not None


def test_a_refused_value_makes_no_run(procession: Client) -> None:
    before = len(procession.process("Echo").runs())

    with pytest.raises(Invalid, match="nothing") as caught:
        procession.process("Echo").create_run(inputs={"data.nothing": "x"}, start=True)

    assert caught.value.status == 400
    assert caught.value.support_id
    assert len(procession.process("Echo").runs()) == before


@pytest.mark.parametrize(
    ("reference", "source", "kind", "text"),
    [
        ("data.text", Path("nonexistent"), Invalid, "nonexistent cannot be read"),
        ("data.text", Path(), Invalid, "cannot be read: it is not an ordinary file"),
        ("data.text", "text.txt", TypeError, "a Path, bytes or an open binary file, not a str"),
        ("data.nothing", b"x", NotFound, "there are word, text, copy, length"),
        ("nothing.text", b"x", NotFound, "there is no step nothing"),
        ("data", b"x", Invalid, "like step.property"),
        ("data.word", b"x", Invalid, "not a File"),
        ("data.copy", b"x", Invalid, "data.copy is an OUTPUT"),
    ],
)
def test_a_file_that_cannot_be_sent_makes_no_run(
    procession: Client, reference: str, source: Any, kind: type[Exception], text: str
) -> None:
    process = procession.process("Echo")
    before = len(process.runs())

    with pytest.raises(kind, match=text):
        process.create_run(files={"data.text": b"good", reference: source}, start=True)

    assert len(process.runs()) == before


def test_an_open_file_is_sent_from_where_it_stands(procession: Client) -> None:
    source = io.BytesIO(b"head,rest")
    source.seek(5)

    run = procession.process("Echo").create_run(files={"data.text": source}, start=True)

    assert run.wait().is_success
    assert run.property("data.copy").file.read() == b"rest"
    source.close()
    with pytest.raises(Invalid, match="cannot be read: I/O operation on closed file"):
        procession.process("Echo").create_run(files={"data.text": source})


def test_what_is_not_there_is_named(procession: Client) -> None:
    with pytest.raises(NotFound, match='no process "Nothing"'):
        procession.process("Nothing")
    with pytest.raises(NotFound, match="pr-999"):
        procession.run("pr-999").status()
    run = procession.process("Echo").create_run()
    with pytest.raises(NotFound, match="there are data, count, copy"):
        run.step("nothing")
    with pytest.raises(NotFound, match="there are word, text, copy, length"):
        run.property("data.nothing")
    with pytest.raises(Invalid, match="not a File"):
        run.upload("data.word", b"x")


def test_an_id_cannot_lead_to_another_path(procession: Client) -> None:
    with pytest.raises(NotFound):
        procession.run("../processes").status()


def test_a_failed_step_is_restarted_with_its_plan_and_history(procession: Client) -> None:
    run = procession.process("Echo").create_run(inputs={"data.word": "bad"}, start=True)
    status = run.wait()
    count = run.step("count")
    assert (status.outcome, status.failed_steps) == ("Failed", (count.id,))
    assert "bad is no word" in count.status().completion_message
    assert "bad is no word" in count.log()
    assert run.restart_plan("count").runs_again[0].name == "Count"

    run.restart("count", reason="once more")

    assert run.wait().attempt == 2
    history = run.history()
    assert [attempt.reason for attempt in history.attempts][-1] == "once more"
    assert history.events[0].at.tzinfo is UTC
    assert list(count.follow_log())


def test_a_restart_takes_the_newest_version_when_it_is_asked_to(procession: Client) -> None:
    text = (ECHO % "bad").replace("process: Echo", "process: Newer")
    process = procession.apply(text)
    run = process.create_run(start=True)
    run.wait()
    process.publish(text.replace('inputs["word"] == "bad"', 'inputs["word"] == "worse"'))
    plan = run.restart_plan("count")
    assert plan.newer_version is not None
    assert (plan.version, plan.newer_version.version, plan.newer_version.obstacles) == (1, 2, ())

    run.restart("count", latest=True)

    assert run.wait().outcome == "Success"
    assert [attempt.version for attempt in run.history().attempts] == [1, 2]


NAP = """
process: Nap
groups:
  - group: All
    steps:
      - {action: wait, name: Nap, key: nap, with: {seconds: 60}}
"""


def test_a_run_is_cancelled_with_its_reason(procession: Client) -> None:
    run = procession.apply(NAP).create_run(start=True)

    assert run.cancel(reason="not needed").status == "Cancelled"

    assert run.wait().status == "Cancelled"
    assert "not needed" in [event.detail.get("reason") for event in run.history().events]


def test_waiting_ends_when_it_may_last_no_longer(procession: Client) -> None:
    run = procession.process("Echo").create_run()

    with pytest.raises(TimedOut, match="NotStarted"):
        run.wait(timeout_seconds=0)


def test_runs_are_listed_page_by_page(procession: Client) -> None:
    made = [procession.process("Echo").create_run().id for _ in range(3)]

    listed = [row.id for row in procession.runs(page=2, process="p-1")]

    assert listed[:3] == made[::-1]
    assert len(listed) == len(set(listed)) == len(procession.process("Echo").runs())


def test_files_go_up_and_down(procession: Client, tmp_path: Path) -> None:
    file = procession.process("Echo").create_run().property("data.text").file
    content = bytes(range(256)) * 4096
    with pytest.raises(NotFound):
        file.download(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []

    details = file.upload(io.BytesIO(content), name='na"me.bin')
    size = file.download(tmp_path / "there.bin")

    assert (details.size_in_bytes, details.file_extension, size) == (len(content), "bin", len(content))
    assert (tmp_path / "there.bin").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["there.bin"]
    assert file.rename("other.csv").name == file.details().name == "other.csv"


class Changing(io.BytesIO):
    """An open file that somebody writes into while it is sent: it is read once before."""

    begun = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if size and self.tell() == 0:
            self.begun += 1
            if self.begun > 1:
                self.getbuffer()[:3] = b"new"
        return super().read(size)


def test_a_file_that_is_changed_while_it_is_sent_is_not_kept_torn(procession: Client) -> None:
    file = procession.process("Echo").create_run().property("data.text").file
    file.upload(b"as it was")

    for send in (file.upload, file.upload_in_chunks):
        with pytest.raises(Invalid, match="another sha-256"):
            send(Changing(b"old" * 1_000))

    assert file.read() == b"as it was"


def test_a_condition_that_does_not_hold_is_a_conflict() -> None:
    assert type(errors.of_answer(412, {"message": "the file has changed"})) is errors.Conflict


def test_a_definition_is_applied_and_read_again(procession: Client) -> None:
    process = procession.process("Echo")
    text = process.definition()

    assert text.lstrip().startswith("process: Echo")
    assert procession.apply(text).id == process.id
    assert [version.version for version in process.versions()] == [1]
    assert {step.key for step in process.steps()} == {"data", "count", "copy"}
    with pytest.raises(Invalid) as caught:
        procession.apply("proces: X")
    assert caught.value.fields["mistakes"][0]["line"] == 1
