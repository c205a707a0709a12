"""The eight rules over two ledgers in plain Polars and rapidfuzz, with all six files, as one writes them by hand.

    python -m bench.plain.polars_books FOLDER OUT

Does what duckdb_books does. Needs polars and rapidfuzz, which are no part of this program.
"""

from __future__ import annotations

import sys

import polars as pl  # type: ignore[import-not-found,unused-ignore]
from rapidfuzz.distance import OSA  # type: ignore[import-not-found,unused-ignore]
from rapidfuzz.process import cpdist  # type: ignore[import-not-found,unused-ignore]

from bench.plain import polars_files
from bench.plain.polars_files import NAMES, Books

_PLACE = ["account", "currency"]
_DAYS = (pl.col("day_r") - pl.col("day")).dt.total_days()
_APART = (pl.col("amount") - pl.col("amount_r")).abs()
_CANDIDATES_MAX = 10  # of a row, for people to look at
_POOL_MAX = 40


def write(folder: str, out: str) -> None:
    books = Books(folder)
    apply(books)
    polars_files.write(books, out)


def apply(books: Books) -> None:
    exact(books)
    nearest(books, 2, near(books, [*_PLACE, "ref", "amount"]))
    groups(books)
    pairs = near(books, [*_PLACE, "ref"])
    nearest(books, 4, pairs.filter((_APART <= 50) | (pl.col("amount").abs() * 5 >= _APART * 1000)))
    for side in NAMES:
        reversals(books, side)
    mistyped(books)
    no_reference(books)
    subsets(books, "right", "left")
    subsets(books, "left", "right")


def exact(books: Books) -> None:
    keys = [*_PLACE, "ref", "amount", "day"]
    turn = pl.int_range(pl.len()).over(keys).alias("turn")
    left, right = (books.open[side].drop_nulls("ref").with_columns(turn) for side in NAMES)
    found = left.join(right, on=[*keys, "turn"], suffix="_r")
    books.take_pairs(1, found.select(l="id", r="id_r"))


def near(books: Books, on: list[str]) -> pl.DataFrame:
    """Rows of both sides with equal columns `on`, from one day before to five days behind."""
    found = books.open["left"].join(books.open["right"], on=on, suffix="_r", coalesce=False)
    found = found.with_columns(between=_DAYS, apart=_APART).filter(pl.col("between").is_between(-1, 5))
    return found.with_columns(days=pl.col("between").abs())


def nearest(books: Books, rule: int, candidates: pl.DataFrame) -> None:
    """Each other's single best, again and again; what is left is for people to look at."""
    candidates = candidates.select(l="id", r="id_r", score=pl.col("apart") * 100 + pl.col("days"))
    best = [pl.col("score") == pl.col("score").min().over(end) for end in ("l", "r")]
    while len(candidates):
        # The minimum of each end is over all candidates, so both are asked before any is left out.
        found = candidates.with_columns(best_l=best[0], best_r=best[1])
        single = [(pl.col(f"best_{end}").sum().over(end) == 1) for end in ("l", "r")]
        found = found.filter(pl.col("best_l") & pl.col("best_r") & single[0] & single[1]).select("l", "r")
        if not len(found):
            break
        books.take_pairs(rule, found)
        candidates = _without(candidates, found)
    keep_doubts(books, rule, candidates)


def _without(candidates: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    return candidates.join(found, on="l", how="anti").join(found, on="r", how="anti")


def keep_doubts(books: Books, rule: int, candidates: pl.DataFrame) -> None:
    shown = candidates.sort("l", "score", "r").filter(pl.int_range(pl.len()).over("l") < _CANDIDATES_MAX)
    books.doubts.append(shown.select("l", "r", rule=rule))


def groups(books: Books) -> None:
    keys = [*_PLACE, "ref"]
    sums = [
        books.open[side].drop_nulls("ref").group_by(keys)
        .agg(pl.col("amount").sum(), pl.len().alias("n"), pl.col("day").min(), pl.col("day").max().alias("last"))
        for side in NAMES
    ]  # fmt: skip
    fits = (pl.col("amount") == pl.col("amount_r")) & (pl.col("n") + pl.col("n_r") > 2)
    fits &= (pl.col("day_r") - pl.col("last")).dt.total_days() >= -1
    fits &= (pl.col("last_r") - pl.col("day")).dt.total_days() <= 5
    found = sums[0].join(sums[1], on=keys, suffix="_r").filter(fits).select(keys)
    for side in NAMES:
        rows = books.open[side].join(found, on=keys)
        books.take_group(3, side, rows.select("id", match=pl.concat_str(keys)))


def reversals(books: Books, side: str) -> None:
    rows = books.open[side].drop_nulls("ref")
    positive, negative = rows.filter(pl.col("amount") > 0), rows.filter(pl.col("amount") < 0)
    pairs = positive.join(negative.with_columns(-pl.col("amount")), on=[*_PLACE, "ref", "amount"], suffix="_r")
    pairs = pairs.with_columns(days=_DAYS.abs()).filter(pl.col("days") <= 10)
    best = pairs.filter(
        (pl.col("days") == pl.col("days").min().over("id")) & (pl.col("days") == pl.col("days").min().over("id_r"))
    )
    found = best.filter((pl.len().over("id") == 1) & (pl.len().over("id_r") == 1))
    found = found.with_columns(match=pl.col("id") + pl.col("id_r"))
    ends = [found.select("match", id=end) for end in ("id", "id_r")]
    books.take_group(5, side, pl.concat(ends))


def mistyped(books: Books) -> None:
    """At most two edits, and at most a fifth of the shorter reference."""
    pairs = near(books, [*_PLACE, "amount"]).drop_nulls(["ref", "ref_r"])
    cleaned = [pl.col(name).str.to_uppercase().str.replace_all("[^A-Z0-9]", "") for name in ("ref", "ref_r")]
    pairs = pairs.with_columns(one=cleaned[0], other=cleaned[1])
    edits = cpdist(pairs["one"].to_list(), pairs["other"].to_list(), scorer=OSA.distance, score_cutoff=2, workers=2)
    pairs = pairs.with_columns(apart=pl.Series(edits, dtype=pl.Int64))
    shorter = pl.min_horizontal(pl.col("one").str.len_chars(), pl.col("other").str.len_chars())
    nearest(books, 6, pairs.filter((pl.col("apart") <= 2) & (pl.col("apart") * 5 <= shorter)))


def no_reference(books: Books) -> None:
    pairs = near(books, [*_PLACE, "amount"]).filter(pl.col("ref").is_null() | pl.col("ref_r").is_null())
    candidates = pairs.select(l="id", r="id_r", score="days")
    found = candidates.filter((pl.len().over("l") == 1) & (pl.len().over("r") == 1))
    books.take_pairs(7, found.select("l", "r"))
    keep_doubts(books, 7, _without(candidates, found))


def subsets(books: Books, one: str, many: str) -> None:
    """Sums of two items are a frame, and of four are two of them."""
    pool = make_pool(books, one, many)
    two = pool.join(pool.select("t", j="i", w="v"), on="t").filter(pl.col("i") < pl.col("j"))
    two = two.with_columns(v=pl.col("v") + pl.col("w")).filter(pl.col("v").abs() <= pl.col("goal").abs())
    rest = two.with_columns(v=pl.col("goal") - pl.col("v"))
    three = rest.join(pool.select("t", "v", k="i"), on=["t", "v"]).filter(pl.col("k") > pl.col("j"))
    four = rest.join(two.select("t", "v", k="i", m="j"), on=["t", "v"]).filter(pl.col("k") > pl.col("j"))
    sums = pl.concat([
        pool.filter(pl.col("v") == pl.col("goal")).select("t", items=pl.concat_list("i")),
        two.filter(pl.col("v") == pl.col("goal")).select("t", items=pl.concat_list("i", "j")),
        three.select("t", items=pl.concat_list("i", "j", "k")),
        four.select("t", items=pl.concat_list("i", "j", "k", "m")),
    ])  # fmt: skip
    judged = sums.join(judge(sums, pool), on="t")
    books.sets.append(judged.drop_nulls("why").select("t", "items", "why", side=pl.lit(one)))
    good = judged.filter(pl.col("why").is_null())
    books.take_group(8, many, good.explode("items").select(match="t", id="items"))
    books.take_group(8, one, good.select(match="t", id="t"))


def make_pool(books: Books, one: str, many: str) -> pl.DataFrame:
    targets = books.open[one].filter(pl.col("ref").is_null())
    pool = targets.join(books.open[many], on=_PLACE, suffix="_r").filter(
        (pl.col("amount").sign() == pl.col("amount_r").sign())
        & (pl.col("amount_r").abs() <= pl.col("amount").abs())
        & (-_DAYS).is_between(0, 5)
    )
    pool = pool.select(t="id", goal="amount", i="id_r", v="amount_r")
    return pool.filter(pl.len().over("t") <= _POOL_MAX)


def judge(sums: pl.DataFrame, pool: pl.DataFrame) -> pl.DataFrame:
    """t, why: null for the rows of which one set is the only one, nobody else's, and no chance.

    A hundred times the sets of two to four of n items must not be more than the amount, counted in the largest power
    of ten that divides the amounts of the pool."""
    parts = sums.explode("items").unique()
    shared = parts.filter(pl.len().over("items") > 1)["t"].unique()
    digits = pl.col("v").abs().cast(pl.String)
    zeros = digits.str.len_chars() - digits.str.strip_chars_end("0").str.len_chars()
    pools = pool.group_by("t").agg(n=pl.len().cast(pl.Int64), goal=pl.col("goal").first().abs(), zeros=zeros.min())
    n, units = pl.col("n"), pl.col("goal") // pl.lit(10).pow(pl.col("zeros")).cast(pl.Int64)
    chance = 100 * (n * (n - 1) // 2 + n * (n - 1) * (n - 2) // 6 + n * (n - 1) * (n - 2) * (n - 3) // 24)
    counted = sums.group_by("t").agg(solutions=pl.len(), longest=pl.col("items").list.len().max())
    why = (
        pl.when(pl.col("solutions") > 1).then(pl.lit("several sets of items give the amount"))
        .when(pl.col("t").is_in(shared.implode())).then(pl.lit("an item of it may belong to another row as well"))
        .when(chance > units).then(pl.lit("so many items give such an amount by chance"))
    )  # fmt: skip
    return counted.filter(pl.col("longest") > 1).join(pools, on="t").select("t", why=why)


if __name__ == "__main__":
    write(*sys.argv[1:])
