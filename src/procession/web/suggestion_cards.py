"""A suggestion as a person looks at it: its rows beside one another, what differs, and what was decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from markupsafe import Markup

from procession.model.suggestions import Choice, DecisionRow, SideName, SuggestedRow, Suggestion
from procession.pages import formats
from procession.pages.formats import Reader

KEY, AMOUNT = 0, 1  # the places of these among the columns
_SIDES: tuple[SideName, SideName] = ("left", "right")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedCell:
    """`kind` is its class; `differs` where the other side has something else."""

    text: str
    kind: str = ""
    is_empty: bool = False
    differs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedLine:
    """A column of a pair: both sides, and what lies between them."""

    name: str
    left: ComparedCell
    right: ComparedCell
    apart: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """A row of a group; `mark` is how a form names it."""

    side: str
    cells: Sequence[ComparedCell]
    mark: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldDecision:
    """Who decided what and when, in a sentence, and their words."""

    text: str
    when: Markup | str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestionCard:
    """`lines` of a pair, else none and the `rows` are shown. `can_pair`: it has rows of both sides."""

    number: int
    rule: str
    why: str
    apart: str  # "" where the amounts agree
    names: Sequence[str]
    lines: Sequence[ComparedLine]
    rows: Sequence[CardRow]
    totals: Sequence[tuple[str, str]]
    more_rows: int
    decisions: Sequence[ToldDecision]
    can_pair: bool
    seal: str
    choice: Choice | None  # as it was sent, where the form was refused
    closed: frozenset[str]  # marks of rows that were ticked


@dataclass(frozen=True, slots=True)
class _Amounts:
    """How the amounts of one suggestion are written: with as many decimals as one of them has, two as a rule."""

    look: Reader
    decimals: int

    def text(self, given: str) -> str:
        amount = _amount(given)
        return given if amount is None else self.look.number(f"{amount:.{self.decimals}f}")


def _amounts(one: Suggestion, look: Reader) -> _Amounts:
    found = (_amount(text) for text in (one.difference, *(row.values[AMOUNT] for row in one.rows)))
    # 100 beside 1,345.60 is hard to add up: all get the decimals of the longest.
    decimals = max((len(format(amount, "f").partition(".")[2]) for amount in found if amount is not None), default=0)
    return _Amounts(look, max(decimals, 2) if decimals else 0)


def shown(
    found: Sequence[Suggestion], names: Sequence[str], look: Reader, sent: Sequence[Choice]
) -> list[SuggestionCard]:
    chosen = {choice.number: choice for choice in sent}
    return [_card(one, names, look, chosen.get(one.number)) for one in found]


def _card(one: Suggestion, names: Sequence[str], look: Reader, choice: Choice | None) -> SuggestionCard:
    left, right = one.of("left"), one.of("right")
    # Side by side only where each side has one row: of more, nobody could say which stands beside which.
    is_pair = len(left) == len(right) == 1 and one.rows_count == 2
    amounts = _amounts(one, look)
    return SuggestionCard(
        number=one.number,
        rule=one.rule,
        why=one.why,
        apart=_difference(one, amounts),
        names=names,
        lines=list(_lines(one, names, amounts)) if is_pair else (),
        rows=[_row(row, amounts) for row in one.rows],
        totals=[] if is_pair else list(_totals(one, amounts)),
        more_rows=one.rows_count - len(one.rows),
        decisions=[_told(row, look) for row in one.standing],
        can_pair=bool(left and right),
        seal=one.seal,
        choice=choice,
        closed=frozenset(f"{side} {key}" for side, key in (choice.closes if choice else ())),
    )


def _difference(one: Suggestion, amounts: _Amounts) -> str:
    return amounts.text(one.difference) if _amount(one.difference) else ""


def _lines(one: Suggestion, names: Sequence[str], amounts: _Amounts) -> Iterator[ComparedLine]:
    left, right = one.of("left")[0], one.of("right")[0]
    for place, name in enumerate(names):
        both = (left.values[place], right.values[place])
        # Two keys always differ: they name rows, and are compared by nobody.
        apart = "" if place == KEY else _difference(one, amounts) if place == AMOUNT else _apart(*both)
        cells = [_cell(text, place, amounts, differs=bool(apart)) for text in both]
        yield ComparedLine(name=name, left=cells[0], right=cells[1], apart=apart)


def _apart(left: str | None, right: str | None) -> str:
    """What lies between the two sides; "" where they agree."""
    if left is None or right is None:
        return "" if left == right else f"empty on the {'left' if left is None else 'right'}"
    days = _days(left, right)
    if days is not None:
        return _days_apart(days)
    # Rules may compare cleaned texts: case and blanks at the ends are no difference to a person.
    return "" if left.strip().casefold() == right.strip().casefold() else "differs"


def _days_apart(days: int) -> str:
    unit = "day" if abs(days) == 1 else "days"
    return "" if days == 0 else f"{abs(days)} {unit} {'later' if days > 0 else 'earlier'}"


def _days(left: str, right: str) -> int | None:
    """How much later the right day is; None where they are no days."""
    with suppress(ValueError):
        return (date.fromisoformat(right[:10]) - date.fromisoformat(left[:10])).days
    return None


def _cell(text: str | None, place: int, amounts: _Amounts, *, differs: bool = False) -> ComparedCell:
    if text is None or not text.strip():
        return ComparedCell(text="empty", kind="nil", is_empty=True, differs=differs)
    if place == AMOUNT:
        return ComparedCell(text=amounts.text(text), kind="num", differs=differs)
    if len(text) == _DAY:
        with suppress(ValueError):
            return ComparedCell(text=formats.day(date.fromisoformat(text)), kind="no", differs=differs)
    return ComparedCell(text=text, differs=differs)


def _row(row: SuggestedRow, amounts: _Amounts) -> CardRow:
    return CardRow(
        side=row.side.capitalize(),
        cells=[_cell(text, place, amounts) for place, text in enumerate(row.values)],
        mark=f"{row.side} {row.key}",
        key=row.key or "",
    )


def _totals(one: Suggestion, amounts: _Amounts) -> Iterator[tuple[str, str]]:
    """Of each side, where all of its rows are here and hold amounts."""
    # A total of the first hundred rows would pass for that of all.
    if one.rows_count > len(one.rows):
        return
    for side in _SIDES:
        found = [_amount(row.values[AMOUNT]) for row in one.of(side)]
        known = [amount for amount in found if amount is not None]
        if known and len(known) == len(found):
            count = f"{len(known)} {'row' if len(known) == 1 else 'rows'}"
            yield f"{side.capitalize()}, {count}", amounts.text(str(sum(known, Decimal(0))))


def _amount(text: str | None) -> Decimal | None:
    with suppress(InvalidOperation):
        found = Decimal(text or "x")
        return found if found.is_finite() else None
    return None


_DAY = len("2026-11-30")
_WORDS = {"match": "accepted {left} with {right}", "never": "refused {left} with {right}", "close": "closed {one}"}


def _told(row: DecisionRow, look: Reader) -> ToldDecision:
    said = _WORDS[row.decision].format(left=row.left_key, right=row.right_key, one=row.left_key or row.right_key)
    return ToldDecision(text=f"{row.by or 'Somebody'} {said}", when=_when(row.at, look), reason=row.comment or "")


def _when(text: str | None, look: Reader) -> Markup | str:
    if not text:
        return ""
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        # A table keeps moments without a zone, in UTC.
        return look.moment(at if at.tzinfo else at.replace(tzinfo=UTC))
    return text
