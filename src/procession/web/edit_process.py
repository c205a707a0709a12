"""The form of the process itself in the designer: its name, whom it alerts, its limits, the names of its groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec.structs import replace

from procession.model.process_file.documents import Mistake, Path
from procession.model.processes import AlertWhen
from procession.web import setting_fields, setting_reading, setting_shapes
from procession.web.forms import Form
from procession.web.setting_nodes import SettingNode

# What stands for the number of a step in the address.
ABOUT = "about"
_LABELS = {"process": "Name", "concurrency": "Runs at once", "sms": "SMS"}


class _Alert(msgspec.Struct, frozen=True, kw_only=True):
    email: Annotated[str, msgspec.Meta(description="several are separated by commas")] = ""
    sms: str = ""
    when: AlertWhen = AlertWhen.PROBLEMS


class _Frame(msgspec.Struct, frozen=True, kw_only=True):
    process: str
    description: Annotated[str, msgspec.Meta(max_length=100_000, description="what it is for")] = ""
    alert: Annotated[_Alert, msgspec.Meta(description="who is told how a run ended")] = _Alert()
    time_limit: Annotated[str, msgspec.Meta(description="of a run, such as 90s, 10m or 2h; without one a day")] = ""
    concurrency: Annotated[
        int | None, msgspec.Meta(description="how many of its runs may work at once; without one any number")
    ] = None


FRAME_KEYS = tuple(field.encode_name for field in msgspec.structs.fields(_Frame))


def fields_of(data: Mapping[str, Any], mistakes: Mapping[Path, tuple[Mistake, ...]], form: Form | None) -> SettingNode:
    """What the file says of the process, or what was typed and could not be kept."""
    given = {name: value for name, value in data.items() if name in FRAME_KEYS}
    node = _labelled(setting_fields.of_step(setting_shapes.of_settings(_Frame), given, mistakes))
    return node if form is None or not form.has("with.process") else setting_fields.typed(node, form)


def _labelled(node: SettingNode) -> SettingNode:
    children = tuple(map(_labelled, node.children))
    return replace(node, label=_LABELS.get(node.name.rpartition(".")[2], node.label), children=children)


def read(form: Form) -> dict[str, Any]:
    """What the file shall say of the process. Raises Invalid."""
    return setting_reading.read(form, setting_shapes.of_settings(_Frame))


def group_names(data: Mapping[str, Any], form: Form) -> list[Any]:
    """As typed; one that is no text, or was not sent, stays."""
    before = [group.get("group") if isinstance(group, dict) else None for group in data["groups"]]
    return [
        form.one(f"g{number}").strip() if isinstance(name, str) and form.has(f"g{number}") else name
        for number, name in enumerate(before)
    ]
