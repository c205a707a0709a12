"""Which steps a process file has and on which lines, as far as it can be read: also where it has mistakes."""

from __future__ import annotations

from typing import Any

import msgspec

from procession.model.process_file import documents
from procession.model.process_file.documents import Document
from procession.model.process_file.sheets import slug

_WHEN = ("name", "key", "needs", "when", "skip_when", "enabled")


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


def skeleton(text: str) -> dict[str, Any]:
    """The file with nothing but when its steps run, of which more can be read than of one with mistakes elsewhere.

    Raises FileMistakes for one that cannot be read at all.
    """
    data = documents.read(text).data
    groups = [{"group": "x", "steps": [_bared(step) for step in _steps(group)]} for group in _groups(data)]
    return {"process": "x", "groups": groups}


def _bared(step: dict[str, Any]) -> dict[str, Any]:
    if "data" in step:
        return step
    said = {name: value for name, value in step.items() if name in _WHEN}
    name = str(step.get("name") or step.get("action") or "x")
    return {**said, "action": "wait", "name": name, "with": {"seconds": 0}}


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


def spans(text: str) -> list[tuple[str, int, int]]:
    """Of each step its number, its first line and the one after its last, from 1; [] where lines do not tell."""
    document = documents.read(text)
    found = blocks_of(document, text.splitlines(keepends=True)) if is_regular(document.data) else None
    return [
        (f"{group}.{place}", block.first + 1, block.end + 1)
        for group, items in enumerate(found or [], start=1)
        for place, block in enumerate(items, start=1)
    ]


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of a step, counted from 0: `lead` with the comments before it, `end` beyond its last."""

    lead: int
    first: int
    end: int
    indent: int  # of its dash


def is_regular(data: Any) -> bool:
    """Whether groups and steps are where they should be, whatever is wrong with each."""
    groups = data.get("groups") if isinstance(data, dict) else None
    return isinstance(groups, list) and all(
        isinstance(group, dict) and isinstance(group.get("steps"), list) and len(_steps(group)) == len(group["steps"])
        for group in groups
    )


def ended(lines: list[str]) -> list[str]:
    """The last line of a file may have no end; what is put behind it must not become a part of it."""
    return [*lines[:-1], lines[-1] if lines[-1].endswith("\n") else lines[-1] + "\n"] if lines else lines


def blocks_of(document: Document, lines: list[str]) -> list[list[Block]] | None:
    """By group and step; None where the steps are not items on lines of their own."""
    found: list[list[Block]] = []
    for group, content in enumerate(document.data["groups"]):
        found.append([])
        for place in range(len(content["steps"])):
            spot = document.spots["groups", group, "steps", place]
            before = lines[spot.line - 1][: spot.column - 1]
            if before.strip() != "-":
                return None
            found[-1].append(_block(lines, spot.line - 1, before.index("-")))
    return found


def _block(lines: list[str], first: int, indent: int) -> Block:
    lead = first
    # At the indent of the dash: a deeper one may be part of a script.
    while lead and lines[lead - 1].startswith(" " * indent + "#"):
        lead -= 1
    end = last = first + 1
    # Deeper lines are its own, also a comment in a script; blank ones only where something of it follows.
    while end < len(lines):
        if lines[end].strip():
            if indent_of(lines[end]) <= indent:
                break
            last = end + 1
        end += 1
    return Block(lead=lead, first=first, end=last, indent=indent)


def indent_of(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
