"""Prepares a version of a process for execution: definition, settings, reads and writes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from procession.actions.contract import Action, StepOutcome
from procession.actions.in_engine import EngineContext
from procession.model.child_runs import ProcessCall
from procession.model.definitions import definition_from_json
from procession.model.errors import Invalid
from procession.model.ids import ProcessId
from procession.model.processes import Process, Step, StepKind
from procession.model.restart import Touches
from procession.model.table_uses import TableUse
from procession.store import processes
from procession.store.database import Transaction

VERSIONS_KEPT = 64  # about 100 kB each


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """`touches`: action steps that can run here; `troubles`: why each of the others cannot."""

    process: Process
    touches: Mapping[str, Touches]
    troubles: Mapping[str, str] = field(default_factory=dict)
    networked: frozenset[str] = frozenset()  # steps that ask for the network
    tables: Mapping[str, tuple[TableUse, ...]] = field(default_factory=dict)  # of the steps that name any
    connections: Mapping[str, str] = field(default_factory=dict)  # names, of the steps that go by one
    asks: Mapping[str, Any] = field(default_factory=dict)  # steps that wait for people: their settings
    calls: Mapping[str, ProcessCall] = field(default_factory=dict)  # steps that start a run of another process
    # Steps that the engine performs: what it calls, and their settings.
    performs: Mapping[str, tuple[Callable[[EngineContext], StepOutcome], Any]] = field(default_factory=dict)


class Preparations:
    """A cache: versions never change. One thread only."""

    def __init__(self, actions: Mapping[str, Action]) -> None:
        self._actions = actions
        self._kept: OrderedDict[tuple[ProcessId, int], Prepared] = OrderedDict()

    def get(self, tx: Transaction, process: ProcessId, number: int) -> Prepared:
        key = (process, number)
        if key not in self._kept:
            version = processes.version(tx, process, number)
            assert version is not None, "a run's version is a foreign key"
            self._kept[key] = prepare(definition_from_json(version.definition.encode()), self._actions)
            if len(self._kept) > VERSIONS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def forget(self) -> None:
        """Drops what was read in a transaction that failed: it may not exist."""
        self._kept.clear()


def prepare(process: Process, actions: Mapping[str, Action]) -> Prepared:
    """Asks each step's action what the step reads and writes, by which connection, and whether it needs the network.

    An action may be gone or changed since the version was applied: that troubles only its step.
    """
    known: dict[str, tuple[Action, Any]] = {}
    troubles: dict[str, str] = {}
    for step in process.steps:
        if step.kind is StepKind.ACTION:
            try:
                known[step.key] = _understood(step, actions)
            except Invalid as trouble:
                troubles[step.key] = trouble.message
    return Prepared(
        process=process,
        touches={key: _touches(action, settings) for key, (action, settings) in known.items()},
        troubles=troubles,
        networked=frozenset(key for key, (action, settings) in known.items() if action.wants_network(settings)),
        connections={key: name for key, (action, settings) in known.items() if (name := action.connection(settings))},
        tables={key: uses for key, (action, settings) in known.items() if (uses := action.tables(settings))},
        asks={key: settings for key, (action, settings) in known.items() if action.settle is not None},
        calls={key: action.call(settings) for key, (action, settings) in known.items() if action.call is not None},
        performs={key: (action.perform, settings) for key, (action, settings) in known.items() if action.perform},
    )


def _understood(step: Step, actions: Mapping[str, Action]) -> tuple[Action, Any]:
    action = actions.get(step.action)
    if action is None:
        raise Invalid(f'this server has no action "{step.action}"; install it, or change the process')
    try:
        return action, msgspec.convert(step.settings, action.settings)
    except msgspec.ValidationError as error:
        raise Invalid(f'the action "{step.action}" of this server does not take these settings: {error}') from error


def _touches(action: Action, settings: Any) -> Touches:
    return Touches(reads=frozenset(action.reads(settings)), writes=frozenset(action.writes(settings)))
