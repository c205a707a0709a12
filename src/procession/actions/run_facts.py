"""What an action may know of the run that its step is part of."""

from __future__ import annotations

import msgspec


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Which run a step is part of, for what people sign: ids as people see them, and who started it.

    `page` is where people see the run: the address, or the id where the server has no public address.
    """

    process: str
    process_version: int
    run: str
    run_name: str
    started_by: str
    page: str = ""
