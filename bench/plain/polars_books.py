"""The eight rules over two ledgers in plain Polars and rapidfuzz, as one writes them by hand.

    python polars_books.py FOLDER OUT

Reads FOLDER/left.parquet and right.parquet, writes matched, only_left and only_right. Needs polars and rapidfuzz, which
are no part of this program.
"""

from __future__ import annotations

import sys
from itertools import combinations
from typing import Any

import polars as pl  # type: ignore[import-not-found,unused-ignore]
from rapidfuzz.distance import OSA  # type: ignore[import-not-found,unused-ignore]

_NAMES = {
    "left": {"entry_id": "id", "booked_on": "day", "reference": "ref"},
    "right": {"line_id": "id", "account_no": "account", "ccy": "currency", "value_on": "day", "bank_reference": "ref",
              "paid": "amount"},
}  # fmt: skip
_PLACE = ["account", "currency"]
_DAYS = (pl.col("day_r") - pl.col("day")).dt.total_days()
_APART = (pl.col("amount") - pl.col("amount_r")).abs()


class Books:
    """What is open on both sides, and what was matched: rule, match, side, id."""

    def __init__(self, folder: str) -> None:
        self.rows = {side: pl.read_parquet(f"{folder}/{side}.parquet") for side in _NAMES}
        self.open = {side: self._narrow(side) for side in _NAMES}
        self.items: list[pl.DataFrame] = []

    def _narrow(self, side: str) -> pl.DataFrame:
        empty = pl.when(pl.col("ref") != "").then(pl.col("ref")).alias("ref")
        cents = (pl.col("amount") * 100).cast(pl.Int64).alias("amount")
        named = self.rows[side].rename(_NAMES[side]).with_columns(empty, cents)
        return named.select("id", *_PLACE, "day", "ref", "amount")

    def take(self, rule: str, match: pl.Series, side: str, ids: pl.Series) -> None:
        self.items.append(
            pl.DataFrame({"rule": [rule] * len(ids), "match": match, "side": [side] * len(ids), "id": ids})
        )
        self.open[side] = self.open[side].join(ids.to_frame("id"), on="id", how="anti")

    def take_pairs(self, rule: str, found: pl.DataFrame) -> int:
        match = found["id"] + found["id_r"]
        self.take(rule, match, "left", found["id"])
        self.take(rule, match, "right", found["id_r"])
        return len(found)

    def joined(self, on: list[str], left: str = "left", right: str = "right") -> pl.DataFrame:
        return self.open[left].join(self.open[right], on=on, suffix="_r", how="inner", coalesce=False)


def exact(books: Books) -> None:
    keys = [*_PLACE, "ref", "amount", "day"]
    turn = pl.int_range(pl.len()).over(keys).alias("turn")
    left, right = (books.open[side].drop_nulls("ref").with_columns(turn) for side in ("left", "right"))
    books.take_pairs("Exact", left.join(right, on=[*keys, "turn"], suffix="_r").select("id", "id_r"))


def nearest(books: Books, rule: str, candidates: pl.DataFrame) -> None:
    """Each other's single best, again and again; `candidates` have apart and days."""
    score = pl.struct("apart", "days")
    while len(candidates):
        best = candidates.with_columns(
            score.rank("min").over("id").alias("l"), score.rank("min").over("id_r").alias("r")
        )
        best = best.filter((pl.col("l") == 1) & (pl.col("r") == 1))
        single = (pl.len().over("id") == 1) & (pl.len().over("id_r") == 1)
        found = best.filter(single).select("id", "id_r")
        if not books.take_pairs(rule, found):
            return
        candidates = candidates.join(found.select("id"), on="id", how="anti")
        candidates = candidates.join(found.select("id_r"), on="id_r", how="anti")


def near(books: Books, on: list[str]) -> pl.DataFrame:
    found = books.joined(on).with_columns(_DAYS.alias("between"), _APART.alias("apart"))
    return found.filter(pl.col("between").is_between(-1, 5)).with_columns(pl.col("between").abs().alias("days"))


def groups(books: Books) -> None:
    keys = [*_PLACE, "ref"]
    sums = [
        books.open[side].drop_nulls("ref").group_by(keys)
        .agg(pl.col("amount").sum(), pl.len().alias("n"), pl.col("day").min(), pl.col("day").max().alias("last"))
        for side in ("left", "right")
    ]  # fmt: skip
    fits = (pl.col("amount") == pl.col("amount_r")) & (pl.col("n") + pl.col("n_r") > 2)
    fits &= (pl.col("day_r") - pl.col("last")).dt.total_days() >= -1
    fits &= (pl.col("last_r") - pl.col("day")).dt.total_days() <= 5
    found = sums[0].join(sums[1], on=keys, suffix="_r").filter(fits).select(keys)
    for side in ("left", "right"):
        rows = books.open[side].join(found, on=keys)
        books.take("Batches", rows["account"] + rows["currency"] + rows["ref"], side, rows["id"])


def reversals(books: Books, side: str) -> None:
    rows = books.open[side].drop_nulls("ref")
    positive, negative = rows.filter(pl.col("amount") > 0), rows.filter(pl.col("amount") < 0)
    pairs = positive.join(negative.with_columns(-pl.col("amount")), on=[*_PLACE, "ref", "amount"], suffix="_r")
    pairs = pairs.with_columns(_DAYS.abs().alias("days")).filter(pl.col("days") <= 10)
    best = pairs.filter(
        (pl.col("days") == pl.col("days").min().over("id")) & (pl.col("days") == pl.col("days").min().over("id_r"))
    )
    found = best.filter((pl.len().over("id") == 1) & (pl.len().over("id_r") == 1))
    match = found["id"] + found["id_r"]
    books.take("Reversals", pl.concat([match, match]), side, pl.concat([found["id"], found["id_r"]]))


def mistyped(books: Books) -> None:
    pairs = near(books, [*_PLACE, "amount"]).drop_nulls(["ref", "ref_r"])
    clean = [pairs[name].str.to_uppercase().str.replace_all("[^A-Z0-9]", "").to_list() for name in ("ref", "ref_r")]
    edits = [OSA.distance(one, other, score_cutoff=2) for one, other in zip(*clean, strict=True)]
    pairs = pairs.with_columns(pl.Series("apart", edits, dtype=pl.Int64))
    nearest(books, "Mistyped", pairs.filter(pl.col("apart") <= 2))


def no_reference(books: Books) -> None:
    pairs = near(books, [*_PLACE, "amount"]).filter(pl.col("ref").is_null() | pl.col("ref_r").is_null())
    found = pairs.filter((pl.len().over("id") == 1) & (pl.len().over("id_r") == 1))
    books.take_pairs("No reference", found.select("id", "id_r"))


def subsets(books: Books, one: str, many: str) -> None:
    """Pools are small: combinations in Python."""
    targets = books.open[one].filter(pl.col("ref").is_null())
    pool = targets.join(books.open[many], on=_PLACE, suffix="_r").filter(
        (pl.col("amount").sign() == pl.col("amount_r").sign())
        & (pl.col("amount_r").abs() <= pl.col("amount").abs())
        & (-_DAYS).is_between(0, 5)
    )
    solved: dict[str, list[str]] = {}
    for (target, goal), items in pool.group_by(["id", "amount"]):
        pairs: list[Any] = list(zip(items["id_r"], items["amount_r"], strict=True))
        if not 2 <= len(pairs) <= 40:
            continue
        sets = [some for size in (1, 2, 3, 4) for some in combinations(pairs, size) if sum(v for _, v in some) == goal]
        if len(sets) == 1 and len(sets[0]) > 1:
            solved[str(target)] = [item for item, _ in sets[0]]
    claimed = [item for chosen in solved.values() for item in chosen]
    twice = {item for item in claimed if claimed.count(item) > 1}
    good = {target: chosen for target, chosen in solved.items() if not twice & set(chosen)}
    books.take("Paid together", pl.Series(list(good), dtype=pl.String), one, pl.Series(list(good), dtype=pl.String))
    owners = [target for target, chosen in good.items() for _ in chosen]
    parts = [item for chosen in good.values() for item in chosen]
    books.take("Paid together", pl.Series(owners, dtype=pl.String), many, pl.Series(parts, dtype=pl.String))


def write(books: Books, out: str) -> None:
    items = pl.concat(books.items).with_columns(pl.int_range(pl.len()).over("match", "side").alias("turn"))
    left, right = (items.filter(pl.col("side") == side).drop("side") for side in ("left", "right"))
    lines = left.join(right, on=["rule", "match", "turn"], how="full", suffix="_r", coalesce=True)
    lines = lines.join(books.rows["left"].rename({"entry_id": "id"}), on="id", how="left")
    lines = lines.join(books.rows["right"].rename({"line_id": "id_r"}), on="id_r", how="left", suffix="_of_right")
    lines.sort("id", "id_r", nulls_last=True).write_parquet(f"{out}/matched.parquet")
    for side, key in (("left", "entry_id"), ("right", "line_id")):
        still = books.rows[side].join(books.open[side].select("id"), left_on=key, right_on="id", how="semi")
        still.write_parquet(f"{out}/only_{side}.parquet")


def main() -> None:
    folder, out = sys.argv[1:]
    books = Books(folder)
    exact(books)
    nearest(books, "Date window", near(books, [*_PLACE, "ref", "amount"]))
    groups(books)
    pairs = near(books, [*_PLACE, "ref"])
    nearest(books, "Charges", pairs.filter((_APART <= 50) | (pl.col("amount").abs() * 5 >= _APART * 1000)))
    for side in ("left", "right"):
        reversals(books, side)
    mistyped(books)
    no_reference(books)
    subsets(books, "right", "left")
    subsets(books, "left", "right")
    write(books, out)


if __name__ == "__main__":
    main()
