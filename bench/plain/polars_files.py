"""What plain Polars found: the rows still open, the matches, and the six files of them."""

from __future__ import annotations

import polars as pl  # type: ignore[import-not-found,unused-ignore]

RULES = ("Exact", "Date window", "Batches", "Charges", "Reversals", "Mistyped", "No reference", "Paid together")
NAMES = {
    "left": {"entry_id": "id", "booked_on": "day", "reference": "ref"},
    "right": {"line_id": "id", "account_no": "account", "ccy": "currency", "value_on": "day", "bank_reference": "ref",
              "paid": "amount"},
}  # fmt: skip
_KEYS = {"left": "entry_id", "right": "line_id"}
_OTHER = {"left": "right", "right": "left"}
_LINES = (*RULES, "Matched", "Suggested", "Only left", "Only right", "Everything")
_SEVERAL = "one of several candidates"
_WITHIN = (pl.col("day_r") - pl.col("day")).dt.total_days()


class Books:
    """`open`: id, account, currency, day, ref and amount in cents; what was matched, and what people are asked."""

    def __init__(self, folder: str) -> None:
        self.rows = {side: pl.read_parquet(f"{folder}/{side}.parquet") for side in NAMES}
        self.all = {side: self._narrow(side) for side in NAMES}
        self.open = dict(self.all)
        self.pairs: list[pl.DataFrame] = []  # rule, l, r
        self.grouped: list[pl.DataFrame] = []  # rule, match, side, id
        self.doubts: list[pl.DataFrame] = []  # l, r, rule
        self.sets: list[pl.DataFrame] = []  # t, items, why, side

    def _narrow(self, side: str) -> pl.DataFrame:
        empty = pl.when(pl.col("ref") != "").then(pl.col("ref")).alias("ref")
        cents = (pl.col("amount") * 100).cast(pl.Int64).alias("amount")
        named = self.rows[side].rename(NAMES[side]).with_columns(empty, cents)
        return named.select("id", "account", "currency", "day", "ref", "amount")

    def take_pairs(self, rule: int, found: pl.DataFrame) -> None:
        self.pairs.append(found.select("l", "r", rule=rule))
        for side in NAMES:
            self.open[side] = self.open[side].join(found, left_on="id", right_on=side[0], how="anti")

    def take_group(self, rule: int, side: str, found: pl.DataFrame) -> None:
        self.grouped.append(found.select("match", "id", side=pl.lit(side), rule=rule))
        self.open[side] = self.open[side].join(found, on="id", how="anti")


def write(books: Books, out: str) -> None:
    lines = number_matches(books)
    suggested = suggest(books)
    matched = wide(books, lines.sort("is_group", pl.when(~pl.col("is_group")).then("l"), "match", "turn"))
    alone = pl.col("left_amount") - pl.col("right_paid")
    zero = pl.when(pl.col("turn") == 1).then(pl.lit(0).cast(pl.Decimal(38, 2)))
    matched = matched.with_columns(difference=pl.when("is_group").then(zero).otherwise(alone))
    files = {
        "matched": shown(matched, "match", _rule(), "difference"),
        "suggested": suggested_file(books, suggested),
        **{f"only_{side}": opened(books, suggested, side) for side in NAMES},
        "summary": summarise(books, suggested),
        "differences": differences(matched),
    }
    for name, frame in files.items():
        frame.write_parquet(f"{out}/{name}.parquet", compression="zstd", compression_level=1)


def _rule() -> pl.Expr:
    return pl.col("rule").replace_strict(list(range(1, len(RULES) + 1)), list(RULES)).alias("rule")


def number_matches(books: Books) -> pl.DataFrame:
    """match, rule, turn, l, r, is_group: by rule, then by the first left row; a group has lines for its longer side."""
    pairs = pl.concat(books.pairs).with_columns(turn=pl.lit(1, pl.Int64), match=pl.lit(None, pl.String))
    groups = _lines(pl.concat(books.grouped), ["rule", "match"])
    every = pl.concat([pairs, groups], how="diagonal")
    heads = every.filter(pl.col("turn") == 1).sort("rule", "l", "r", nulls_last=True).with_row_index("number", offset=1)
    alone = heads.filter(pl.col("match").is_null()).with_columns(is_group=False)
    behind = groups.join(heads.select("number", "rule", "match"), on=["rule", "match"]).with_columns(is_group=True)
    return pl.concat([alone, behind], how="diagonal").drop("match").rename({"number": "match"})


def _lines(rows: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Rows of two sides as lines: the columns `by`, turn, l, r."""
    turns = rows.sort("id").with_columns(turn=pl.int_range(1, pl.len() + 1).over(*by, "side"))
    left, right = (
        turns.filter(pl.col("side") == side).select(*by, "turn", pl.col("id").alias(side[0])) for side in NAMES
    )
    return left.join(right, on=[*by, "turn"], how="full", coalesce=True)


def wide(books: Books, lines: pl.DataFrame) -> pl.DataFrame:
    """The lines in their order, with all columns of both sides."""
    for side in NAMES:
        rows = books.rows[side].rename(lambda name, side=side: f"{side}_{name}")
        key = f"{side}_{_KEYS[side]}"
        joined = lines.join(rows, left_on=side[0], right_on=key, how="left", maintain_order="left")
        lines = joined.with_columns(pl.col(side[0]).alias(key))
    return lines


def shown(frame: pl.DataFrame, *first: str | pl.Expr) -> pl.DataFrame:
    own = [f"left_{name}" for name in ("entry_id", "account", "currency", "booked_on", "reference", "amount", "party")]
    theirs = ("line_id", "account_no", "ccy", "value_on", "bank_reference", "paid", "counterparty")
    return frame.select(*first, *own, *(f"right_{name}" for name in theirs))


def differences(matched: pl.DataFrame) -> pl.DataFrame:
    apart = matched.filter(pl.col("difference") != 0)
    book_to = pl.when(pl.col("rule") == 4).then(pl.lit("6990"))
    return apart.sort("match").select(
        "match", _rule(), book_to.alias("book_to"), pl.col("left_currency").alias("currency"),
        pl.col("l").alias("left_key"), pl.col("r").alias("right_key"), "difference",
    )  # fmt: skip


def suggest(books: Books) -> pl.DataFrame:
    """suggestion, rule, why, side, id: candidates and sets all of whose rows are still open."""
    is_open = pl.concat([books.open[side].select("id") for side in NAMES])
    doubts = pl.concat(books.doubts).join(is_open, left_on="l", right_on="id", how="semi")
    doubts = doubts.join(is_open, left_on="r", right_on="id", how="semi").group_by("l", "r").agg(pl.col("rule").min())
    why = pl.format(f"{_SEVERAL}: {{}} of the left row, {{}} of the right row", pl.len().over("l"), pl.len().over("r"))
    pairs = doubts.select("rule", why.alias("why"), ls=pl.concat_list("l"), rs=pl.concat_list("r"))
    sets = pl.concat(books.sets).with_row_index("n")
    items = sets.select("n", pl.concat_list("t", "items").alias("id")).explode("id")
    sets = sets.join(items.join(is_open, on="id", how="anti"), on="n", how="anti")
    one, is_left = pl.concat_list("t"), pl.col("side") == "left"
    sides = [pl.when(is_left).then(one).otherwise("items"), pl.when(is_left).then("items").otherwise(one)]
    sets = sets.select(pl.lit(8).cast(pl.Int32).alias("rule"), "why", ls=sides[0], rs=sides[1])
    every = pl.concat([pairs.cast({"rule": pl.Int32}), sets])
    every = every.sort("rule", pl.col("ls").list.min(), pl.col("rs").list.min()).with_row_index("suggestion", offset=1)
    ends = [every.explode(f"{side[0]}s").select("suggestion", "rule", "why", side=pl.lit(side), id=f"{side[0]}s")
            for side in NAMES]  # fmt: skip
    return pl.concat(ends)


def suggested_file(books: Books, suggested: pl.DataFrame) -> pl.DataFrame:
    lines = _lines(suggested, ["suggestion", "rule", "why"]).sort("suggestion", "turn")
    found = wide(books, lines)
    apart = (pl.col("left_amount").sum() - pl.col("right_paid").sum()).over("suggestion")
    difference = pl.when(pl.col("turn") == 1).then(apart).alias("difference")
    return shown(found, "suggestion", _rule(), "why", difference)


def opened(books: Books, suggested: pl.DataFrame, side: str) -> pl.DataFrame:
    """The open rows, why each is open, and the nearest row of the other side."""
    reasons = pl.concat([*_known(books, suggested, side), *_apart(books, side), *_elsewhere(books, side)])
    reasons = reasons.sort("place", "apart", "days", "near_key").unique("id", keep="first", maintain_order=True)
    key = _KEYS[side]
    rows = books.rows[side].join(books.open[side].select("id"), left_on=key, right_on="id", how="semi")
    rows = rows.join(reasons.select("id", "reason", "near_key"), left_on=key, right_on="id", how="left")
    return rows.with_columns(pl.col("reason").fill_null("nothing on the other side")).sort(key)


def _known(books: Books, suggested: pl.DataFrame, side: str) -> list[pl.DataFrame]:
    """Suggestions, and rows like one that was paired."""
    own = suggested.filter(pl.col("side") == side)
    others = suggested.filter(pl.col("side") != side).select("suggestion", near_key="id")
    doubtful = pl.col("why").str.starts_with(_SEVERAL)
    known = own.join(others, on="suggestion").with_columns(
        place=pl.when(doubtful).then(2).otherwise(1),
        reason=pl.when(doubtful).then(pl.lit("several candidates")).otherwise(pl.lit("suggested")),
    )
    columns = ["account", "currency", "ref", "amount", "day"]
    paired = books.all[side].join(pl.concat(books.pairs), left_on="id", right_on=side[0], how="semi")
    twins = books.open[side].join(paired, on=columns, how="semi")
    twins = twins.select("id", place=3, reason=pl.lit("booked twice?"), near_key=pl.lit(None, pl.String))
    return [_reason(frame.with_columns(apart=0, days=0)) for frame in (known, twins)]


def _reason(frame: pl.DataFrame) -> pl.DataFrame:
    numbers = [pl.col(name).cast(pl.Int64) for name in ("place", "apart", "days")]
    return frame.select("id", "reason", "near_key", *numbers)


def _near(books: Books, side: str, on: list[str]) -> pl.DataFrame:
    found = books.open[side].join(books.open[_OTHER[side]], on=on, suffix="_r", coalesce=False)
    days, apart = _WITHIN.abs(), (pl.col("amount") - pl.col("amount_r")).abs()
    return found.with_columns(days=days, apart=apart, near_key="id_r")


def _apart(books: Books, side: str) -> list[pl.DataFrame]:
    """The same reference on another day, or with another amount."""
    late = _near(books, side, ["account", "currency", "ref", "amount"]).filter(pl.col("days") != 0)
    words = pl.when(pl.col("days") == 1).then(pl.lit(" day apart")).otherwise(pl.lit(" days apart"))
    late = late.with_columns(place=4, reason=pl.col("days").cast(pl.String) + words)
    other = _near(books, side, ["account", "currency", "ref"]).filter(pl.col("apart") != 0)
    cents = (pl.col("apart") % 100).cast(pl.String).str.zfill(2)
    other = other.with_columns(place=5, reason=pl.format("amount differs by {}.{}", pl.col("apart") // 100, cents))
    return [_reason(late), _reason(other)]


def _elsewhere(books: Books, side: str) -> list[pl.DataFrame]:
    """All equal but one column, and within the days."""
    found, keys = [], ["account", "currency", "ref"]
    within = _WITHIN.is_between(-1, 5) if side == "left" else (-_WITHIN).is_between(-1, 5)
    for place, (key, word) in enumerate(zip(keys, ("account", "currency", "reference"), strict=True), start=6):
        near = _near(books, side, [*(other for other in keys if other != key), "amount"])
        near = near.filter((pl.col(key) != pl.col(f"{key}_r")) & within)
        found.append(_reason(near.with_columns(place=place, reason=pl.lit(f"other {word}"))))
    return found


def summarise(books: Books, suggested: pl.DataFrame) -> pl.DataFrame:
    """Counts and totals of both sides by currency and line: rules, matched, suggested, open, everything."""
    frames = []
    for number, side in enumerate(NAMES):
        grouped = pl.concat(books.grouped).filter(pl.col("side") == side).select("rule", "id")
        ids = [pl.concat(books.pairs).select("rule", id=side[0]), grouped]
        ids += [suggested.filter(pl.col("side") == side).select(rule=10, id="id").unique()]
        ids += [books.open[side].select(rule=11 + number, id="id")]
        frames.append(_totals(books, side, pl.concat(frame.cast({"rule": pl.Int32}) for frame in ids)))
    sums = frames[0].join(frames[1], on=["place", "currency"], how="full", coalesce=True)
    lines = pl.col("place").replace_strict(list(range(1, len(_LINES) + 1)), list(_LINES)).alias("line")
    amounts = [pl.col(name).fill_null(0) for name in ("left_count", "left_total", "right_count", "right_total")]
    found = sums.sort("currency", "place").select("currency", lines, *amounts)
    return found.with_columns(difference=pl.col("left_total") - pl.col("right_total"))


def _totals(books: Books, side: str, ids: pl.DataFrame) -> pl.DataFrame:
    rows = books.rows[side].rename(NAMES[side]).select("id", "currency", "amount")
    counts = [pl.len().cast(pl.Int64).alias(f"{side}_count"), pl.col("amount").sum().alias(f"{side}_total")]
    sums = ids.join(rows, on="id").group_by(pl.col("rule").alias("place"), "currency").agg(counts)
    both = [
        sums.filter(test)
        .group_by(pl.lit(place, pl.Int32).alias("place"), "currency")
        .agg(pl.all().exclude("place").sum())
        for place, test in ((9, pl.col("place") < 9), (13, pl.col("place") != 10))
    ]
    return pl.concat([sums, *both])
