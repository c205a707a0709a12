"""The processes that processes run: what their names mean, who may run them, and what they take and give.

A name is looked up when the calling process is published, and stays with that version: a rename does no harm. Whoever
publishes must be allowed to run them, and so must whoever starts the run, then and when the step begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from procession.actions import naming, references
from procession.actions.contract import Action
from procession.model import definitions, inputs, values
from procession.model.child_runs import DEPTH_MAX, ProcessCall
from procession.model.errors import Invalid
from procession.model.ids import ProcessId
from procession.model.nearest import nearest
from procession.model.people import AccountStatus, Role, User
from procession.model.processes import Flow, Process, Property, PropertyType, Step
from procession.model.rights import covers
from procession.model.runs import Run
from procession.model.steps import PropertyRow
from procession.operations import rights
from procession.operations.act import Act
from procession.store import child_runs as store
from procession.store import processes
from procession.store import steps as step_store
from procession.store.database import Transaction

Found = Mapping[str, ProcessId]

# Within these a value may turn out not to fit, such as an option that a Dropdown lacks: the step fails then.
_NUMBERS = frozenset({PropertyType.NUMBER, PropertyType.DECIMAL})
_TEXTS = frozenset({PropertyType.DROPDOWN, PropertyType.TEXT, PropertyType.STRING, PropertyType.SYSTEM_VARIABLE})


def calls_of(actions: Mapping[str, Action], process: Process) -> Iterator[tuple[Step, ProcessCall]]:
    """Every step that runs another process; disabled ones too."""
    for step in process.steps:
        action = actions.get(step.action)
        if action is not None and action.call is not None:
            yield step, action.call(msgspec.convert(dict(step.settings), action.settings))


def resolve(act: Act, process: Process, own: ProcessId, before: Found) -> tuple[Found, tuple[str, ...]]:
    """What the names in the process `own` mean now; and remarks on those that were renamed.

    `before` is what they mean in the version before. Raises Invalid with every mistake.
    """
    found: dict[str, ProcessId] = {}
    mistakes, remarks = dict[str, None](), dict[str, None]()
    for step, call in calls_of(act.resources.actions, process):
        where = f'step {step.order} "{step.name}"'
        # By name first, as with tables: the author sees the one that has the name today.
        row = processes.by_name(act.tx, call.process)
        if row is None and call.process in before:
            row = processes.find(act.tx, before[call.process])
            if row is not None:
                remarks[f'the process "{call.process}" is called "{row.name}" now'] = None
        if row is None or not may_run(act.tx, act.caller.user, row.id):
            # One answer for both: which processes there are is not for everybody to know.
            said = f'there is no process "{call.process}" that {act.caller.user.login} may run'
            mistakes[f"{where}: {said}{_hint(act, call.process)}"] = None
            continue
        found[call.process] = row.id  # also with a mistake: the next ones are worth telling too
        said = _too_deep(act.tx, own, row.id)
        for mistake in [said] if said else _Fit(act.tx, process, row.id, call).mistakes():
            mistakes[f"{where}: {mistake}"] = None
    if mistakes:
        raise Invalid("; ".join(mistakes))
    return found, tuple(remarks)


def _hint(act: Act, name: str) -> str:
    # Of those that the user may see: a hint must not tell of others.
    known = [row.name for row in processes.visible(act.tx, rights.viewer(act.caller))]
    near = nearest(name, known)
    return f'; did you mean "{near}"?' if near else ""


def may_run(tx: Transaction, user: User | None, process: ProcessId) -> bool:
    # A locked account keeps its roles, but must start nothing.
    if user is None or user.status is not AccountStatus.ACTIVE:
        return False
    role = rights.role_of(tx, user, process)
    return role is not None and covers(role, Role.EXECUTOR)


def _too_deep(tx: Transaction, own: ProcessId, called: ProcessId) -> str:
    """As far as the present versions tell; a run asks again (operations/runs_of_steps)."""
    reached = {called}
    # Level by level, at most five: however wide it is, each process is read once a level.
    for _ in range(DEPTH_MAX - 1):
        if own in reached:
            return "it would run itself, in the end"
        reached = {one for process in reached for one in store.called_by(tx, process)}
        if not reached:
            return ""
    return "it would run itself, in the end" if own in reached else f"more than {DEPTH_MAX} runs below one another"


@dataclass(frozen=True, slots=True)
class _Fit:
    """Whether what a step gives fits what the called process takes, and the other way round."""

    tx: Transaction
    process: Process
    called: ProcessId
    call: ProcessCall

    def mistakes(self) -> list[str]:
        rows = {row.reference: row for row in step_store.properties_of_process(self.tx, self.called)}
        ours = {f"{step.key}.{item.key}": item for step, item in self.process.properties()}
        found = [
            *(self._input(rows[name].item if name in rows else None, name, ours) for name in self.call.inputs),
            *(self._output(rows[name].item if name in rows else None, name, ours) for name in self.call.outputs),
        ]
        # The rows tell no conditions: which inputs are sure to be needed, the definition says.
        row = processes.find(self.tx, self.called)
        assert row is not None
        version = processes.version(self.tx, self.called, row.version)
        assert version is not None
        definition = definitions.definition_from_text(version.definition)
        # A given one counts as given, even if it is empty now: the run says so when it starts.
        left = [one for name, one in rows.items() if name not in self.call.inputs]
        found += [f"inputs: {text}" for text in inputs.wanting(definition, left)]
        if self.call.at_once:
            found += self._mixed(rows)
        return [mistake for mistake in found if mistake]

    def _input(self, item: Property | None, name: str, ours: Mapping[str, Property]) -> str:
        if item is None or item.flow is not Flow.INPUT or item.type is PropertyType.SYSTEM_VARIABLE:
            return f'inputs: "{self.call.process}" has no input {name}'
        given = self.call.inputs[name]
        reference = references.parse(given)
        # Its value is not known yet: only the types can be compared.
        if reference is not None:
            return _unlike(f"inputs.{name}", ours[reference].type, item.type)
        if item.type is PropertyType.FILE:
            return f"inputs.{name}: a file is given as ${{step.property}}"
        # Known row by row: then all of them are checked before the first run starts.
        if self.call.at_once and isinstance(given, str) and naming.keys(given):
            return ""
        # As the run itself would read it, so that both say the same.
        try:
            values.normalise(item, given)
        except Invalid as error:
            return f"inputs.{name}: {error.message}"
        return ""

    def _output(self, item: Property | None, name: str, ours: Mapping[str, Property]) -> str:
        if item is None:
            return f'outputs: "{self.call.process}" has no property {name}'
        target = ours[self.call.outputs[name]].type
        if self.call.at_once:
            said = f"outputs.{name}: what the runs of rows give is listed in a File, not in a {target}"
            return "" if target is PropertyType.FILE else said
        return _unlike(f"outputs.{name}", item.type, target)

    def _mixed(self, rows: Mapping[str, PropertyRow]) -> Iterator[str]:
        """A file of theirs is taken as it is, so that nothing else goes to the same place."""
        targets = Counter(self.call.outputs.values())
        for name, target in self.call.outputs.items():
            if name in rows and rows[name].item.type is PropertyType.FILE and targets[target] > 1:
                yield f"outputs.{name}: is a file, and needs a File of its own; others go to ${{{target}}} too"


def _unlike(where: str, source: PropertyType, target: PropertyType) -> str:
    alike = any(source in kind and target in kind for kind in (_NUMBERS, _TEXTS))
    return "" if source is target or alike else f"{where}: a {source} does not fit a {target}"


def require(act: Act, run: Run, definition: str) -> None:
    """Raises Invalid when a step of the definition, as it is stored, runs a process that whoever acts may not run."""
    # As with networks: converting the settings of every step takes longer than a start.
    kinds = [kind for kind, action in act.resources.actions.items() if action.call is not None]
    if not any(f'"action":"{kind}"' in definition for kind in kinds):
        return
    found = store.named(act.tx, run.process, run.version)
    troubles = dict[str, None]()
    for step, call in calls_of(act.resources.actions, definitions.definition_from_text(definition)):
        if step.enabled and (said := trouble(act.tx, found, call, act.caller.user)):
            troubles[f'step {step.order} "{step.name}": {said}'] = None
    if troubles:
        raise Invalid("; ".join(troubles))


def trouble(tx: Transaction, found: Found, call: ProcessCall, starter: User | None) -> str:
    """Why the process cannot be run; "" when it can."""
    called = found.get(call.process)
    if called is None:
        return f'what the process "{call.process}" is, this version does not say; apply its file again'
    # Looked up at each use: a role that was taken away counts at once.
    if not may_run(tx, starter, called):
        who = "whoever started the run" if starter is None else starter.login
        if starter is not None and starter.status is not AccountStatus.ACTIVE:
            return f'{who}, who started the run, is {starter.status.lower()}, and starts no run of "{call.process}"'
        return f'running the process "{call.process}" needs the role {Role.EXECUTOR} on it, which {who} has not'
    return ""
