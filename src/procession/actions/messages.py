"""The message of a step that did its work: what it did, then what it warns of, as far as there is room."""

from __future__ import annotations

from collections.abc import Sequence

from procession.actions.contract import Context

CHARACTERS_MAX = 4_000  # the engine keeps no more, and would cut anywhere
_PART_CHARACTERS_MAX = 1_000
_REST_CHARACTERS = 60  # of the words for what is left out


def joined(context: Context, said: str, warnings: Sequence[str]) -> str:
    """The parts as one line. What has no room is counted in it, and all warnings are in the log then."""
    parts, room, left = [_shortened(said)], CHARACTERS_MAX - _REST_CHARACTERS - len(said), len(warnings)
    for warning in map(_shortened, warnings):
        room -= len(warning) + 2
        if room < 0:
            break
        parts.append(warning)
        left -= 1
    if left or any(len(warning) > _PART_CHARACTERS_MAX for warning in warnings):
        context.log("".join(f"{warning}\n" for warning in warnings))
    if left:
        parts.append(f"{left:,} more {'warning is' if left == 1 else 'warnings are'} in the log")
    return "; ".join(part for part in parts if part)


def _shortened(part: str) -> str:
    return part if len(part) <= _PART_CHARACTERS_MAX else f"{part[: _PART_CHARACTERS_MAX - 3]}..."
