"""Texts with {key} in them, and names of files made of values: each key replaced once, by plain text, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from procession.actions import values

NAME_CHARACTERS_MAX = 200
_KEY = re.compile(r"\{([^{}]{1,200})\}")
# What Windows, Linux or a zip cannot hold in a name, and what would be a folder; controls too.
_REFUSED = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u202a-\u202e\u2066-\u2069]')
# Names of devices: Windows opens no file that is called so, whatever its ending.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)", re.IGNORECASE)


def keys(text: str) -> tuple[str, ...]:
    """The keys in the text, each once, in order."""
    return tuple(dict.fromkeys(_KEY.findall(text)))


def mistakes(path: str, text: str | None, known: Iterable[str]) -> tuple[str, ...]:
    """Keys that have no value, in the user's words."""
    names = list(known)
    unknown = [key for key in keys(text or "") if key not in names]
    there = f"there are: {', '.join(names)}" if names else "there are none; name it under inputs"
    return tuple(f'{path}: "{{{key}}}" has no value ({there})' for key in unknown)


def fill(text: str, given: Mapping[str, object]) -> str:
    """The text with its keys replaced; what a value contains is never looked at again."""
    # One pass: a value such as "{other}" stays as it is.
    return _KEY.sub(lambda found: plain(given[found[1]]), text)


def plain(value: object) -> str:
    """A value as people write it in a name: no zeros that say nothing, empty for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{values.trimmed(value):f}" if isinstance(value, Decimal) else str(value)


def file_name(text: str, default: str = "file") -> str:
    """The text as a name that every system takes for a file, in no folder."""
    shown = _REFUSED.sub("_", text).strip(" ")
    # From the front of the stem, so that the ending stays.
    stem, dot, ending = shown.rpartition(".")
    if dot and stem and len(ending) <= 10:
        shown = f"{stem[: NAME_CHARACTERS_MAX - len(ending) - 1]}.{ending}"
    # Windows takes blanks and dots from the end by itself, and two names would become one.
    shown = shown[:NAME_CHARACTERS_MAX].rstrip(". ")
    if not shown.strip("."):
        return default
    return f"_{shown}" if _DEVICES.match(shown) else shown


def path_mistake(path: str) -> str:
    """Why the path, with /, is no name of a file in an archive; "" where it is one."""
    parts = path.split("/")
    if path.startswith(("/", "~")) or "\\" in path or re.match(r"[A-Za-z]:", path):
        return "leads out of the archive"
    if ".." in parts or "." in parts:
        return "leads out of its folder"
    if "" in parts:
        return "has an empty part"
    return "has a control character in it" if re.search(r"[\x00-\x1f\x7f]", path) else ""
