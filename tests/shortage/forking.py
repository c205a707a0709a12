"""The registry of actions for fork servers whose calls can fail: it is loaded in them, and lays the injector in their way.

A test and its fork servers have files in one folder, named in the module shortage_folder that the test writes.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pytest

from procession import actions
from procession.actions.contract import Action
from tests.shortage.injecting import Call, Injector, Order, install

OF_KEEPER = "engine/isolation/keeper.py"  # these are forked from the fork server, with all that is in its way


class Folder:
    """How a test speaks to the injectors of its fork servers."""

    def __init__(self, folder: Path) -> None:
        self.path = folder
        self._order, self._calls, self._failed = folder / "order", folder / "calls", folder / "failed"

    def give(self, order: Order) -> None:
        self._failed.unlink(missing_ok=True)
        new = self._order.with_suffix(".new")
        new.write_text(json.dumps(asdict(order)))
        new.rename(self._order)

    def end(self) -> None:
        self._order.unlink(missing_ok=True)

    def order(self) -> Order | None:
        try:
            fields = json.loads(self._order.read_text())
        except FileNotFoundError:
            return None
        return Order(Call(**fields["call"]), fields["code"], fields["times"])

    def failed(self) -> int:
        return self._failed.stat().st_size if self._failed.exists() else 0

    def fail(self) -> None:
        _append(self._failed, "x")

    def calls(self) -> list[Call]:
        return sorted({Call(*line.split("\t")) for line in self._calls.read_text().splitlines()})

    def note(self, call: Call) -> None:
        _append(self._calls, f"{call.name}\t{call.place}\n")


def _append(path: Path, text: str) -> None:
    # One write each: several processes do it.
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(handle, text.encode())
    os.close(handle)


class _Injector(Injector):
    def __init__(self, folder: Folder) -> None:
        super().__init__()
        self._folder = folder
        self._server = os.getpid()
        self._is_inside = False

    def is_of_engine(self) -> bool:
        return not self._is_inside

    def look_up(self, call: Call) -> int | None:
        if os.getpid() != self._server and not call.place.startswith(OF_KEEPER):
            return None  # a worker's: what steps do is theirs
        self._is_inside = True
        try:
            return self._ordered(call)
        finally:
            self._is_inside = False

    def _ordered(self, call: Call) -> int | None:
        self._folder.note(call)
        order = self._folder.order()
        if order is None or not order.is_for(call) or self._folder.failed() >= order.times:
            return None
        self._folder.fail()
        return order.code


def registry() -> Mapping[str, Action]:
    folder: str = importlib.import_module("shortage_folder").FOLDER
    install(pytest.MonkeyPatch(), _Injector(Folder(Path(folder))))
    return actions.registry()
