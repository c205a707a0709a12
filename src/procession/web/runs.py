"""The list of runs, and the page of one."""

from __future__ import annotations

from procession.door.contract import Call, HtmlReply
from procession.model.ids import RunId
from procession.model.runs import RunFilter
from procession.operations import run_lists, runs
from procession.web.page import page

SHOWN = 25


def listed(call: Call) -> HtmlReply:
    found = [item.run for item in run_lists.page(call.tx, call.caller, RunFilter(), limit=SHOWN).runs]
    return page(call, call.caller, call.now, "runs", title="Runs", entry="/runs", runs=found)


def show(call: Call) -> HtmlReply:
    run = runs.find(call.tx, call.id(RunId))
    return page(call, call.caller, call.now, "run", title=run.name, entry="/runs", run=run)
