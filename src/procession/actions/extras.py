"""Libraries that only some actions need: whether they are installed, and which extra brings them."""

from __future__ import annotations

from importlib.util import find_spec


def lacking(module: str, *, extra: str, what: str) -> tuple[str, ...]:
    """For Action.check: nothing if the library is there, else the words; `what` needs it, as "MT940 statements"."""
    if find_spec(module.partition(".")[0]) is not None:
        return ()
    return (f'{what} need a library that is not installed here; install it with: pip install "procession[{extra}]"',)
