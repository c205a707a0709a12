"""A real, local Context: files in a folder, values in dictionaries; what the suites run actions with."""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import msgspec

from procession.actions.contract import (
    Action,
    ConnectionInput,
    FileInput,
    FileOutput,
    InputValue,
    OutputTarget,
    StepOutcome,
)
from procession.actions.in_engine import EngineContext
from procession.actions.run_facts import RunFacts
from procession.model.conditions import Facts
from procession.model.lifecycle import StepStatus
from procession.model.processes import Property, PropertyType

RUN = RunFacts(
    process="p-1",
    process_version=1,
    run="pr-1",
    run_name="run",
    started_by="ann",
    page="https://procession.example/runs/pr-1",
)


@dataclass(slots=True, kw_only=True)
class LocalContext:
    settings: Any
    folder: Path
    values: Mapping[str, InputValue]
    targets: Mapping[str, OutputTarget]
    step_key: str = "step"
    idempotency_key: str = "pr-1/as-1/1"
    memory_bytes_max: int = 1 << 30
    types: Mapping[str, str] = field(default_factory=dict)
    has_network: bool = False
    is_copy: bool = False
    connection: ConnectionInput | None = None
    journal: tuple[str, ...] = ()  # what earlier tries have recorded
    about: RunFacts | None = RUN
    recorded: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    fractions: list[float] = field(default_factory=list)

    def value(self, reference: str) -> InputValue:
        return self.values[reference]

    def target(self, reference: str) -> OutputTarget:
        return self.targets[reference]

    def type_of(self, reference: str) -> str:
        return self.types.get(reference, "")

    def begin_program(self, code: str) -> str:
        return str(self.folder / "step.py")

    def end_program(self) -> None:
        """The tests' own process does not end with the script."""

    def close_files(self, names: MutableMapping[str, Any]) -> str:
        names.clear()
        return ""

    def record(self, entry: str) -> None:
        self.recorded.append(entry)

    def log(self, text: str) -> None:
        self.said.append(text)

    def progress(self, fraction: float, message: str = "") -> None:
        self.fractions.append(fraction)

    @property
    def logged(self) -> str:
        return "".join(self.said)


@dataclass(slots=True, kw_only=True)
class Played:
    """How it ended; `outputs` with the bytes of files, `names` with what they are called."""

    outcome: StepOutcome
    outputs: dict[str, Any]
    names: dict[str, str]
    context: LocalContext


def play(
    action: Action,
    folder: Path,
    settings: Mapping[str, Any],
    values: Mapping[str, Any] | None = None,
    targets: Mapping[str, OutputTarget] | None = None,
    *,
    connection: ConnectionInput | None = None,
    recorded: Sequence[str] = (),
) -> Played:
    """Run the action in `folder`. Values may be bytes or (name, bytes) for files; every written reference of
    `settings` that has no target is a File. As on a server, the action gets no value but those that it says it reads."""
    converted = msgspec.convert(settings, action.settings)
    inputs, work, reads = folder / "inputs", folder / "work", action.reads(converted)
    inputs.mkdir(parents=True, exist_ok=True)
    work.mkdir()
    context = LocalContext(
        settings=converted,
        folder=work,
        values={ref: _as_input(inputs, ref, value) for ref, value in (values or {}).items() if ref in reads},
        targets={ref: OutputTarget(type="File") for ref in action.writes(converted)} | dict(targets or {}),
        connection=connection,
        journal=tuple(recorded),
    )
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        outcome = action.run(context) if action.perform is None else action.perform(_engine_context(context))
        printed.flush()
    context.said.append(printed.buffer.getvalue().decode())
    outputs = {ref: _content(value) for ref, value in outcome.outputs.items()}
    names = {ref: value.name for ref, value in outcome.outputs.items() if isinstance(value, FileOutput)}
    return Played(outcome=outcome, outputs=outputs, names=names, context=context)


def _engine_context(context: LocalContext) -> EngineContext:
    """As the engine knows the run: values by their properties, a file only as new or not; all steps succeeded."""
    files = {ref for ref, value in context.values.items() if isinstance(value, FileInput)}
    plain: dict[str, Any] = {ref: value for ref, value in context.values.items() if ref not in files}
    types = {ref: _type_of(value) for ref, value in context.values.items()}
    types |= {ref: PropertyType(target.type) for ref, target in context.targets.items()}
    properties = {
        ref: Property(key=ref.partition(".")[2], name=ref, type=kind, value=plain.get(ref))
        for ref, kind in types.items()
    }
    ends = defaultdict[str, StepStatus](lambda: StepStatus.SUCCESS)
    facts = Facts(ends=ends, causes={}, values=plain, updated=files, may_read_properties=True)
    return EngineContext(settings=context.settings, facts=facts, properties=properties)


def _type_of(value: Any) -> PropertyType:
    """The type of the property that an example's value is likely to stand in."""
    match value:
        case FileInput():
            return PropertyType.FILE
        case bool():
            return PropertyType.CHECK_BOX
        case int() | Decimal():
            return PropertyType.NUMBER
        case _:
            return PropertyType.STRING


def _as_input(folder: Path, reference: str, value: Any) -> InputValue:
    if isinstance(value, bytes):
        value = (f"{reference}.csv", value)
    if not isinstance(value, tuple):
        return cast("InputValue", value)
    name, content = value
    path = folder / reference  # like the server's file store: the path says nothing about the name
    path.write_bytes(content)
    return FileInput(path=str(path), name=name, size_bytes=len(content))


def _content(value: Any) -> Any:
    return Path(value.path).read_bytes() if isinstance(value, FileOutput) else value
