"""join at work: each row of the left side finds its partners, and what was looked up is proved to be complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from procession.actions import database, references, values
from procession.actions.contract import Context, InputValue, StepOutcome
from procession.actions.database import quote
from procession.actions.expecting import Expect
from procession.actions.joining import join_settings
from procession.actions.joining.join_settings import JoinedPair, JoinSettings
from procession.actions.problems import Problem
from procession.actions.rows import defaults, kinds, looks, numbering, work
from procession.actions.rows.kinds import ValueKind
from procession.actions.rows.numbering import ROW
from procession.actions.rows.work import RowWork
from procession.actions.writing import exports

_DAYS = frozenset({ValueKind.DATE, ValueKind.MOMENT, ValueKind.ZONED})
_NAMED = 10  # keys in a message
# With blanks, so that no column of a file is likely to have the name.
_LEFT_ROW, _RIGHT_ROW = quote("row of the left side"), quote("row of the right side")
_DAY = quote("day of the right side")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Join:
    """`on` are the columns as both sides write them; `taken` gives new name -> (column of the right side, default)."""

    work: RowWork
    on: Sequence[JoinedPair]
    as_of: JoinedPair | None
    taken: Mapping[str, tuple[str, InputValue]]

    @property
    def equal(self) -> str:
        return " AND ".join(f"l.{quote(pair.left)} = r.{quote(pair.right)}" for pair in self.on)

    def side(self, name: str) -> str:
        """SQL of a side with ROW, the numbers of its rows."""
        return numbering.numbered(self.work.connection, name)

    def keys(self, side: str, alias: str = "") -> list[str]:
        """Quoted, of a side, behind its alias."""
        named = [quote(getattr(pair, side)) for pair in self.on]
        return [f"{alias}.{name}" if alias else name for name in named]


def run(context: Context) -> StepOutcome:
    return work.perform(context, _join)


def _join(doing: RowWork) -> str:
    settings: JoinSettings = doing.context.settings
    for name, target in join_settings.targets(settings).items():
        exports.refuse(doing.context, name, target, f"{name}.csv")
    rows = doing.load("left", settings.left, Expect())
    doing.load("right", settings.right, Expect())
    doing.lock()
    join = _prepared(doing, settings)
    _pair(join, settings)
    _refuse_more(join, settings)
    without = _unmatched(join)
    before = doing.total("left", "total_in")
    _make(join, keeps=settings.unmatched == "keep")
    _tell_unmatched(join, settings, without)
    doing.figures.update({"rows_in": rows, "unmatched": without})
    after = doing.total("joined", "total_out")
    # Totals prove something only where each left row must come out exactly once.
    if settings.unmatched == "keep" and settings.expect != "one_to_many":
        _prove(doing, before, after, rows)
    gave = doing.publish("joined", settings.outputs.result, default=f"{doing.context.step_key}.csv")
    doing.figures["rows_out"] = gave
    if settings.outputs.unmapped is not None:
        doing.publish("unmapped", settings.outputs.unmapped, default="unmapped.csv")
    return f"{rows:,} rows became {gave:,}; {rows - without:,} found what was looked up"


def _prepared(doing: RowWork, settings: JoinSettings) -> _Join:
    """The settings with the columns that there are. Raises Problem for others, and for two that cannot be equal."""
    left, right = (database.columns(doing.connection, side) for side in ("left", "right"))
    # Before any row is compared: a wrong name is told at once, with those that there are.
    on = [_both(pair, left, right) for pair in join_settings.pairs(settings)]
    as_of = None if settings.as_of is None else _both(settings.as_of, left, right)
    if as_of is not None and kinds.of(left[as_of.left]) not in _DAYS:
        raise Problem(f'as_of: the column "{as_of.left}" is {kinds.of(left[as_of.left]).value}, and no day')
    taken: dict[str, tuple[str, InputValue]] = {}
    names = {name.lower(): name for name in left}
    for name, column in join_settings.taken(settings).items():
        there = kinds.column(right, name, "take")
        new = column.as_ or there
        if new.lower() in names:
            raise Problem(f'take: the left side has a column "{names[new.lower()]}" itself; say {{as: another name}}')
        taken[new] = (there, references.resolve(doing.context, column.default))
    return _Join(work=doing, on=on, as_of=as_of, taken=taken)


def _both(pair: JoinedPair, left: Mapping[str, str], right: Mapping[str, str]) -> JoinedPair:
    found = JoinedPair(left=kinds.column(left, pair.left, "left"), right=kinds.column(right, pair.right, "right"))
    one, other = kinds.of(left[found.left]), kinds.of(right[found.right])
    # SQL would take 007 for 7, and a text for the number that it looks like.
    if one is not other:
        raise Problem(
            f'"{found.left}" of the left side is {one.value} and "{found.right}" of the right side {other.value}; say '
            "its type under columns of both"
        )
    return found


def _pair(join: _Join, settings: JoinSettings) -> None:
    """Makes `pairs`: the rows of both sides that belong together, by their numbers."""
    # Numbers only: the wide rows are fetched once, when it is known which belong together.
    select = (
        f"SELECT l.{ROW} AS {_LEFT_ROW}, r.{ROW} AS {_RIGHT_ROW} FROM {join.side('left')} l "
        f"JOIN {join.side('right')} r ON {join.equal}"
    )
    if join.as_of is not None:
        select = _as_of(join, join.as_of)
    # No right result has more pairs than there are rows; one more proves that some multiply, before they fill the disk.
    most = sum(database.count(join.work.connection, side) for side in ("left", "right"))
    join.work.connection.execute(f"CREATE TABLE pairs AS {select} LIMIT {most + 1}")
    if settings.as_of is not None and (without := _count(join.work, f"{quote(settings.as_of.right)} IS NULL", "right")):
        join.work.warnings.append(f"{without:,} rows of the right side have no {settings.as_of.right} and fit nothing")


def _as_of(join: _Join, days: JoinedPair) -> str:
    """SQL of the pairs with the latest day that is not after the left one."""
    day = quote(days.right)
    keys = list(dict.fromkeys(join.keys("right")))
    # Over different days, not rows: of equal days all stay, and two rows for one day are a mistake that is told.
    latest = (
        f"SELECT l.{ROW} AS {_LEFT_ROW}, r.* FROM {join.side('left')} l ASOF JOIN "
        f"(SELECT DISTINCT {', '.join(keys)}, {day} AS {_DAY} FROM {quote('right')} WHERE {day} IS NOT NULL) r "
        f"ON {join.equal} AND l.{quote(days.left)} >= r.{_DAY}"
    )
    same = " AND ".join(f"r.{key} = a.{key}" for key in keys)
    return (
        f"SELECT a.{_LEFT_ROW}, r.{ROW} AS {_RIGHT_ROW} FROM ({latest}) a JOIN {join.side('right')} r "
        f"ON {same} AND r.{day} = a.{_DAY}"
    )


def _count(doing: RowWork, condition: str, relation: str) -> int:
    row = doing.connection.execute(f"SELECT count(*) FROM {quote(relation)} WHERE {condition}").fetchone()
    assert row is not None
    return int(row[0])


def _refuse_more(join: _Join, settings: JoinSettings) -> None:
    """Raises Problem naming the keys of rows that have more partners than they may."""
    checks = []
    if settings.expect in {"many_to_one", "one_to_one"}:
        checks.append(("left", "right", _LEFT_ROW))
    if settings.expect in {"one_to_many", "one_to_one"}:
        checks.append(("right", "left", _RIGHT_ROW))
    for side, other, row in checks:
        # Of pairs, not of the side: a key twice that nobody asks for does no harm.
        keys = join.keys(side, "s")
        rows = join.work.connection.execute(
            f"SELECT {', '.join(keys)}, max(p.n) FROM (SELECT {row} AS row, count(*) AS n FROM pairs GROUP BY row "
            f"HAVING n > 1) p JOIN {join.side(side)} s ON s.{ROW} = p.row GROUP BY {', '.join(keys)} ORDER BY ALL"
        ).fetchall()
        if rows:
            more = f" and {len(rows) - _NAMED:,} more" if len(rows) > _NAMED else ""
            told = "; ".join(f"{kinds.in_words(found[:-1])} in {found[-1]:,} rows" for found in rows[:_NAMED])
            raise Problem(
                f"rows would multiply: the {other} side has more than one row for a key ({told}{more}), and "
                f"{settings.expect} was expected"
            )


def _unmatched(join: _Join) -> int:
    """Makes `unmapped`, the keys of left rows without a partner, the most frequent first; gives how many rows."""
    # The most frequent key comes first, because mending it mends the most rows.
    keys = ", ".join(join.keys("left"))
    names = {pair.left.lower() for pair in join.on}
    rows = quote("rows" if "rows" not in names else "number of rows")
    join.work.connection.execute(
        f"CREATE TABLE unmapped AS SELECT {keys}, count(*) AS {rows} FROM {join.side('left')} "
        f"ANTI JOIN pairs ON {_LEFT_ROW} = {ROW} GROUP BY {keys} "
        f"ORDER BY {rows} DESC, {', '.join(f'{key} NULLS LAST' for key in join.keys('left'))}"
    )
    row = join.work.connection.execute(f"SELECT coalesce(sum({rows}), 0) FROM unmapped").fetchone()
    assert row is not None
    return int(row[0])


def _make(join: _Join, *, keeps: bool) -> None:
    """Makes `joined`, in the order of the left side and then of the right one."""
    types = database.columns(join.work.connection, "right")
    chosen, bound = [f"l.* EXCLUDE ({ROW})"], dict[str, object]()
    for number, (new, (column, default)) in enumerate(join.taken.items()):
        value = f"r.{quote(column)}"
        # By the partner and not by the value: an empty cell of a partner is what is known of it.
        if keeps and default is not None:
            bound[f"d{number}"] = defaults.fitting(join.work.connection, default, new, types[column], "take")
            value = f"CASE WHEN r.{ROW} IS NULL THEN CAST($d{number} AS {types[column]}) ELSE {value} END"
        chosen.append(f"{value} AS {quote(new)}")
    kind = "LEFT JOIN" if keeps else "JOIN"
    join.work.connection.execute(
        f"CREATE TABLE joined AS SELECT {', '.join(chosen)} FROM {join.side('left')} l "
        f"{kind} pairs p ON p.{_LEFT_ROW} = l.{ROW} LEFT JOIN {join.side('right')} r "
        f"ON r.{ROW} = p.{_RIGHT_ROW} ORDER BY l.{ROW}, r.{ROW}",
        bound or None,
    )


def _tell_unmatched(join: _Join, settings: JoinSettings, without: int) -> None:
    if not without:
        return
    found = join.work.connection.execute(f"SELECT {', '.join(join.keys('left'))} FROM unmapped LIMIT 5").fetchall()
    count = database.count(join.work.connection, "unmapped")
    what = f"{without:,} {'row has' if without == 1 else 'rows have'} a key that the right side lacks"
    what += "" if settings.as_of is None else " up to its day"
    told = (
        f"{what} ({'; '.join(kinds.in_words(row) for row in found)}{f' and {count - 5:,} more' if count > 5 else ''})"
    )
    if settings.unmatched == "fail":
        raise Problem(f"{told}; nothing was published")
    join.work.warnings.append(told if settings.unmatched == "keep" else f"{told} and {_are(without)} left out")
    join.work.warnings.extend(_spellings(join))


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _spellings(join: _Join) -> Iterator[str]:
    """Keys that would be found if case, blanks and what nobody sees did not count."""
    types = database.columns(join.work.connection, "left")
    # What an eye takes for equal is the reason most often, and the hardest to see.
    texts = [pair for pair in join.on if kinds.of(types[pair.left]) is ValueKind.TEXT]
    if not texts:
        return
    alike = " AND ".join(
        f"lower({looks.seen(f'u.{quote(pair.left)}')}) = lower({looks.seen(f'r.{quote(pair.right)}')})"
        if pair in texts
        else f"u.{quote(pair.left)} = r.{quote(pair.right)}"
        for pair in join.on
    )
    left, right = f"u.{quote(texts[0].left)}", f"r.{quote(texts[0].right)}"
    row = join.work.connection.execute(
        f"SELECT {left}, {right} FROM unmapped u JOIN {quote('right')} r ON {alike} WHERE {left} <> {right} "
        f"ORDER BY {left}, {right} LIMIT 1"
    ).fetchone()
    if row is not None:
        one, other = (looks.visible(text) for text in row)
        yield f'"{one}" and "{other}" differ only in case, blanks or signs unseen, and are not equal'


def _prove(doing: RowWork, before: Mapping[str, Decimal], after: Mapping[str, Decimal], rows: int) -> None:
    """No row was lost or doubled: an error of ours must not become an error of theirs. Raises Problem."""
    for name, total in before.items():
        if name not in after:
            raise Problem(f'the total of "{name}" can no longer be told; nothing was published')
        was, now = values.alike(total, after[name])
        if total != after[name]:
            raise Problem(f'the total of "{name}" was {was} and became {now}; nothing was published')
        doing.context.log(f"total of {name}: {was} before and after\n")
    if database.count(doing.connection, "joined") != rows:
        raise Problem("the number of rows changed; nothing was published")
