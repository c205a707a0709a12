"""CAMT.052, 053 and 054 of ISO 20022, all versions: read an entry at a time, so that a year of them fits into memory.

Names count, not namespaces: banks change the version each few years, and write what they agreed on. No entity is
expanded, no document type is read, and nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from procession.actions import values
from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.statements import camt_entries, camt_headers, camt_parts
from procession.actions.statements.camt_entries import CamtEntry
from procession.actions.statements.camt_parts import Parts
from procession.actions.statements.facts import BankStatement, StatementKind, placed
from procession.actions.statements.gathering import StatementGatherer

if TYPE_CHECKING:
    from lxml import etree

_KINDS = {"Rpt": StatementKind.CAMT_052, "Stmt": StatementKind.CAMT_053, "Ntfctn": StatementKind.CAMT_054}
_MESSAGES = frozenset({"BkToCstmrAcctRpt", "BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn"})
_BATCH = "Btch"
_CHUNK_BYTES = 1 << 16
# Between two things that we let go of. An entry takes a few kilobytes, and its elements thirty times that in memory.
_HELD_BYTES_MAX = 8 << 20
DETAILS_MAX = 100_000  # of one entry


@dataclass(slots=True, kw_only=True)
class _CamtStatement:
    """A statement under way; `node` is its element, `details` those of the entry under way."""

    statement: BankStatement
    node: Any
    headers: Parts = field(default_factory=dict)
    balances: list[Parts] = field(default_factory=list)
    details: list[Parts] = field(default_factory=list)
    batch: Parts = field(default_factory=dict)
    entry: Any = None
    number: int = 0
    is_known: bool = False
    summary: camt_headers.CountedEntries = field(default_factory=camt_headers.CountedEntries)


@dataclass(frozen=True, slots=True, kw_only=True)
class CamtReading:
    """`split`: a row for each transaction of a collective entry. `turned`: a reversal says what it takes back."""

    split: bool
    turned: bool = False


@dataclass(slots=True, kw_only=True)
class _CamtFile:
    source: FileInput
    gatherer: StatementGatherer
    reading: CamtReading
    group: Parts = field(default_factory=dict)  # of the message's header
    doing: _CamtStatement | None = None
    found: int = 0
    held_bytes: int = 0
    has_root: bool = False


def read(source: FileInput, gatherer: StatementGatherer, reading: CamtReading) -> None:
    """Adds every statement of the file. Raises Problem."""
    from lxml import etree

    parser = etree.XMLPullParser(
        events=("start", "end"),
        tag=[f"{{*}}{name}" for name in ("Document", *_MESSAGES, *_KINDS, "Ntry", "TxDtls")],
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,  # at most 256 levels, and 10 MB of a text
        remove_comments=True,
        remove_pis=True,
    )
    file = _CamtFile(source=source, gatherer=gatherer, reading=reading)
    try:
        for number, chunk in enumerate(_chunks(source)):
            # In UTF-16 too. Before anything of it is read: entities are made of it, and no bank needs one.
            if number == 0 and b"<!DOCTYPE" in chunk.replace(b"\0", b""):
                raise _declares_type(source)
            parser.feed(chunk)
            _hear(parser, file)
            file.held_bytes += len(chunk)
            if file.held_bytes > _HELD_BYTES_MAX:
                raise Problem(f"{_place(file)}: more than {_HELD_BYTES_MAX >> 20} MB without an end of an entry")
        parser.close()
        _hear(parser, file)
    except etree.XMLSyntaxError as error:
        raise Problem(f"{source.called} is no whole XML: {str(error)[:200]}; did it arrive whole?") from None
    if not file.found:
        raise Problem(f"{source.called} holds no statement of CAMT.052, 053 or 054")


def _chunks(source: FileInput) -> Iterator[bytes]:
    with Path(source.path).open("rb") as file:
        first = True
        while chunk := file.read(_CHUNK_BYTES):
            # A line end in front of the declaration comes from copying, and is no XML.
            yield chunk.lstrip(b"\r\n\t ") if first else chunk
            first = False


def _hear(parser: etree.XMLPullParser, file: _CamtFile) -> None:
    for event, node in parser.read_events():
        name = camt_parts.local(node)
        if event == "start":
            _start(node, name, file)
        else:
            _end(node, name, file)


def _declares_type(source: FileInput) -> Problem:
    return Problem(f"{source.called} declares a document type (DOCTYPE), which no bank's message does")


def _start(node: Any, name: str, file: _CamtFile) -> None:
    if not file.has_root:
        file.has_root = True
        # Behind a long comment, say.
        if node.getroottree().docinfo.internalDTD is not None:
            raise _declares_type(file.source)
    parent = node.getparent()
    if (
        name in _KINDS
        and file.doing is None
        and parent is not None
        and camt_parts.local(parent).startswith("BkToCstmr")
    ):
        file.found += 1
        place = f"statement {file.found:,} of {file.source.called}"
        for child in parent:
            file.group.update(camt_parts.parts_of(child) if camt_parts.local(child) == "GrpHdr" else {})
        pages = {path: text for path, text in file.group.items() if path.startswith("MsgPgntn/")}
        statement = BankStatement(kind=_KINDS[name], place=place)
        file.doing = _CamtStatement(statement=statement, node=node, headers=pages)
    elif name == "Ntry" and (file.doing is None or (file.doing.entry is None and parent is not file.doing.node)):
        raise Problem(f"{_place(file)}: an entry stands where none belongs, in <{camt_parts.local(parent)}>")
    elif name == "Ntry" and file.doing is not None and file.doing.entry is None:
        file.doing.entry, file.doing.details, file.doing.batch = node, [], {}
        file.doing.number += 1


def _end(node: Any, name: str, file: _CamtFile) -> None:
    doing = file.doing
    if doing is None:
        return
    if name == "TxDtls" and doing.entry is not None:
        if len(doing.details) >= DETAILS_MAX:
            raise Problem(f"{_place(file)}: it has more than {DETAILS_MAX:,} transactions")
        doing.details.append(camt_parts.parts_of(node))
        # It stands before the first transaction, and goes with what is before it.
        for child in node.itersiblings(f"{{*}}{_BATCH}", preceding=True):
            doing.batch = {f"NtryDtls/{_BATCH}/{path}": text for path, text in camt_parts.parts_of(child).items()}
        _let_go(node, file)
    elif node is doing.entry:
        _harvest(doing, before=node)
        _add_entry(node, doing, file)
        doing.entry = None
        _let_go(node, file)
    elif node is doing.node:
        _harvest(doing, before=None)
        _finish(doing, file.gatherer)
        file.doing = None
        _let_go(node, file)


def _let_go(node: Any, file: _CamtFile) -> None:
    """Empties the element and takes away those before it: they were read, and would fill the memory."""
    node.clear(keep_tail=True)
    parent = node.getparent()
    while parent is not None and len(parent) and parent[0] is not node:
        del parent[0]
    file.held_bytes = 0


def _harvest(doing: _CamtStatement, before: Any) -> None:
    """Takes in the parts of a statement that stand in front of an entry, or at its end, and lets them go."""
    for child in list(doing.node):
        if child is before:
            return
        name = camt_parts.local(child)
        if name == "Bal":
            doing.balances.append(camt_parts.parts_of(child))
        elif name != "Ntry":
            for path, text in camt_parts.parts_of(child).items():
                doing.headers.setdefault(f"{name}/{path}" if path else name, text)
        doing.node.remove(child)


def _add_entry(node: Any, doing: _CamtStatement, file: _CamtFile) -> None:
    if not doing.is_known:
        camt_headers.identify(doing.statement, doing.headers, doing.balances)
        doing.is_known = True
    try:
        parts = camt_parts.parts_of(node) | doing.batch
        entry = camt_entries.entry_of(parts, doing.details, doing.statement, turned=file.reading.turned)
        _add_rows(entry, doing, file)
    except ValueError as error:
        raise Problem(f"{_place(file)}: {error}") from None


def _add_rows(entry: CamtEntry, doing: _CamtStatement, file: _CamtFile) -> None:
    doing.summary.add(entry.amount, is_booked=entry.is_booked)
    if not entry.is_booked:
        doing.statement.not_booked += 1
        return
    doing.statement.reversed_total += entry.amount if entry.is_reversal else 0
    rows = camt_entries.rows(entry, split=file.reading.split)
    doing.statement.undivided += file.reading.split and len(rows) == 1 and camt_entries.is_collective(entry)
    for row in rows:
        file.gatherer.add(doing.statement, row)


def _finish(doing: _CamtStatement, gatherer: StatementGatherer) -> None:
    statement = doing.statement
    with placed(statement.place):
        camt_headers.identify(statement, doing.headers, doing.balances)
        camt_headers.take_balances(statement, doing.balances)
        for wrong in doing.summary.contradictions(doing.headers):
            told, is_ = values.alike(wrong.told, wrong.found)
            raise Problem(f"{statement.place}: its summary says {wrong.what} {told}, and its entries say {is_}")
    gatherer.end(statement)


def _place(file: _CamtFile) -> str:
    if file.doing is None:
        return file.source.called
    return (
        f"entry {file.doing.number:,} of {file.doing.statement.place}"
        if file.doing.entry is not None
        else (file.doing.statement.place)
    )
