"""How runs and people are called on pages."""

from __future__ import annotations

import re

# As operations/runs names them: what was given, or else the name of the process, and a number.
_NAME = re.compile(r"(.*) : run #([0-9]+)\Z", re.DOTALL)
SHOWN_CHARACTERS_MAX = 300  # of a message in a list; the page of the run has all of it


def run_name(name: str, process: str) -> str:
    """Beside the name of its process: "November 2026 #41"; a run without a name shows its number, "Run #41"."""
    found = _NAME.match(name)
    if found is None:
        return name
    return f"Run #{found[2]}" if found[1] == process else f"{found[1]} #{found[2]}"


def title(name: str, process: str) -> str:
    """Where nothing else says which process it is of: "Bank reconciliation: November 2026 #41"."""
    return f"{process}: {run_name(name, process)}"


def first_line(message: str) -> str:
    """What a list has room for."""
    line = next((line for line in message.splitlines() if line.strip()), "").strip()
    return line if len(line) <= SHOWN_CHARACTERS_MAX else f"{line[: SHOWN_CHARACTERS_MAX - 1]}…"
