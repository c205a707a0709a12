"""A Process written as a process file again: parse(to_yaml(process)) is the same process."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import groupby
from typing import Any

import yaml

from procession.model.conditions import STEP_ATOMS
from procession.model.process_file.documents import resolve
from procession.model.process_file.sheets import slug
from procession.model.processes import (
    AlertWhen,
    Atom,
    AtomKind,
    Condition,
    Flow,
    Join,
    Process,
    Property,
    Retry,
    Step,
    StepKind,
    Value,
)

_DAY_SECONDS = 86_400.0
# Line breaks that YAML would turn into "\n", and all that no text file shows: such text is written with escapes.
_NEEDS_ESCAPES = re.compile(
    r"[^\n\x20-\x7e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]"
)


def render(process: Process) -> dict[str, Any]:
    """The process file as plain data, defaults left out. Amounts are Decimals, all else is JSON."""
    return _only_set(
        process=process.name,
        description=process.description or None,
        alert=_render_alert(process),
        time_limit=None if process.time_limit_seconds == _DAY_SECONDS else _duration(process.time_limit_seconds),
        concurrency=process.runs_at_once,
    ) | {
        "groups": [
            {"group": group, "steps": [_render_step(step) for step in steps]}
            for (_, group), steps in groupby(process.steps, lambda step: (step.order.partition(".")[0], step.group))
        ]
    }


def to_yaml(process: Process) -> str:
    """The text of the process file."""
    return yaml.dump(render(process), Dumper=FileDumper, sort_keys=False, allow_unicode=True, width=120)


def _render_alert(process: Process) -> dict[str, Any] | None:
    alert = _only_set(
        email=process.alert_email or None,
        sms=process.alert_sms or None,
        when=None if process.alert_when is AlertWhen.PROBLEMS else str(process.alert_when),
    )
    return alert or None


def _render_step(step: Step) -> dict[str, Any]:
    is_data = step.kind is StepKind.DATA
    name = {"data": step.name} if is_data else {"action": step.action, "name": step.name}
    return name | _only_set(
        # Left out where it would be the same: a file should look as a person writes it.
        key=None if step.key == slug(step.name) else step.key,
        needs=None if step.needs is None else list(step.needs),
        when=_render_condition(step.when),
        skip_when=_render_condition(step.skip_when),
        enabled=None if step.enabled else False,
        properties=[_render_property(item) for item in step.properties] or None,
        time_limit=None if step.time_limit_seconds is None else _duration(step.time_limit_seconds),
        retry=_render_retry(step.retry),
        # Always written: the action's default may change with a release.
        effect=None if is_data else str(step.effect),
        **{"with": dict(step.settings) or None},
    )


def _render_property(item: Property) -> dict[str, Any]:
    return _only_set(
        name=item.name,
        key=None if item.key == slug(item.name) else item.key,
        type=str(item.type),
        flow=None if item.flow is Flow.NONE else str(item.flow),
        required=item.required or None,
        visible=None if item.visible else False,
        mouseover=item.mouseover or None,
        options=list(item.options) or None,
        decimal_points=item.decimal_points,
        foreground_color=item.foreground_color,
        variable=None if item.variable is None else str(item.variable),
        value=_render_value(item.value),
    )


def _render_condition(condition: Condition | None) -> dict[str, Any] | None:
    if condition is None:
        return None
    if isinstance(condition, Atom):
        if condition.kind in STEP_ATOMS or condition.kind is AtomKind.UPDATED:
            return {str(condition.kind): condition.subject}
        return {str(condition.kind): {"property": condition.subject, "value": _render_value(condition.value)}}
    parts = [_render_condition(part) for part in condition.parts]
    return {str(condition.join): parts[0] if condition.join is Join.NOT else parts}


def _render_retry(retry: Retry | None) -> dict[str, Any] | None:
    if retry is None:
        return None
    wait = None if retry.wait_seconds == Retry(times=1).wait_seconds else _duration(retry.wait_seconds)
    backoff = None if retry.backoff == Retry(times=1).backoff else retry.backoff
    return _only_set(times=retry.times, wait=wait, backoff=backoff)


def _render_value(value: Value) -> Value:
    """A whole Decimal is written as an int: YAML then needs no tag, and reading it back gives the Decimal again."""
    if isinstance(value, Decimal) and "." not in format(value, "f"):
        return int(value)
    return value


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        # The largest unit that fits, so that 86400 reads as a day.
        if seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return format(Decimal(repr(seconds)), "f").removesuffix(".0") + "s"


def _only_set(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


class FileDumper(yaml.SafeDumper):
    """Writes text so that documents.resolve reads text, whole blocks for scripts, and never an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        # An alias is refused when the file is read again.
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    # "010" without quotes would be a text again, "10" a number.
    if _NEEDS_ESCAPES.search(text) or resolve(text) is not text:
        style = '"'
    elif "\n" in text:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _represent_decimal(dumper: yaml.SafeDumper, number: Decimal) -> yaml.ScalarNode:
    # With all its digits; PyYAML knows floats only.
    return dumper.represent_scalar("tag:yaml.org,2002:float", format(number, "f"))


FileDumper.add_representer(str, _represent_text)
FileDumper.add_representer(Decimal, _represent_decimal)
