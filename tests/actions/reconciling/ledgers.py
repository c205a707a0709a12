"""Two ledgers of one year with planted differences, and the truth about every row.

The books (left) and the bank (right) have about as many rows as asked; truth.parquet says of every row what was planted:
kinds that the eight rules must match, and traps that no rule may. The same arguments give the same rows on any machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]

FIRST_DAY = date(2026, 1, 1)
LEFT, RIGHT = 0, 1
COLUMNS = (
    "side",
    "kind",
    "group",
    "twin",
    "account",
    "currency",
    "day",
    "series",
    "number",
    "noise",
    "place",
    "cents",
    "party",
)
# How a reference is written; NONE is an empty one.
NONE, INVOICE, STANDING, BATCH, PAYMENT = range(5)
# What is wrong with a reference on the other side.
CLEAN, SWAPPED, DROPPED, DOUBLED, BARE = range(5)
SERIES_TEXT = {
    INVOICE: ("INV-2026-", 7),
    STANDING: ("RENT-", 6),
    BATCH: ("DEP/", 8),
    PAYMENT: ("PMT ", 9),
}  # and digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of what. Shares are of the rows of the left side; what they leave is of the kind exact."""

    rows: int
    seed: int = 1
    days: int = 365
    lag_days: tuple[int, int] = (-1, 5)  # a bank's date less the books': what the rules allow
    tolerance_cents: int = 50
    tolerance_percent: float = 0.5
    reversal_days: int = 10
    subset_days: int = 5
    subset_items: tuple[int, int] = (2, 4)
    currencies: tuple[str, ...] = ("EUR", "USD", "GBP")
    rows_per_account: int = 500
    shares: dict[str, float] = field(
        default_factory=lambda: {
            "date_window": 0.10,
            "tolerance_absolute": 0.03,
            "tolerance_percent": 0.02,
            "group_one_to_many": 0.02,
            "group_many_to_many": 0.01,
            "reversal": 0.01,
            "fuzzy_reference": 0.025,
            "no_reference": 0.04,
            "subset_sum": 0.01,
            "break_left": 0.02,
            "break_right": 0.02,
            "double_posting": 0.002,
            "trap_over_tolerance": 0.002,
            "trap_late": 0.002,
            "trap_other_account": 0.002,
            "trap_other_reference": 0.002,
            "trap_look_alike": 0.002,
            "trap_same_amount": 0.002,
            "trap_short_batch": 0.002,
            "trap_subset_tie": 0.002,
        }
    )


class Maker:
    """Collects the rows of every kind as columns of numbers; texts are made at the end, by DuckDB."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = np.random.Generator(np.random.PCG64(plan.seed))
        self.accounts = max(plan.rows // plan.rows_per_account, 8)
        self.kinds: list[str] = []
        self.parts: list[dict[str, Numbers]] = []
        self.groups = self.twins = 0
        self.numbers = 1_000_000
        self.pools = 0
        self._taken: Numbers = np.empty(0, np.int64)

    def count(self, kind: str, rows_left_each: float = 1) -> int:
        """How many cases of a kind, each of which has so many rows on the left."""
        return max(int(self.plan.rows * self.plan.shares.get(kind, 0) / rows_left_each), 1)

    def new_groups(self, count: int) -> Numbers:
        self.groups += count
        return np.arange(self.groups - count + 1, self.groups + 1)

    def new_twins(self, count: int) -> Numbers:
        self.twins += count
        return np.arange(self.twins - count + 1, self.twins + 1)

    def new_numbers(self, count: int) -> Numbers:
        """Document numbers never given before, in no order."""
        self.numbers += count
        return self.random.permutation(np.arange(self.numbers - count, self.numbers)) % 10_000_000

    def places(self, count: int) -> dict[str, Numbers]:
        """Account, currency (an account has one), party, and a day that leaves room at both ends of the year."""
        account = self.random.integers(0, self.accounts, count)
        return {
            "account": account,
            "currency": account % len(self.plan.currencies),
            "party": self.random.integers(0, 20_000, count),
            "day": self.random.integers(15, self.plan.days - 45, count),
        }

    def cents(self, count: int, *, least: int = 500) -> Numbers:
        """Amounts as in life: many small, few large, a fifth of them credits."""
        size = np.exp(self.random.normal(10.2, 1.4, count)).astype(np.int64) + least
        return np.where(self.random.random(count) < 0.2, -size, size)

    def unique_cents(self, account: Numbers) -> Numbers:
        """Amounts that no other case has in the same account, so that only the truth explains them."""
        cents = self.cents(len(account), least=20_000)
        while True:
            keys = account.astype(np.int64) << 40 | np.abs(cents)
            _, first = np.unique(keys, return_index=True)
            fresh = np.zeros(len(keys), bool)
            fresh[first] = True
            wrong = ~fresh | np.isin(keys, self._taken)
            if not wrong.any():
                self._taken = np.concatenate([self._taken, keys])
                return cents
            cents[wrong] = self.cents(int(wrong.sum()), least=20_000)

    def lags(self, count: int) -> Numbers:
        """Days between the books and the bank that the rules allow, never 0."""
        least, most = self.plan.lag_days
        lag = self.random.integers(least, most, count)
        return np.where(lag >= 0, lag + 1, lag)

    def add(self, kind: str, side: int, **columns: Any) -> None:
        """Rows of one kind on one side; columns not given are 0."""
        if kind not in self.kinds:
            self.kinds.append(kind)
        count = max((len(values) for values in columns.values() if isinstance(values, np.ndarray)), default=0)
        fixed = {"side": side, "kind": self.kinds.index(kind)}
        self.parts.append(
            {
                name: np.broadcast_to(np.asarray({**columns, **fixed}.get(name, 0), np.int64), (count,))
                for name in COLUMNS
            }
        )

    def rows_on(self, side: int) -> int:
        return sum(len(part["side"]) for part in self.parts if len(part["side"]) and part["side"][0] == side)

    def columns(self) -> dict[str, Numbers]:
        return {name: np.concatenate([part[name] for part in self.parts]) for name in COLUMNS}


def make_exact(maker: Maker, count: int) -> None:
    """Everything is equal, the day too."""
    where, group = maker.places(count), maker.new_groups(count)
    shared = {
        **where,
        "group": group,
        "series": INVOICE,
        "number": maker.new_numbers(count),
        "cents": maker.cents(count),
    }
    maker.add("exact", LEFT, **shared)
    maker.add("exact", RIGHT, **shared)


def make_date_window(maker: Maker) -> None:
    """The bank is some days later. Half are standing payments: the same reference and amount every month."""
    total = maker.count("date_window")
    single = total // 2
    where, group = maker.places(single), maker.new_groups(single)
    shared = {
        **where,
        "group": group,
        "series": INVOICE,
        "number": maker.new_numbers(single),
        "cents": maker.cents(single),
    }
    maker.add("date_window", LEFT, **shared)
    maker.add("date_window", RIGHT, **{**shared, "day": where["day"] + maker.lags(single)})
    months = maker.plan.days // 31
    payers = max((total - single) // months, 1)
    where = maker.places(payers)
    day = np.arange(months)[None, :] * 31 + maker.random.integers(2, 8, payers)[:, None]
    shared = {name: np.repeat(values, months) for name, values in where.items()}
    shared |= {
        "day": day.ravel(),
        "group": maker.new_groups(payers * months),
        "series": STANDING,
        "number": np.repeat(maker.new_numbers(payers) % 1_000_000, months),
        "cents": np.repeat(maker.cents(payers), months),
    }
    maker.add("date_window", LEFT, **shared)
    maker.add("date_window", RIGHT, **{**shared, "day": shared["day"] + maker.lags(payers * months)})


def make_tolerance(maker: Maker) -> None:
    """The reference is equal, the amount nearly: a few cents of charges, or a rate of exchange."""
    for kind in ("tolerance_absolute", "tolerance_percent"):
        count = maker.count(kind)
        # So large that the percentage allows more than the absolute tolerance.
        least = int((maker.plan.tolerance_cents + 100) * 100 / maker.plan.tolerance_percent)
        where, group, cents = maker.places(count), maker.new_groups(count), maker.cents(count, least=least)
        if kind == "tolerance_absolute":
            off = maker.random.integers(1, maker.plan.tolerance_cents + 1, count)
        else:
            most = (np.abs(cents) * maker.plan.tolerance_percent / 100).astype(np.int64)
            off = maker.random.integers(maker.plan.tolerance_cents + 1, most + 1)
        off = np.where(maker.random.random(count) < 0.5, -off, off)
        shared = {**where, "group": group, "series": INVOICE, "number": maker.new_numbers(count)}
        maker.add(kind, LEFT, **shared, cents=cents)
        maker.add(
            kind, RIGHT, **{**shared, "day": where["day"] + maker.random.integers(0, 4, count)}, cents=cents + off
        )


def make_group_one_to_many(maker: Maker) -> None:
    """One batch on one side, its 3 to 8 parts on the other, all under the batch's reference."""
    count = maker.count("group_one_to_many", 3.25)
    for one, many, cases in ((LEFT, RIGHT, count // 2), (RIGHT, LEFT, count - count // 2)):
        sizes = maker.random.integers(3, 9, cases)
        owner = np.repeat(np.arange(cases), sizes)
        where, group, number = maker.places(cases), maker.new_groups(cases), maker.new_numbers(cases)
        parts = np.abs(maker.cents(len(owner), least=2_000))
        shared = {**where, "group": group, "series": BATCH, "number": number}
        maker.add("group_one_to_many", one, **shared, cents=np.bincount(owner, parts, cases).astype(np.int64))
        spread = {
            name: np.asarray(values)[owner] if isinstance(values, np.ndarray) else values
            for name, values in shared.items()
        }
        spread["day"] = where["day"][owner] + maker.random.integers(0, 4, len(owner)) * (1 if many == RIGHT else -1)
        maker.add("group_one_to_many", many, **spread, cents=parts)


def make_group_many_to_many(maker: Maker) -> None:
    """Two to four rows on each side under one reference; no row equals another, the sums do."""
    cases = maker.count("group_many_to_many", 3)
    where, group, number = maker.places(cases), maker.new_groups(cases), maker.new_numbers(cases)
    left_sizes, right_sizes = maker.random.integers(2, 5, cases), maker.random.integers(2, 5, cases)
    # One large row on the right and small ones: none is within a tolerance of a row of the left.
    for side, sizes in ((LEFT, left_sizes), (RIGHT, right_sizes)):
        owner = np.repeat(np.arange(cases), sizes)
        turn = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        if side == LEFT:
            cents = 400_000 + 40_000 * turn + maker.random.integers(0, 9_000, len(owner))
            totals = np.bincount(owner, cents, cases).astype(np.int64)
        else:
            cents = np.where(turn == 0, 0, 20_000 + 3_000 * turn + maker.random.integers(0, 900, len(owner)))
            rest = np.bincount(owner, cents, cases).astype(np.int64)
            cents = np.where(turn == 0, (totals - rest)[owner], cents)
        shared = {name: values[owner] for name, values in where.items()}
        shared["day"] = shared["day"] + (maker.random.integers(0, 4, len(owner)) if side == RIGHT else 0)
        maker.add(
            "group_many_to_many", side, **shared, group=group[owner], series=BATCH, number=number[owner], cents=cents
        )


def make_reversals(maker: Maker) -> None:
    """Posted and taken back on the same side, some days later."""
    for side in (LEFT, RIGHT):
        count = max(maker.count("reversal", 2) // (1 if side == LEFT else 2), 1)
        where, group, cents = maker.places(count), maker.new_groups(count), maker.cents(count)
        shared = {**where, "group": group, "series": INVOICE, "number": maker.new_numbers(count)}
        maker.add("reversal", side, **shared, cents=cents)
        later = where["day"] + maker.random.integers(0, maker.plan.reversal_days + 1, count)
        maker.add("reversal", side, **{**shared, "day": later}, cents=-cents)


def make_fuzzy(maker: Maker) -> None:
    """The bank's reference has a typing mistake, or lost its hyphens."""
    count = maker.count("fuzzy_reference")
    where, group = maker.places(count), maker.new_groups(count)
    shared = {
        **where,
        "group": group,
        "series": INVOICE,
        "number": maker.new_numbers(count),
        "cents": maker.unique_cents(where["account"]),
    }
    maker.add("fuzzy_reference", LEFT, **shared)
    noise, place = maker.random.integers(SWAPPED, BARE + 1, count), maker.random.integers(1, 7, count)
    maker.add(
        "fuzzy_reference",
        RIGHT,
        **{**shared, "day": where["day"] + maker.random.integers(0, 4, count)},
        noise=noise,
        place=place,
    )


def make_no_reference(maker: Maker) -> None:
    """The bank gives no reference: account, amount and the days must do."""
    count = maker.count("no_reference")
    where, group = maker.places(count), maker.new_groups(count)
    shared = {**where, "group": group, "cents": maker.unique_cents(where["account"])}
    maker.add("no_reference", LEFT, **shared, series=INVOICE, number=maker.new_numbers(count))
    maker.add(
        "no_reference", RIGHT, **{**shared, "day": where["day"] + maker.random.integers(0, 4, count)}, series=NONE
    )


def pool_places(maker: Maker, count: int) -> dict[str, Numbers]:
    """Places so far apart that no subset of one case reaches another: clearing accounts of their own, every 20 days."""
    slots = (maker.plan.days - 60) // 20
    pool = np.arange(maker.pools, maker.pools + count)
    maker.pools += count
    account = 900_000 + pool // slots
    return {
        "account": account,
        "currency": account % len(maker.plan.currencies),
        "party": maker.random.integers(0, 20_000, count),
        "day": 20 + pool % slots * 20,
    }


def pool_cents(maker: Maker, count: int, remainder: int) -> Numbers:
    """Amounts whose cents leave `remainder` when divided by 5. A target leaves 0, a stranger 1: up to four strangers
    among the items of a sum never give a target, so what is planted is the only solution."""
    return maker.random.integers(2_000, 400_000, count) * 5 + remainder


def make_subset(maker: Maker) -> None:
    """One transfer pays some of the open items of its account, and says nothing of which."""
    least, most = maker.plan.subset_items
    cases = maker.count("subset_sum", (least + most) / 2)
    where, group = pool_places(maker, cases), maker.new_groups(cases)
    for one, many, chosen in ((RIGHT, LEFT, np.arange(cases) % 4 != 0), (LEFT, RIGHT, np.arange(cases) % 4 == 0)):
        here = {name: values[chosen] for name, values in where.items()}
        sizes = maker.random.integers(least, most + 1, int(chosen.sum()))
        owner = np.repeat(np.arange(len(sizes)), sizes)
        items = pool_cents(maker, len(owner), 0)
        targets = np.bincount(owner, items, len(sizes)).astype(np.int64)
        maker.add("subset_sum", one, **here, group=group[chosen], series=NONE, cents=targets)
        spread = {name: values[owner] for name, values in here.items()}
        spread["day"] = spread["day"] - maker.random.integers(0, maker.plan.subset_days + 1, len(owner))
        maker.add(
            "subset_sum",
            many,
            **spread,
            group=group[chosen][owner],
            series=INVOICE,
            number=maker.new_numbers(len(owner)),
            cents=items,
        )
        add_strangers(maker, here, many)


def add_strangers(maker: Maker, here: dict[str, Numbers], side: int) -> None:
    """Up to four open items in each pool that belong to no sum."""
    sizes = maker.random.integers(0, 5, len(here["day"]))
    owner = np.repeat(np.arange(len(sizes)), sizes)
    spread = {name: values[owner] for name, values in here.items()}
    spread["day"] = spread["day"] - maker.random.integers(0, maker.plan.subset_days + 1, len(owner))
    kind = "break_left" if side == LEFT else "break_right"
    maker.add(
        kind,
        side,
        **spread,
        series=INVOICE,
        number=maker.new_numbers(len(owner)),
        cents=pool_cents(maker, len(owner), 1),
    )


def make_breaks(maker: Maker) -> None:
    """On one side only: not yet paid, not yet booked."""
    count = maker.count("break_left")
    where = maker.places(count)
    maker.add(
        "break_left",
        LEFT,
        **where,
        series=INVOICE,
        number=maker.new_numbers(count),
        cents=maker.unique_cents(where["account"]),
    )
    count = maker.count("break_right")
    where, has_reference = maker.places(count), maker.random.random(count) < 0.5
    maker.add(
        "break_right", RIGHT, **where, series=np.where(has_reference, INVOICE, NONE), number=maker.new_numbers(count),
        cents=maker.unique_cents(where["account"]),
    )  # fmt: skip


def make_double_postings(maker: Maker) -> None:
    """Booked twice, paid once: either one of the two may match, never both."""
    count = maker.count("double_posting", 2)
    where, group = maker.places(count), maker.new_groups(count)
    shared = {
        **where,
        "group": group,
        "series": INVOICE,
        "number": maker.new_numbers(count),
        "cents": maker.cents(count),
    }
    twins = maker.new_twins(count)
    maker.add(
        "double_posting",
        LEFT,
        **{name: np.tile(values, 2) if isinstance(values, np.ndarray) else values for name, values in shared.items()},
        twin=np.tile(twins, 2),
    )
    maker.add("double_posting", RIGHT, **shared)


def trap_over_tolerance(maker: Maker) -> None:
    """The same reference, but the amount is further off than any rule allows."""
    count = maker.count("trap_over_tolerance")
    where = maker.places(count)
    cents = maker.unique_cents(where["account"])
    off = (
        np.maximum(maker.plan.tolerance_cents, (np.abs(cents) * maker.plan.tolerance_percent / 100).astype(np.int64))
        * 2
        + 100
    )
    shared = {**where, "series": INVOICE, "number": maker.new_numbers(count)}
    maker.add("trap_over_tolerance", LEFT, **shared, cents=cents)
    maker.add("trap_over_tolerance", RIGHT, **shared, cents=cents + off)


def trap_late(maker: Maker) -> None:
    """The same reference and amount a month later: last month's is missing here, this month's there."""
    count = maker.count("trap_late")
    where = maker.places(count)
    shared = {
        **where,
        "series": STANDING,
        "number": maker.new_numbers(count) % 1_000_000,
        "cents": maker.unique_cents(where["account"]),
    }
    maker.add("trap_late", LEFT, **shared)
    late = maker.random.integers(maker.plan.lag_days[1] + 10, 32, count)
    maker.add("trap_late", RIGHT, **{**shared, "day": where["day"] + late})


def trap_other_account(maker: Maker) -> None:
    """Everything is equal but the account."""
    count = maker.count("trap_other_account")
    where = maker.places(count)
    shared = {
        **where,
        "series": INVOICE,
        "number": maker.new_numbers(count),
        "cents": maker.unique_cents(where["account"]),
    }
    maker.add("trap_other_account", LEFT, **shared)
    step = len(maker.plan.currencies)  # an account of the same currency
    maker.add(
        "trap_other_account",
        RIGHT,
        **{**shared, "account": (where["account"] + step) % max(maker.accounts // step * step, step + 1)},
    )


def trap_other_reference(maker: Maker) -> None:
    """The same account, day and amount, and two clear references that are not the same: two different documents. For
    half of them of the same series, so that most characters agree."""
    count = maker.count("trap_other_reference")
    where, number = maker.places(count), maker.new_numbers(count)
    shared = {**where, "cents": maker.unique_cents(where["account"])}
    maker.add("trap_other_reference", LEFT, **shared, series=INVOICE, number=number)
    digits = number[:, None] // 10 ** np.arange(7) % 10
    other = ((digits + 5) % 10 * 10 ** np.arange(7)).sum(axis=1)  # every digit is another one
    series = np.where(np.arange(count) % 2 == 0, INVOICE, PAYMENT)
    maker.add("trap_other_reference", RIGHT, **shared, series=series, number=other)


def trap_look_alike(maker: Maker) -> None:
    """Two rows of the books, one row of the bank whose mistyped reference is as near to the one as to the other."""
    count = maker.count("trap_look_alike", 2)
    where = maker.places(count)
    number = maker.new_numbers(count) // 10 * 10
    shared = {**where, "series": INVOICE, "cents": maker.unique_cents(where["account"])}
    for last in (1, 2):
        maker.add("trap_look_alike", LEFT, **shared, number=number + last)
    maker.add("trap_look_alike", RIGHT, **shared, number=number + 1, noise=DROPPED, place=1)


def trap_same_amount(maker: Maker) -> None:
    """One row of the bank without a reference, and two of different parties in the books that it may be."""
    count = maker.count("trap_same_amount", 2)
    where = maker.places(count)
    shared = {**where, "cents": maker.unique_cents(where["account"])}
    for step in (0, 1):
        maker.add(
            "trap_same_amount", LEFT, **{**shared, "party": where["party"] + step, "day": where["day"] - step},
            series=INVOICE, number=maker.new_numbers(count),
        )  # fmt: skip
    maker.add("trap_same_amount", RIGHT, **shared, series=NONE)


def trap_short_batch(maker: Maker) -> None:
    """A batch one of whose parts is missing: its sum is not the batch's."""
    count = maker.count("trap_short_batch")
    where, number = maker.places(count), maker.new_numbers(count)
    owner = np.repeat(np.arange(count), 3)
    parts = np.abs(maker.cents(len(owner), least=90_000))
    missing = np.abs(maker.cents(count, least=90_000)) + np.bincount(owner, parts, count).astype(np.int64) // 20
    shared = {**where, "series": BATCH, "number": number}
    maker.add("trap_short_batch", LEFT, **shared, cents=np.bincount(owner, parts, count).astype(np.int64) + missing)
    spread = {name: values[owner] for name, values in where.items()}
    maker.add("trap_short_batch", RIGHT, **spread, series=BATCH, number=number[owner], cents=parts)


def trap_subset_tie(maker: Maker) -> None:
    """Two different pairs of open items make the transfer: a + d = b + c."""
    count = maker.count("trap_subset_tie", 4)
    where = pool_places(maker, count)
    a, step, wide = pool_cents(maker, count, 0), pool_cents(maker, count, 0), pool_cents(maker, count, 0) + 2_500_000
    for cents in (a, a + step, a + wide, a + step + wide):
        maker.add("trap_subset_tie", LEFT, **where, series=INVOICE, number=maker.new_numbers(count), cents=cents)
    maker.add("trap_subset_tie", RIGHT, **where, series=NONE, cents=2 * a + step + wide)


KINDS: tuple[Callable[[Maker], None], ...] = (
    make_date_window, make_tolerance, make_group_one_to_many, make_group_many_to_many, make_reversals, make_fuzzy,
    make_no_reference, make_subset, make_breaks, make_double_postings, trap_over_tolerance, trap_late,
    trap_other_account, trap_other_reference, trap_look_alike, trap_same_amount, trap_short_batch, trap_subset_tie,
)  # fmt: skip


def make(plan: Plan, kinds: tuple[Callable[[Maker], None], ...] = KINDS) -> Maker:
    """Every kind, and as many exact pairs as the rows that are left."""
    maker = Maker(plan)
    for kind in kinds:
        kind(maker)
    make_exact(maker, max(plan.rows - maker.rows_on(LEFT), 1))
    return maker


def write(maker: Maker, folder: Path, *, formats: tuple[str, ...] = ("parquet",), split: date | None = None) -> None:
    """left.*, right.* and truth.parquet; with `split` also left-1.*, left-2.* and so on: up to that day, and after."""
    folder.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    columns = maker.columns()
    columns["shuffle"] = maker.random.permutation(len(columns["side"]))
    connection.register("numbers", columns)
    _make_rows(connection, maker)
    for side, name in ((LEFT, "left"), (RIGHT, "right")):
        _export(connection, _side(side), folder / name, formats)
        for number, test in enumerate((f"day <= {_day(split)}", f"day > {_day(split)}") if split else (), start=1):
            _export(connection, f"{_side(side)} WHERE {test}", folder / f"{name}-{number}", formats)
    connection.execute(f"""
        COPY (SELECT if(side = {LEFT}, 'left', 'right') AS side, id, kind_name AS kind, "group", twin, cents FROM rows ORDER BY side, place_in_file)
        TO '{folder / "truth.parquet"}' (FORMAT parquet, COMPRESSION zstd)
    """)


def _day(day: date) -> int:
    return (day - FIRST_DAY).days


def _make_rows(connection: duckdb.DuckDBPyConnection, maker: Maker) -> None:
    """Texts, and the ids in the order of the day: within a day the order says nothing."""
    series = " ".join(
        f"WHEN {key} THEN '{start}' || {_digits('number', size)}" for key, (start, size) in SERIES_TEXT.items()
    )
    kinds = ", ".join(f"({number}, '{name}')" for number, name in enumerate(maker.kinds))
    currencies = "[" + ", ".join(f"'{name}'" for name in maker.plan.currencies) + "]"
    connection.execute(f"""
        CREATE TABLE rows AS
        SELECT *, if(side = {LEFT}, 'L', 'R') || {_digits("place_in_file", 8)} AS id,
            DATE '{FIRST_DAY}' + day::INTEGER AS on_day, {_damaged("clean")} AS reference
        FROM (
            SELECT n.*, k.name AS kind_name, row_number() OVER (PARTITION BY side ORDER BY day, shuffle) AS place_in_file,
                '1010-' || {_digits("account", 6)} AS account_text, {currencies}[currency + 1] AS currency_text,
                CASE series {series} END AS clean
            FROM numbers n JOIN (VALUES {kinds}) k(number_of_kind, name) ON k.number_of_kind = n.kind
        )
    """)


def _digits(number: str, size: int) -> str:
    return f"lpad({number}::VARCHAR, {size}, '0')"


def _damaged(text: str) -> str:
    """The mistakes stand among the last seven characters, the digits; `place` counts from the end."""
    at = f"(length({text}) - place)"
    return f"""CASE noise
        WHEN {SWAPPED} THEN left({text}, {at} - 1) || substr({text}, {at} + 1, 1) || substr({text}, {at}, 1) || substr({text}, {at} + 2)
        WHEN {DROPPED} THEN if(place = 1, left({text}, length({text}) - 1), left({text}, {at} - 1) || substr({text}, {at} + 1))
        WHEN {DOUBLED} THEN left({text}, {at}) || substr({text}, {at})
        WHEN {BARE} THEN lower(replace({text}, '-', ''))
        ELSE {text} END"""


def _side(side: int) -> str:
    amount = "(cents * 0.01)::DECIMAL(19,2)"  # 0.01 is a decimal: exact
    party = f"['Northwind', 'Harbour', 'Meridian', 'Alder'][party % 4 + 1] || ' ' || {_digits('party', 5)} || ' Ltd'"
    if side == LEFT:
        names = f"id AS entry_id, account_text AS account, currency_text AS currency, on_day AS booked_on, reference, {amount} AS amount, {party} AS party"
    else:
        names = f"id AS line_id, account_text AS account_no, currency_text AS ccy, on_day AS value_on, reference AS bank_reference, {amount} AS paid, upper({party}) AS counterparty"
    return f"FROM (SELECT {names}, day FROM rows WHERE side = {side} ORDER BY place_in_file)"


def _export(connection: duckdb.DuckDBPyConnection, source: str, path: Path, formats: tuple[str, ...]) -> None:
    for suffix in formats:
        options = "FORMAT csv, HEADER" if suffix == "csv" else "FORMAT parquet, COMPRESSION zstd"
        connection.execute(f"COPY (SELECT * EXCLUDE (day) {source}) TO '{path}.{suffix}' ({options})")
