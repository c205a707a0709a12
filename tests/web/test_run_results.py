"""Results as a zip: every file and value of the shown attempt, names that any system takes, in pieces."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime

import pytest

from procession.operations import results
from procession.operations.results import Archive, ZippedFile
from tests.api.house import House
from tests.web.run_site import column, play, well
from tests.web.site import Site, text


def archive(*names: str, size: int = 3) -> Archive:
    """Of files with these names, each of so many bytes."""
    taken = {results.VALUES}
    files = []
    for name in names:
        free = results._free(results._safe(name), taken)
        taken.add(free.lower())
        files.append(ZippedFile(name=free, size_bytes=size, read=lambda start, length: iter([b"x" * length])))
    return Archive(name="a.zip", at=datetime(2026, 12, 3, tzinfo=UTC), files=files, values=b"Name,Value\r\n")


def opened(data: bytes) -> zipfile.ZipFile:
    made = zipfile.ZipFile(io.BytesIO(data))
    assert made.testzip() is None
    return made


def test_all_results_come_in_one_zip(site: Site, home: House) -> None:
    run = well(home)

    answer = site.get(f"/runs/{run.id}/results.zip")
    by_api = home.ask("GET", f"processruns/{run.id}/results")

    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="Standing orders {run.id}.zip"'
    made = opened(answer.content)
    assert made.namelist() == ["results.csv", "report.csv"]
    assert made.read("report.csv") == b"a;b\n1;2\n"
    rows = list(csv.reader(io.StringIO(made.read("results.csv").decode("utf-8-sig"))))
    assert rows == [["Name", "Value"], ["Summary", "784 orders executed"], ["Matched", "784"]]
    assert by_api.content == answer.content


def test_a_run_without_results_says_so(site: Site, home: House) -> None:
    run = play(home).start()

    answer = site.get(f"/runs/{run.id}/results.zip", accept="text/html")

    assert answer.status_code == 400
    assert "has no results to download" in answer.text
    assert home.ask("GET", f"processruns/{run.id}/results").status_code == 400


def test_a_content_that_is_gone_is_told_before_anything_is_sent(site: Site, home: House) -> None:
    run = well(home)
    sha256 = column(home, "SELECT sha256 FROM file WHERE name = 'report.csv'")
    home.resources.blobs.drop(sha256, before=datetime.max.replace(tzinfo=UTC), is_named=lambda _: False)

    assert site.get(f"/runs/{run.id}/results.zip", accept="text/html").status_code == 404


def test_texts_that_begin_like_formulas_are_texts(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p")
    run.write("match", {"p.summary": "=HYPERLINK(1)", "p.matched": -5}).perform("match").finish()

    made = opened(site.get(f"/runs/{run.id}/results.zip").content)

    assert made.read("results.csv").decode("utf-8-sig").splitlines()[1:] == ["Summary,'=HYPERLINK(1)", "Matched,-5"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("a.csv", "A.CSV", "a.csv"), ["a.csv", "A (2).CSV", "a (3).csv"]),
        (("results.csv",), ["results (2).csv"]),
        (("../../etc/passwd", "c:\\x\\y.csv"), ["passwd", "y.csv"]),
        (("CON", "nul.txt", "com1"), ["_CON", "_nul.txt", "_com1"]),
        (('a<b>:"|?*.csv', "dots. . ", "..."), ["a_b______.csv", "dots", "file"]),
        ((".hidden", ".hidden"), [".hidden", ".hidden (2)"]),
        (("Größe.csv",), ["Größe.csv"]),
    ],
)
def test_names_are_safe_and_unique(names: tuple[str, ...], expected: list[str]) -> None:
    made = opened(b"".join(archive(*names).pieces()))

    assert made.namelist() == ["results.csv", *expected]


def test_large_files_are_made_in_pieces() -> None:
    size = 40 << 20

    def read(start: int, length: int) -> object:
        return (b"0123456789abcdef" * 4096 for _ in range(length >> 16))

    made = Archive(
        name="a.zip",
        at=datetime(2026, 12, 3, tzinfo=UTC),
        files=[ZippedFile(name="large.csv", size_bytes=size, read=read)],  # type: ignore[arg-type]
        values=b"",
    )
    longest = total = 0
    for piece in made.pieces():
        longest, total = max(longest, len(piece)), total + len(piece)

    assert longest < 1 << 20
    assert total < size


def test_the_same_results_are_the_same_bytes() -> None:
    assert b"".join(archive("a", "b").pieces()) == b"".join(archive("a", "b").pieces())


def test_a_date_that_a_zip_cannot_say_is_its_first() -> None:
    early = archive("a")
    made = Archive(name="a.zip", at=datetime(1971, 1, 1, tzinfo=UTC), files=early.files, values=b"")

    assert opened(b"".join(made.pieces())).infolist()[0].date_time[0] == 1980


def test_a_file_is_saved_and_never_shown(site: Site, home: House) -> None:
    run = play(home).start().take().perform("p")
    run.write("match", {}, report=b"<script>alert(1)</script>", name="page.html").perform("match").finish()
    number = column(home, "SELECT id FROM file WHERE name = 'page.html'")

    answer = site.get(f"/files/f-{number}/download")

    assert answer.headers["content-disposition"] == 'attachment; filename="page.html"'
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.content == b"<script>alert(1)</script>"
    assert Site(house=home, who="stranger").sign_in().get(f"/files/f-{number}/download").status_code == 404


def test_the_first_rows_of_a_result_are_shown_as_steps_read_them(site: Site, home: House) -> None:
    run = well(home, report=b"id;amount\n007;1234.50\n8;-2.00\n")
    number = column(home, "SELECT id FROM file WHERE name = 'report.csv'")
    path = f"/runs/{run.id}/files/f-{number}/rows"

    page, part = site.get(path), site.get(path, **{"hx-request": "true"})

    assert f'href="{path}"' in site.get(f"/runs/{run.id}").text
    assert "<!doctype html>" in page.text and "<!doctype" not in part.text
    for answer in (page, part):
        said = text(answer)
        assert "Preview of Report" in said and "2 rows · semicolon" in said
        assert "id amount 007 1,234.50 8 -2.00" in said
        assert "all rows, nothing is rounded or shortened" in said


def test_the_rows_of_a_file_of_another_run_are_not_here(site: Site, home: House) -> None:
    run = well(home)
    number = column(home, "SELECT id FROM file WHERE name = 'report.csv'")
    other = play(home)

    assert site.get(f"/runs/{other.id}/files/f-{number}/rows", accept="text/html").status_code == 404
    assert site.get(f"/runs/{run.id}/files/f-{number}/rows?attempt=7", accept="text/html").status_code == 400
    assert Site(house=home, who="stranger").sign_in().get(f"/runs/{run.id}/files/f-{number}/rows").status_code == 404


def test_what_is_no_table_says_so(site: Site, home: House) -> None:
    run = well(home, report=b"%PDF-1.7 not a table")
    number = column(home, "SELECT id FROM file WHERE name = 'report.csv'")

    assert "There are no rows to show: " in text(site.get(f"/runs/{run.id}/files/f-{number}/rows"))
