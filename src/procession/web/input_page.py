"""The page on which a run is filled in: its fields in the order of the data steps, and what is left to do."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec
from msgspec.structs import replace as with_fields

from procession.actions.contract import Action
from procession.door.contract import Given, HtmlReply
from procession.model import inputs
from procession.model.ids import FileId
from procession.model.people import Caller, Role
from procession.model.processes import Effect, Process, PropertyType, Step, StepKind
from procession.model.rights import covers
from procession.model.runs import Run
from procession.model.steps import PropertyRow
from procession.operations import previews, rights, run_views, trials, unstarted
from procession.operations.act import Act
from procession.operations.inputs import AskedInputs
from procession.operations.previews import FileView
from procession.pages import formats, names, statuses
from procession.pages.formats import Reader
from procession.pages.statuses import Tag
from procession.web import fields, page, preview
from procession.web.fields import Field, FieldMistake, Typed
from procession.web.preview import FileZone

NAME = "name"  # of the run
ONCE_BYTES = 12  # what tells one form from another


@dataclass(frozen=True, slots=True, kw_only=True)
class PageState:
    """What came of the form: `refused` says by "step.property" why a file was not taken, `problem` why nothing began.

    `has_tried` shows what is missing as mistakes; `views` are files that somebody has just looked at.
    """

    typed: Typed = field(default_factory=Typed)
    refused: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    has_tried: bool = False
    name: str | None = None
    name_mistake: str = ""
    filled_as: Run | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A data step, with what it asks for."""

    step: Step
    items: Sequence[Field | FileZone]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDo:
    """What keeps the run from starting; `target` is the id of its place on the page."""

    label: str
    text: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InputPage:
    """What a transaction gives for the page, with the values that were typed in place of those that are kept."""

    asked: AskedInputs
    rows: Sequence[PropertyRow]
    views: Mapping[FileId, Sequence[FileView] | None]
    earlier: Mapping[str, previews.Earlier]
    tables: frozenset[str]  # the files that a step reads as tables, by "step.property"
    usual_seconds: float | None
    last: Run | None
    may_execute: bool
    copied_from: str


def found(act: Act, asked: AskedInputs, typed: Typed) -> InputPage:
    """Files are shown as somebody saw them before: nobody is made to wait in a transaction."""
    tx, resources, process = act.tx, act.resources, asked.process.id
    role = rights.role_of(tx, act.caller.user, process)
    questions = previews.questions(tx, resources, asked.definition, asked.rows)
    return InputPage(
        asked=asked,
        rows=[_typed(row, typed) for row in asked.rows],
        views={file: previews.known(resources, question) for file, question in questions.items()},
        earlier=previews.earlier_files(tx, process),
        tables=previews.read_as_tables(asked.definition, resources.actions),
        usual_seconds=run_views.usual_seconds(tx, process),
        last=unstarted.last_filled_in(tx, process),
        may_execute=role is not None and covers(role, Role.EXECUTOR),
        copied_from=unstarted.copied_from(tx, asked.run) if asked.run else "",
    )


def _typed(row: PropertyRow, typed: Typed) -> PropertyRow:
    if row.reference not in typed.values:
        return row
    return with_fields(row, item=with_fields(row.item, value=typed.values[row.reference]))


def blocking(shown: InputPage) -> list[PropertyRow]:
    """The files that a step is sure to read, and cannot."""
    return [
        row
        for row in shown.rows
        if row.file is not None and any(view.blocks for view in shown.views.get(row.file.id) or ())
    ]


def missing(shown: InputPage) -> list[PropertyRow]:
    """Inputs without a value. A box without a tick is an answer, given when the form is sent."""
    rows = inputs.missing(shown.asked.definition, shown.rows)
    return [row for row in rows if not (row.item.type is PropertyType.CHECK_BOX and row.item.visible)]


def reply(call: Given, act: Act, shown: InputPage, state: PageState) -> HtmlReply:
    reader = page.reader(act.caller.user, act.now)
    todo = _todo(shown, state)
    left = missing(shown)
    run, process = shown.asked.run, shown.asked.process
    is_trial = run is not None and trials.is_trial(run)
    heading = names.title(run.name, process.name) if run else f"New run of {process.name}"
    return page.page(
        call,
        act.caller,
        act.now,
        "new-run",
        title=("Error: " if todo or state.problem else "") + heading,
        entry="/processes",
        heading=heading,
        run=run,
        process=process,
        version="draft" if is_trial else shown.asked.version,
        is_trial=is_trial,
        is_outdated=run is not None and not is_trial and process.version > shown.asked.version,
        tag_shown=_tag(len(left)),
        once=secrets.token_urlsafe(ONCE_BYTES),
        sections=_sections(shown, state, act.caller, reader),
        todo=todo,
        summary=_summary(todo, state),
        state=state,
        run_name=_name(run, process.name, state),
        left=[ToDo(label=row.item.name, text="", target=_target(row)) for row in left if row.item.visible],
        unreadable=[ToDo(label=row.item.name, text="", target=_target(row)) for row in blocking(shown)],
        count=_count(shown),
        usually=formats.duration(shown.usual_seconds),
        effects=_effects(shown.asked.definition, call.context.resources.actions),
        last=shown.last,
        last_name=unstarted.short_name(shown.last.name, process.name) if shown.last else "",
        filled_as=unstarted.short_name(state.filled_as.name, process.name) if state.filled_as else "",
        size_max=reader.size(call.context.upload_bytes_max),
        may_execute=shown.may_execute,
        copied_from=shown.copied_from,
        looks=preview.LOOKED not in call.request.query,
    )


def _tag(count: int) -> Tag:
    waiting = replace(statuses.WAITING, word=f"Waiting for {count} {'input' if count == 1 else 'inputs'}")
    return waiting if count else Tag(icon="new", kind="", word="Ready to start")


def _name(run: Run | None, process_name: str, state: PageState) -> str:
    if state.name is not None:
        return state.name
    prefix = unstarted.prefix_of(run) if run else ""
    return "" if prefix == process_name else prefix


def _sections(shown: InputPage, state: PageState, caller: Caller, reader: Reader) -> list[Section]:
    typed = _with_missing(shown, state)
    made = []
    for step in shown.asked.definition.steps:
        if step.kind is not StepKind.DATA or not step.enabled:
            continue
        items: list[Field | FileZone] = []
        for row in shown.rows:
            if row.step_key == step.key and fields.is_shown(row.item):
                items.append(_item(shown, state, typed, row, reader))
        items = [_system(item, caller, shown) for item in items]
        if items:
            made.append(Section(step=step, items=items))
    return made


def _item(shown: InputPage, state: PageState, typed: Typed, row: PropertyRow, reader: Reader) -> Field | FileZone:
    if row.item.type is not PropertyType.FILE:
        return fields.made(row, typed, reader)
    assert row.file is not None
    mistake = state.refused.get(row.reference) or (
        typed.mistakes[row.reference].text if row.reference in typed.mistakes else ""
    )
    earlier = shown.earlier.get(row.reference)
    return FileZone(
        row=row,
        file=row.file,
        size=reader.size(row.file.size_bytes),
        views=preview.shown(shown.views.get(row.file.id), reader),
        reads_tables=row.reference in shown.tables,
        blocks=row in blocking(shown),
        earlier_name="" if earlier is None else earlier.file.name,
        mistake=mistake,
    )


def _system(item: Field | FileZone, caller: Caller, shown: InputPage) -> Field | FileZone:
    if isinstance(item, FileZone) or item.row.item.type is not PropertyType.SYSTEM_VARIABLE:
        return item
    return replace(item, text=fields.system_text(item.item, caller.user.login, shown.asked.process.name))


def _with_missing(shown: InputPage, state: PageState) -> Typed:
    """The mistakes, and once a start was tried, what is missing."""
    if not state.has_tried:
        return state.typed
    asked = {row.reference: FieldMistake(text=fields.asks_for(row).capitalize()) for row in missing(shown)}
    return replace(state.typed, mistakes={**asked, **state.typed.mistakes})


def _todo(shown: InputPage, state: PageState) -> list[ToDo]:
    """In the order of the page."""
    texts = {name: mistake.text for name, mistake in state.typed.mistakes.items()} | dict(state.refused)
    if state.has_tried:
        texts = {row.reference: _missing(row) for row in missing(shown)} | texts
        texts |= {row.reference: _problem(shown, row) for row in blocking(shown)}
    found = [ToDo(label="Name of this run", text=state.name_mistake, target=NAME)] if state.name_mistake else []
    for row in shown.rows:
        if row.reference in texts:
            found.append(ToDo(label=row.item.name, text=texts[row.reference], target=_target(row)))
    return found


def _problem(shown: InputPage, row: PropertyRow) -> str:
    assert row.file is not None
    return next(view.preview.problem for view in shown.views[row.file.id] or () if view.blocks)


def _missing(row: PropertyRow) -> str:
    if row.item.visible:
        return fields.asks_for(row)
    return "is hidden from this form and has no value; an editor of the process can give it one"


def _target(row: PropertyRow) -> str:
    """The field itself, which a link then gives the focus; of a file that is there its place."""
    if not row.item.visible:
        return "main"
    if row.file is not None:
        return str(row.file.id) if row.file.sha256 else f"{row.file.id}-in"
    return f"{row.id}-in"


def _summary(todo: Sequence[ToDo], state: PageState) -> str:
    if state.problem:
        return "The run did not start"
    things = f"{len(todo)} {'thing' if len(todo) == 1 else 'things'}"
    if not state.has_tried:
        return f"{things} could not be kept as typed"
    is_missing = not state.typed.mistakes and not state.refused and not state.name_mistake
    verb = "is" if len(todo) == 1 else "are"
    end = "before this run can start"
    return f"{things} {verb} missing {end}" if is_missing else f"{things} to put right {end}"


def _count(shown: InputPage) -> tuple[int, int]:
    """How many inputs are filled in, and how many there are."""
    enabled = {step.key for step in shown.asked.definition.steps if step.enabled}
    rows = [row for row in shown.rows if row.step_key in enabled and fields.is_asked(row.item)]
    return sum(_is_filled(row) for row in rows), len(rows)


def _is_filled(row: PropertyRow) -> bool:
    if row.file is not None:
        return row.file.sha256 is not None
    return row.item.type is PropertyType.CHECK_BOX or row.item.value not in (None, "")


def _effects(process: Process, actions: Mapping[str, Action]) -> list[str]:
    """The steps that act outside of Procession, as far as anybody has said so."""
    found = []
    for step in process.steps:
        if not step.enabled or step.kind is StepKind.DATA:
            continue
        if step.effect is Effect.ONCE:
            found.append(f"{step.order} {step.name} (once, and not again by a restart)")
        elif _wants_network(step, actions):
            found.append(f"{step.order} {step.name} (uses the network)")
    return found


def _wants_network(step: Step, actions: Mapping[str, Action]) -> bool:
    action = actions.get(step.action)
    return action is not None and action.wants_network(msgspec.convert(dict(step.settings), action.settings))
