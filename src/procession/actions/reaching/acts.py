"""What a step does outside one by one, each told to its journal before and after: the next try goes on behind the last.

An act is a row, or the one request of a step without rows (row 0). Before it, "try" is on disk; after it "done", or
"not" where it is known that nothing happened. What has "try" and nothing else is in doubt.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from procession.actions.contract import Context
from procession.actions.problems import Problem
from procession.model.journals import RECORD_CHARS_MAX, RECORDS_MAX, RELEASED

ROWS_MAX = 40_000  # of a step: two entries each, and room for those of tries before
InDoubt = Literal["repeat", "skip"]
_DIGEST_CHARS = 12


@dataclass(slots=True, kw_only=True)
class _Past:
    """What the journal says of one act; `key` made it known outside, and does so again."""

    digest: str
    key: str
    is_done: bool = False
    result: tuple[Any, ...] = ()


@dataclass(slots=True)
class Acts:
    """The acts of this step. Raises Problem for a journal that is of another step than this one."""

    context: Context
    _past: dict[int, _Past] = field(init=False)

    def __post_init__(self) -> None:
        self._past = {}
        for entry in self.context.journal:
            # That it may go on is said by its running: only a step that was released, or never in doubt, does.
            if entry != RELEASED:
                self._read(entry)

    def _read(self, entry: str) -> None:
        match _decoded(entry):
            case ["try", int(row), str(digest), str(key)]:
                self._past[row] = _Past(digest=digest, key=key)
            case ["done", int(row), *result] if row in self._past:
                self._past[row].is_done, self._past[row].result = True, tuple(result)
            case ["not", int(row)] if row in self._past:
                del self._past[row]
            case _:
                raise Problem("what this step has recorded earlier is not what it records now; begin a new run")

    @property
    def has_past(self) -> bool:
        return bool(self._past)

    def require(self, digests: Mapping[int, str]) -> None:
        """That what was done, or may have been, is what is to be done now. Raises Problem before anything is done."""
        if len(digests) > ROWS_MAX or len(self.context.journal) + 2 * len(digests) > RECORDS_MAX:
            raise Problem(f"a step does at most {ROWS_MAX:,} things outside, one after the other; divide the rows")
        # All before the first act: a row that moved by one would pay its neighbour a second time.
        for row, past in self._past.items():
            if digests.get(row) != past.digest:
                what = f"row {row}" if row else "what this step does"
                was = "was done" if past.is_done else "may have been done"
                raise Problem(
                    f"{what} {was} by an earlier try, and is something else now: nothing was done; restore the input,"
                    " or begin a new run"
                )

    def result(self, row: int) -> tuple[Any, ...] | None:
        """What an earlier try recorded of it when it was done; None where it was not."""
        past = self._past.get(row)
        return past.result if past is not None and past.is_done else None

    def is_in_doubt(self, row: int) -> bool:
        past = self._past.get(row)
        return past is not None and not past.is_done

    def key(self, row: int, key: str) -> str:
        """What to make it known by: the first key that was used for it, else this one."""
        past = self._past.get(row)
        return key if past is None else past.key

    def begin(self, row: int, digest: str, key: str) -> None:
        """Puts on disk that it is tried, unless that is there."""
        # Of one in doubt it stands there: the first key must stay the one that a third try finds.
        if row not in self._past:
            self.context.record(_encoded("try", row, digest, key))
            self._past[row] = _Past(digest=digest, key=key)

    def done(self, row: int, *result: Any) -> None:
        """Puts on disk that it is done. What of `result` is too long to be kept is None in the next try."""
        entry = _encoded("done", row, *result)
        # That it is done must be kept, whatever the other side has answered at what length.
        if len(entry) > RECORD_CHARS_MAX:
            entry = _encoded("done", row, *(one if isinstance(one, int) else None for one in result))
        self.context.record(entry)
        self._past[row].is_done, self._past[row].result = True, result

    def undone(self, row: int) -> None:
        """Puts on disk that nothing has happened."""
        self.context.record(_encoded("not", row))
        del self._past[row]


def digest(*parts: str | bytes) -> str:
    """Short, and the same for the same parts."""
    whole = hashlib.sha256()
    for part in parts:
        content = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        # With its length: two parts are not the same as one.
        whole.update(len(content).to_bytes(8) + content)
    return whole.hexdigest()[:_DIGEST_CHARS]


def _encoded(*words: Any) -> str:
    return json.dumps(words, separators=(",", ":"), default=str)


def _decoded(entry: str) -> Any:
    try:
        return msgspec.json.decode(entry)
    except msgspec.DecodeError:
        return None
