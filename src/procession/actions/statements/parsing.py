"""parse_statement at work: every file is read to the end, all of it is compared, and only then rows are made."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions import database, expecting
from procession.actions.contract import Context, FileInput, StepOutcome
from procession.actions.database import literal, quote
from procession.actions.problems import Problem
from procession.actions.references import only
from procession.actions.rows import work
from procession.actions.rows.work import RowWork
from procession.actions.statements import (
    bai2,
    comparing_statements,
    gathering,
    ofx,
    statement_kinds,
    statement_settings,
    swift,
)
from procession.actions.statements.gathering import StatementGatherer
from procession.actions.statements.statement_settings import StatementSettings
from procession.actions.writing import exports

if TYPE_CHECKING:
    import duckdb

FILE_BYTES_MAX = 1 << 30
_NAMED = 3
_MONEY = "DECIMAL(19,4)"
# As StatementGatherer writes them; `s` is the statement.
_ENTRY_COLUMNS = {
    "s": "INTEGER", "own_currency": "VARCHAR", "booked_on": "DATE", "value_on": "DATE", "amount": _MONEY,
    "reference": "VARCHAR", "end_to_end_id": "VARCHAR", "party": "VARCHAR", "party_account": "VARCHAR",
    "text": "VARCHAR", "code": "VARCHAR", "bank_reference": "VARCHAR", "corrects": "VARCHAR",
    "is_deletion": "BOOLEAN", "original_amount": _MONEY, "original_currency": "VARCHAR", "charges": _MONEY,
}  # fmt: skip
_BALANCE_COLUMNS = {"s": "INTEGER", "own_currency": "VARCHAR", "kind": "VARCHAR", "on": "DATE", "amount": _MONEY}
_STATEMENT_COLUMNS = {
    "s": "INTEGER", "account": "VARCHAR", "currency": "VARCHAR", "name": "VARCHAR", "kind": "VARCHAR",
    "file": "VARCHAR",
}  # fmt: skip
# Of a download of overlapping days, a transaction that is in several is taken from the first. Without an account they
# may be of two, which have the same numbers: what it says must be the same then.
_REPEATED_DOWNLOADS = """
CREATE TABLE repeated AS SELECT place FROM (
    SELECT e.rowid AS place, e.s, t.account, e.bank_reference, e.booked_on, e.amount,
        CASE WHEN t.account IS NULL THEN concat_ws(chr(0), e.party, e.text) END AS said,
        row_number() OVER (PARTITION BY e.s, e.bank_reference, e.booked_on, e.amount ORDER BY e.rowid) AS nth
    FROM entries e JOIN statements t ON t.s = e.s WHERE t.kind = 'OFX' AND e.bank_reference IS NOT NULL
) QUALIFY row_number() OVER (PARTITION BY account, bank_reference, booked_on, amount, said, nth ORDER BY place) > 1
"""
# `wrong` is what `note` stands in the place of.
_CORRECTED = """
CREATE TABLE corrected AS SELECT n.rowid AS note, n.corrects, n.is_deletion, e.rowid AS wrong
FROM entries n JOIN statements t ON t.s = n.s
LEFT JOIN (entries e JOIN statements u ON u.s = e.s)
    ON u.account = t.account AND e.bank_reference = n.corrects AND e.rowid <> n.rowid
WHERE n.corrects IS NOT NULL
"""


def run(context: Context) -> StepOutcome:
    return work.perform(context, _parse)


def _parse(doing: RowWork) -> str:
    context, settings = doing.context, doing.context.settings
    for name, target in statement_settings.targets(settings).items():
        exports.refuse(context, name, target, f"{name}.csv")
    gatherer = StatementGatherer(folder=context.folder)
    _read_all(doing, gatherer)
    repeated = _compare(doing, gatherer, settings)
    _load(doing.connection, context.folder, [one.ordinal for one in repeated])
    again = database.count(doing.connection, "repeated")
    if again:
        doing.warnings.append(f"{_several(again, 'transaction')} given twice by overlapping files, counted once")
    doing.warnings.extend(_correct(doing.connection))
    doing.warnings.extend(_reused(doing.connection))
    _make(doing.connection, settings)
    doing.lock()
    expecting.check(context, doing.connection, "transactions", settings.expect, doing.warnings)
    rows = doing.publish("transactions", settings.outputs.transactions, default="transactions.csv")
    if settings.outputs.balances is not None:
        doing.publish("balances", settings.outputs.balances, default="balances.csv")
    return _told(doing, gatherer, len(gatherer.read) - len(repeated), rows)


def _read_all(doing: RowWork, gatherer: StatementGatherer) -> None:
    context, settings = doing.context, doing.context.settings
    gatherer.open()
    try:
        sources = _sources(context, settings)
        formats = set[str]()
        for number, source in enumerate(sources):
            context.progress(number / len(sources), f"reading {source.name}")
            formats.add(_read(source, settings, gatherer, doing))
    finally:
        gatherer.close()
    # Beside files that need it, those that say their own are read by what they say.
    if settings.encoding is not None and formats == {"camt"}:
        raise Problem(f"encoding: means nothing for {sources[0].called}, which says its own; leave it out")


def _correct(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Leaves out what a bank has taken back, and the note that does no more. Source: OFX 2.3, CORRECTFITID."""
    connection.execute(_CORRECTED)
    corrected, of_others, first = connection.execute(
        "SELECT count(wrong), count(*) - count(wrong), min(corrects) FILTER (wrong IS NULL) FROM corrected"
    ).fetchall()[0]
    connection.execute("INSERT INTO repeated SELECT wrong FROM corrected WHERE wrong IS NOT NULL")
    connection.execute("INSERT INTO repeated SELECT note FROM corrected WHERE is_deletion")
    if corrected:
        yield f"{_several(corrected, 'transaction')} corrected by the bank later on (CORRECTFITID), and left out"
    if of_others:
        yield (
            f"{_several(of_others, 'correction')} given for a transaction that is not in these files, such as {first};"
            " take its row out where it is"
        )


def _reused(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """A number that is to be each transaction's own, and is that of several in one statement."""
    row = connection.execute(
        "SELECT count(*), min(bank_reference) FROM (SELECT e.s, e.bank_reference FROM entries e "
        "JOIN statements t ON t.s = e.s WHERE t.kind = 'OFX' AND e.bank_reference IS NOT NULL "
        "GROUP BY ALL HAVING count(*) > 1)"
    ).fetchone()
    # Rows of tables are told apart by it, and so are transactions by most programs.
    if row and row[0]:
        numbers = "1 number (FITID) is that" if row[0] == 1 else f"{row[0]:,} numbers (FITID) are those"
        yield f"{numbers} of several transactions of one statement, such as {row[1]}; a key needs amount and line too"


def _sources(context: Context, settings: StatementSettings) -> list[FileInput]:
    found = []
    for reference in settings.files:
        source = context.value(only([reference])[0])
        if not isinstance(source, FileInput):
            raise Problem(f"files: {reference} {'has no file yet' if source is None else 'is not a file'}")
        if source.size_bytes == 0:
            raise Problem(f"{source.called} is empty")
        if source.size_bytes > FILE_BYTES_MAX:
            raise Problem(f"{source.called} has more than {FILE_BYTES_MAX >> 20:,} MB; ask the bank for shorter times")
        found.append(source)
    return found


def _read(source: FileInput, settings: StatementSettings, gatherer: StatementGatherer, doing: RowWork) -> str:
    """The format that it was."""
    found = settings.format if settings.format != "detect" else statement_kinds.format_of(source)
    before, gatherer.file_name = len(gatherer.read), source.name
    match found:
        case "camt":
            _read_camt(source, settings, gatherer)
        case "mt940":
            swift.read(source, settings.encoding, gatherer, doing.warnings)
        case "bai2":
            bai2.read(source, settings.encoding, gatherer, doing.warnings)
        case _:
            ofx.read(source, settings.encoding, gatherer, doing.warnings)
    if len(gatherer.read) == before:
        raise Problem(f"{source.called} holds no statement")
    doing.context.log(f"{source.name}: {found}, {len(gatherer.read) - before:,} statements\n")
    return found


def _read_camt(source: FileInput, settings: StatementSettings, gatherer: StatementGatherer) -> None:
    if said := statement_settings.lacking_library():
        raise Problem(f"{source.called}: {said[0]}")
    # Here: the other formats do without its library.
    from procession.actions.statements import camt
    from procession.actions.statements.camt import CamtReading

    reading = CamtReading(split=settings.entries == "details", turned=settings.reversals == "turned")
    camt.read(source, gatherer, reading)


def _compare(doing: RowWork, gatherer: StatementGatherer, settings: StatementSettings) -> list[gathering.ReadStatement]:
    """Gives the statements that are there a second time, which do not count. Raises Problem."""
    repeated = comparing_statements.given_twice(gatherer.read)
    if repeated:
        named = "; ".join(one.place for one in repeated[:_NAMED])
        doing.warnings.append(f"{_several(len(repeated), 'statement')} given twice, counted once ({named})")
    places = {one.ordinal for one in repeated}
    once = [one for one in gatherer.read if one.ordinal not in places]
    doing.warnings.extend(comparing_statements.warnings(once, settings.accounts))
    if gatherer.undivided:
        doing.warnings.append(
            f"{_several(len(gatherer.undivided), 'collective entry')} left whole, because the transactions told for it"
            f" do not add up to it (the first: {gatherer.undivided[0]})"
        )
    if gatherer.moved_days:
        doing.warnings.append(
            f"{_several(len(gatherer.moved_days), 'value date')} a day that February does not have, and taken for its"
            f" last one (the first: {gatherer.moved_days[0]})"
        )
    if gatherer.undated:
        doing.warnings.append(
            f"{_several(len(gatherer.undated), 'transaction')} given without a booking date ({gatherer.undated[0]})"
        )
    return repeated


def _load(connection: duckdb.DuckDBPyConnection, folder: Path, repeated: list[int]) -> None:
    """Makes the tables entries, account_balances and statements, without the statements that are there twice."""
    for relation, name, columns in (
        ("entries", gathering.TRANSACTIONS, _ENTRY_COLUMNS),
        ("account_balances", gathering.BALANCES, _BALANCE_COLUMNS),
        ("statements", gathering.STATEMENTS, _STATEMENT_COLUMNS),
    ):
        listed = ", ".join(f"{literal(column)}: {literal(type_)}" for column, type_ in columns.items())
        connection.execute(
            f"CREATE TABLE {relation} AS FROM read_csv({literal(str(folder / name))}, columns = {{{listed}}}, "
            f"header = false, delim = ',', quote = '\"', escape = '\"', auto_detect = false, new_line = '\\n', "
            f"max_line_size = {4 * gathering.TEXT_CHARACTERS_MAX + (1 << 20)}, parallel = false)"
        )
        connection.execute(f"DELETE FROM {relation} WHERE list_contains($repeated, s)", {"repeated": repeated})
    connection.execute(_REPEATED_DOWNLOADS)


def _make(connection: duckdb.DuckDBPyConnection, settings: StatementSettings) -> None:
    """Makes transactions and balances, in the order of the files; `line` counts within a statement."""
    also = "".join(f", {'t.file' if name == 'file' else f'e.{name}'} AS {quote(name)}" for name in settings.also)
    connection.execute(
        "CREATE TABLE transactions AS SELECT t.account, coalesce(e.own_currency, t.currency) AS currency, e.booked_on, "
        "e.value_on, e.amount, e.reference, e.end_to_end_id, e.party, e.party_account, e.text, e.code, "
        "t.name AS statement, row_number() OVER (PARTITION BY t.account, t.currency, t.name ORDER BY e.rowid) AS line"
        f"{also} FROM entries e JOIN statements t ON t.s = e.s ANTI JOIN repeated r ON r.place = e.rowid "
        "ORDER BY e.rowid"
    )
    connection.execute(
        "CREATE TABLE balances AS SELECT t.account, coalesce(b.own_currency, t.currency) AS currency, "
        't.name AS statement, b.kind, b."on", b.amount '
        "FROM account_balances b JOIN statements t ON t.s = b.s ORDER BY b.rowid"
    )


def _several(count: int, one: str) -> str:
    many = f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"
    return f"1 {one} was" if count == 1 else f"{count:,} {many} were"


def _told(doing: RowWork, gatherer: StatementGatherer, statements: int, rows: int) -> str:
    doing.figures.update({"statements": statements, "transactions": rows, "not_booked": gatherer.not_booked})
    totals = doing.connection.execute(
        "SELECT currency, CAST(sum(amount) AS VARCHAR) FROM transactions "
        "WHERE currency IS NOT NULL GROUP BY currency ORDER BY currency"
    ).fetchall()
    # A file with a currency of its own for each row would make more than an attempt keeps.
    doing.figures.update({f"total.{currency}": Decimal(total) for currency, total in totals[:100]})
    said = f"{statements:,} statement{'' if statements == 1 else 's'}, {rows:,} transaction{'' if rows == 1 else 's'}"
    if gatherer.not_booked:
        said += f"; {gatherer.not_booked:,} more are not booked yet, or no money, and left out"
    return said
