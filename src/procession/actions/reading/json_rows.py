"""Writes JSON records as rows of tokens that DuckDB loads fast; a token is the JSON text of a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import BinaryIO

import msgspec

from procession.actions.reading.json_values import MISSING, BadJson, scan, shown, token

COLUMNS_MAX = 2_000
# Each takes memory in DuckDB; a table of that size belongs into Parquet.
CELLS_MAX = 50_000_000
BETWEEN = b"\x1f"  # tokens: control characters are always escaped in JSON
_NOT_IN_STRUCTS = re.compile(r'[\x00-\x1f"\\\ud800-\udfff]')
_HALF = re.compile("[\ud800-\udfff]")  # of a character; also what stands for bytes that are no UTF-8
_tuple = msgspec.structs.astuple

_Decode = Callable[[bytes], list[msgspec.Struct]]
_Decoders = tuple[_Decode, _Decode]  # of a list of records, and of a record a line


class RowsTooLarge(Exception):
    """Raised with what is too much."""


class RowWriter:
    """Takes records and writes their rows. `keys`: the columns, in order of first use.

    There are two ways: `take` one parsed record, or many at once, by `take_list` and `take_lines`. Those refuse (False)
    whatever is not plain, and the caller then parses it record by record: a new key, a possibly repeated key,
    any mistake.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._decoders: _Decoders | None = None
        self._is_plain = True
        self._key_colons = 0
        self.keys: dict[str, int] = {}
        self.count = 0
        self.line_bytes_max = 0
        self.has_escapes = False

    def take(self, record: object, position: int) -> None:
        """Raises Unreadable, at `position`, and TooLarge."""
        if not isinstance(record, dict):
            raise BadJson(f"it is {_named(record)}, not an object with keys", position)
        self._learn(record, position)
        try:
            tokens = [MISSING] * max(len(self.keys), 1)
            for key, value in record.items():
                tokens[self.keys[key]] = token(value)
        except UnicodeEncodeError:
            raise BadJson(f"{shown(key)} holds half of a character, or is not UTF-8", position) from None
        except RecursionError:
            raise BadJson("its values are nested too deeply", position) from None
        self._write(BETWEEN.join(tokens), 1)

    def take_list(self, text: bytes) -> bool:
        """A JSON list of records."""
        decoders = self._decoders_now()
        return decoders is not None and self._take(text, decoders[0], None)

    def take_lines(self, text: bytes, count: int) -> bool:
        """A record in each of `count` lines."""
        decoders = self._decoders_now()
        return decoders is not None and self._take(text, decoders[1], count)

    def _learn(self, record: Iterable[str], position: int) -> None:
        new = [key for key in record if key not in self.keys]
        for key in new:
            if _HALF.search(key):
                raise BadJson(f"the key {shown(key)} holds half of a character, or is not UTF-8", position)
            self.keys[key] = len(self.keys)
            self._key_colons += key.count(":")
            self._is_plain = self._is_plain and not _NOT_IN_STRUCTS.search(key)
        if len(self.keys) > COLUMNS_MAX:
            raise RowsTooLarge(f"its records have more than {COLUMNS_MAX:,} different keys")
        if new:
            self._decoders = None

    def _decoders_now(self) -> _Decoders | None:
        """Decoders for the present keys; None if msgspec cannot handle one."""
        if self._decoders is None and self.keys and self._is_plain:
            fields = {f"f{number}": key for key, number in self.keys.items()}
            record = msgspec.defstruct(
                "Record",
                [(field, msgspec.Raw, msgspec.Raw(MISSING)) for field in fields],
                rename=fields,
                forbid_unknown_fields=True,
                gc=False,
            )
            of_list = msgspec.json.Decoder(list[record])  # type: ignore[valid-type]
            self._decoders = of_list.decode, msgspec.json.Decoder(record).decode_lines
        return self._decoders

    def _take(self, text: bytes, decode: _Decode, count: int | None) -> bool:
        try:
            # msgspec checks UTF-8 only where it makes texts, and here it keeps the bytes.
            if not text.isascii():
                text.decode()
            records = decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        if not records or count not in {None, len(records)}:
            return False
        rows = b"\n".join(map(BETWEEN.join, map(_tuple, records)))
        if not self._is_once(text, rows, len(records)):
            return False
        if _has_nested(rows):
            try:
                rows = _flat(records)
            except (BadJson, UnicodeEncodeError, RecursionError):
                return False
        self._write(rows, len(records))
        return True

    def _is_once(self, text: bytes, rows: bytes, count: int) -> bool:
        """Whether no record has a key twice: msgspec silently keeps the last.

        Each key has a colon of its own. One that was not kept leaves a colon too many in `text`.
        """
        missing = rows.count(MISSING)
        # The count is only sure where every key was written as it is and none was left out.
        if self._key_colons and (missing or b"\\" in text):
            return False
        kept = count * (len(self.keys) + self._key_colons) - missing
        return text.count(b":") - rows.count(b":") == kept

    def _write(self, rows: bytes, count: int) -> None:
        self.count += count
        if self.count * len(self.keys) > CELLS_MAX:
            raise RowsTooLarge(f"it has more than {CELLS_MAX:,} cells ({len(self.keys):,} keys)")
        self.line_bytes_max = max(self.line_bytes_max, len(rows))
        self.has_escapes = self.has_escapes or b"\\" in rows
        self._out.write(rows)
        self._out.write(b"\n")


def _named(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "a text"
        case list():
            return "a list"
    return "a number"


def _has_nested(rows: bytes) -> bool:
    """Whether a token is a list or an object; texts begin with a quote."""
    return any(
        mark in rows and (rows.startswith(mark) or BETWEEN + mark in rows or b"\n" + mark in rows)
        for mark in (b"{", b"[")
    )


def _flat(records: list[msgspec.Struct]) -> bytes:
    """The rows, with lists and objects as texts."""
    return b"\n".join(BETWEEN.join([_as_text(bytes(raw)) for raw in _tuple(record)]) for record in records)


def _as_text(raw: bytes) -> bytes:
    return token(scan(raw.decode(), 0)[0]) if raw[0] in b"{[" else raw
