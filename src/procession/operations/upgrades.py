"""A restart that takes the newest version of the process: found, judged, and made the run's own."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from procession.model import values, versions
from procession.model.errors import Invalid
from procession.model.processes import Flow, Process, Property, Step
from procession.model.runs import Run
from procession.model.steps import PropertyRow
from procession.model.versions import Past
from procession.operations import copies, processes
from procession.operations.planning import Planned
from procession.store import processes as store
from procession.store import steps, writes
from procession.store.database import Transaction

SHOWN_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Newer:
    """The newest version, what differs in it, and what keeps the run from going on with it."""

    version: int
    process: Process
    changes: tuple[str, ...]
    obstacles: tuple[str, ...]


def find(tx: Transaction, planned: Planned) -> Newer | None:
    """None when the run follows the newest version already, and for a try-out, which stays what it is."""
    run, plan = planned.run, planned.plan
    row = store.find(tx, run.process)
    assert row is not None, "a run's process is a foreign key"
    if row.version == run.version or run.version < 0:
        return None
    newest = processes.definition_of(tx, run.process, row.version)
    past = Past(
        statuses={key: step.status for key, step in planned.steps.items()}, properties=steps.by_reference(tx, run.id)
    )
    return Newer(
        version=row.version,
        process=newest,
        changes=tuple(versions.changes(planned.process, newest)),
        # Everything that stands in the way at once, so that one look decides.
        obstacles=tuple(versions.obstacles(planned.process, newest, plan.key, past)),
    )


def require(planned: Planned, newer: Newer) -> None:
    """Raises Invalid with everything that stands in the way."""
    if not newer.obstacles:
        return
    step, found = planned.steps[planned.plan.key], newer.obstacles
    more = f"; and {len(found) - SHOWN_MAX} more" if len(found) > SHOWN_MAX else ""
    raise Invalid(
        f"{planned.run.id} follows version {planned.run.version} and cannot go on with version {newer.version} from"
        f' step {step.order} "{step.name}": {"; ".join(found[:SHOWN_MAX])}{more}. Restart from an earlier step, without'
        f" the newest version, or create a new run"
    )


def follow(tx: Transaction, run: Run, old: Process, newer: Newer, now: datetime) -> None:
    """Make steps and properties of the run those of the newer version, which `run` follows already, in a new attempt.

    INPUTs keep what the run was started with. Whatever else begins with another value than before, or is new, begins
    so here, recorded as frozen in this attempt.
    """
    present, kept = steps.by_reference(tx, run.id), versions.carried(old, newer.process)
    steps.follow(tx, run.process, run.id, [_with_present(step, present, kept) for step in newer.process.steps])
    templates = copies.templates(tx, run.process)
    for reference, row in steps.by_reference(tx, run.id).items():
        # What the run was started with, and what a step wrote, is not taken from it by a new default.
        if reference in kept and reference in present:
            continue
        template = templates.get(reference)
        written = writes.PropertyWrite(
            property=row.id,
            step=None,
            attempt=run.attempt,
            value=row.item.value,
            file_name=template.file.name if template and template.file else "",
            content=copies.content_of(template) if template else None,
        )
        writes.begin_property(tx, written, now)


def _with_present(step: Step, present: Mapping[str, PropertyRow], kept: Set[str]) -> Step:
    """With the values that the run keeps."""
    return replace(step, properties=tuple(_kept(step, item, present, kept) for item in step.properties))


def _kept(step: Step, item: Property, present: Mapping[str, PropertyRow], kept: Set[str]) -> Property:
    reference = f"{step.key}.{item.key}"
    if reference not in kept or reference not in present:
        return item
    value = present[reference].item.value
    return replace(
        # The new version may have other options or decimal points.
        item,
        value=values.normalise(item, value) if item.flow is Flow.INPUT and value is not None else value,
    )
