"""A zip that came from outside: looked over as a whole before one byte of it is unpacked."""

from __future__ import annotations

import fnmatch
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

from procession.actions import naming
from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading.sheets.containers import (
    CHUNK_BYTES,
    MEMBERS_MAX,
    RATIO_FREE_BYTES,
    RATIO_MAX,
    UNPACKED_BYTES_MAX,
)
from procession.actions.writing import archives

# zipfile says NotImplementedError of a compression that it lacks, and RuntimeError of a member with a password.
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError)
_LOCAL_HEADER_BYTES = 30  # the least that stands before a member's bytes
_LOCAL_HEADER = b"PK\x03\x04"
_NAMED_MAX = 10
_MAC_EXTRAS = "__MACOSX/"  # what macOS adds to every file: nobody packed it
_DESKTOP_EXTRAS = frozenset({".ds_store", "thumbs.db", "desktop.ini"})  # how somebody's window showed a folder
_IS_UTF_8 = 1 << 11  # APPNOTE 4.4.4
_FIELD = struct.Struct("<HH")  # kind and size of what a member says besides
_UNICODE_PATH = 0x7075


class ZipArchive:
    """The files in it, folders left out."""

    def __init__(self, archive: zipfile.ZipFile, source: FileInput) -> None:
        self._archive, self._name = archive, source.name
        self.members = [one for one in archive.infolist() if not one.is_dir() and not _is_extra(one.filename)]

    def only(self, pattern: str) -> zipfile.ZipInfo:
        """The one file that the pattern names, in any case. Raises Problem for none and for several.

        A pattern without a slash is compared with the name without its folders.
        """
        found = [one for one in self.members if _fits(one.filename, pattern)]
        if len(found) == 1:
            return found[0]
        if found:
            raise Problem(f'"{self._name}" has {len(found):,} files that fit "{pattern}": {_named(found)}')
        raise Problem(f'"{self._name}" has no file that fits "{pattern}" (it has {_named(self.members) or "none"})')

    def take(self, member: zipfile.ZipInfo, path: Path) -> None:
        """Unpacks the member into the file. Raises Problem for one that is damaged."""
        try:
            # No more than it says of itself: zipfile stops there, and compares the checksum at the end.
            with self._archive.open(member) as packed, path.open("wb") as out:
                while chunk := packed.read(CHUNK_BYTES):
                    out.write(chunk)
        except _BROKEN as error:
            raise Problem(f'"{member.filename}" in "{self._name}" is damaged: {error}') from error


def _is_extra(name: str) -> bool:
    return name.startswith(_MAC_EXTRAS) or name.rpartition("/")[2].lower() in _DESKTOP_EXTRAS


def _fits(name: str, pattern: str) -> bool:
    shown = name if "/" in pattern else name.rpartition("/")[2]
    # Only * means anything: browsers call a second download "list[1].csv", where fnmatch would look for "list1.csv".
    plain = pattern.replace("[", "[[]").replace("?", "[?]")
    return fnmatch.fnmatchcase(_folded(shown), _folded(plain))


def _folded(text: str) -> str:
    # Banks write .XML one day and .xml the next, and macOS takes the dots off a letter and writes them behind it.
    return unicodedata.normalize("NFC", text).lower()


def _named(members: Sequence[zipfile.ZipInfo]) -> str:
    more = f" and {len(members) - _NAMED_MAX:,} more" if len(members) > _NAMED_MAX else ""
    return ", ".join(one.filename[:100] for one in members[:_NAMED_MAX]) + more


@contextmanager
def opened(source: FileInput) -> Iterator[ZipArchive]:
    """Raises Problem for what is no zip, and for one that must not be unpacked."""
    path = Path(source.path)
    try:
        archive = zipfile.ZipFile(path)
    except _BROKEN as error:
        raise Problem(f'"{source.name}" is no zip, or did not arrive whole ({error})') from None
    with archive:
        # All of it before any of it is taken: whoever gets half of a bad zip believes that half.
        _check_size(archive.infolist(), source)
        for member in archive.infolist():
            member.filename = _as_packed(member, source.name)
            _check_member(member, source.name)
        _check_overlaps(archive.infolist(), source.name)
        _check_start(archive.infolist(), source)
        # Programs differ in which of the two they take.
        try:
            archives.refuse_twins(one.filename for one in archive.infolist())
        except Problem as problem:
            raise Problem(f'"{source.name}": {problem}') from None
        yield ZipArchive(archive, source)


def _as_packed(member: zipfile.ZipInfo, archive: str) -> str:
    """The name as whoever packed the member wrote it, with / between folders. Raises Problem for one of two names."""
    is_utf_8 = bool(member.flag_bits & _IS_UTF_8)
    # As it stands: zipfile cuts a name at a NUL, and newer ones put another in its place.
    name = member.orig_filename
    raw = name.encode("utf-8" if is_utf_8 else "cp437", "surrogateescape")
    # macOS and others write UTF-8 and do not say so, and zipfile reads that as code page 437. The other way round, no
    # name with a letter of that page is UTF-8 by chance.
    if not is_utf_8:
        with suppress(UnicodeError):
            name = raw.decode()
    second = set(_second_names(member.extra, raw))
    # It is for names in a code page, and readers differ in which of the two they take, or of several.
    if len(second) > 1 or (second and (is_utf_8 or raw.isascii()) and second != {name}):
        shown = ", ".join(repr(one[:100]) for one in sorted({name, *second}))
        raise Problem(f'"{archive}" has a file with more than one name, of which readers take another one: {shown}')
    # As .NET and PowerShell wrote folders for years.
    return next(iter(second), name).replace("\\", "/")


def _second_names(extra: bytes, raw: bytes) -> Iterator[str]:
    """Names in UTF-8 beside the one in a code page (APPNOTE 4.6.9); one whose checksum is of another name is void."""
    while len(extra) >= _FIELD.size:
        kind, size = _FIELD.unpack_from(extra)
        field, extra = extra[_FIELD.size : _FIELD.size + size], extra[_FIELD.size + size :]
        if kind == _UNICODE_PATH and field[:5] == struct.pack("<BI", 1, zlib.crc32(raw)):
            yield field[5:].decode("utf-8", "replace")


def _check_size(members: Sequence[zipfile.ZipInfo], source: FileInput) -> None:
    # As the members say of themselves: zipfile unpacks no more of one than that.
    unpacked_bytes = sum(one.file_size for one in members)
    if len(members) > MEMBERS_MAX:
        raise Problem(f'"{source.name}" has {len(members):,} files inside; at most {MEMBERS_MAX:,} are unpacked')
    if unpacked_bytes > UNPACKED_BYTES_MAX:
        most = UNPACKED_BYTES_MAX >> 20
        raise Problem(f'"{source.name}" unpacks to {unpacked_bytes >> 20:,} MiB; at most {most:,} are unpacked')
    if unpacked_bytes > RATIO_FREE_BYTES and unpacked_bytes > RATIO_MAX * max(source.size_bytes, 1):
        raise Problem(f'"{source.name}" unpacks to more than {RATIO_MAX} times its size; it looks like a bomb')


def _check_member(member: zipfile.ZipInfo, name: str) -> None:
    if said := naming.path_mistake(member.filename.removesuffix("/")):
        raise Problem(f'"{name}" has a file whose name {said}: {member.filename[:100]!r}')
    # APPNOTE 4.4.4: bit 0 is encryption.
    if member.flag_bits & 1:
        raise Problem(f'"{name}" is protected with a password; pack it without one')
    # The high half is the mode of Unix, wherever it was packed; 0 says nothing.
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise Problem(f'"{name}" has something that is no file, such as a link: {member.filename[:100]}')


def _check_start(members: Sequence[zipfile.ZipInfo], source: FileInput) -> None:
    """Of two archives behind each other the list is that of the last one: nobody would miss the files of the first."""
    with Path(source.path).open("rb") as file:
        begins_with_file = file.read(len(_LOCAL_HEADER)) == _LOCAL_HEADER
    if begins_with_file and min((one.header_offset for one in members), default=1) > 0:
        raise Problem(f'"{source.name}" begins with files that are not in its list, as two archives in one do')


def _check_overlaps(members: Sequence[zipfile.ZipInfo], name: str) -> None:
    """Members that share their bytes: how a small file holds a thousand large ones."""
    listed = sorted(members, key=lambda one: one.header_offset)
    for one, following in pairwise(listed):
        # At least so much: a letter of the name takes a byte or more, and other fields may follow it.
        end = one.header_offset + _LOCAL_HEADER_BYTES + len(one.filename) + one.compress_size
        if one.header_offset < 0 or end > following.header_offset:
            raise Problem(f'"{name}" has files that share their bytes; it looks like a bomb')
