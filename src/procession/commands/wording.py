"""Amounts, dates, sizes and columns as people read them; programs get --json."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from procession.commands import plain, watching

WIDTH = 80
KIB = 1024


def amount(value: Decimal) -> str:
    """1,234,567.80: grouped, every digit kept."""
    # Never rounded: an accountant adds the column up.
    return f"{value:,f}"


def moment(at: datetime | None) -> str:
    """In this machine's zone, with its name: 2026-11-30 17:05 CET."""
    # With the zone's name, because the machine may not stand where its reader sits.
    return "" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M %Z}"


def day(text: str) -> str:
    """30 Nov 2026 for an ISO date."""
    return f"{date.fromisoformat(text[:10]):%d %b %Y}"


def size(count: int) -> str:
    """17 bytes, 1.2 KiB, 3.4 MiB."""
    if count < KIB:
        return "1 byte" if count == 1 else f"{count} bytes"
    number, unit = count / KIB, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        # 1023.96 KiB would be written as 1024.0 KiB.
        if round(number, 1) < KIB:
            break
        number, unit = number / KIB, larger
    return f"{number:.1f} {unit}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """1 run, 1,200 runs."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def table(
    rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset(), width: int | None = WIDTH
) -> list[str]:
    """Aligns columns under the first row. Cuts the last column at `width`, None: never."""
    if not rows:
        return []
    cells = [[plain.line(cell) for cell in row] for row in rows]
    widths = [max(len(row[number]) for row in cells) for number in range(len(cells[0]))]
    last = len(widths) - 1
    lines = []
    for row in cells:
        parts = [
            cell.rjust(widths[number]) if number in right else cell if number == last else cell.ljust(widths[number])
            for number, cell in enumerate(row)
        ]
        line = "  ".join(parts).rstrip()
        lines.append(line if width is None else watching.cut(line, width))
    return lines
