"""How the cells of a column are written, and SQL that proves each byte of them before it takes a value.

A form is seen in some cells. A cell is of a form when the form, the place and the value put together are the cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from procession.actions.database import literal
from procession.actions.reading.cells import FAILS, Kind
from procession.actions.reading.sheets import texts
from procession.actions.reading.sheets.areas import DIGITS_MAX, cell_name
from procession.actions.reading.sheets.formats import Shows
from procession.actions.reading.sheets.values import DAY_MILLISECONDS, EPOCH_1904_DAYS, TIME_DAYS_MAX

FORMULA = "<f"
_VALUE, _TEXT, _SPACED = "<v>", "<is><t>", '<is><t xml:space="preserve">'
_NO_VALUE = "<v/>"
_OPENERS = f"{_NO_VALUE}|{_VALUE}|{_SPACED}|{_TEXT}|{FORMULA}"
# Before the value, and behind it.
_AROUND = {_VALUE: ("<v>", "</v>"), _TEXT: ("<t>", "</t></is>"), _SPACED: ('preserve">', "</t></is>")}
_FORM = re.compile(rf"([^<>]*)>({_OPENERS})?.*", re.DOTALL)
_ATTRIBUTES = re.compile(r'(?: [A-Za-z:]+="[^"<>&]*")*')
_ATTRIBUTE = re.compile(r' ([A-Za-z:]+)="([^"]*)"')
_FORMS_MAX = 50  # of a column
_STYLE, _TYPE = (f'(?: {name}="[^"<>&]*")?' for name in "st")
# In an order, so that none is there twice.
_BLANK = f'<c r="[A-Z0-9]+"(?:{_STYLE}{_TYPE}|{_TYPE}{_STYLE})'
_BLANK_END = ">(?:<v/>|<v></v>)?"
_WRITTEN_FORMULA = (
    '<c [^<>]*><f(?: [A-Za-z0-9:]+="[^"<>&]*")*(/>|>([^<&]|&(amp|lt|gt|quot|apos|#10|#13);)*</f>)<v>[^<]*</v>'
)
_SHOWN = {
    Shows.NUMBER: Kind.NUMBER,
    Shows.DATE: Kind.DATE,
    Shows.TIME: Kind.TEXT,
    Shows.DURATION: Kind.TEXT,
}
_KINDS = {"str": Kind.TEXT, "s": Kind.TEXT, "b": Kind.TRUTH}
# Before the first day, serials are shifted by Excel's leap day that never was; after the last there are none.
_FIRST_SERIAL, _LAST_SERIAL = 61, 2_958_466 - 1e-8  # whose milliseconds are not rounded up to a day beyond
_EPOCH_MILLISECONDS = 25_569 * DAY_MILLISECONDS  # 1970-01-01
PARTS = {"k": "UTINYINT", "t": "VARCHAR", "n": "DOUBLE", "d": "TIMESTAMP"}  # of a value in a column of several kinds


@dataclass(frozen=True, slots=True, kw_only=True)
class CellForm:
    """What stands between the place of a cell and its value: attributes, and how its element begins."""

    head: str  # of all attributes but the place
    opener: str

    @property
    def is_shared(self) -> bool:
        return ' t="s"' in self.head

    @property
    def is_text(self) -> bool:
        """Whether its value is one, and not a number that is shown as a time of day."""
        return self.opener in {_TEXT, _SPACED} or ' t="str"' in self.head

    def kind(self, styles: Sequence[Shows]) -> Kind | None:
        """None for what the exact way reads alone, such as errors."""
        if not _ATTRIBUTES.fullmatch(self.head):
            return None
        said = dict(attributes := _ATTRIBUTE.findall(self.head))
        # Not well-formed, which the exact way says.
        if len(said) < len(attributes) or "r" in said:
            return None
        type_ = said.get("t", "n")
        if type_ == "inlineStr" or self.opener in {_TEXT, _SPACED}:
            return Kind.TEXT if type_ == "inlineStr" and self.opener in {_TEXT, _SPACED} else None
        if type_ == "s" and self.opener == FORMULA:
            return None
        return _of_style(said.get("s", "0"), styles) if type_ == "n" else _KINDS.get(type_)


def _of_style(number: str, styles: Sequence[Shows]) -> Kind | None:
    if not styles:
        return Kind.NUMBER
    is_number = number.isascii() and number.isdigit() and len(number) <= DIGITS_MAX
    if not is_number or int(number) >= len(styles):
        return None
    return _SHOWN.get(styles[int(number)])


def of(cells: Iterable[str], styles: Sequence[Shows]) -> dict[CellForm, Kind] | None:
    """The forms of cells with the kind that each has. None where the exact way alone reads one."""
    if (found := seen(cells)) is None:
        return None
    known = {form: kind for form in found if (kind := form.kind(styles)) is not None}
    return known if len(known) == len(found) else None


def seen(cells: Iterable[str]) -> set[CellForm] | None:
    """The forms of cells with anything in them, each given from behind its place. None for what has no form."""
    found = set[CellForm]()
    for cell in cells:
        form = _FORM.fullmatch(cell)
        if form is None or (not form[2] and form.end(1) + 1 < len(cell)):
            return None
        if form[2] and form[2] != _NO_VALUE:
            found.add(CellForm(head=form[1], opener=form[2]))
    return found if len(found) <= _FORMS_MAX else None


def seen_sql(field: str) -> str:
    """SQL of what seen() takes of a cell, without its value."""
    return f"regexp_extract({field}, '^<c r=\"[A-Z]+[0-9]+\"([^<>]*>(?:{_OPENERS}|.)?)', 1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenColumn:
    """A column of fields: `field` is SQL, and so is the text of the number of the row in `row`."""

    column: int
    field: str
    forms: Mapping[CellForm, Kind]
    is_plain: bool  # whether its texts are as they are written
    is_even: bool  # whether each cell had an end of its own
    is_1904: bool = False  # from which year on days are counted

    @property
    def kinds(self) -> frozenset[Kind]:
        return frozenset(self.forms.values()) or frozenset({Kind.TEXT})

    @property
    def is_mixed(self) -> bool:
        return len(self.kinds) > 1

    def values(self) -> dict[str, str]:
        """SQL of what is between the marks of each opener, by name; of a field without them it is anything."""
        return {self._value(opener): self._between(*_AROUND[opener]) for opener in self._openers}

    def sql(self, row: str) -> str:
        """The value. Fails at a cell that is of none of the forms."""
        cases = [f"WHEN {self._proof(form, row)} THEN {self._made(form)}" for form in self._sorted]
        place = f"concat({self._place}, {row}, '\"')"
        end = _BLANK_END if self.is_even else f"(?:/>|{_BLANK_END})"
        is_blank = f"regexp_full_match({self.field}, '{_BLANK}{end}')"
        blank = f"WHEN starts_with({self.field}, {place}) AND {is_blank} THEN NULL"
        return f"CASE WHEN {self.field} IS NULL THEN NULL {' '.join(cases)} {blank} ELSE {FAILS} END"

    @property
    def _sorted(self) -> list[CellForm]:
        return sorted(self.forms, key=lambda form: (form.opener == FORMULA, form.head, form.opener))

    @property
    def _openers(self) -> list[str]:
        return sorted({_VALUE if form.opener == FORMULA else form.opener for form in self.forms})

    @property
    def _place(self) -> str:
        return literal(f'<c r="{cell_name(0, self.column)[:-1]}')

    def _value(self, opener: str) -> str:
        return f"w{self.column}_{list(_AROUND).index(opener)}"

    def _between(self, before: str, behind: str) -> str:
        at = f"instr({self.field}, {literal(before)})"
        return f"substr({self.field}, {at} + {len(before)}, length({self.field}) - {at} - {len(before + behind) - 1})"

    def _proof(self, form: CellForm, row: str) -> str:
        start = literal(f'"{form.head}>{form.opener}')
        if form.opener == FORMULA:
            is_written = f"regexp_full_match({self.field}, {literal(_WRITTEN_FORMULA)})"
            return f"starts_with({self.field}, concat({self._place}, {row}, {start})) AND {is_written}"
        value, end = self._value(form.opener), literal(_AROUND[form.opener][1])
        return f"{self.field} = concat({self._place}, {row}, {start}, {value}, {end}) AND NOT contains({value}, '<')"

    def _made(self, form: CellForm) -> str:
        """As QuickColumn has it."""
        kind, value = self.forms[form], self._taken(form)
        if not self.is_mixed:
            return value
        if kind is Kind.TRUTH:
            value = f"upper(CAST({value} AS VARCHAR))"
        given = {"k": f"{kind:d}", {Kind.NUMBER: "n", Kind.DATE: "d"}.get(kind, "t"): value}
        parts = (f"'{name}': {given.get(name, 'NULL')}::{type_}" for name, type_ in PARTS.items())
        return f"{{{', '.join(parts)}}}"

    def _taken(self, form: CellForm) -> str:
        value = self._value(_VALUE if form.opener == FORMULA else form.opener)
        match self.forms[form]:
            case Kind.TEXT if form.is_shared:
                return texts.numbered(value)
            case Kind.TEXT if form.is_text:
                return value if self.is_plain else texts.unescaped(value)
            case Kind.TRUTH:
                return f"CASE lower({value}) {_TRUTHS} ELSE {FAILS} END"
        # DuckDB takes 1_000 and +-1 for numbers; no sheet means one by them.
        number, is_none = f"CAST({value} AS DOUBLE)", f"contains({value}, '_') OR contains({value}, '+-')"
        number = number if self.is_plain else f"CASE WHEN {is_none} THEN {FAILS} ELSE {number} END"
        if self.forms[form] is Kind.TEXT:
            return _clock(number)
        return number if self.forms[form] is Kind.NUMBER else _moment(number, is_1904=self.is_1904)


_TRUTHS = "WHEN '1' THEN true WHEN 'true' THEN true WHEN '0' THEN false WHEN 'false' THEN false"


def _clock(days: str) -> str:
    """As values.serial() does it, of what is no more than a time of day or some hours."""
    milliseconds = f"round_even({days} * 864e5::DOUBLE, 0)::BIGINT"
    shown = ", ".join(
        f"{milliseconds} // {one} {rest}" for one, rest in ((3_600_000, ""), (60_000, "% 60"), (1_000, "% 60"))
    )
    rest = f"{milliseconds} % 1000"
    fraction = f"CASE WHEN {rest} = 0 THEN '' ELSE format('.{{:03d}}000', {rest}) END"
    is_sure = f"{days} >= 0 AND {days} < {TIME_DAYS_MAX}"
    return f"CASE WHEN {is_sure} THEN format('{{:02d}}:{{:02d}}:{{:02d}}', {shown}) || {fraction} ELSE {FAILS} END"


def _moment(days: str, *, is_1904: bool) -> str:
    """As values.serial() does it."""
    later = EPOCH_1904_DAYS if is_1904 else 0
    milliseconds = f"round_even({days} * 864e5::DOUBLE, 0)::BIGINT - {_EPOCH_MILLISECONDS - later * DAY_MILLISECONDS}"
    is_sure = f"{days} >= {0 if is_1904 else _FIRST_SERIAL} AND {days} < {_LAST_SERIAL - later}"
    return f"CASE WHEN {is_sure} THEN make_timestamp(1000 * ({milliseconds})) ELSE {FAILS} END"
