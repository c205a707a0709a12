"""One value of a setting, from its text; `label` is what the setting is called in messages."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

KIB, MIB, GIB = 2**10, 2**20, 2**30
_BYTES_BY_UNIT = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": KIB, "mib": MIB, "gib": GIB}
_SECONDS_BY_UNIT = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
AGE_SECONDS_MAX = 36_500 * 86_400
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)\Z")


class SettingError(Exception):
    """A wrong setting; the text names it, its value and what is expected."""


def url_of(label: str, text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment:
        raise SettingError(f"{label} must be an address such as https://procession.example.com, not {text!r}")
    return text.rstrip("/")


def path_of(_label: str, text: str) -> Path:
    return Path(text).expanduser()


def flag_of(label: str, text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise SettingError(f"{label} must be yes or no, not {text!r}")
    return _FLAGS[text.lower()]


def folders_of(label: str, text: str) -> tuple[Path, ...]:
    folders = tuple(Path(part).expanduser().absolute() for part in text.split(os.pathsep) if part.strip())
    for folder in folders:
        if not folder.is_dir():
            raise SettingError(f"{label} names {folder}, which is not a folder")
    return folders


def text_of(label: str, text: str, *, pattern: str, expected: str) -> str:
    if re.fullmatch(pattern, text) is None:
        raise SettingError(f"{label} must be {expected}, not {text!r}")
    return text


def whole_of(label: str, text: str, *, smallest: int, largest: int) -> int:
    if re.fullmatch(r"[0-9]{1,18}", text) is None or not smallest <= int(text) <= largest:
        raise SettingError(f"{label} must be a whole number from {smallest} to {largest}, not {text!r}")
    return int(text)


def quantity_of(label: str, text: str, *, units: Mapping[str, int], expected: str) -> float:
    match = _QUANTITY.match(text.lower())
    if match is None or match[2] not in units:
        raise SettingError(f"{label} must be {expected}, not {text!r}")
    return float(match[1]) * units[match[2]]


def size_bytes_of(label: str, text: str, *, smallest: int) -> int:
    size = int(quantity_of(label, text, units=_BYTES_BY_UNIT, expected='a size such as "500MB" or "4GiB"'))
    if size < smallest:
        raise SettingError(f"{label} must be at least {smallest} bytes, not {text!r}")
    return size


def seconds_of(label: str, text: str, *, smallest: float, largest: float) -> float:
    seconds = quantity_of(label, text, units=_SECONDS_BY_UNIT, expected='a time such as "30s", "10m" or "2h"')
    if not smallest <= seconds <= largest:
        raise SettingError(f"{label} must be from {smallest:g} to {largest:g} seconds, not {text!r}")
    return seconds


def whole_seconds_of(label: str, text: str, *, smallest: float, largest: float) -> int:
    return int(seconds_of(label, text, smallest=smallest, largest=largest))


def age(label: str, text: str) -> timedelta:
    """A time that lies back; with the name of its option. Raises SettingError."""
    seconds = quantity_of(label, text, units=_SECONDS_BY_UNIT, expected='an age such as "400d" or "48h"')
    if text.strip().isdigit() and seconds:
        raise SettingError(f'{label} needs a unit, such as "{text}d" for days')
    if seconds > AGE_SECONDS_MAX:
        raise SettingError(f"{label} must be at most 36500d, which are 100 years, not {text!r}")
    return timedelta(seconds=seconds)


def addresses_of(label: str, text: str) -> str:
    """Addresses or networks, separated by commas or blanks; "none" is an empty list."""
    if text.lower() == "none":
        return ""
    try:
        return ",".join(str(ipaddress.ip_network(part)) for part in text.replace(",", " ").split())
    except ValueError as error:
        raise SettingError(f'{label} must be addresses such as "10.0.0.7, 10.1.0.0/16", or none: {error}') from error


_FLAGS = {"yes": True, "true": True, "1": True, "on": True, "no": False, "false": False, "0": False, "off": False}
