"""Files of processes and runs: filled, renamed and found; frozen once their run has started."""

from __future__ import annotations

from procession.model.errors import Invalid
from procession.model.files import Content, File
from procession.model.ids import FileId
from procession.model.lifecycle import RunStatus
from procession.model.people import Caller, Role
from procession.model.processes import Flow
from procession.operations import rights
from procession.operations.act import Act
from procession.store import files, runs
from procession.store.database import Transaction


def find(tx: Transaction, file_id: FileId) -> File:
    """Raises NotFound."""
    file = files.find(tx, file_id)
    if file is None:
        raise rights.not_found(file_id)
    return file


def fill(act: Act, file_id: FileId, name: str, content: Content) -> File:
    """Give the file this content and name. Raises Invalid for an output of a run, or once the run has started."""
    tx = act.tx
    file = find(tx, file_id)
    check_open(tx, act.caller, file)
    _refuse_output(tx, file)
    _touch(act, file)
    files.fill(tx, file_id, name=name, content=content)
    return find(tx, file_id)


def empty(act: Act, file_id: FileId) -> File:
    """Take name and content away; one that is empty stays so. Raises as fill() does."""
    tx = act.tx
    check_fill(tx, act.caller, file_id)
    file = find(tx, file_id)
    if file.sha256 is None:
        return file
    _touch(act, file)
    files.fill(tx, file_id, name="", content=None)
    return find(tx, file_id)


def rename(act: Act, file_id: FileId, name: str) -> File:
    """Only the name changes. Raises Invalid as fill() does."""
    tx = act.tx
    file = find(tx, file_id)
    check_open(tx, act.caller, file)
    _touch(act, file)
    files.rename(tx, file_id, name)
    return find(tx, file_id)


def check_open(tx: Transaction, caller: Caller, file: File) -> None:
    """May this caller change the file now? Raises NotFound, Forbidden, Invalid.

    A process's own file is the template of every later run, so it takes an editor; a run's file an executor.
    """
    role = Role.EDITOR if file.run is None else Role.EXECUTOR
    rights.require(tx, caller, file.id, role)
    if file.run is None:
        return
    run = runs.find(tx, file.run)
    assert run is not None
    if run.status is not RunStatus.NOT_STARTED:
        raise Invalid(
            f"the files of process run {run.id} were frozen when it started; create a new run to use another file"
        )


def check_fill(tx: Transaction, caller: Caller, file_id: FileId) -> None:
    """May this caller upload it now? Asked before the bytes come, and again by fill(). Raises as fill() does."""
    file = find(tx, file_id)
    check_open(tx, caller, file)
    _refuse_output(tx, file)


def _refuse_output(tx: Transaction, file: File) -> None:
    # A process's own OUTPUT may be filled: it is the template of what a step writes.
    if file.run is not None and files.flow(tx, file.id) is Flow.OUTPUT:
        raise Invalid(f"{file.id} is an OUTPUT: a step of the run writes it, nobody uploads it")


def at_attempt(tx: Transaction, file_id: FileId, attempt: int) -> File:
    """The file as it was when that attempt of its run had ended, or as it is in it now. Raises NotFound."""
    file = find(tx, file_id)
    run = None if file.run is None else runs.find(tx, file.run)
    if run is None or not 1 <= attempt <= run.attempt:
        raise Invalid(f"{file_id} has no attempt {attempt}; its run has {0 if run is None else run.attempt}")
    return files.at_attempt(tx, file, attempt)


def _touch(act: Act, file: File) -> None:
    run = None if file.run is None else runs.find(act.tx, file.run)
    if run is not None:
        runs.touch(act.tx, run, author=act.author, now=act.now)
