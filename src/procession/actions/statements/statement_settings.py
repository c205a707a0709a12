"""Settings of parse_statement: the files, their format, which accounts they may be of, and where the rows go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from procession.actions import expecting, extras, references
from procession.actions.expecting import Expect
from procession.actions.references import ReferenceText
from procession.actions.writing import exports
from procession.actions.writing.exports import Target
from procession.model.table_uses import TableUse

Format = Literal["detect", "mt940", "camt", "bai2", "ofx"]
More = Literal["bank_reference", "original_amount", "original_currency", "charges", "file"]
_LIBRARY, _EXTRA = "lxml", "statements"


class StatementOutputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the rows go."""

    transactions: Annotated[Target, msgspec.Meta(description="a row for each transaction that is booked")]
    balances: Annotated[
        Target | None,
        msgspec.Meta(description="a row for each balance: account, currency, statement, kind, on, amount"),
    ] = None


class StatementSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    files: Annotated[
        list[ReferenceText],
        msgspec.Meta(min_length=1, max_length=100, description="the properties that hold the statements, in any order"),
    ]
    format: Annotated[
        Format,
        msgspec.Meta(
            description="detect tells each file by its first bytes; mt940 is MT942 too, camt is 052, 053 and 054 of all"
            " versions, ofx is QFX too"
        ),
    ] = "detect"
    entries: Annotated[
        Literal["details", "booked"],
        msgspec.Meta(
            description="CAMT: a row for each transaction of a collective entry, or one for each entry as booked"
        ),
    ] = "details"
    reversals: Annotated[
        Literal["as_booked", "turned"],
        msgspec.Meta(
            description="CAMT: whether credit or debit of a reversal says what the money did, as in the standard, or"
            " what the entry was that is taken back; a statement that does not add up says which"
        ),
    ] = "as_booked"
    accounts: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=100)]],
        msgspec.Meta(
            max_length=1000,
            description="accounts that the files may be of, with or without blanks; rows of others are kept, and the"
            " step ends as Warning",
        ),
    ] = []
    encoding: Annotated[
        Annotated[str, msgspec.Meta(max_length=40)] | None,
        msgspec.Meta(description="all but CAMT: such as cp1252; UTF-8 or what the file itself says if left out"),
    ] = None
    also: Annotated[
        list[More], msgspec.Meta(max_length=5, description="further columns, behind those that are always there")
    ] = []
    expect: Annotated[
        Expect, msgspec.Meta(description="how many transactions there must be, and what they add up to")
    ] = Expect()
    outputs: Annotated[StatementOutputs, msgspec.Meta(description="where the rows go")]


def targets(settings: StatementSettings) -> dict[str, Target]:
    return exports.targets_of(settings.outputs)


def reads(settings: StatementSettings) -> tuple[str, ...]:
    return references.only([*settings.files, *expecting.reads(settings.expect)])


def tables(settings: StatementSettings) -> tuple[TableUse, ...]:
    return exports.tables_of(targets(settings).values())


def writes(settings: StatementSettings) -> tuple[str, ...]:
    return tuple(exports.reference_of(target) for target in targets(settings).values())


def lacking_library() -> tuple[str, ...]:
    """The words for CAMT where lxml is missing; nothing where it is there."""
    return extras.lacking(_LIBRARY, extra=_EXTRA, what="CAMT statements")


def check(settings: StatementSettings) -> tuple[str, ...]:
    """Mistakes that types cannot express."""
    found = [*expecting.mistakes(settings.expect), *_keys(settings)]
    for name, target in targets(settings).items():
        found += exports.check(f"outputs.{name}", target)
    if len(set(settings.files)) < len(settings.files):
        found.append("files: a property is named twice")
    if len(set(settings.also)) < len(settings.also):
        found.append("also: a column is named twice")
    # Where the format is detected, the other formats can still be read: told by the step that meets CAMT.
    if settings.format == "camt":
        found += lacking_library()
    if settings.encoding is not None:
        found += _encoding(settings)
    return tuple(found)


def _keys(settings: StatementSettings) -> Iterator[str]:
    """An account has statements of one number in several currencies: rows of one would take the others' place."""
    for name, target in targets(settings).items():
        key = {column.lower() for column in getattr(target, "key", ())}
        if "statement" in key and "currency" not in key:
            yield f"outputs.{name}.key: add currency; an account may have statements of the same number in several"


def _encoding(settings: StatementSettings) -> tuple[str, ...]:
    if settings.format == "camt":
        return ("encoding: means nothing for camt, whose files say theirs",)
    try:
        "".encode(settings.encoding or "")
    except (LookupError, UnicodeError):
        return (f'encoding: "{settings.encoding}" is not a known encoding; try utf-8, latin-1 or cp1252',)
    return ()
