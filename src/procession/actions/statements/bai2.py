"""BAI2, the format of cash management in America: groups of accounts of a day, with totals that must add up.

Source: BAI, Cash Management Balance Reporting Specifications, version 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from procession.actions.contract import FileInput
from procession.actions.problems import Problem
from procession.actions.statements import amounts, bai2_records, numbered_lines
from procession.actions.statements.bai2_records import BaiRecord
from procession.actions.statements.facts import (
    AVAILABLE,
    CLOSING,
    OPENING,
    BankStatement,
    BookedEntry,
    StatementKind,
    placed,
)
from procession.actions.statements.gathering import StatementGatherer

_PARENTS = {"02": "01", "03": "02", "16": "03", "49": "03", "98": "02", "99": "01"}
_STATUS, _CREDITS, _DEBITS = range(1, 100), range(100, 400), range(400, 700)
_LOAN_CREDITS, _LOAN_DEBITS = range(700, 760), range(760, 800)
_NO_MONEY = 890  # information without an amount
_OWN_STATUS, _OWN_CREDITS, _OWN_DEBITS = range(900, 920), range(920, 960), range(960, 1000)
_LEDGER_OPENING, _LEDGER_CLOSING = "010", "015"
_BALANCES = {
    _LEDGER_OPENING: OPENING, _LEDGER_CLOSING: CLOSING, "040": f"{OPENING} {AVAILABLE}", "045": AVAILABLE,
    "030": "interim", "060": f"interim {AVAILABLE}",
}  # fmt: skip
_INTERIM = frozenset({"1", "3"})  # of the day before, or of today; not final
_TEST, _DELETION = "4", "2"
_UNLESS_SAID = "USD"  # the currency that the standard names
_FUNDS_FIELDS = {"S": 3, "V": 2}


@dataclass(slots=True, kw_only=True)
class _Totals:
    """What a trailer must say: the sum of the amounts as they are written, parts within, and lines."""

    line: int
    amount: int = 0
    parts: int = 0
    lines: int = 0


@dataclass(slots=True, kw_only=True)
class _BaiFile:
    """Where in the file we are: the open file, group and account, each with its totals."""

    source: FileInput
    gatherer: StatementGatherer
    open: dict[str, _Totals] = field(default_factory=dict)
    group: list[str] = field(default_factory=list)
    statement: BankStatement | None = None
    value_on: date | None = None
    tests: int = 0
    times: dict[tuple[str, str], int] = field(default_factory=dict)  # account and name -> how often since the last 01

    def place(self, record: BaiRecord) -> str:
        return f"line {record.line} of {self.source.called}"


def read(source: FileInput, encoding: str | None, gatherer: StatementGatherer, warnings: list[str]) -> None:
    """Adds every account of every group as a statement. Raises Problem naming the line."""
    file = _BaiFile(source=source, gatherer=gatherer)
    lines = numbered_lines.read(source, encoding, gatherer.folder, warnings)
    for record in bai2_records.records(lines, source.called):
        with placed(file.place(record)):
            _take(record, file)
    if file.open:
        inner = max(file.open)
        began = file.open[inner].line
        raise Problem(f"{source.called} ends within the record {inner} of line {began}; did it arrive whole?")
    if file.tests:
        groups = "group was" if file.tests == 1 else "groups were"
        warnings.append(f"{source.called}: {file.tests:,} {groups} sent as a test, and left out")


def _take(record: BaiRecord, file: _BaiFile) -> None:
    parent = _PARENTS.get(record.code)
    if parent is not None and parent not in file.open:
        raise ValueError(f"a record {record.code} stands here without its {parent} before it")
    if record.code in file.open:
        raise ValueError(
            f"a record {record.code} stands here before the one of line {file.open[record.code].line} ended"
        )
    # A trailer counts the lines of all that is within it, itself and continuations too.
    for totals in file.open.values():
        totals.lines += len(record.rows)
    match record.code:
        case "01" | "02" | "03":
            _begin(record, file)
        case "16":
            _take_detail(record, file)
        case "49" | "98" | "99":
            _end(record, file)


def _begin(record: BaiRecord, file: _BaiFile) -> None:
    for code in ("02", "03"):
        if code in file.open and record.code <= code:
            raise ValueError(f"a record {record.code} stands here before the one of line {file.open[code].line} ended")
    file.open[record.code] = _Totals(line=record.line, lines=len(record.rows))
    if record.code == "01" and record.head(8)[7] not in {"2", "02", ""}:
        raise ValueError(f'version "{record.head(8)[7][:10]}" of the format is not known; this reads version 2')
    if record.code == "01":
        file.times = {}
    if record.code == "02":
        file.group = record.head(7)
        if file.group[2] == _DELETION:
            raise ValueError("the group deletes what was sent before (status 2); ask the bank for the whole day again")
        file.tests += file.group[2] == _TEST
    if record.code == "03":
        _begin_account(record, file)


def _begin_account(record: BaiRecord, file: _BaiFile) -> None:
    _, _, _, day, time, currency, modifier = file.group
    account, own_currency = record.head(2)
    on = amounts.short_day(day)
    statement = BankStatement(
        kind=StatementKind.BAI2,
        place=file.place(record),
        account=account,
        currency=own_currency or currency or _UNLESS_SAID,
        on=on,
        # Interim reports of one day are told apart by their time.
        name=f"{on:%Y-%m-%d}" + (f" {time}" if modifier in _INTERIM and time else ""),
    )
    # Within one file the trailers count both, so that it is no statement given twice.
    times = file.times[account, statement.name] = file.times.get((account, statement.name), 0) + 1
    statement.name += f" ({times})" if times > 1 else ""
    file.statement = statement
    ledger: dict[str, Decimal] = {}
    for code, text in _summaries(record.fields()[2:]):
        if not text:
            continue
        file.open["03"].amount += _written(text)
        number = int(code)
        if number in _STATUS or number in _OWN_STATUS:
            ledger[code] = amounts.minor_units(text, statement.currency)
            statement.add_balance(_BALANCES.get(code, code), on, ledger[code])
    # An interim report has the balance of the day, and only what is new.
    if modifier not in _INTERIM:
        statement.opening, statement.closing = ledger.get(_LEDGER_OPENING), ledger.get(_LEDGER_CLOSING)


def _summaries(fields: list[str]) -> Iterable[tuple[str, str]]:
    """Type and amount of each summary, behind which stand a count and when the funds are there."""
    place = 0
    while place < len(fields):
        code = fields[place]
        if not code:  # of a comma at the end of a line
            place += 1
            continue
        if not (code.isascii() and code.isdigit() and len(code) == 3):
            raise ValueError(f'"{code[:20]}" is no type of three digits')
        yield code, fields[place + 1] if place + 1 < len(fields) else ""
        place += 4
        place += _of_funds(fields, place - 1)


def _of_funds(fields: list[str], place: int) -> int:
    """How many fields belong to a type of funds."""
    kind = fields[place] if place < len(fields) else ""
    if kind == "D":
        count = fields[place + 1] if place + 1 < len(fields) else ""
        if not (count.isascii() and count.isdigit() and len(count) <= 3):
            raise ValueError(f'"{count[:20]}" is no number of days on which funds are there')
        return 1 + 2 * int(count)
    if kind not in {"", "0", "1", "2", "Z", *_FUNDS_FIELDS}:
        raise ValueError(f'"{kind[:20]}" is no type of funds')
    return _FUNDS_FIELDS.get(kind, 0)


def _written(text: str) -> int:
    # Trailers add the amounts up as they are written, whatever the sign of their type or the decimals of the currency.
    amounts.minor_units(text, "JPY")  # refuses what is no whole number
    return int(text)


def _take_detail(record: BaiRecord, file: _BaiFile) -> None:
    statement = file.statement
    assert statement is not None  # "03" is open
    code, text, _ = record.head(3)
    sign = _sign(code)
    file.open["03"].amount += _written(text) if text else 0
    fields = 3 + _of_funds(record.fields(), 2)
    reference_at = record.head(fields + 2)[fields:]
    if sign == 0 or not text:
        statement.not_booked += 1
        return
    value = record.head(4)[3] if record.head(3)[2] == "V" else ""
    entry = BookedEntry(
        amount=sign * amounts.minor_units(text, statement.currency),
        booked_on=statement.on,
        value_on=amounts.short_day(value) if value else None,
        reference=reference_at[1],
        bank_reference=reference_at[0],
        text=record.text_after(fields + 2),
        code=code,
    )
    if file.group[2] != _TEST:
        file.gatherer.add(statement, entry)


def _sign(code: str) -> int:
    """1 for a credit, -1 for a debit, 0 for what is no money. Raises ValueError."""
    number = int(code) if code.isascii() and code.isdigit() and len(code) == 3 else 0
    if number == _NO_MONEY:
        return 0
    if number in _CREDITS or number in _LOAN_CREDITS or number in _OWN_CREDITS:
        return 1
    if number in _DEBITS or number in _LOAN_DEBITS or number in _OWN_DEBITS:
        return -1
    raise ValueError(f'type "{code[:20]}" is neither a credit nor a debit')


def _end(record: BaiRecord, file: _BaiFile) -> None:
    begun = {"49": "03", "98": "02", "99": "01"}[record.code]
    inner = {"98": "03", "99": "02"}.get(record.code)
    if inner in file.open:
        raise ValueError(f"a record {record.code} stands here before the {inner} of line {file.open[inner].line} ended")
    totals = file.open.pop(begun)
    head = record.head(3)
    told = [head[0], head[1], head[2]] if record.code != "49" else [head[0], "", head[1]]
    _compare(record, "amounts", told[0], totals.amount)
    if record.code != "49":
        _compare(record, "accounts" if record.code == "98" else "groups", told[1], totals.parts)
    _compare(record, "lines", told[2], totals.lines)
    outer = {"03": "02", "02": "01"}.get(begun)
    if outer is not None:
        file.open[outer].amount += totals.amount
        file.open[outer].parts += 1
    if record.code == "49" and file.statement is not None:
        if file.group[2] != _TEST:
            file.gatherer.end(file.statement)
        file.statement = None


def _compare(record: BaiRecord, what: str, told: str, found: int) -> None:
    try:
        number = _written(told)
    except ValueError:
        raise ValueError(f'the trailer ({record.code}) has no number for its {what}: "{told[:20]}"') from None
    if number != found:
        raise ValueError(f"the trailer ({record.code}) says {number:,} for its {what}, and they are {found:,}")
