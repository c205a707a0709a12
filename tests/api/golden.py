"""How an answer of ours is compared with the documents' example: every documented field, with its JSON type."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

EXAMPLES = json.loads((Path(__file__).parents[1] / "data" / "api-examples.json").read_text())

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(\d+)(Z|[+-]\d\d:\d\d|)")
# Where we answer another type than one example shows, and why (docs/wire.md).
REASONS = {
    ("Cancel a process run", "dateStarted"): 'section 2: null when unset, never ""',
    ("[Deprecated] Cancel a process run", "dateStarted"): 'section 2: null when unset, never ""',
    ("Client Credentials Flow", "expires_in"): "section 2: integer seconds",
    ("Refresh Token", "expires_in"): "section 2: integer seconds",
}


def example(title: str) -> dict[str, Any]:
    """The example of that title, with its request and response."""
    return next(dict(item) for item in EXAMPLES if item["title"] == title)


def form(value: object) -> str:
    """How a date is written: its fraction's digits, and what follows them; "" for everything else."""
    found = DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return ""
    digits = "milliseconds" if len(found[1]) <= 3 else str(len(found[1]))  # the examples drop a last zero
    return f"{digits} {'Z' if found[2] == 'Z' else 'offset' if found[2] else 'bare'}"


def differences(title: str, documented: Any, ours: Any, at: str = "") -> list[str]:
    """What a client of the documents would miss in our answer; further fields of ours are welcome.

    null on either side fits any type: the examples were taken in different states.
    """
    if isinstance(documented, list):
        if not isinstance(ours, list) or not ours:
            return [f"{at}: a list with items is documented, we answer {ours!r}"]
        return [line for item in ours for line in differences(title, documented[0], item, f"{at}[]")]
    if isinstance(documented, dict):
        if not isinstance(ours, dict):
            return [f"{at}: an object is documented, we answer {ours!r}"]
        missing = [f"{at}.{key}: missing" for key in documented.keys() - ours.keys()]
        return missing + [
            line
            for key in sorted(documented.keys() & ours.keys())
            for line in differences(title, documented[key], ours[key], f"{at}.{key}")
        ]
    if documented is None or ours is None or (type(documented) is type(ours) and form(documented) == form(ours)):
        return []
    return [] if (title, at.removeprefix(".")) in REASONS else [f"{at}: {documented!r} is documented, we say {ours!r}"]
