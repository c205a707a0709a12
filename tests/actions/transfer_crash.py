"""A try of transfer_files that ends at the N-th point of what it does outside, as a program of its own.

`python -m tests.actions.transfer_crash PLACE N CONNECTION`: of a process that has used the library of buckets no fork
may use it. What it records is kept in a file, as the server keeps it; N of 0 stops it nowhere.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import obstore

from procession.actions.contract import ConnectionInput, FileInput
from procession.actions.kinds.transfer_files import ACTION
from procession.actions.transferring.sftp import SftpSide
from tests.actions import azure_site
from tests.actions.context import LocalContext
from tests.crashing import Countdown


@dataclass(slots=True, kw_only=True)
class CrashingContext(LocalContext):
    path: Path
    point: Callable[[str], None]

    def record(self, entry: str) -> None:
        self.point("before record")
        with self.path.open("a") as file:
            file.write(f"{entry}\n")
        self.point("after record")


def around(owner: Any, name: str, point: Callable[[str], None]) -> None:
    act = getattr(owner, name)

    def stopped(*given: Any, **more: Any) -> Any:
        point(f"before {name}")
        found = act(*given, **more)
        point(f"after {name}")
        return found

    setattr(owner, name, stopped)


def load(place: Path, connection: ConnectionInput) -> None:
    """The files of the model, once: a container has no folder that could be copied with it."""
    if connection.options.get("service") == "azure" and not (place / "loaded").exists():
        store = azure_site.store_of(connection)
        for file in (place / "bank").rglob("*.xml"):
            obstore.put(store, str(file.relative_to(place / "bank")), file.read_bytes())
        (place / "loaded").touch()


def main(place: Path, last: int, connection: ConnectionInput) -> None:
    load(place, connection)
    point = Countdown(last or None)
    acts = {"folder": (os, "link", "unlink", "fsync"), "s3": (obstore, "put", "copy", "delete")}
    owner, *names = acts.get(connection.kind, (SftpSide, "_do"))
    journal, tries = place / "journal", len(list(place.glob("work-*")))
    (place / f"work-{tries}").mkdir()
    context = CrashingContext(
        settings=msgspec.json.decode((place / "settings").read_bytes(), type=ACTION.settings),
        folder=place / f"work-{tries}",
        values={
            f"files.{one.name}": FileInput(path=str(one), name=one.name, size_bytes=one.stat().st_size)
            for one in (place / "given").iterdir()
        },
        targets={},
        connection=connection,
        journal=tuple(journal.read_text().splitlines()) if journal.exists() else (),
        path=journal,
        point=point,
    )
    for name in names:
        around(owner, name, point)
    outcome = ACTION.run(context)
    (place / "outcome").write_text(f"{outcome.status}: {outcome.message}")
    # Past what libraries do at the end of a program.
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), msgspec.json.decode(sys.argv[3], type=ConnectionInput))
