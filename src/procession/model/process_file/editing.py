"""Changes of a process file as its author wrote it: a step moved, copied, added or set anew, all else as it is.

The file stays one text, with its comments. A change is made on its lines, and read again: where the lines do not say
what was meant, as in JSON, the whole file is written anew from its values.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from typing import Any

import yaml

from procession.model.errors import Invalid
from procession.model.process_file import documents, outlines, patching
from procession.model.process_file.outlines import Block, OutlinedStep
from procession.model.process_file.patching import NoPatch, Patch

_COMMENT = re.compile(r"(?:^|\s)#.*", re.MULTILINE)
_ORDER = re.compile(r"[1-9][0-9]{0,3}\.[1-9][0-9]{0,3}\Z", re.ASCII)


def changed(text: str, order: str, step: dict[str, Any]) -> str:
    """With this step in the place of the one at `order`: lines of what did not change stay as they are.

    Raises Invalid, FileMistakes.
    """
    group, place = _place(order)
    document = documents.read(text)

    def on_lines(lines: list[str], blocks: list[list[Block]]) -> list[str]:
        block = blocks[group][place]
        return [*lines[: block.first], *_written(step, block.indent), *lines[block.end :]]

    def patched(lines: list[str], blocks: list[list[Block]]) -> list[str]:
        block = blocks[group][place]
        span = (block.first, block.first, block.end)
        own = Patch(document, lines).item(("groups", group, "steps", place), step, span)
        return [*lines[: block.first], *own, *lines[block.end :]]

    def on_values(groups: list[Any]) -> None:
        groups[group]["steps"][place] = step

    # Patched first: written anew, the step would lose the comments within it.
    return _edited(text, order, (patched, on_lines), on_values)


def deleted(text: str, order: str) -> str:
    """Without the step. Raises Invalid, also for the last of its group, FileMistakes."""
    group, place = _place(order)

    def on_lines(lines: list[str], blocks: list[list[Block]]) -> list[str]:
        block = blocks[group][place]
        return [*lines[: block.lead], *lines[block.end :]]

    def on_values(groups: list[Any]) -> None:
        # An empty group is no valid file, and nobody has asked to delete the group.
        if len(groups[group]["steps"]) == 1:
            raise Invalid(f"step {order} is the only one of its group; move another into it first, or edit the text")
        del groups[group]["steps"][place]

    return _edited(text, order, (on_lines,), on_values)


def added(text: str, order: str, step: dict[str, Any]) -> str:
    """With another step after the one at `order`. Raises Invalid, FileMistakes."""
    group, place = _place(order)

    def on_lines(lines: list[str], blocks: list[list[Block]]) -> list[str]:
        block = blocks[group][place]
        return [*lines[: block.end], *_written(step, block.indent), *lines[block.end :]]

    def on_values(groups: list[Any]) -> None:
        groups[group]["steps"].insert(place + 1, step)

    return _edited(text, order, (on_lines,), on_values)


def copied(text: str, order: str) -> str:
    """With a copy of the step after it, under a name and a key of its own. Raises Invalid, FileMistakes."""
    found = _find(text, order)
    keys = {step.key for group in outlines.outline(text) for step in group.steps}
    number = next(number for number in range(2, len(keys) + 3) if f"{found.key}_{number}" not in keys)
    step = copy.deepcopy(found.data)
    step["data" if "data" in step else "name"] = f"{found.name} {number}"
    return added(text, order, _with_key(step, f"{found.key}_{number}"))


def _with_key(step: dict[str, Any], key: str) -> dict[str, Any]:
    """The key stands after the name, where a person looks for it."""
    rest = {name: value for name, value in step.items() if name not in {"data", "action", "name", "key"}}
    first: dict[str, Any] = {name: step[name] for name in ("data", "action", "name") if name in step}
    return {**first, "key": key, **rest}


def moved(text: str, order: str, *, is_up: bool) -> tuple[str, str]:
    """The step one place up or down, over the edge of its group into the next; gives its new place too.

    Raises Invalid where there is no further place, FileMistakes.
    """
    group, place = _place(order)
    counts = [len(found.steps) for found in outlines.outline(text)]
    to_group, to_place = _target(counts, group, place, is_up=is_up)

    def on_lines(lines: list[str], blocks: list[list[Block]]) -> list[str]:
        block = blocks[group][place]
        own = lines[block.lead : block.end]
        if to_group != group:
            return _carried(lines, block, blocks[to_group], is_up=is_up)
        other = blocks[group][to_place]
        theirs = lines[other.lead : other.end]
        first, second = (own, theirs) if is_up else (theirs, own)
        # What stands between the two belongs to neither, so it stays in its place.
        between = lines[other.end : block.lead] if is_up else lines[block.end : other.lead]
        begin, end = min(block.lead, other.lead), max(block.end, other.end)
        return [*lines[:begin], *first, *between, *second, *lines[end:]]

    def on_values(groups: list[Any]) -> None:
        step = groups[group]["steps"].pop(place)
        groups[to_group]["steps"].insert(to_place, step)

    return _edited(text, order, (on_lines,), on_values), f"{to_group + 1}.{to_place + 1}"


def _carried(lines: list[str], block: Block, there: list[Block], *, is_up: bool) -> list[str]:
    """Over the edge of its group, behind the last step there or before the first."""
    near = there[-1] if is_up else there[0]
    # Groups may be indented differently, but YAML wants all items of a list at one column.
    shift = near.indent - block.indent
    own = [_shifted(line, shift) for line in lines[block.lead : block.end]]
    if is_up:
        return [*lines[: near.end], *own, *lines[near.end : block.lead], *lines[block.end :]]
    return [*lines[: block.lead], *lines[block.end : near.lead], *own, *lines[near.lead :]]


def _shifted(line: str, by: int) -> str:
    if not line.strip():
        return line
    # A line further left than the step loses text here; reading it back finds that.
    return " " * by + line if by >= 0 else line[-by:]


def split(text: str, order: str) -> tuple[str, str]:
    """With a new group that begins with this step, and the step's new number. Raises Invalid, FileMistakes."""
    group, place = _place(order)
    document = documents.read(text)
    names = [one.name for one in outlines.outline(text)]
    name = next(name for name in (f"Group {number}" for number in range(len(names) + 1, 9_999)) if name not in names)
    if place == 0:
        raise Invalid(f"step {order} is the first of its group already")

    def on_lines(lines: list[str], blocks: list[list[Block]]) -> list[str]:
        spot = document.spots["groups", group]
        pad = " " * (spot.column - 1 - len("- "))
        # The comments above the step are about it, and come along into the new group.
        lead = blocks[group][place].lead
        return [*lines[:lead], f"{pad}- group: {name}\n", f"{pad}  steps:\n", *lines[lead:]]

    def on_values(groups: list[Any]) -> None:
        steps = groups[group]["steps"]
        groups[group]["steps"] = steps[:place]
        groups.insert(group + 1, {"group": name, "steps": steps[place:]})

    return _edited(text, order, (on_lines,), on_values), f"{group + 2}.1"


def framed(text: str, frame: dict[str, Any], names: Sequence[Any], keys: Sequence[str]) -> str:
    """With this said of the process, where its file has `keys`, and these names of its groups. Raises FileMistakes."""
    document = documents.read(text)
    wanted = copy.deepcopy(document.data)
    for group, name in zip(wanted["groups"], names, strict=True):
        if isinstance(group, dict) and name is not None:
            group["group"] = name
    wanted = {**frame, **{key: value for key, value in wanted.items() if key not in keys}}
    lines = outlines.ended(text.splitlines(keepends=True))
    try:
        edited = "".join(Patch(document, lines).top(wanted))
    except NoPatch:
        return patching.dumped(wanted)
    # Read back first: a patch that says something else would change the process silently.
    return edited if _says(edited, wanted) else patching.dumped(wanted)


def lost_comments(before: str, after: str) -> int:
    """How many comments a change has cost, for whoever made it; those of a script are its own."""
    return max(_comments(before) - _comments(after), 0)


def _comments(text: str) -> int:
    rest, at = [], 0
    for token in yaml.scan(text, Loader=documents.LOADER):
        # A # within a text or a script is no comment of the file.
        if isinstance(token, yaml.ScalarToken):
            rest.append(text[at : token.start_mark.index])
            at = token.end_mark.index
    return len(_COMMENT.findall("x".join([*rest, text[at:]])))


def _target(counts: list[int], group: int, place: int, *, is_up: bool) -> tuple[int, int]:
    if is_up and place > 0:
        return group, place - 1
    if not is_up and group < len(counts) and place + 1 < counts[group]:
        return group, place + 1
    to_group = group - 1 if is_up else group + 1
    if not 0 <= to_group < len(counts):
        raise Invalid(
            f"step {group + 1}.{place + 1} is the {'first' if is_up else 'last'}; there is no place beyond it"
        )
    if counts[group] == 1:
        raise Invalid(f"step {group + 1}.{place + 1} is the only one of its group; a group has at least one step")
    return to_group, counts[to_group] if is_up else 0


def _place(order: str) -> tuple[int, int]:
    group, _, place = order.partition(".")
    if not _ORDER.match(order):
        raise Invalid(f'"{order[:20]}" is no number of a step, such as 2.1')
    return int(group) - 1, int(place) - 1


def _find(text: str, order: str) -> OutlinedStep:
    group, place = _place(order)
    groups = outlines.outline(text)
    if group >= len(groups) or place >= len(groups[group].steps):
        raise Invalid(f"there is no step {order} in this file")
    return groups[group].steps[place]


Lines = Callable[[list[str], list[list[Block]]], list[str]]


def _edited(text: str, order: str, ways: Sequence[Lines], on_values: Callable[[list[Any]], None]) -> str:
    """By the first way that says what is wanted; the later ones leave less as it was."""
    # First: what follows takes the place for granted, and would fail without a message.
    _find(text, order)
    document = documents.read(text)
    if not outlines.is_regular(document.data):
        raise Invalid("something stands among the groups and steps that is none; mend the text first")
    wanted = copy.deepcopy(document.data)
    on_values(wanted["groups"])
    lines = text.splitlines(keepends=True)
    blocks = outlines.blocks_of(document, lines)
    for way in ways if blocks is not None else ():
        try:
            edited = "".join(way(outlines.ended(lines), blocks or []))
        except NoPatch:
            continue
        if _says(edited, wanted):
            return edited
    return patching.dumped(wanted)


def _says(text: str, wanted: Any) -> bool:
    try:
        return bool(text) and patching.same(documents.read(text).data, wanted)
    # Not the user's mistake: these lines were only one way among several.
    except documents.FileMistakes:
        return False


def _written(step: dict[str, Any], indent: int) -> list[str]:
    """The step as an item of a list, on lines of its own."""
    lines = patching.dumped(step).splitlines(keepends=True)
    pad = " " * indent
    return [
        f"{pad}{'- ' if number == 0 else '  '}{line}" if line.strip() else line for number, line in enumerate(lines)
    ]
