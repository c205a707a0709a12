"""A table job that takes more than a step may is ended, and says of what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from procession.engine.options import Quota
from procession.engine.table_workers import TableWorkers, settings
from procession.model.errors import Unavailable
from procession.model.lifecycle import StepStatus
from tests.engine.isolation.house import HERE
from tests.engine.isolation.isolation_registry import Script
from tests.support import wait_until

MIB = 2**20


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[TableWorkers]:
    isolation = settings(registry="isolation_registry:registry", import_paths=(HERE,), preload=())
    made = TableWorkers(tmp_path, isolation, Quota(step_bytes_max=20 * MIB, step_files_max=500))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("for n in range(100): (context.folder / str(n)).write_bytes(b'x' * 2**20)", "used more than 20 MB of disk: "),
        ("for n in range(600): (context.folder / str(n)).touch()", "made more than 500 files and folders"),
        (
            "import os\nh = os.memfd_create('m')\nfor n in range(1800): os.write(h, b'x' * 2**20)",
            "used more than 1 GB of",
        ),
    ],
    ids=["disk", "files", "memory"],
)
def test_a_job_that_takes_too_much_is_ended(workers: TableWorkers, code: str, reason: str) -> None:
    with workers.temporary_folder() as place:
        script = Script(code=f"{code}\nimport time; time.sleep(60)")

        end = workers.perform("warm_script", script, place=place, seconds_max=50.0)

    assert end.outcome is None
    assert end.reason.startswith(reason)
    wait_until(lambda: not any(workers.folder.iterdir()))


def test_the_next_job_has_a_process(workers: TableWorkers) -> None:
    with workers.temporary_folder() as place:
        workers.perform("warm_script", Script(code="import os; os._exit(3)"), place=place, seconds_max=50.0)

        end = workers.perform("warm_script", Script(code="x = 1"), place=place, seconds_max=50.0)

    assert end.outcome is not None
    assert end.outcome.status is StepStatus.SUCCESS


def test_once_closed_it_starts_nothing_for_whoever_was_on_the_way(workers: TableWorkers) -> None:
    with workers.temporary_folder() as place:
        workers.perform("warm_script", Script(code="x = 1"), place=place, seconds_max=50.0)
        workers.let_go()
        workers.perform("warm_script", Script(code="x = 1"), place=place, seconds_max=50.0)
        workers.close()

        with pytest.raises(Unavailable, match="the server is stopping"):
            workers.perform("warm_script", Script(code="x = 1"), place=place, seconds_max=50.0)
        with pytest.raises(Unavailable, match="the server is stopping"):
            workers.call(lambda: None)
