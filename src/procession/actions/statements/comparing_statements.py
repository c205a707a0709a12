"""What statements say of each other: given twice, missing in between, of accounts that nobody asked for."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from procession.actions import values
from procession.actions.problems import Problem
from procession.actions.statements.facts import WITH_BALANCES, StatementKind
from procession.actions.statements.gathering import ReadStatement

_NAMED = 5
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_DIGITS_MIN = 6  # of an account without its bank: fewer may end many an IBAN
# Downloads overlap, and each transaction has a number of its own: these are compared one by one.
_DOWNLOADS = frozenset({StatementKind.OFX})


def given_twice(read: Sequence[ReadStatement]) -> list[ReadStatement]:
    """Statements that were there before, with the same rows. Raises Problem where the rows are others."""
    first: dict[tuple[str, str, str, str], ReadStatement] = {}
    repeated = []
    for one in read:
        earlier = first.setdefault(one.identity, one)
        if earlier is one or one.kind in _DOWNLOADS:
            continue
        if earlier.digest != one.digest:
            raise Problem(
                f'the statement "{one.name}" of {one.account or "no account"} is given twice and says different things:'
                f" {earlier.place}, and {one.place}"
            )
        repeated.append(one)
    return repeated


def warnings(read: Sequence[ReadStatement], accounts: Iterable[str]) -> Iterator[str]:
    """Of statements of which each is there once."""
    yield from _strangers(read, accounts)
    yield from _mixed(read)
    yield from _without_balances(read)
    breaks = list(_breaks(read))
    yield from breaks[:_NAMED]
    if len(breaks) > _NAMED:
        yield f"and {len(breaks) - _NAMED:,} more places where statements do not follow each other"


def _plain(account: str) -> str:
    return "".join(filter(str.isalnum, account)).upper()


def _named(names: Iterable[str]) -> str:
    every = list(dict.fromkeys(names))
    more = f" and {len(every) - _NAMED:,} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more


def _strangers(read: Sequence[ReadStatement], accounts: Iterable[str]) -> Iterator[str]:
    known = {_plain(account) for account in accounts}
    others = [one.account or "no account" for one in read if known and _plain(one.account) not in known]
    if others:
        yield f"not among the accounts: {_named(others)}"


def _mixed(read: Sequence[ReadStatement]) -> Iterator[str]:
    """A report within the day, or a notice, says what the statement of the day says again."""
    names = _one_name([one.account for one in read])
    kinds: dict[str, set[str]] = {}
    for one in read:
        kinds.setdefault(names[one.account], set()).add(one.kind)
    mixed = [f"{account} ({' and '.join(sorted(of))})" for account, of in kinds.items() if len(of) > 1]
    if mixed:
        yield f"several kinds of files of one account, whose entries may be in both: {_named(mixed)}"


def _one_name(accounts: Sequence[str]) -> dict[str, str]:
    """By account, its IBAN where that is among them too: MT940 often has the codes of bank and account in its place."""
    ibans = [account for account in accounts if _IBAN.fullmatch(_plain(account))]
    return {one: next((iban for iban in ibans if _is_of(one, _plain(iban))), one) for one in dict.fromkeys(accounts)}


def _is_of(account: str, iban: str) -> bool:
    """Whether an account, such as 37040044/0532013000 or 532013000, is that of the IBAN, which fills up with zeros."""
    if _plain(account) == iban:
        return True
    bank, _, number = account.rpartition("/")
    bank, number = _plain(bank), _plain(number).lstrip("0")
    rest = iban[4:].removeprefix(bank)
    is_there = iban[4:].startswith(bank) and rest.endswith(number) and len(number) >= _DIGITS_MIN
    # With the bank, nothing but zeros is left between them.
    return is_there and (not bank or not rest.removesuffix(number).strip("0"))


def _without_balances(read: Sequence[ReadStatement]) -> Iterator[str]:
    without = [one.place for one in read if one.kind in WITH_BALANCES and not one.has_balances]
    if without:
        yield f"no balances, so nothing proves that all entries are there: {_named(without)}"


def _breaks(read: Sequence[ReadStatement]) -> Iterator[str]:
    ordered = sorted(read, key=_order)
    for (account, _, _), group in itertools.groupby(ordered, key=lambda one: (one.account, one.currency, one.kind)):
        statements = list(group)
        yield from _lost_pages(account, statements)
        # Some banks write the same number every day; it says nothing then. Two balances that differ still do.
        is_constant = len({one.number for one in statements}) == 1 and len({one.page for one in statements}) == 1
        for before, after in itertools.pairwise(statements):
            numbers = None if is_constant else _numbers(before, after)
            moved = _balances(before, after)
            if numbers or moved:
                yield f"{account}: {'; '.join(said for said in (numbers, moved) if said)}"


def _lost_pages(account: str, statements: Sequence[ReadStatement]) -> Iterator[str]:
    """What says of itself that it is a page, without those that belong to it: its balances add up all the same."""
    for before, after in itertools.pairwise([None, *statements, None]):
        if before is not None and before.goes_on and (after is None or not after.begins_within):
            yield f'{account}: "{before.name}" says that it goes on, and its next page is not there'
        if after is not None and after.begins_within and (before is None or not before.goes_on):
            yield f'{account}: "{after.name}" says that it is not the first page, and the one before is not there'


def _order(one: ReadStatement) -> tuple[str, str, str, str, int, int, int]:
    on = "" if one.on is None else one.on.isoformat()
    return one.account, one.currency, one.kind, on, one.number or 0, one.page or 0, one.ordinal


def _numbers(before: ReadStatement, after: ReadStatement) -> str | None:
    """A gap or a repeat, in words."""
    if before.number is None or after.number is None:
        return None
    follows = after.number == before.number + 1 and (after.page or 1) == 1
    next_page = after.number == before.number and after.page is not None and after.page == (before.page or 1) + 1
    # With 1, and with some banks 0.
    begins_anew = (
        after.number <= 1 and before.on is not None and after.on is not None and before.on.year < after.on.year
    )
    if follows or next_page or begins_anew or (_is_day(before) and _is_day(after)):
        return None
    shown = [_shown(before), _shown(after)]
    if shown[0] == shown[1]:
        return f"the statement number {shown[0]} is there twice"
    return (
        f"between statement {shown[0]} and {shown[1]} there is a gap"
        if after.number > before.number + 1
        else (f"statement {shown[1]} follows {shown[0]}")
    )


def _shown(one: ReadStatement) -> str:
    return f"{one.number}" if one.page is None else f"{one.number}/{one.page}"


def _is_day(one: ReadStatement) -> bool:
    """Whether the number is the day of the year, with its year or without: there is none for a Sunday."""
    if one.on is None or one.number is None:
        return False
    return one.number in {int(f"{one.on:%j}"), int(f"{one.on:%y%j}"), int(f"{one.on:%Y%j}"), int(f"{one.on:%y%m%d}")}


def _balances(before: ReadStatement, after: ReadStatement) -> str | None:
    if before.closing is None or after.opening is None or before.closing == after.opening:
        return None
    ended, began = values.alike(before.closing, after.opening)
    return f'"{before.name}" ends with {ended}, and the next, "{after.name}", begins with {began}'
