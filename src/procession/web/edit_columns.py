"""Columns of a step's sources in its form: a list for each field that names one, and doubts about names in none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from procession.actions.column_names import HEADINGS, RESULT
from procession.door.contract import StreamCall
from procession.model.errors import Unavailable
from procession.model.ids import ProcessId
from procession.model.nearest import nearest
from procession.model.process_file.outlines import OutlinedStep
from procession.operations import step_columns
from procession.operations.resources import Resources
from procession.operations.step_columns import NOTHING_KNOWN, ColumnSource, KnownColumns
from procession.web.setting_nodes import SettingNode
from procession.web.setting_shapes import ShapeKind

WAIT_SECONDS = 2.0  # before the page: what takes longer is there when it is opened again
OFFERED_MAX = 500  # in each list; with more a page is slow, and names can still be typed


async def known(
    call: StreamCall, process: ProcessId | None, step: OutlinedStep | None, types: Mapping[str, str]
) -> KnownColumns:
    """What is known of the step's sources within a moment; nothing without a step."""
    if step is None:
        return NOTHING_KNOWN
    resources = call.context.resources
    sources = await asyncio.to_thread(_sources, call, process, step, types)
    looks = [asyncio.wrap_future(one) for one in _looks(resources, sources)]
    if looks:
        # Left running: the next one who opens the form need not wait for it.
        await asyncio.wait(looks, timeout=WAIT_SECONDS)
    return step_columns.known(resources, sources)


def _sources(
    call: StreamCall, process: ProcessId | None, step: OutlinedStep, types: Mapping[str, str]
) -> list[ColumnSource]:
    with call.database.snapshot() as tx:
        return step_columns.sources(call.admit(tx), step.data.get("with"), process, types)


def _looks(resources: Resources, sources: Iterable[ColumnSource]) -> Iterable[Future[None]]:
    def look(one: ColumnSource) -> None:
        # The last moment at which it can be said: nobody waits for it any more.
        with suppress(Unavailable):
            step_columns.look(resources, one)

    for one in step_columns.unseen(resources, list(sources)):
        # A form without lists is better than none.
        with suppress(Unavailable):
            yield resources.table_workers.call(partial(look, one))


def offered(known: KnownColumns) -> dict[str, Any]:
    """What edit_names.NameChoices says of columns: the lists of a page, and the first rows, both by their setting."""
    lists = {at: tuple(name for name in names if name.strip())[:OFFERED_MAX] for at, names in known.names.items()}
    columns = {at: names for at, names in {**lists, RESULT: lists.get("", ())}.items() if names}
    return {"columns": columns, "rows": known.rows}


def with_doubts(node: SettingNode, known: KnownColumns) -> SettingNode:
    """With what is said at fields that name a column which no source has, and the step does not make."""
    everything = list(_every(node))
    # What the rows decide cannot be called wrong, nor what stands where a form does not look.
    if any(one.makes_columns and one.is_set for one in everything):
        return node
    return _doubted(node, known, _Made.of(everything))


def _every(node: SettingNode) -> Iterable[SettingNode]:
    yield node
    for child in node.children:
        yield from _every(child)


class _Made(msgspec.Struct, frozen=True):
    """Names that a step gives to columns of its own: each of its texts may be one, but for names of sources' columns.

    `texts` are programs and what a form shows as it is written, with names somewhere in them.
    """

    names: frozenset[str]
    texts: str

    @staticmethod
    def of(nodes: Iterable[SettingNode]) -> _Made:
        names, texts = set[str](), list[str]()
        for one in nodes:
            if one.key is not None and one.key_columns is None:
                names.add(_plain(one.key))
            if one.kind in {ShapeKind.RAW, ShapeKind.LONG}:
                texts.append(one.text.casefold())
            elif one.columns is None:
                names.add(_plain(one.text))
        return _Made(frozenset(names), "\n".join(texts))

    def has(self, name: str) -> bool:
        return _plain(name) in self.names or name.strip().casefold() in self.texts


def _plain(name: str) -> str:
    # In any case, as SQL takes names.
    return name.strip().casefold()


def _doubted(node: SettingNode, known: KnownColumns, made: _Made) -> SettingNode:
    changed = replace(node, children=tuple(_doubted(child, known, made) for child in node.children))
    # A field that is empty names what its action takes then.
    if name := node.text or node.usual:
        doubt, near = _doubt(name, node.columns, known, made)
        if doubt and not node.mistakes:
            changed = replace(changed, doubt=doubt, offer=near)
    if node.key:
        doubt, near = _doubt(node.key, node.key_columns, known, made)
        changed = replace(changed, key_doubt=doubt, key_offer=near)
    return changed


def _doubt(name: str, at: str | None, known: KnownColumns, made: _Made) -> tuple[str, str]:
    """What is wrong with the name, and the nearest right one; "" for nothing."""
    if at is None or at not in known.whole or made.has(name.removeprefix("-")):
        return "", ""
    names = known.names[at]
    # In a list to sort by, a mark before the name turns the order round.
    mark = "" if _is_one(name, names, at) or not name.startswith("-") else "-"
    wanted = name.removeprefix(mark)
    if _is_one(wanted, names, at):
        return "", ""
    near = next((one for one in names if _plain(one) == _plain(wanted)), None) or nearest(wanted, names)
    said = f"no column “{wanted}” in {'the sample' if at != HEADINGS else 'the headings of the sample'}"
    return said, f"{mark}{near}" if near else ""


def _is_one(name: str, names: tuple[str, ...], at: str) -> bool:
    if at == HEADINGS:
        # To the letter, as the reader takes them; or by its number.
        return name in names or (name.isascii() and name.isdigit() and 0 < int(name[:6]) <= len(names))
    return name.casefold() in {one.casefold() for one in names}
