"""What a run must have before it is started."""

from __future__ import annotations

from collections.abc import Sequence

from procession.model import inputs
from procession.model.errors import Invalid
from procession.model.processes import Process
from procession.model.steps import PropertyRow

SHOWN_MAX = 50


def require(process: Process, rows: Sequence[PropertyRow]) -> None:
    """Raises Invalid, which names all that is missing; `rows` are the properties of a run of this version."""
    # The cheap question first: naming what is missing walks the conditions of all steps.
    if not any(inputs.is_missing(row) for row in rows):
        return
    found = list(inputs.wanting(process, rows))
    if found:
        more = f"; and {len(found) - SHOWN_MAX} more" if len(found) > SHOWN_MAX else ""
        raise Invalid(f"the run cannot start: {'; '.join(found[:SHOWN_MAX])}{more}")
