"""Settings of one rule of reconcile: what makes rows belong together, and what is done with them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from procession.actions.column_names import ColumnName, LeftColumn, RightColumn
from procession.actions.references import ReferenceText

# Dates a year apart are no pair, and the candidates grow with the days.
DAYS_MAX = 366
EDITS_MAX = 3
ITEMS_MAX = 4  # of a subset: what chance makes grows faster than what people pay together

Column = Annotated[ColumnName, msgspec.Meta(title="called alike on both sides")]
SideName = Literal["left", "right"]
Condition = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
Amount = float | int | ReferenceText


class ColumnPair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A column that is called differently on the two sides."""

    left: Annotated[LeftColumn, msgspec.Meta(description="its name on the left")]
    right: Annotated[RightColumn, msgspec.Meta(description="its name on the right")]


class AlikeTexts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Texts that are nearly equal. Only letters and digits count, and case does not."""

    column: Annotated[Column | ColumnPair, msgspec.Meta(description="the column that may be mistyped")]
    edits: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=EDITS_MAX,
            description="letters inserted, left out, replaced or swapped; never more than a fifth of the shorter text",
        ),
    ] = 2


class WordOfText(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reference of one side that is a whole word of a text of the other: letters, digits and hyphens, 5 to 40."""

    reference: Annotated[ColumnName, msgspec.Meta(description="the column of references, as its side calls it")]
    text: Annotated[ColumnName, msgspec.Meta(description="the column of texts, as the other side calls it")]
    side: Annotated[SideName, msgspec.Meta(description="the side of the references")] = "left"


class SideConditions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """SQL conditions on the columns of a side, such as `kind = 'fee' AND amount < 0`."""

    left: Annotated[Condition | None, msgspec.Meta(description="only these rows of the left")] = None
    right: Annotated[Condition | None, msgspec.Meta(description="only these rows of the right")] = None


Days = Annotated[int, msgspec.Meta(ge=-DAYS_MAX, le=DAYS_MAX)]


class RuleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule sees only what the rules before it have left. Amounts are always compared."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80, description="what the report calls it")]
    match: Annotated[
        Literal["pairs", "groups", "reversals", "subsets"],
        msgspec.Meta(
            description="one row with one; all rows of a key where their sums are equal; a row with its reversal on "
            "the same side; one row without a reference with 2 to 4 of the other side"
        ),
    ] = "pairs"
    equal: Annotated[
        list[Column | ColumnPair],
        msgspec.Meta(min_length=1, max_length=20, description="columns that must be equal"),
    ]
    tolerance: Annotated[Amount, msgspec.Meta(description="by how much the amounts may differ")] = 0
    percent: Annotated[
        Amount, msgspec.Meta(description="the same, of the left amount; the larger of both limits counts")
    ] = 0
    date: Annotated[
        Column | ColumnPair | None, msgspec.Meta(description="a column of dates that must be near each other")
    ] = None
    days: Annotated[
        Days | Annotated[list[Days], msgspec.Meta(min_length=2, max_length=2)] | None,
        msgspec.Meta(
            description="by how many days the dates may differ; [-1, 5]: right less left, of subsets the one row less "
            "the others"
        ),
    ] = None
    empty: Annotated[
        Column | ColumnPair | None,
        msgspec.Meta(description="a column, such as a reference, that must be empty on one side at least"),
    ] = None
    alike: Annotated[AlikeTexts | None, msgspec.Meta(description="a reference that may be mistyped")] = None
    word_of: Annotated[WordOfText | None, msgspec.Meta(description="a reference within a text of the other side")] = (
        None
    )
    where: Annotated[SideConditions | None, msgspec.Meta(description="only some of the rows")] = None
    sides: Annotated[
        Annotated[list[SideName], msgspec.Meta(min_length=1, max_length=2)] | None,
        msgspec.Meta(description="reversals: the sides looked at; subsets: the side of the one row, in this order"),
    ] = None
    items: Annotated[
        Annotated[int, msgspec.Meta(ge=2, le=ITEMS_MAX)] | None,
        msgspec.Meta(description="subsets: the most rows that one row stands for; 4 if left out"),
    ] = None
    choose: Annotated[
        Literal["nearest", "only"] | None,
        msgspec.Meta(
            description="with several candidates: the nearest, or none (the default where no text or an empty one is "
            "compared)"
        ),
    ] = None
    outcome: Annotated[
        Literal["matched", "suggested"] | None,
        msgspec.Meta(description="suggested: for a person to decide, the rows stay open; the default of subsets"),
    ] = None
    book_to: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=80)] | None,
        msgspec.Meta(description="the account of what is within the tolerance, for the output differences"),
    ] = None
