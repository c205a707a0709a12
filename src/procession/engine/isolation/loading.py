"""What a fork server imports, so that no step has to."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

from procession.actions.contract import Action
from procession.engine.isolation.options import IsolationSettings


def load(settings: IsolationSettings) -> Mapping[str, Action]:
    """The actions by kind that the settings name."""
    build: Callable[[], Mapping[str, Action]] = _named(settings.registry)
    more: list[Action] = [_named(name) for name in settings.more_actions]
    return {**build(), **{action.kind: action for action in more}}


def preload(modules: tuple[str, ...]) -> None:
    """Import what most actions of this installation need; an extra that is not installed is none of ours."""
    for module in modules:
        with contextlib.suppress(ImportError, OSError, MemoryError):  # without it steps are only slower
            importlib.import_module(module)


def _named(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return attrgetter(attribute)(importlib.import_module(module))
