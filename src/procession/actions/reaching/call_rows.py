"""call_http with `each`: one request a row, in order, and what became of every one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from procession.actions.blackout import Blackout
from procession.actions.contract import Context, StepOutcome
from procession.actions.expecting import Expect
from procession.actions.problems import Problem, ShownProblem
from procession.actions.reaching import acts, row_values
from procession.actions.reaching.acts import Acts
from procession.actions.reaching.asking import HttpCaller, digest_of, wrong
from procession.actions.reaching.call_settings import SAFE, CallSettings, EachRow
from procession.actions.reaching.exchanges import HttpAsk
from procession.actions.rows import work
from procession.actions.rows.work import RowWork


@dataclass(slots=True)
class _Told:
    """What became of the rows so far."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)  # number, status, words, then what was picked
    failures: list[str] = field(default_factory=list)
    earlier: int = 0
    skipped: list[int] = field(default_factory=list)


def run(context: Context, caller: HttpCaller) -> StepOutcome:
    settings: CallSettings = context.settings
    each = settings.each
    assert each is not None
    return work.perform(context, lambda doing: _perform(doing, caller, each))


def _perform(doing: RowWork, caller: HttpCaller, each: EachRow) -> str:
    doing.load("rows", each.source, Expect())
    rows = row_values.of(doing.connection, "rows", rows_max=acts.ROWS_MAX)
    wanted = list(asks(caller, rows))
    told = _Told()
    done = None
    # What changes nothing is asked anew by every try: a journal of it would only be an old answer.
    if caller.context.settings.method not in SAFE:
        done = Acts(caller.context)
        done.require({number: digest_of(ask) for number, ask in wanted})
    for number, ask in wanted:
        _send(caller, done, number, ask, told)
        caller.context.progress(number / len(wanted), f"row {number} of {len(wanted)}")
        if told.failures and each.stop == "at_first_failure":
            break
    _publish(doing, caller, told)
    return _say(doing, told, len(wanted))


def asks(caller: HttpCaller, rows: list[dict[str, Any]]) -> Iterator[tuple[int, HttpAsk]]:
    """All of them, before any is sent: a row that cannot be filled in must not be found after a thousand payments."""
    for number, row in enumerate(rows, start=1):
        try:
            yield number, caller.ask(row)
        except Problem as problem:
            raise Problem(f"row {number}: {problem}; nothing was sent") from problem


def _send(caller: HttpCaller, done: Acts | None, number: int, ask: HttpAsk, told: _Told) -> None:
    settings: CallSettings = caller.context.settings
    picked = list(settings.outputs.picked.values())
    blank = (None,) * len(picked)
    if done is not None and done.is_in_doubt(number) and settings.in_doubt == "skip":
        told.skipped.append(number)
        told.rows.append((number, None, "may have been done by an earlier try; not sent again", *blank))
        return
    try:
        if done is None:
            found = caller.answered(ask)
            if not caller.is_right(found):
                raise wrong(ask, found)
            result = caller.result(found, picked)
        else:
            answer, result = caller.act(ask, done, number, picked)
            told.earlier += answer is None
    except Problem as problem:
        told.failures.append(f"row {number}: {problem}")
        told.rows.append((number, None, str(problem), *blank))
        return
    told.rows.append((number, result[0], None, *(None if one is None else str(one) for one in result[1:])))


def _publish(doing: RowWork, caller: HttpCaller, told: _Told) -> None:
    outputs = caller.context.settings.outputs
    if outputs.rows is None:
        return
    columns = {"row": "BIGINT", "status": "INTEGER", "words": "VARCHAR", **dict.fromkeys(outputs.picked, "VARCHAR")}
    # A server that refuses may repeat what proved who asks, and files leave the process as they are.
    guard = Blackout(caller.context.connection)
    rows = [(row, status, guard.maybe(words), *picked) for row, status, words, *picked in told.rows]
    row_values.make(doing.connection, "told", columns, rows)
    doing.publish("told", outputs.rows, default="answers.csv")


def _say(doing: RowWork, told: _Told, total: int) -> str:
    right = len(told.rows) - len(told.failures) - len(told.skipped)
    by_others = f", {told.earlier} of them by an earlier try" if told.earlier else ""
    said = f"{right} of {total} {'row' if total == 1 else 'rows'} answered as expected{by_others}"
    if told.failures:
        more = f"; and {len(told.failures) - 1} more" if len(told.failures) > 1 else ""
        raise ShownProblem(f"{told.failures[0]}{more} ({said})")
    if told.skipped:
        numbers = ", ".join(map(str, told.skipped[:10]))
        doing.warnings.append(f"row {numbers} may have been done by an earlier try, and was not sent again")
    return said
