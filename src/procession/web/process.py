"""The page of one process: is it well, what does it do, who may what, and what did each version change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from procession.door.contract import Call, HtmlReply
from procession.model.errors import Invalid
from procession.model.ids import ProcessId
from procession.model.people import Role
from procession.model.processes import Flow, Process, Step, StepKind
from procession.model.rights import covers
from procession.model.runs import RunFilter
from procession.operations import grids, networks, people, permissions, processes, rights, run_lists
from procession.operations.run_lists import COUNTED_MAX
from procession.pages import changes, conditions, differences, formats, names
from procession.pages.changes import ChangesOfPlace
from procession.pages.differences import Difference
from procession.pages.formats import Reader
from procession.store.processes import ProcessRow, VersionRow
from procession.web import step_grid
from procession.web.page import page, reader

VERSIONS_SHOWN = 20
LOOKS_ONLY = "Places and looks only"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    order: str
    name: str
    what: str
    when: str
    usual: str
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepGroup:
    name: str
    steps: Sequence[StepLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    number: int
    at: datetime
    author: str
    comment: str
    changes: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a version changed of the one before it: in words, and as text."""

    number: int
    changes: Sequence[ChangesOfPlace]
    difference: Difference


def show(call: Call) -> HtmlReply:
    process_id = call.id(ProcessId)
    row, process = processes.find(call.tx, process_id)
    every = processes.versions(call.tx, process_id)
    grid = grids.of_process(call.tx, process_id)
    role = rights.role_of(call.tx, call.caller.user, process_id)
    grants = permissions.of_resource(call.tx, call.caller, process_id)
    called = people.names(call.tx, {version.author for version in every[:VERSIONS_SHOWN]})
    own = reader(call.caller.user, call.now)
    runs = run_lists.count(call.tx, call.caller, RunFilter(process=process_id))
    return page(
        call,
        call.caller,
        call.now,
        "process",
        title=row.name,
        entry="/processes",
        process=row,
        definition=process,
        published=every[0],
        published_by=called.get(every[0].author, every[0].author),
        time_limit=formats.duration(process.time_limit_seconds),
        may_run=role is not None and covers(role, Role.EXECUTOR),
        may_edit=role is not None and covers(role, Role.EDITOR),
        is_owner=role is Role.OWNER,
        owners=[grant.name for grant in grants if grant.role is Role.OWNER],
        grants=grants,
        grid=step_grid.made(grid, process, own.zone, is_whole=call.request.query.get("steps") == "all"),
        runs=f"{COUNTED_MAX}+" if runs >= COUNTED_MAX else str(runs),
        groups=_groups(process, grid, own),
        versions=[_version(row, every, place, called, own) for place in range(min(len(every), VERSIONS_SHOWN))],
        more_versions=max(len(every) - VERSIONS_SHOWN, 0),
        compared=_compared(call, row, every),
        inputs=list(_inputs(process, own)),
        remarks=networks.remarks(call.context.resources, process),
        looks_only=LOOKS_ONLY,
        is_same=call.request.query.get("same") == "1",
    )


def _groups(process: Process, grid: grids.Grid, reader: Reader) -> list[StepGroup]:
    """A group is the run of steps whose numbers begin alike."""
    runs = groupby(process.steps, key=lambda step: (step.order.partition(".")[0], step.group))
    return [
        StepGroup(name=f"{number} {name}", steps=[_step(process, grid, step, reader) for step in steps])
        for (number, name), steps in runs
    ]


def _step(process: Process, grid: grids.Grid, step: Step, reader: Reader) -> StepLine:
    usual = grid.usual_seconds(step.key)
    return StepLine(
        order=step.order,
        name=step.name,
        what=_what(step),
        when=conditions.of_step(process, step, reader),
        usual="" if usual is None else formats.duration(usual),
        is_enabled=step.enabled,
    )


def _what(step: Step) -> str:
    """What it does: the kind of action, or what a data step holds."""
    if step.kind is StepKind.ACTION:
        return changes.ACTIONS.get(step.action, step.action)
    counted = {
        "input": sum(item.flow is Flow.INPUT for item in step.properties),
        "result": sum(item.flow is Flow.OUTPUT for item in step.properties),
        "value": sum(item.flow is Flow.NONE for item in step.properties),
    }
    words = [f"{many} {noun}{'' if many == 1 else 's'}" for noun, many in counted.items() if many]
    return f"Data: {', '.join(words) or 'nothing'}"


def _version(
    row: ProcessRow, every: Sequence[VersionRow], place: int, called: Mapping[str, str], reader: Reader
) -> VersionLine:
    version = every[place]
    is_first = place + 1 == len(every)
    changed = "" if is_first else changes.sentence(changes.between(_parsed(every[place + 1]), _parsed(version), reader))
    return VersionLine(
        number=version.number,
        at=version.created_at,
        author=called.get(version.author, version.author),
        comment=version.comment,
        changes="The first version" if is_first else names.first_line(changed) or LOOKS_ONLY,
        address="" if is_first else f"/processes/{row.id}?compare={version.number}#compared",
    )


def _parsed(version: VersionRow) -> Process:
    return processes.parsed(version.definition)


def _compared(call: Call, row: ProcessRow, every: Sequence[VersionRow]) -> Compared | None:
    """What was asked for, else what the present version changed. Raises Invalid."""
    asked = call.request.query.get("compare", "")
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 9 and 2 <= int(asked) <= row.version):
        raise Invalid(f'"{asked[:80]}" is no version of {row.name} that could be compared with the one before it')
    number = int(asked)
    by_number: Mapping[int, VersionRow] = {version.number: version for version in every}
    old, new = (processes.definition(call.tx, row.id, wanted)[0] for wanted in (number - 1, number))
    parsed = _parsed(by_number[number - 1]), _parsed(by_number[number])
    return Compared(
        number=number,
        changes=changes.between(*parsed, reader(call.caller.user, call.now)),
        difference=differences.between(old, new),
    )


def _inputs(process: Process, reader: Reader) -> Iterator[tuple[str, str]]:
    """Each with what it takes, in words."""
    for _, item in process.properties():
        if item.flow is Flow.INPUT and item.visible:
            yield item.name, changes.takes(item, reader)
