"""The rules of reconcile once more, row by row and without a database, to compare with what the action finds.

Written from what the settings promise (docs/reconcile.md), not from how the action does it: loops over all pairs, and
over all sets of items. It is for a few dozen rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import combinations, pairwise
from math import comb, inf
from typing import Any

# The side of each row, as many of them as the match has, and the rule's name.
Match = tuple[str, tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a ledger; `place` counts from 0. Days are days of January."""

    place: int
    account: str
    reference: str | None
    day: int
    amount: Decimal

    @classmethod
    def of(cls, place: int, cells: Sequence[str]) -> Row:
        account, reference, day, amount = cells
        return cls(
            place=place,
            account=account,
            reference=reference or None,
            day=date.fromisoformat(day).toordinal(),
            amount=Decimal(amount),
        )

    def value(self, column: str) -> Any:
        return {"account": self.account, "ref": self.reference}[column]

    def look(self, rule: Mapping[str, Any]) -> tuple[Any, ...]:
        """What the rule sees of the row: rows of one look are one to it."""
        looks = [*([rule["alike"]["column"]] if "alike" in rule else []), *([rule["empty"]] if "empty" in rule else [])]
        columns = [*rule["equal"], *looks]
        return (*map(self.value, columns), self.amount, self.day if "days" in rule else None)


def days(rule: Mapping[str, Any]) -> tuple[float, float]:
    given = rule.get("days", inf)
    return tuple(given) if isinstance(given, list) else (-given, given)


def edits(one: str, other: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours, between which letters may come and go."""
    rows = {(-1, -1): len(one) + len(other)}
    for i in range(len(one) + 1):
        rows[i, -1], rows[i, 0] = rows[-1, -1], i
    for j in range(len(other) + 1):
        rows[-1, j], rows[0, j] = rows[-1, -1], j
    last: dict[str, int] = {}
    for i, letter in enumerate(one, start=1):
        same = 0
        for j, facing in enumerate(other, start=1):
            k, at = last.get(facing, 0), same
            if letter == facing:
                same = j
            rows[i, j] = min(
                rows[i - 1, j - 1] + (letter != facing), rows[i, j - 1] + 1, rows[i - 1, j] + 1,
                rows[k - 1, at - 1] + (i - k - 1) + 1 + (j - at - 1),
            )  # fmt: skip
        last[letter] = i
    return rows[len(one), len(other)]


def plain(reference: str) -> str:
    return "".join(letter for letter in reference.upper() if letter.isalnum())


def limit(rule: Mapping[str, Any], left: Decimal) -> Decimal:
    """By how much the right amount may differ."""
    return max(Decimal(str(rule.get("tolerance", 0))), Decimal(str(rule.get("percent", 0))) * abs(left) / 100)


def fits(rule: Mapping[str, Any], left: Decimal, right: Decimal) -> bool:
    """Near enough; of two signs only what is equal, which is nothing."""
    return left * right >= 0 and abs(left - right) <= limit(rule, left)


def score(rule: Mapping[str, Any], left: Row, right: Row) -> tuple[Any, ...] | None:
    """How far apart two rows are, None where the rule does not allow the pair."""
    allowed = (
        all(left.value(name) == right.value(name) is not None for name in rule["equal"])
        and near(rule, left, right)
        and fits(rule, left.amount, right.amount)
        and ("empty" not in rule or None in {left.reference, right.reference})
    )
    if not allowed:
        return None
    rest = (abs(left.amount - right.amount), abs(right.day - left.day))
    if "alike" not in rule:
        return rest
    if left.reference is None or right.reference is None:
        return None
    texts = plain(left.reference), plain(right.reference)
    apart = edits(*texts)
    is_alike = apart <= rule["alike"]["edits"] and apart * 5 <= min(map(len, texts)) > 0
    return (apart, *rest) if is_alike else None


class Books:
    """What is open on both sides while the rules are applied, and what they matched and suggested."""

    def __init__(self, left: Iterable[Sequence[str]], right: Iterable[Sequence[str]]) -> None:
        # What has no amount is equal to nothing.
        self.open = tuple(
            [Row.of(place, cells) for place, cells in enumerate(side) if cells[-1]] for side in (left, right)
        )
        self.matched: list[Match] = []
        self.suggested: Counter[Match] = Counter()

    def apply(self, rule: Mapping[str, Any]) -> None:
        kinds: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "pairs": self.pairs, "groups": self.groups, "reversals": self.reversals, "subsets": self.subsets,
        }  # fmt: skip
        kinds[rule.get("match", "pairs")](rule)

    def asked(self, rule: Mapping[str, Any], side: int) -> list[Row]:
        return [row for row in self.open[side] if None not in [row.value(name) for name in rule["equal"]]]

    def take(self, rule: Mapping[str, Any], found: Iterable[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
        """Each of `found` has the places of its rows on the left and on the right."""
        for sides in found:
            self.matched.append((rule["name"], *sides))
            for rows, places in zip(self.open, sides, strict=True):
                rows[:] = [row for row in rows if row.place not in places]

    def pairs(self, rule: Mapping[str, Any]) -> None:
        left, right = (self.asked(rule, side) for side in (0, 1))
        scores = {
            (one.place, other.place): apart
            for one in left
            for other in right
            if (apart := score(rule, one, other)) is not None
        }
        if rule.get("choose", "only" if "empty" in rule else "nearest") == "only":
            self.take(rule, [((one,), (other,)) for one, other in scores if alone(scores, one, other)])
            return
        looks = tuple({row.place: row.look(rule) for row in side} for side in (left, right))
        self.take(rule, [((one,), (other,)) for one, other in nearest(scores, looks)])

    def reversals(self, rule: Mapping[str, Any]) -> None:
        for side in (0, 1):
            rows = self.asked(rule, side)
            scores = {
                (one.place, other.place): (abs(one.day - other.day),)
                for one in rows
                for other in rows
                if one.amount == -other.amount > 0
                and all(one.value(name) == other.value(name) for name in rule["equal"])
                and abs(one.day - other.day) <= days(rule)[1]
            }
            looks = {row.place: row.look(rule) for row in rows}
            found = [tuple(sorted(pair)) for pair in nearest(scores, (looks, looks))]
            self.take(rule, [(pair, ()) if side == 0 else ((), pair) for pair in found])

    def groups(self, rule: Mapping[str, Any]) -> None:
        keys: dict[tuple[str, ...], tuple[list[Row], list[Row]]] = {}
        for side in (0, 1):
            for row in self.asked(rule, side):
                keys.setdefault(tuple(row.value(name) for name in rule["equal"]), ([], []))[side].append(row)
        self.take(rule, [
            (places(left), places(right))
            for left, right in (part for both in keys.values() for part in parted(rule, *both))
            if left and right and len(left) + len(right) > 2
            and (total(left) or total(right))
            and fits(rule, total(left), total(right))
            and all(near(rule, one, other) for one in left for other in right)
        ])  # fmt: skip

    def subsets(self, rule: Mapping[str, Any]) -> None:
        for side in (0, 1):
            found = {target: sums(rule, target, self.asked(rule, 1 - side)) for target in self.asked(rule, side)}
            uses = Counter(place for _, sets in found.values() for place in {row.place for one in sets for row in one})
            taken = [
                ((target.place,), places(sets[0]))
                for target, (pool, sets) in found.items()
                if len(sets) == 1
                and len(sets[0]) > 1
                and all(uses[row.place] == 1 for row in sets[0])
                and not by_chance(rule, target, pool)
            ]
            self.take(rule, [(own, other) if side == 0 else (other, own) for own, other in taken])


def near(rule: Mapping[str, Any], left: Row, right: Row) -> bool:
    least, most = days(rule)
    return least <= right.day - left.day <= most


def parted(rule: Mapping[str, Any], left: list[Row], right: list[Row]) -> Iterable[tuple[list[Row], list[Row]]]:
    """The rows of a key, parted at each day on which none of a batch before it could be of one with any behind it."""
    least, most = days(rule)
    seen = sorted({row.day for row in left + right})
    gap = max(most - least, most, -least)
    starts = [-inf, *(day for before, day in pairwise(seen) if day - before > gap), inf]
    for first, end in pairwise(starts):
        yield [row for row in left if first <= row.day < end], [row for row in right if first <= row.day < end]


def total(rows: Iterable[Row]) -> Decimal:
    return sum((row.amount for row in rows), Decimal(0))


def places(rows: Iterable[Row]) -> tuple[int, ...]:
    return tuple(sorted(row.place for row in rows))


def alone(scores: Mapping[tuple[int, int], Any], one: int, other: int) -> bool:
    return sum(pair[0] == one for pair in scores) == sum(pair[1] == other for pair in scores) == 1


def nearest(
    scores: Mapping[tuple[int, int], tuple[Any, ...]], looks: tuple[Mapping[int, Any], ...]
) -> list[tuple[int, int]]:
    """Pairs that are each other's single best, until there are none; rows that look alike are one choice."""
    found: list[tuple[int, int]] = []
    while taken := mutual(scores, looks):
        found += taken
        gone = tuple({pair[end] for pair in taken} for end in (0, 1))
        scores = {pair: apart for pair, apart in scores.items() if pair[0] not in gone[0] and pair[1] not in gone[1]}
    return found


def mutual(
    scores: Mapping[tuple[int, int], tuple[Any, ...]], looks: tuple[Mapping[int, Any], ...]
) -> list[tuple[int, int]]:
    ours, theirs = (single_best(scores, end, looks[1 - end]) for end in (0, 1))
    found: dict[Any, list[tuple[int, int]]] = {}
    for (one, other), apart in scores.items():
        if apart == ours.get(one) and apart == theirs.get(other):
            found.setdefault((looks[0][one], looks[1][other]), []).append((one, other))
    # Of rows that look alike the n-th goes with the n-th.
    return [
        pair
        for pairs in found.values()
        for pair in zip(sorted({one for one, _ in pairs}), sorted({other for _, other in pairs}), strict=False)
    ]


def single_best(
    scores: Mapping[tuple[int, int], tuple[Any, ...]], end: int, looks: Mapping[int, Any]
) -> dict[int, tuple[Any, ...]]:
    """How near the best of each row is, for rows that have one and not several; `looks` are those of the other side."""
    best: dict[int, tuple[Any, ...]] = {}
    for pair, apart in scores.items():
        best[pair[end]] = min(apart, best.get(pair[end], apart))
    seen: dict[int, set[Any]] = {}
    for pair, apart in scores.items():
        if apart == best[pair[end]]:
            seen.setdefault(pair[end], set()).add(looks[pair[1 - end]])
    return {place: best[place] for place, few in seen.items() if len(few) == 1}


def sums(rule: Mapping[str, Any], target: Row, items: Iterable[Row]) -> tuple[list[Row], list[tuple[Row, ...]]]:
    """The items that a row without a reference may stand for, and each set of them that gives its amount."""
    least, most = days(rule)
    pool = [
        row
        for row in items
        if target.reference is None
        and all(row.value(name) == target.value(name) for name in rule["equal"])
        and least <= target.day - row.day <= most
        and row.amount * target.amount > 0
        and abs(row.amount) <= abs(target.amount)
    ]
    if len(pool) > 40:
        return pool, []
    sets = (one for size in range(1, rule.get("items", 4) + 1) for one in combinations(pool, size))
    return pool, [one for one in sets if total(one) == target.amount]


def by_chance(rule: Mapping[str, Any], target: Row, pool: Sequence[Row]) -> bool:
    """Whether as many sets as the pool has give such an amount by chance more often than once in a hundred times."""
    unit = 1
    while all(row.amount * 10_000 % (unit * 10) == 0 for row in pool):
        unit *= 10
    # Counted in what the currency has at least: hundredths, unless an amount has more places.
    unit = max(unit, 100 if all(row.amount * 100 % 1 == 0 for row in pool) else 1)
    sets = sum(comb(len(pool), size) for size in range(2, rule.get("items", 4) + 1))
    return 100 * sets > abs(target.amount) * 10_000 // unit
