"""How a CSV file may be said to be written, as it looks: its encoding, where its table begins, if it has headings.

For a person to look at. What cannot be told from the file is not proposed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from msgspec.structs import replace

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.reading import delimited, kinds, records, text
from procession.actions.reading.kinds import FileKind
from procession.actions.reading.options import FileOptions
from procession.actions.reading.records import Dialect, Record, Unreadable
from procession.actions.tables import proposing
from procession.actions.tables.contract import ProposedOption

_RECORDS_MAX = 200
_ABOVE_MAX = 30  # lines of a title
_TYPED = frozenset({"Money", "Number", "Date", "Datetime"})
_YEARS = range(1_900, 2_101)
_Look = Callable[[FileInput, FileOptions, Path], ProposedOption | None]


def propose(
    source: FileInput, options: FileOptions, folder: Path, names: Collection[str]
) -> tuple[ProposedOption, ...]:
    """Of these options, those that the file needs or lets find; each is looked for with those before it."""
    if options.fixed or kinds.kind_of(source, takes_xml=options.records is not None) is not FileKind.CSV:
        return ()
    found: list[ProposedOption] = []
    for name in (one for one in _LOOKS if one in names):
        # What keeps the file from being read is told where it is read.
        with suppress(Problem, Unreadable, UnicodeError):
            if (one := _LOOKS[name](source, options, folder)) is not None:
                found.append(one)
                options = replace(options, **{name: one.value})
    return tuple(found)


def _encoding(source: FileInput, options: FileOptions, folder: Path) -> ProposedOption | None:
    content = Path(source.path).read_bytes()
    # UTF-8, and what a mark at its beginning says, the reader finds each month anew.
    with suppress(UnicodeDecodeError):
        content.decode()
        return None
    if text.has_mark(Path(source.path)):
        return None
    content.decode("cp1252")
    note = "the bytes are no UTF-8; cp1252 is what Windows writes in western Europe: look whether its letters are right"
    return ProposedOption(name="encoding", value="cp1252", note=note)


def _skip(source: FileInput, options: FileOptions, folder: Path) -> ProposedOption | None:
    found, widths = _records(source, options, folder)
    width, count = Counter(widths).most_common(1)[0]
    first = next(place for place, one in enumerate(widths) if one == width)
    # Headings of which one is missing are no title, and a table of one column has none that could be told from it.
    is_title = first > 0 and max(widths[:first]) <= width // 2
    # One line of totals may be shorter.
    if not is_title or first > _ABOVE_MAX or count < len(widths) - first - 1:
        return None
    lines = found[first][0] - 1
    what = "the line above the table is" if lines == 1 else f"the {lines} lines above the table are"
    return ProposedOption(name="skip", value=lines, note=f"{what} left out")


def _delimiter(source: FileInput, options: FileOptions, folder: Path) -> ProposedOption | None:
    file = text.prepare(source, options, folder)
    mark = file.separator or delimited.delimiter_of(file, options)
    _, first = next(records.read(file, Dialect(delimiter=mark, quote=options.quote, trims=options.trim)))
    return ProposedOption(name="delimiter", value=mark) if len(first) > 1 else None


def _header(source: FileInput, options: FileOptions, folder: Path) -> ProposedOption | None:
    found, _ = _records(source, options, folder)
    first, rows = found[0][1], [values for _, values in found[1:] if len(values) == len(found[0][1])]
    typed = [place for place in range(len(first)) if _type([row[place] for row in rows]) in _TYPED] if rows else []
    # Headings may be years, or numbers of months: then nothing tells them from amounts.
    is_data = all(_type([first[place]]) in _TYPED for place in typed)
    if not typed or not is_data or all(_may_be_heading(first[place]) for place in typed):
        return None
    note = "its first row looks like the others, and has no headings: columns go by their numbers"
    return ProposedOption(name="header", value=False, note=note)


_LOOKS: Mapping[str, _Look] = {
    "encoding": _encoding, "skip": _skip, "delimiter": _delimiter, "header": _header,
}  # fmt: skip


def _records(source: FileInput, options: FileOptions, folder: Path) -> tuple[list[Record], list[int]]:
    """The first ones that are not blank, by the delimiter that suits most of them, and how wide each is."""
    file = text.prepare(source, options, folder)
    marks = [options.delimiter or file.separator] if options.delimiter or file.separator else list(delimited.DELIMITERS)
    tried = []
    for mark in (one for one in marks if one):
        with suppress(Unreadable):  # a wrong delimiter may break quoting
            dialect = Dialect(delimiter=mark, quote=options.quote, trims=options.trim)
            tried.append([one for one in islice(records.read(file, dialect), _RECORDS_MAX) if one[1]])
    if not any(tried):
        raise Unreadable("it holds no records")
    found = max(tried, key=lambda one: _evenness([len(values) for _, values in one]))
    return found, [len(values) for _, values in found]


def _evenness(widths: Sequence[int]) -> tuple[int, int]:
    """How many records have one width that is more than one value, and that width."""
    wide = Counter(one for one in widths if one > 1)
    (width, count) = max(wide.items(), key=lambda one: (one[1], one[0]), default=(0, 0))
    return count, width


def _type(values: Sequence[str]) -> str:
    return proposing.propose("", values).type


def _may_be_heading(value: str) -> bool:
    return value.strip().isdecimal() and (int(value) in _YEARS or int(value) <= 31)
