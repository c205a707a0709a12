"""The process file (docs/process-file.md) read into a Process; all mistakes at once, with their places.

Two passes: the first reads steps and properties, the second what refers to them (needs, conditions, settings).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from itertools import takewhile
from typing import Any

import msgspec
from msgspec.structs import replace

from procession.model import ends
from procession.model.process_file import conditions, documents, properties, settings, steering, strays
from procession.model.process_file.documents import Document, Path
from procession.model.process_file.names import Names
from procession.model.process_file.settings import ActionKind
from procession.model.process_file.sheets import Sheet, did_you_mean, shown
from procession.model.processes import AlertWhen, Effect, Process, Property, Retry, Step, StepKind

# Each is a row of every run, and a run is read as a whole when it is taken.
STEPS_MAX = 1_000
GROUPS_MAX = 200
PROPERTIES_MAX = 200
RUNS_AT_ONCE_MAX = 1_000
TRIES_MAX = 100

PROCESS_KEYS = ("process", "description", "alert", "time_limit", "concurrency", "groups")
FLOW_KEYS = ("key", "needs", "when", "skip_when", "enabled")
DATA_KEYS = ("data", *FLOW_KEYS, "properties")
ACTION_KEYS = ("action", "name", *FLOW_KEYS, "with", "time_limit", "retry", "effect")


def parse(text: str, *, file: str = "", actions: Mapping[str, ActionKind], reads_code: bool = True) -> Process:
    """Parses a process file in YAML or JSON. Raises documents.FileMistakes with every mistake.

    May start a process to check SQL, so never call it in a transaction, unless `reads_code` is False.
    """
    # The one refusal that stops at once: without values there is nothing to look at.
    document = documents.read(text, file=file)
    sheets: list[Sheet] = []
    process = _read_process(document, sheets, actions)
    # Before the links: a key that is there twice would lead to the first.
    _check_keys(document, process.steps, sheets)
    # In a second pass: a condition names steps that the first has not reached yet, if only to say that they come later.
    names = Names(process)
    steps = _read_all_links(process.steps, sheets, names)
    settings = [_settings(sheet, step, names, actions) for step, sheet in zip(steps, sheets, strict=True)]
    steering.check_among(replace(process, steps=steps), sheets, settings, actions)
    # A change through the API has no code that was not checked before, and no time for a process.
    if reads_code:
        _check_code(steps, sheets, settings, actions)
    document.raise_mistakes()
    return replace(process, steps=steps)


def _read_process(document: Document, sheets: list[Sheet], actions: Mapping[str, ActionKind]) -> Process:
    sheet = Sheet(document, (), document.data, what="a process file", keys=PROCESS_KEYS)
    sheet.required("process", what="a process file")
    alert = Sheet(document, ("alert",), sheet.data.get("alert") or {}, what="alert", keys=("email", "sms", "when"))
    return Process(
        name=sheet.text("process", is_name="process" in sheet),
        description=sheet.text("description"),
        alert_email=_read_addresses(alert),
        alert_sms=alert.text("sms"),
        alert_when=alert.kind("when", AlertWhen, AlertWhen.PROBLEMS) or AlertWhen.PROBLEMS,
        time_limit_seconds=sheet.duration("time_limit", 86_400.0),
        runs_at_once=sheet.number("concurrency", None, least=1, most=RUNS_AT_ONCE_MAX, whole=True),
        steps=tuple(_read_groups(sheet, sheets, actions)),
    )


def _read_addresses(alert: Sheet) -> str:
    text = alert.text("email")
    try:
        ends.addresses(text)
    except ValueError as error:
        alert.wrong("email", f"email: {error}; several are separated by commas")
    return text


def _read_groups(sheet: Sheet, sheets: list[Sheet], actions: Mapping[str, ActionKind]) -> list[Step]:
    steps: list[Step] = []
    if sheet.is_mapping and "groups" not in sheet:
        sheet.wrong("groups", 'a process file needs "groups", a list of groups of steps')
    for number, data in enumerate(sheet.items("groups", what="groups", most=GROUPS_MAX), start=1):
        path = (*sheet.at("groups"), number - 1)
        group = Sheet(sheet.document, path, data, what="a group", keys=("group", "steps"))
        group.required("group", what="a group")
        name = group.text("group", is_name="group" in group)
        for index, item in enumerate(group.items("steps", what="steps", most=STEPS_MAX)):
            # Over all groups: the limit of each is no limit of their number.
            if len(steps) == STEPS_MAX:
                sheet.wrong("groups", f"a process may have at most {STEPS_MAX:,} steps")
                return steps
            read = _read_step(sheet.document, (*group.at("steps"), index), item, actions)
            sheets.append(read[0])
            steps.append(replace(read[1], order=f"{number}.{index + 1}", group=name))
    return steps


def _read_step(document: Document, path: Path, data: Any, actions: Mapping[str, ActionKind]) -> tuple[Sheet, Step]:
    # Both or neither: read with all keys, so that only this one mistake is told.
    if isinstance(data, dict) and ("data" in data) == ("action" in data):
        document.wrong(path, 'a step needs either "data" and its name, or "action" and its kind')
        sheet = Sheet(document, path, data, what="a step", keys=dict.fromkeys((*DATA_KEYS, *ACTION_KEYS)))
    else:
        is_data = isinstance(data, dict) and "data" in data
        what = "a data step" if is_data else "an action step"
        sheet = Sheet(document, path, data, what=what, keys=DATA_KEYS if is_data else ACTION_KEYS)
    if "data" in sheet:
        return sheet, _read_data_step(sheet)
    return sheet, _read_action_step(sheet, actions)


def _read_data_step(sheet: Sheet) -> Step:
    name = sheet.text("data", is_name=True)
    return Step(
        key=sheet.key(name, of="step"),
        name=name,
        kind=StepKind.DATA,
        order="",
        group="",
        enabled=sheet.flag("enabled", default=True),
        properties=_read_properties(sheet),
    )


def _read_properties(sheet: Sheet) -> tuple[Property, ...]:
    found: dict[str, Property] = {}
    for index, data in enumerate(sheet.items("properties", what="properties", most=PROPERTIES_MAX)):
        path = (*sheet.at("properties"), index)
        item = properties.read(sheet.document, path, data)
        if item is None:
            continue
        if item.key in found:
            sheet.document.wrong(path, f'two properties of this step have the key "{item.key}"; give one another "key"')
        # The first stays, so that references to it are not reported as well.
        found.setdefault(item.key, item)
    return tuple(found.values())


def _read_action_step(sheet: Sheet, actions: Mapping[str, ActionKind]) -> Step:
    kind = sheet.text("action")
    if "action" in sheet and kind not in actions:
        hint = did_you_mean(kind, actions) or f"; there are {', '.join(sorted(actions))}"
        sheet.wrong("action", f"there is no action {shown(kind)}{hint}")
    name = sheet.text("name", kind, is_name="name" in sheet)
    given = _read_settings(sheet)
    # Written into the definition: a later release of the action must not change what a stored process means.
    usual = _usual_effect(actions.get(kind), given)
    return Step(
        key=sheet.key(name, of="step"),
        name=name,
        kind=StepKind.ACTION,
        order="",
        group="",
        enabled=sheet.flag("enabled", default=True),
        action=kind,
        settings=given,
        time_limit_seconds=sheet.duration("time_limit", None),
        retry=_read_retry(sheet),
        effect=sheet.kind("effect", Effect, usual) or usual,
    )


def _read_settings(sheet: Sheet) -> dict[str, Any]:
    data = sheet.data.get("with")
    if data is not None and not isinstance(data, dict):
        sheet.wrong("with", f"with must be a mapping, the settings of the action, not {shown(data)}")
    if not isinstance(data, dict):
        return {}
    plain: dict[str, Any] = settings.plain(sheet.document, sheet.at("with"), data)
    return plain


def _usual_effect(action: ActionKind | None, given: Mapping[str, Any]) -> Effect:
    if action is None:
        return Effect.IDEMPOTENT
    if action.effect_of is None:
        return action.effect
    try:
        return action.effect_of(msgspec.convert(dict(given), action.settings))
    except msgspec.ValidationError:
        return action.effect  # the mistakes in the settings are told where they are checked


def _read_retry(sheet: Sheet) -> Retry | None:
    data = sheet.data.get("retry")
    if data is None:
        return None
    retry = Sheet(sheet.document, sheet.at("retry"), data, what="retry", keys=("times", "wait", "backoff"))
    retry.required("times", what="retry")
    return Retry(
        times=retry.number("times", 1, least=1, most=TRIES_MAX, whole=True),
        wait_seconds=retry.duration("wait", 10.0),
        backoff=retry.number("backoff", 2.0, least=1, most=TRIES_MAX, whole=False),
    )


def _check_keys(document: Document, steps: tuple[Step, ...], sheets: list[Sheet]) -> None:
    seen: dict[str, Step] = {}
    for step, sheet in zip(steps, sheets, strict=True):
        if step.key in seen and sheet.is_mapping:
            message = f'step {seen[step.key].order} has the key "{step.key}" already; give this step another "key"'
            document.wrong(sheet.at("key"), message)
        seen.setdefault(step.key, step)


def _read_all_links(steps: Sequence[Step], sheets: Sequence[Sheet], names: Names) -> tuple[Step, ...]:
    """The steps with their references to other steps."""
    linked: list[Step] = []
    earlier: set[str] = set()
    for step, sheet in zip(steps, sheets, strict=True):
        linked.append(_read_links(sheet, step, names, earlier))
        earlier.add(step.key)
    return tuple(linked)


def _read_links(sheet: Sheet, step: Step, names: Names, earlier: Set[str]) -> Step:
    asked = {
        word: conditions.read(sheet.document, sheet.at(word), sheet.data[word], names=names, earlier=earlier)
        for word in ("when", "skip_when")
        if sheet.data.get(word) is not None
    }
    return replace(
        step,
        needs=_read_needs(sheet, names, earlier),
        when=asked.get("when"),
        skip_when=asked.get("skip_when"),
    )


def _read_needs(sheet: Sheet, names: Names, earlier: Set[str]) -> tuple[str, ...] | None:
    if "needs" not in sheet or sheet.data["needs"] is None:
        return None
    data = sheet.plain_or_value("needs")
    if isinstance(data, str):
        conditions.check_step(sheet.document, sheet.at("needs"), data, names=names, earlier=earlier)
        return (data,)
    needs: list[str] = []
    for index, item in enumerate(sheet.items("needs", what="step keys", most=STEPS_MAX)):
        path = (*sheet.at("needs"), index)
        plain = sheet.document.spots[path].plain
        key = item if plain is None else plain
        if conditions.check_step(sheet.document, path, key, names=names, earlier=earlier):
            needs.append(key)
    return tuple(dict.fromkeys(needs))


def _settings(sheet: Sheet, step: Step, names: Names, actions: Mapping[str, ActionKind]) -> Any | None:
    """The settings of an action step, or None if they cannot be read."""
    if step.action not in actions:
        return None
    path, action = sheet.at("with"), actions[step.action]
    found = settings.convert(sheet.document, path, dict(step.settings), action)
    if found is None:
        return None
    given = settings.GivenSettings(document=sheet.document, path=path, action=action, found=found)
    settings.check_references(given, names, steering.told(given))
    strays.check(given, names)
    if action.conditions(found) or action.assigns(found):
        steering.check(given, names, frozenset(takewhile(lambda key: key != step.key, names.steps)))
    if action.needs_no_process:
        for word in ("retry", "time_limit"):
            if sheet.data.get(word) is not None:
                sheet.wrong(word, f"{word}: {step.action} takes none: it has no process, and is done at once or waits")
    return found


def _check_code(
    steps: Sequence[Step], sheets: Sequence[Sheet], settings: Sequence[Any], actions: Mapping[str, ActionKind]
) -> None:
    """Checks all steps of one action together: checking SQL starts a process."""
    readable = [one for one in zip(steps, sheets, settings, strict=True) if one[2] is not None]
    # In the order of the file, so that the mistakes come in it too.
    for kind in dict.fromkeys(step.action for step, _, _ in readable):
        alike = [one for one in readable if one[0].action == kind]
        found = actions[kind].check_together([settings for _, _, settings in alike])
        for (step, sheet, _), mistakes in zip(alike, found, strict=True):
            for setting, message in mistakes:
                place = (*sheet.at("with"), setting)
                sheet.document.wrong(place, f'step {step.order} "{step.name}": {message}')
