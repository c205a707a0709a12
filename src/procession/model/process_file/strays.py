"""References where none is looked up: they would be passed on as they stand, into a mail or a comparison."""

from __future__ import annotations

from collections.abc import Iterator

from procession.model.process_file.names import REFERENCE, Names
from procession.model.process_file.settings import GivenSettings, texts

# Programs have words of their own; those of SQL are told with their line (actions/sql).
_PROGRAMS = frozenset({"code", "sql"})


def check(given: GivenSettings, names: Names) -> None:
    """Notes each reference to a property that is part of a text, or stands in a place that takes constants only."""
    if given.path not in given.document.spots:
        return
    known = {*given.action.reads(given.found), *given.action.writes(given.found)}
    # What a rule asks and sets is looked at with the conditions, and by the action.
    apart = [*given.action.conditions(given.found), *(one.place for one in given.action.assigns(given.found))]
    told = {(one.line, one.column) for one in given.document.mistakes}
    for place, text in texts(given.document, given.path):
        inside = place[len(given.path) :]
        if place[-1] in _PROGRAMS or any(inside[: len(other)] == tuple(other) for other in apart):
            continue
        # An action that fills in {name} has said already what it lacks there.
        spot = given.document.spots.get(place)
        if spot is not None and (spot.line, spot.column) in told:
            continue
        for reference in _strays(text, names):
            if text != f"${{{reference}}}":
                words = f'"${{{reference}}}" is looked up only where it is the whole text; {_instead(given)}'
                given.document.wrong(place, words)
            elif reference not in known:
                given.document.wrong(place, f'"${{{reference}}}" is not looked up here: a constant is wanted')


def _strays(text: str, names: Names) -> Iterator[str]:
    return (found for found in dict.fromkeys(REFERENCE.findall(text)) if found in names.properties)


def _instead(given: GivenSettings) -> str:
    if "inputs" in given.action.settings.__struct_fields__:
        return "give it a name under inputs, and write that name, as {name} in texts and as $name in expressions"
    return "only a constant may stand here"
