"""Reads a mapping field by field. Notes each mistake with its place and goes on."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from procession.model import durations
from procession.model.nearest import nearest
from procession.model.process_file.documents import Document, Path
from procession.model.processes import KEY_PATTERN
from procession.model.values import check_text

NAME_CHARACTERS_MAX = 255
KEY_CHARACTERS_MAX = 64

_KEY = re.compile(KEY_PATTERN + r"\Z", re.ASCII)

Kind = TypeVar("Kind", bound=StrEnum)


class Sheet:
    """The mapping at `path`. Any other value is noted as a mistake and read as an empty mapping."""

    def __init__(self, document: Document, path: Path, data: Any, *, what: str, keys: Iterable[str]) -> None:
        self.document = document
        self.path = path
        self.data: dict[str, Any] = {}
        if not isinstance(data, dict):
            document.wrong(path, f"{what} must be a mapping with {_listed(keys)}, not {shown(data)}")
            self.is_mapping = False
            return
        self.is_mapping = True
        self.data = data
        known = tuple(keys)
        for key in data:
            # Refused: a misspelt `time_limt` would leave the step without a limit.
            if key not in known:
                hint = did_you_mean(key, known) or f"; expected {_listed(known)}"
                document.wrong_key((*path, key), f'{what} has no "{key[:60]}"{hint}')

    def __contains__(self, key: str) -> bool:
        return key in self.data

    def at(self, key: str) -> Path:
        return (*self.path, key)

    def wrong(self, key: str, message: str) -> None:
        self.document.wrong(self.at(key), message)

    def text(self, key: str, default: str = "", *, is_name: bool = False) -> str:
        """Text; a number or a word without quotes is taken as it is written. `is_name`: not empty, at most 255."""
        if key not in self.data or (self.data[key] is None and not is_name):
            return default
        value = self.plain_or_value(key)
        if not isinstance(value, str):
            self.wrong(key, f"{key} must be text, not {shown(value)}")
            return default
        try:
            check_text(value)
        except ValueError as error:
            self.wrong(key, f"{key} {error}")
        if is_name and not 1 <= len(value.strip()) <= len(value) <= NAME_CHARACTERS_MAX:
            self.wrong(key, f"{key} must have 1 to {NAME_CHARACTERS_MAX} characters")
        return value

    def plain_or_value(self, key: str) -> Any:
        """The text of a scalar as written, so 010 and 1.10 keep their zeros; other values unchanged."""
        value = self.data[key]
        if value is None or isinstance(value, str | dict | list):
            return value
        plain = self.document.spots[self.at(key)].plain
        return value if plain is None else plain

    def required(self, key: str, *, what: str) -> bool:
        if key in self.data and self.data[key] is not None:
            return True
        if self.is_mapping:
            self.wrong(key, f'{what} needs "{key}"')
        return False

    def key(self, name: str, *, of: str) -> str:
        """The key: as given, or the slug of the name."""
        if "key" not in self.data:
            return slug(name)
        key = self.text("key")
        if not _KEY.match(key):
            self.wrong("key", f"the key of a {of} must have 1 to 64 letters, digits, _ or - (a to z), not {shown(key)}")
        return key

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.data.get(key, default)
        if isinstance(value, bool):
            return value
        self.wrong(key, f"{key} must be true or false, not {shown(value)}")
        return default

    def number(self, key: str, default: Any, *, least: float, most: float, whole: bool) -> Any:
        value = self.data.get(key)
        if key not in self.data or (value is None and default is None):
            return default
        # True is 1 in Python.
        number = None if isinstance(value, bool) else value
        if not isinstance(number, int if whole else int | Decimal) or not least <= number <= most:
            kind = "a whole number" if whole else "a number"
            self.wrong(key, f"{key} must be {kind} from {least:g} to {most:g}, not {shown(value)}")
            return default
        return number if whole else float(number)

    def kind(self, key: str, kinds: type[Kind], default: Kind | None) -> Kind | None:
        """One of the words of an enum, in any case."""
        if key not in self.data:
            return default
        value = self.plain_or_value(key)
        for kind in kinds:
            if isinstance(value, str) and value.lower() == kind.lower():
                return kind
        hint = did_you_mean(value, [str(kind) for kind in kinds]) if isinstance(value, str) else ""
        self.wrong(key, f"{key} must be one of {', '.join(kinds)}, not {shown(value)}{hint}")
        return default

    def duration(self, key: str, default: Any) -> Any:
        """Seconds of "90s", "10m", "2h", "1d", "1h30m"; a number alone is seconds."""
        value = self.data.get(key)
        if value is None:
            return default
        seconds = durations.seconds(value)
        if seconds is None or not 0 < seconds <= durations.SECONDS_MAX:
            self.wrong(key, f"{key} must be a duration such as 90s, 10m, 2h or 1d, at most 366d, not {shown(value)}")
            return default
        return seconds

    def items(self, key: str, *, what: str, most: int) -> list[Any]:
        value = self.data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(key, f"{key} must be a list of {what}, not {shown(value)}")
            return []
        if len(value) > most:
            self.wrong(key, f"{key} may have at most {most:,} {what}, not {len(value):,}")
        return value[:most]


def slug(name: str) -> str:
    """The key made from a name: "Bank transactions" -> "bank_transactions"."""
    # normalize() sorts a run of accents by insertion, and lets no other thread work meanwhile.
    plain = unicodedata.normalize("NFKD", name[:NAME_CHARACTERS_MAX]).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:KEY_CHARACTERS_MAX] or "step"


def did_you_mean(word: str, known: Collection[str]) -> str:
    near = nearest(word, known)
    return f'; did you mean "{near}"?' if near else ""


def shown(value: object) -> str:
    """A value as a message quotes it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value[:60]}"' + ("..." if len(value) > 60 else "")
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return str(value)[:60]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
