"""A home with two runs that have ended, one of them without a step that failed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.programs import apply_text, command

REPORT = """
process: Month end
groups:
  - group: All
    steps:
      - data: In
        key: in
        properties:
          - {name: Month, key: month, type: Datepicker, flow: INPUT, value: "2026-11-30"}
          - {name: Seed, key: seed, type: String, flow: INPUT, value: "%s"}
          - {name: Ledger, key: ledger, type: File, flow: INPUT}
      - data: Out
        key: out
        properties:
          - {name: Difference, key: difference, type: Decimal, flow: OUTPUT, decimal_points: 2}
          - {name: Year, key: year, type: Number, flow: OUTPUT}
          - {name: First, key: first, type: File, flow: OUTPUT}
          - {name: Second, key: second, type: File, flow: OUTPUT}
          - {name: Third, key: third, type: File, flow: OUTPUT}
      - action: run_python
        name: Reconcile
        key: reconcile
        with:
          inputs: {seed: "${in.seed}"}
          outputs:
            difference: "${out.difference}"
            year: "${out.year}"
            first: "${out.first}"
            second: "${out.second}"
          code: |
            import random
            print("reading\\x1b[31m the ledger")
            if inputs["seed"] == "bad":
                raise ValueError("row 7 of the ledger has no account")
            print("done")
            noise = random.Random(inputs["seed"]).randbytes(200_000)
            outputs["difference"], outputs["year"] = "-1234567.8", 2026
            outputs.file("first", "Report.csv").write_bytes(noise)
            outputs.file("second", "report.csv").write_bytes(b"account;amount\\n")
            message("2 accounts differ")
"""


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once; tests work on copies."""
    home = tmp_path_factory.mktemp("made") / "home"
    apply_text(home, REPORT % "one")
    given = home.parent / "ledger.csv"
    given.write_text("account;amount\n4100;1,00\n")
    first = command(home, "run", "Month end", "--file", f"in.ledger={given}", "--wait")
    second = command(home, "run", "Month end", "--input", "in.seed=bad", "--wait")
    assert (first.code, second.code) == (0, 1), (first, second)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "home", ignore=shutil.ignore_patterns("*.sock"))
    return tmp_path / "home"
