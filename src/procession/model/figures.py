"""Figures of a step, such as rows in and out or a control total: exact numbers by name, kept with each attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

import msgspec

from procession.model.ids import RunId

Figure = int | Decimal
Figures = Mapping[str, Figure]

FIGURES_MAX = 200  # of an attempt
NAME_CHARACTERS_MAX = 200
_EXACT = Context(prec=1_000)  # more digits than a figure may have


def text(figure: Figure) -> str:
    """As it is kept and sent, to the last digit: never a number of JSON, which most readers take for a double."""
    # str() writes a small Decimal with an exponent, which figure() could not read back.
    return format(figure, "f") if isinstance(figure, Decimal) else str(figure)


def figure(said: str) -> Figure:
    """The inverse of text()."""
    # Its digits say how exact it was meant: 1.50 must not come back as 1.5.
    return Decimal(said) if "." in said else int(said)


def encode(figures: Figures) -> str:
    return msgspec.json.encode({name: text(one) for name, one in figures.items()}).decode()


def decode(said: str) -> dict[str, Figure]:
    """The inverse of encode()."""
    return {name: figure(one) for name, one in msgspec.json.decode(said, type=dict[str, str]).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierFigures:
    """Those of the same step in the last run before in which it ended well."""

    run: RunId
    run_name: str
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFigure:
    """A figure beside the one of the run before, which may not have had it."""

    name: str
    now: Figure
    before: Figure | None

    @property
    def shown_now(self) -> str:
        return text(self.now)

    @property
    def shown_before(self) -> str:
        # Not 0: a figure that nobody counted is not one that came to nothing.
        return "-" if self.before is None else text(self.before)

    @property
    def shown_change(self) -> str:
        # In Python's usual context a difference of more than 28 digits would be rounded.
        return "-" if self.before is None else text(_difference(self.now, self.before))


def _difference(now: Figure, before: Figure) -> Figure:
    return now - before if isinstance(now, int) and isinstance(before, int) else _EXACT.subtract(now, before)


def compare(figures: Figures, earlier: EarlierFigures | None) -> list[ComparedFigure]:
    """In the order of the step's own."""
    before = earlier.figures if earlier is not None else {}
    return [ComparedFigure(name=name, now=one, before=before.get(name)) for name, one in figures.items()]
