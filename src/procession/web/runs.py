"""The list of runs, and the page of one."""

from __future__ import annotations

from procession.door.contract import Call, HtmlReply
from procession.model.ids import RunId
from procession.model.lifecycle import RunStatus
from procession.model.runs import RunFilter
from procession.operations import runs
from procession.web import inputs
from procession.web.page import page

SHOWN = 25


def listed(call: Call) -> HtmlReply:
    found = runs.page(call.tx, call.caller, RunFilter(), before=None, limit=SHOWN)
    return page(call, call.caller, call.now, "runs", title="Runs", entry="/runs", runs=found)


def show(call: Call) -> HtmlReply:
    run = runs.find(call.tx, call.id(RunId))
    if run.status is RunStatus.NOT_STARTED:
        return inputs.show_for_run(call, run)
    return page(call, call.caller, call.now, "run", title=run.name, entry="/runs", run=run)
