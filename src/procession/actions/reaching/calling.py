"""Performs call_http: one request, one for each row, or one page after the other."""

from __future__ import annotations

from typing import Any

from procession.actions import references, values
from procession.actions.contract import Context, OutputValue, StepOutcome
from procession.actions.problems import Problem
from procession.actions.reaching import answer_files, asking
from procession.actions.reaching.acts import Acts
from procession.actions.reaching.asking import HttpCaller, told
from procession.actions.reaching.call_settings import CallSettings, effect_of
from procession.actions.reaching.exchanges import HttpAnswer, HttpAsk, HttpExchange
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    settings: CallSettings = context.settings
    assert context.connection is not None
    try:
        with HttpExchange(context.connection, context.folder) as exchange:
            if settings.each is not None:
                # DuckDB is for rows only: a single request is there before it would be loaded.
                from procession.actions.reaching import call_rows

                return call_rows.run(context, HttpCaller.of(context, exchange))
            caller = HttpCaller.of(context, exchange)
            if settings.pages is not None:
                from procession.actions.reaching import pages

                return pages.run(context, caller, settings.pages)
            return _call(context, caller)
    except Problem as problem:
        return StepOutcome(status=StepStatus.FAILED, message=str(problem))


def _call(context: Context, caller: HttpCaller) -> StepOutcome:
    settings: CallSettings = context.settings
    ask = caller.ask({})
    picked = [one.pointer for one in settings.outputs.values]
    if effect_of(settings) is not Effect.ONCE:
        answer = caller.answered(asking.keyed(ask, caller.key(0)))
        if not caller.is_right(answer):
            raise asking.wrong(ask, answer)
        return _outcome(context, ask, answer, caller.result(answer, picked))
    done = Acts(context)
    done.require({0: asking.digest_of(ask)})
    if done.is_in_doubt(0) and settings.in_doubt == "skip":
        said = f"{told(ask)} may have been done by an earlier try, and was not sent again; its answer is not known"
        return StepOutcome(status=StepStatus.WARNING, message=said)
    return _outcome(context, ask, *caller.act(ask, done, 0, picked))


def _outcome(context: Context, ask: HttpAsk, answer: HttpAnswer | None, result: tuple[Any, ...]) -> StepOutcome:
    """`answer` is None for what an earlier try has done."""
    settings: CallSettings = context.settings
    outputs: dict[str, OutputValue] = {}
    missing: list[str] = []
    if settings.outputs.status is not None:
        outputs[references.only([settings.outputs.status])[0]] = _fitting(context, settings.outputs.status, result[0])
    for one, value in zip(settings.outputs.values, result[1:], strict=True):
        if answer is None and value is None:
            missing.append(one.to)
        else:
            outputs[references.only([one.to])[0]] = _fitting(context, one.to, value)
    if settings.outputs.body is not None and answer is None:
        missing.append(settings.outputs.body)
    elif settings.outputs.body is not None and answer is not None:
        outputs[references.only([settings.outputs.body])[0]] = answer_files.file_of(context, answer)
    if answer is not None:
        said = f"{told(ask)}: {answer.status}, {answer.size_bytes:,} bytes"
    else:
        said = f"{told(ask)} was done by an earlier try: {result[0]}"
    doubts = [f"of its answer, {', '.join(missing)} was not kept"] if missing else []
    if settings.outputs.body is not None and answer is not None and not answer_files.is_measured(answer):
        doubts.append("the server did not say how long it is, and nobody can tell whether it was cut short")
    status = StepStatus.WARNING if doubts else StepStatus.SUCCESS
    return StepOutcome(status=status, message="; ".join([said, *doubts]), outputs=outputs)


def _fitting(context: Context, to: str, value: Any) -> OutputValue:
    reference = references.only([to])[0]
    try:
        return values.fit(value, context.target(reference).type)
    except values.DoesNotFit as error:
        raise Problem(f"{to}: {error}") from error
