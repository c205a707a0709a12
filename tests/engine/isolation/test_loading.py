"""What a fork server holds: the actions that it was told of, and little else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.engine.isolation.house import house_with

# Each step would copy the pages that they touch, and after each fork some have to be told that it is another process.
HEAVY = {"asyncio", "duckdb", "email", "importlib.metadata", "logging", "random", "socketserver", "sqlite3"}
HEAVY |= {"subprocess", "tempfile", "zipfile", "procession.engine.isolation.pool"}


def test_a_fork_server_holds_nothing_heavy() -> None:
    code = (
        "import sys; from procession.engine.isolation import forkserver, loading, options\n"
        "loading.load(options.IsolationSettings()); print(*sys.modules)"
    )

    held = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "procession.actions.kinds.run_sql" in held
    assert HEAVY.isdisjoint(held)


def test_actions_of_other_packages_run_as_well(tmp_path: Path) -> None:
    with house_with(tmp_path, more_actions=("isolation_registry:OF_ANOTHER_PACKAGE",)) as house:
        told = house.run("a.b", action="another", user_code=False, a__b=1)

    assert told.outcome.outputs == {"a.b": 1}
