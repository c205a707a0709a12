"""audit verify: reads the whole audit trail, while a server works."""

from __future__ import annotations

from procession.commands import opening, wording
from procession.commands.console import Console
from procession.store import audit


def verify(console: Console, kept: str | None) -> int:
    """1 when a row is not as it was written. Raises NotFound, Invalid."""
    wanted = None if kept is None else audit.parse_head(kept)
    with opening.open_home(console) as opened, opened.database.snapshot() as tx:
        fault, head = audit.first_fault(tx, wanted), audit.head(tx)
    content = {"isWhole": fault is None, "firstFault": fault, "entries": head.entries, "head": str(head)}
    if fault is not None:
        console.answer(content, f"the audit trail is broken: {fault}")
        return 1
    lines = [f"{wording.counted(head.entries, 'entry', 'entries')}: history and log are as they were written"]
    if wanted is not None:
        lines.append(f"entry {wanted.entries} is the one that was kept")
    # Whoever can write to the database can reckon a chain of their own, but not one with this head.
    lines.append(f"keep this head elsewhere, and name it the next time (--head): {head}")
    console.answer(content, "\n".join(lines))
    return 0
