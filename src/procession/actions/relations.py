"""What is wrong with the options of a file that becomes a relation, before there is one.

The readers (reading/loading) are imported by an action when it runs: every process for user code imports this.
"""

from __future__ import annotations

from procession.actions.reading import meant, patterns
from procession.actions.reading.options import FileOptions


def check(path: str, options: FileOptions) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    import zoneinfo

    found = []
    if options.encoding is not None:
        try:
            # Python's own list of names; codecs that are no texts raise as well.
            "".encode(options.encoding)
        except (LookupError, UnicodeError):
            found.append(f'{path}.encoding: "{options.encoding}" is not a known encoding; try utf-8, latin-1 or cp1252')
    if isinstance(options.sheet, int) and options.sheet < 1:
        found.append(f"{path}.sheet: sheets are counted from 1")
    try:
        zoneinfo.ZoneInfo(options.zone or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        found.append(f'{path}.zone: "{options.zone}" is no zone; write an IANA name such as Europe/Berlin')
    return (*found, *_check_marks(path, options), *meant.mistakes(path, options))


def _check_marks(path: str, options: FileOptions) -> list[str]:
    """The decimal and the grouping mark must differ, and a pattern must give a whole date."""
    found = []
    sides = [(path, options.decimal, options.thousands, options.date)]
    for name, column in options.columns.items():
        decimal, thousands = column.decimal or options.decimal, column.thousands or options.thousands
        sides.append((f"{path}.columns.{name}", decimal, thousands, column.pattern))
    for where, decimal, thousands, pattern in sides:
        # 1.234 would then be two numbers at once.
        if thousands is not None and thousands == (decimal or "."):
            found.append(f'{where}: decimal and thousands are both "{thousands}"')
        if pattern is not None and (wrong := patterns.mistake(pattern)):
            found.append(f"{where}: {wrong}")
    return found
