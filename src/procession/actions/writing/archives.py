"""Packs files into a zip that has the same bytes whenever and wherever it is made."""

from __future__ import annotations

import shutil
import unicodedata
import zipfile
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from procession.actions.problems import Problem

MEMBERS_MAX = 1_000  # what we would unpack again
_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip can hold: the time of packing is no part of the content
_READABLE = 0o100644 << 16  # a plain file that everybody may read, in the high half as Unix writes it
_UNIX = 3
_ZIP64_BYTES = 1 << 31  # where Python's zipfile must be told beforehand; Excel and banks refuse Zip64 without need


def alike(name: str) -> str:
    """Names with equal texts here are one file on some system: case and the form of accents are not told apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def refuse_twins(names: Iterable[str]) -> None:
    """Raises Problem for two names that are one file on some systems, and for a file where a folder must be."""
    seen: dict[str, str] = {}
    for name in names:
        key = alike(name)
        if key in seen:
            what = f'"{seen[key]}" and "{name}" are one name' if seen[key] != name else f'two files are called "{name}"'
            raise Problem(f"{what} on some systems, where one would overwrite the other")
        seen[key] = name
    # With the lowest letter for the slash, what is in a folder follows right behind a file of its name.
    for one, other in pairwise(sorted((key.replace("/", "\0"), name) for key, name in seen.items())):
        if other[0].startswith(f"{one[0]}\0"):
            raise Problem(f'"{one[1]}" is a file, and "{other[1]}" needs a folder of that name')


def pack(path: Path, members: Iterable[tuple[str, Path]], *, members_max: int = MEMBERS_MAX) -> None:
    """Writes the zip; `members` are names and where their bytes are, taken in this order.

    Raises Problem for too many of them and for names that are one file on some systems.
    """
    listed = list(members)
    if len(listed) > members_max:
        raise Problem(f"{len(listed):,} files are more than the {members_max:,} that an archive may hold")
    refuse_twins(name for name, _ in listed)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in listed:
            info = zipfile.ZipInfo(name, _TIME)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, _UNIX, _READABLE
            is_large = source.stat().st_size >= _ZIP64_BYTES
            with source.open("rb") as content, archive.open(info, "w", force_zip64=is_large) as member:
                shutil.copyfileobj(content, member, 1 << 20)
