"""transform at work: its files loaded, its steps done in order, its rows written."""

from __future__ import annotations

from procession.actions import expecting
from procession.actions.contract import Context, StepOutcome
from procession.actions.rows import work
from procession.actions.rows.work import RowWork
from procession.actions.transforming import seen_stages
from procession.actions.transforming.stage import TransformRows
from procession.actions.transforming.steps import STEPS, UNION
from procession.actions.transforming.transform_settings import TransformSettings
from procession.actions.writing import exports

_SOURCE = "source"


def run(context: Context) -> StepOutcome:
    return work.perform(context, _transform)


def _transform(doing: RowWork) -> str:
    settings: TransformSettings = doing.context.settings
    default = f"{doing.context.step_key}.csv"
    # Before an hour of work, not after it.
    exports.refuse(doing.context, "output", settings.output, default)
    doing.bind(settings.inputs)
    read = doing.load(_SOURCE, settings.source, settings.expect)
    # Files of later steps too: after the lock nothing more can be read.
    for number, step in enumerate(settings.steps, start=1):
        if step.union is not None:
            read += doing.load(UNION.format(number), step.union, settings.expect)
    doing.lock()
    doing.figures["rows_in"] = read
    doing.total(_SOURCE, "total_in")
    stage = TransformRows(doing, _SOURCE)
    looks = seen_stages.are_asked(doing.context)
    between = [seen_stages.seen(stage)] if looks else []
    for number, step in enumerate(settings.steps, start=1):
        name = step.does[0]
        stage.number, stage.where = number, f"step {number}, {name}"
        doing.context.progress(number / (len(settings.steps) + 1), stage.where)
        STEPS[name](stage, getattr(step, name))
        doing.context.log(f"{stage.where}: {stage.count('true'):,} rows\n")
        between += [seen_stages.seen(stage)] if looks else []
    if expecting.asks(settings.expect):
        expecting.check(doing.context, doing.connection, stage.relation, settings.expect, doing.warnings)
    doing.total(stage.relation, "total_out")
    gave = doing.publish(stage.relation, settings.output, default=default)
    doing.figures["rows_out"] = gave
    if looks:
        doing.outputs[seen_stages.STAGES] = seen_stages.told(between)
    return f"{read:,} rows became {gave:,}"
