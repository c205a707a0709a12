"""What needs you: the page that a working day begins with."""

from __future__ import annotations

from procession.door.contract import Call, HtmlReply
from procession.model.runs import RunFilter
from procession.operations import run_lists
from procession.web.page import page

SHOWN = 25


def show(call: Call) -> HtmlReply:
    """The newest runs that the reader may see."""
    found = [item.run for item in run_lists.page(call.tx, call.caller, RunFilter(), limit=SHOWN).runs]
    return page(call, call.caller, call.now, "home", title="What needs you", entry="/", runs=found)
