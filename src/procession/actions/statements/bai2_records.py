"""The records of BAI2: a code, fields between commas, and lines 88 that go on with the record before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from procession.actions.problems import Problem

CONTINUES = "88"
CODES = frozenset({"01", "02", "03", "16", "49", "98", "99"})
_LINES_MAX = 20_000  # of a record


@dataclass(slots=True, kw_only=True)
class BaiRecord:
    """`rows` are its lines without their code and the slash at their end; `line` is the number of the first."""

    code: str
    line: int
    rows: list[str] = field(default_factory=list)

    def fields(self) -> list[str]:
        """All of it as fields: a new line begins a new field, whether a slash closed the one before or not."""
        return [part.strip() for row in self.rows for part in row.split(",")]

    def head(self, count: int) -> list[str]:
        """The first `count` fields, empty ones where there are fewer."""
        found = self.fields()[:count]
        return found + [""] * (count - len(found))

    def text_after(self, count: int) -> str:
        """What stands behind so many fields, with its commas: a text goes on over lines 88."""
        left, texts = count, []
        for row in self.rows:
            parts = row.split(",", left) if left else [row]
            if left and len(parts) <= left:
                left -= len(parts)
                continue
            texts.append(parts[-1])
            left = 0
        return " ".join(" ".join(texts).split())


def records(lines: Iterable[tuple[int, str]], called: str) -> Iterator[BaiRecord]:
    """Raises Problem for a line that begins with no code."""
    current: BaiRecord | None = None
    for number, raw in lines:
        line = raw.strip(" \t\r\x1a")
        if not line:
            continue
        code, row = line[:2], _row(line[2:])
        if code == CONTINUES and current is not None:
            current.rows.append(row)
            if len(current.rows) > _LINES_MAX:
                raise Problem(
                    f"line {current.line} of {called}: the record goes on over more than {_LINES_MAX:,} lines"
                )
        elif code in CODES and line[2:3] in {",", "/", ""}:
            if current is not None:
                yield current
            current = BaiRecord(code=code, line=number, rows=[row])
        else:
            raise Problem(f'line {number} of {called}: "{line[:20]}" begins with no record code of BAI2')
    if current is not None:
        yield current


def _row(text: str) -> str:
    return text.removeprefix(",").removesuffix("/").rstrip()
