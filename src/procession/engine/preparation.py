"""A version of a process made ready for execution: definition read, settings converted, reads and writes known."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from procession.actions.contract import Action
from procession.model.definitions import definition_from_json
from procession.model.ids import ProcessId
from procession.model.processes import Process, StepKind
from procession.model.restart import Touches
from procession.store import processes
from procession.store.database import Transaction

VERSIONS_KEPT = 64  # about 100 kB each


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """`touches` has every action step whose action is installed here."""

    process: Process
    touches: Mapping[str, Touches]
    networked: frozenset[str] = frozenset()  # steps that ask for the network


class Preparations:
    """Versions never change, so what was prepared once is kept. One thread only."""

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
        """What was read in a transaction that came to nothing may never have been."""
        self._kept.clear()


def prepare(process: Process, actions: Mapping[str, Action]) -> Prepared:
    """What each action step reads and writes, and whether it asks for the network, as its action tells."""
    known = {
        step.key: (action, msgspec.convert(step.settings, action.settings))
        for step in process.steps
        if step.kind is StepKind.ACTION and (action := actions.get(step.action)) is not None
    }
    return Prepared(
        process=process,
        touches={key: _touches(action, settings) for key, (action, settings) in known.items()},
        networked=frozenset(key for key, (action, settings) in known.items() if action.wants_network(settings)),
    )


def _touches(action: Action, settings: Any) -> Touches:
    return Touches(reads=frozenset(action.reads(settings)), writes=frozenset(action.writes(settings)))
