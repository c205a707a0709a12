"""transfer_files ended before and after every request that it makes of the other side: the next try comes to the same."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.actions import azure_site, transfer_crash, transfer_sites
from tests.actions.site import Site
from tests.crashing import at_every_point

KINDS = ["folder", "sftp", "s3", "azure"]
FILES = {"a.xml": b"1", "b.xml": b"22"}
PAIN = b"<Document>pay</Document>"
LIST = "name,size_bytes,modified_at,sha256\n" + "".join(
    f"{name},{len(content)},,{hashlib.sha256(content).hexdigest()}\n" for name, content in FILES.items()
)
# What each does, the words of its end, and what is there afterwards.
DEEDS: dict[str, tuple[dict[str, Any], dict[str, dict[str, bytes]]]] = {
    "put": ({"do": "put", "path": "in", "files": ["${files.pain}"]}, {"out": FILES, "done": {}, "in": {"pain": PAIN}}),
    "move": ({"do": "move", "path": "out", "pattern": "*", "to": "done"}, {"out": {}, "done": FILES, "in": {}}),
    "delete": ({"do": "delete", "path": "out", "pattern": "*"}, {"out": {}, "done": {}, "in": {}}),
    # As what follows a get does it, with the list of what was fetched.
    "after": (
        {"do": "move", "path": "out", "listed": "${files.list}", "to": "done"},
        {"out": {}, "done": FILES, "in": {}},
    ),
}


def prepare(place: Path, deed: str) -> None:
    for folder in ("given", "bank/out", "bank/done", "bank/in"):
        (place / folder).mkdir(parents=True)
    for name, content in FILES.items():
        (place / "bank/out" / name).write_bytes(content)
    (place / "given/pain").write_bytes(PAIN)
    (place / "given/list").write_text(LIST)
    (place / "settings").write_bytes(msgspec.json.encode({"connection": "bank", **DEEDS[deed][0]}))


def attempt(site: Site, place: Path, last: int = 0) -> None:
    where = {"path": str(place / "bank")} if site.kind == "folder" else {"root": f"{place.name}/bank"}
    connection = msgspec.structs.replace(site.connection, options={**site.connection.options, **where})
    if site.kind == "folder":  # no library of others is in it: this fork may
        transfer_crash.main(place, last, connection)
    given = [str(place), str(last), msgspec.json.encode(connection).decode()]
    program = [sys.executable, "-m", "tests.actions.transfer_crash", *given]
    os._exit(subprocess.run(program, check=False).returncode)


def contents(site: Site, place: Path, folder: str) -> dict[str, bytes]:
    path = f"{place.name}/bank/{folder}"
    return {name: site.read(f"{path}/{name}") for name in site.names(path)}


def check(site: Site, deed: str, place: Path, point: str) -> None:
    said = (place / "outcome").read_text()
    there = {folder: contents(site, place, folder) for folder in ("out", "done", "in")}
    if site.kind in {"s3", "azure"} and deed == "put" and not said.startswith("Success"):
        # It says that it does not know, and sends nothing.
        assert said.startswith('Failed: whether an earlier try has left "pain" is not known: it is not at'), (
            point,
            said,
        )
        assert there["in"] == {}, point
        return
    assert said.startswith("Success: "), (point, said)
    assert there == DEEDS[deed][1], (point, said)


def marks(kind: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.thorough, *([azure_site.needed] if kind == "azure" else [])]


@pytest.mark.parametrize(
    ("kind", "deed", "stride"),
    [
        ("folder", "move", 5),
        ("folder", "put", 3),  # 7 lies between the name and the end of the part
        *(pytest.param(kind, deed, 1, marks=marks(kind)) for kind in KINDS for deed in DEEDS),
    ],
)
def test_the_next_try_comes_to_the_same_wherever_one_was_ended(
    tmp_path: Path, kind: str, deed: str, stride: int
) -> None:
    with transfer_sites.site(kind, tmp_path) as site:
        prepare(site.root / "model", deed)
        crashes = at_every_point(
            site.root, partial(attempt, site), partial(attempt, site), partial(check, site, deed), stride=stride
        )
    print(f"{crashes} crash points, 0 violations")
    # Before and after each request: a bucket takes a file in three, and has no part to give a name to.
    assert crashes >= (6 if kind in {"s3", "azure"} and deed == "put" else 8) // stride
