"""What a document shows of an output, compared with what came: ids, times and secrets are different every time."""

from __future__ import annotations

import json
import re
from typing import Any

_VARYING = (
    (re.compile(r"\b(p|pr|ds|as|dsprop|f|u|ug|mt|mtc|us|app)-\d+\b"), r"\1-N"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?"), "MOMENT"),
    (re.compile(r"\b\d+ h \d+ min\b|\b\d+ min \d+ s\b|\b\d+(\.\d+)? (s|ms)\b"), "N s"),
    (re.compile(r"\b\d+(\.\d+)? [KM]iB\b"), "N KiB"),
    (re.compile(r"\b[\w-]*\d[\w-]{19,}\b"), "SECRET"),
    (re.compile(r"(/[\w.-]+)*/(?=procession-data\b)"), "./"),
    (re.compile(r"\bprocess \d+"), "process N"),
    (re.compile(r"Procession \d[\w.]*"), "Procession VERSION"),
    (re.compile(r"[ \t]+"), " "),
)
_NUMBERED = re.compile(r"duration", re.I)


def plain(text: str) -> list[str]:
    """The lines with what varies replaced, without blank ones."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def difference(shown: str, came: str, *, is_ordered: bool = True) -> str:
    """Why the two are not the same, "" when they are. A line of three dots in `shown` stands for any lines."""
    wanted, got = plain(shown), plain(came)
    if not is_ordered:
        wanted, got = sorted(wanted), sorted(line for line in got if "..." not in wanted or line in wanted)
        wanted = [line for line in wanted if line != "..."]
    if _matches(wanted, got):
        return ""
    return "shown:\n  " + "\n  ".join(wanted) + "\ncame:\n  " + "\n  ".join(got)


def _matches(wanted: list[str], got: list[str]) -> bool:
    parts: list[list[str]] = [[]]
    for line in wanted:
        if line == "...":
            parts.append([])
        else:
            parts[-1].append(line)
    if len(parts) == 1:
        return wanted == got
    first, *middle, last = parts
    if got[: len(first)] != first or len(got) < sum(len(part) for part in parts):
        return False
    at = len(first)
    for part in middle:
        places = [start for start in range(at, len(got) - len(part) + 1) if got[start : start + len(part)] == part]
        if not places:
            return False
        at = places[0] + len(part)
    return not last or (len(got) - len(last) >= at and got[-len(last) :] == last)


def missing(shown: Any, came: Any, path: str = "") -> str:
    """Where `came` does not have what `shown` has, ""; an answer may have more fields than are shown."""
    if isinstance(shown, dict) and isinstance(came, dict):
        for key, value in shown.items():
            if key not in came:
                return f"{path}.{key} is not in the answer, which has {', '.join(came)}"
            if said := missing(value, came[key], f"{path}.{key}"):
                return said
        return ""
    if isinstance(shown, list) and isinstance(came, list) and len(shown) == len(came):
        return next(
            (
                said
                for number, pair in enumerate(zip(shown, came, strict=True))
                if (said := missing(*pair, f"{path}[{number}]"))
            ),
            "",
        )
    if shown == "..." or _NUMBERED.search(path) or plain(str(shown)) == plain(str(came)):
        return ""
    return f"{path or 'the answer'} is {json.dumps(came)}, not {json.dumps(shown)}"
