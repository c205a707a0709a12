"""Changes of a process file as its author wrote it: a step moved, copied, added or set anew, all else as it is.

The file stays one text, with its comments. A change is made on its lines, and read again: where the lines do not say
what was meant, as in JSON, the whole file is written anew from its values.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import msgspec
import yaml

from procession.model.errors import Invalid
from procession.model.process_file import documents, rendering
from procession.model.process_file.documents import Document
from procession.model.process_file.sheets import slug

_WIDTH = 120
_ORDER = re.compile(r"[1-9][0-9]{0,3}\.[1-9][0-9]{0,3}\Z", re.ASCII)


class OutlinedStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step as far as it can be read; `data` is what the file says of it."""

    order: str  # "2.1"
    key: str
    name: str
    action: str  # "" for a data step
    data: dict[str, Any]


class OutlinedGroup(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    steps: tuple[OutlinedStep, ...]


def outline(text: str) -> tuple[OutlinedGroup, ...]:
    """Groups and steps, also of a file with mistakes. Raises FileMistakes for one that cannot be read at all."""
    groups = []
    for number, group in enumerate(_groups(documents.read(text).data), start=1):
        steps = [_outlined(f"{number}.{place}", step) for place, step in enumerate(_steps(group), start=1)]
        groups.append(OutlinedGroup(name=str(group.get("group", "")), steps=tuple(steps)))
    return tuple(groups)


def _outlined(order: str, step: dict[str, Any]) -> OutlinedStep:
    action = "" if "data" in step else str(step.get("action", ""))
    name = str(step.get("data") or step.get("name") or action or "Step without a name")
    return OutlinedStep(order=order, key=str(step.get("key") or slug(name)), name=name, action=action, data=step)


def _groups(data: Any) -> list[dict[str, Any]]:
    groups = data.get("groups") if isinstance(data, dict) else None
    return [group for group in groups if isinstance(group, dict)] if isinstance(groups, list) else []


def _steps(group: dict[str, Any]) -> list[dict[str, Any]]:
    steps = group.get("steps")
    return [step for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []


def changed(text: str, order: str, step: dict[str, Any]) -> str:
    """With this step in the place of the one at `order`; comments inside of it go. Raises Invalid, FileMistakes."""
    group, place = _place(order)

    def on_lines(lines: list[str], blocks: list[list[_Block]]) -> list[str]:
        block = blocks[group][place]
        return [*lines[: block.first], *_written(step, block.indent), *lines[block.end :]]

    def on_values(groups: list[Any]) -> None:
        groups[group]["steps"][place] = step

    return _edited(text, order, on_lines, on_values)


def deleted(text: str, order: str) -> str:
    """Without the step. Raises Invalid, also for the last of its group, FileMistakes."""
    group, place = _place(order)

    def on_lines(lines: list[str], blocks: list[list[_Block]]) -> list[str]:
        block = blocks[group][place]
        return [*lines[: block.lead], *lines[block.end :]]

    def on_values(groups: list[Any]) -> None:
        if len(groups[group]["steps"]) == 1:
            raise Invalid(f"step {order} is the only one of its group; move another into it first, or edit the text")
        del groups[group]["steps"][place]

    return _edited(text, order, on_lines, on_values)


def added(text: str, order: str, step: dict[str, Any]) -> str:
    """With another step after the one at `order`. Raises Invalid, FileMistakes."""
    group, place = _place(order)

    def on_lines(lines: list[str], blocks: list[list[_Block]]) -> list[str]:
        block = blocks[group][place]
        return [*lines[: block.end], *_written(step, block.indent), *lines[block.end :]]

    def on_values(groups: list[Any]) -> None:
        groups[group]["steps"].insert(place + 1, step)

    return _edited(text, order, on_lines, on_values)


def copied(text: str, order: str) -> str:
    """With a copy of the step after it, under a name and a key of its own. Raises Invalid, FileMistakes."""
    found = _find(text, order)
    keys = {step.key for group in outline(text) for step in group.steps}
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
    counts = [len(found.steps) for found in outline(text)]
    to_group, to_place = _target(counts, group, place, is_up=is_up)

    def on_lines(lines: list[str], blocks: list[list[_Block]]) -> list[str]:
        block = blocks[group][place]
        own = lines[block.lead : block.end]
        if to_group != group:
            return _carried(lines, block, blocks[to_group], is_up=is_up)
        other = blocks[group][to_place]
        theirs = lines[other.lead : other.end]
        first, second = (own, theirs) if is_up else (theirs, own)
        between = lines[other.end : block.lead] if is_up else lines[block.end : other.lead]
        begin, end = min(block.lead, other.lead), max(block.end, other.end)
        return [*lines[:begin], *first, *between, *second, *lines[end:]]

    def on_values(groups: list[Any]) -> None:
        step = groups[group]["steps"].pop(place)
        groups[to_group]["steps"].insert(to_place, step)

    return _edited(text, order, on_lines, on_values), f"{to_group + 1}.{to_place + 1}"


def _carried(lines: list[str], block: _Block, there: list[_Block], *, is_up: bool) -> list[str]:
    """Over the edge of its group, behind the last step there or before the first."""
    near = there[-1] if is_up else there[0]
    shift = near.indent - block.indent
    own = [_shifted(line, shift) for line in lines[block.lead : block.end]]
    if is_up:
        return [*lines[: near.end], *own, *lines[near.end : block.lead], *lines[block.end :]]
    return [*lines[: block.lead], *lines[block.end : near.lead], *own, *lines[near.lead :]]


def _shifted(line: str, by: int) -> str:
    if not line.strip():
        return line
    return " " * by + line if by >= 0 else line[-by:]


def lost_comments(before: str, after: str) -> int:
    """How many lines of comment a change has cost, for whoever made it."""
    return max(_comments(before) - _comments(after), 0)


def _comments(text: str) -> int:
    return sum(line.lstrip().startswith("#") for line in text.splitlines())


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


def spans(text: str) -> list[tuple[str, int, int]]:
    """Of each step its number, its first line and the one after its last, from 1; [] where lines do not tell."""
    document = documents.read(text)
    blocks = _blocks(document, text.splitlines(keepends=True)) if _is_regular(document.data) else None
    return [
        (f"{group}.{place}", block.first + 1, block.end + 1)
        for group, items in enumerate(blocks or [], start=1)
        for place, block in enumerate(items, start=1)
    ]


class _Block(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of a step, counted from 0: `lead` with the comments before it, `end` beyond its last."""

    lead: int
    first: int
    end: int
    indent: int  # of its dash


def _place(order: str) -> tuple[int, int]:
    group, _, place = order.partition(".")
    if not _ORDER.match(order):
        raise Invalid(f'"{order[:20]}" is no number of a step, such as 2.1')
    return int(group) - 1, int(place) - 1


def _find(text: str, order: str) -> OutlinedStep:
    group, place = _place(order)
    groups = outline(text)
    if group >= len(groups) or place >= len(groups[group].steps):
        raise Invalid(f"there is no step {order} in this file")
    return groups[group].steps[place]


Lines = Callable[[list[str], list[list[_Block]]], list[str]]


def _is_regular(data: Any) -> bool:
    """Whether groups and steps are where they should be, whatever is wrong with each."""
    groups = data.get("groups") if isinstance(data, dict) else None
    return isinstance(groups, list) and all(
        isinstance(group, dict) and isinstance(group.get("steps"), list) and len(_steps(group)) == len(group["steps"])
        for group in groups
    )


def _edited(text: str, order: str, on_lines: Lines, on_values: Callable[[list[Any]], None]) -> str:
    _find(text, order)
    document = documents.read(text)
    if not _is_regular(document.data):
        raise Invalid("something stands among the groups and steps that is none; mend the text first")
    wanted = copy.deepcopy(document.data)
    on_values(wanted["groups"])
    lines = text.splitlines(keepends=True)
    blocks = _blocks(document, lines)
    if blocks is not None:
        edited = "".join(on_lines(_ended(lines), blocks))
        if _says(edited, wanted):
            return edited
    return _dumped(wanted)


def _says(text: str, wanted: Any) -> bool:
    try:
        return bool(text) and documents.read(text).data == wanted
    except documents.FileMistakes:
        return False


def _ended(lines: list[str]) -> list[str]:
    """The last line of a file may have no end; what is put behind it must not become a part of it."""
    return [*lines[:-1], lines[-1] if lines[-1].endswith("\n") else lines[-1] + "\n"] if lines else lines


def _blocks(document: Document, lines: list[str]) -> list[list[_Block]] | None:
    """By group and step; None where the steps are not items on lines of their own."""
    found: list[list[_Block]] = []
    for group, content in enumerate(document.data["groups"]):
        found.append([])
        for place in range(len(content["steps"])):
            spot = document.spots["groups", group, "steps", place]
            before = lines[spot.line - 1][: spot.column - 1]
            if before.strip() != "-":
                return None
            found[-1].append(_block(lines, spot.line - 1, before.index("-")))
    return found


def _block(lines: list[str], first: int, indent: int) -> _Block:
    lead = first
    # At the indent of the dash: a deeper one may be part of a script.
    while lead and lines[lead - 1].startswith(" " * indent + "#"):
        lead -= 1
    end = last = first + 1
    # Deeper lines are its own, also a comment in a script; blank ones only where something of it follows.
    while end < len(lines):
        if lines[end].strip():
            if _indent(lines[end]) <= indent:
                break
            last = end + 1
        end += 1
    return _Block(lead=lead, first=first, end=last, indent=indent)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _written(step: dict[str, Any], indent: int) -> list[str]:
    """The step as an item of a list, on lines of its own."""
    lines = _dumped(step).splitlines(keepends=True)
    pad = " " * indent
    return [
        f"{pad}{'- ' if number == 0 else '  '}{line}" if line.strip() else line for number, line in enumerate(lines)
    ]


def _dumped(data: Any) -> str:
    text: str = yaml.dump(data, Dumper=rendering.FileDumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return text
