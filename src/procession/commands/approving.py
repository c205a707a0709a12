"""approve and reject: a person's decision, through a server that knows who signs in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from procession.commands import remote, views
from procession.commands.console import Console
from procession.model.errors import Invalid


def decide(console: Console, run_id: str, text: str, *, is_approved: bool, **said: Any) -> int:
    """Raises NotFound, Forbidden, Conflict as the server does; Invalid without a server."""
    access = console.server_access()
    # Whoever can read the files of a home can be anybody in it, and a decision is one person's.
    if access is None:
        raise Invalid("a decision is a person's: sign in to a server, by --server or PROCESSION_SERVER")
    with remote.opened(access) as client:
        found = client.run(run_id)
        step = found.step(text)
        asked = step.approve(**said) if is_approved else step.reject(**said)
    what = "approved" if is_approved else "rejected"
    shown = [f"  {views.one_line(item.name)}: {views.one_line(item.text)}" for item in asked.shown]
    # What was signed is told: in a terminal nobody has seen it before.
    rest = f"; {asked.needed} people must approve" if asked.is_open else ""
    console.answer(
        {"run": found.id, "step": step.id, "isOpen": asked.is_open, "decision": asked.decision}
        | {"signed": asked.signed, "shown": [asdict(item) for item in asked.shown]},
        "\n".join([f"{found.id} {views.one_line(asked.title)}: {what}{rest}", *shown]),
    )
    return 0
