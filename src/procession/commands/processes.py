"""apply: process files become processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from procession.commands import opening
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.commands.references import read_text
from procession.model import process_file
from procession.model.process_file.documents import FileMistakes, Mistake
from procession.model.processes import Process
from procession.operations import processes
from procession.operations.processes import Applied
from procession.store.database import Transaction


def apply(console: Console, paths: Sequence[str], owner: str | None) -> int:
    """Apply all the files or none. Raises FileMistakes with what is wrong with any of them."""
    # All of them before the first is applied: a missing file must not leave half a folder applied.
    texts = [(path, read_text(path)) for path in paths]
    with opening.open_home(console, may_create=True) as opened:
        # Outside the transaction, because checking SQL starts a process.
        definitions = _parsed(opened, texts)

        def operation(tx: Transaction) -> list[Applied]:
            act = opening.operator(tx, opened, owner)
            return [
                processes.apply(act, text, definition=definition)
                for (_, text), definition in zip(texts, definitions, strict=True)
            ]

        applied = opened.database.write(operation)
        with opened.database.read() as tx:
            names = [processes.find(tx, one.id)[0].name for one in applied]
    contents = [_content(path, name, one) for path, name, one in zip(paths, names, applied, strict=True)]
    # A script that applies one file need not know that there may be more.
    content = {**(contents[0] if len(contents) == 1 else {}), "processes": contents}
    console.answer(content, "\n".join(_line(name, one) for name, one in zip(names, applied, strict=True)))
    return 0


def _parsed(opened: OpenedHome, texts: Sequence[tuple[str, str]]) -> list[Process]:
    """Raises FileMistakes with those of all the files at once, not only of the first."""
    definitions: list[Process] = []
    mistakes: list[Mistake] = []
    for path, text in texts:
        try:
            definitions.append(process_file.parse(text, file=path, actions=opened.resources.actions))
        except FileMistakes as error:
            mistakes.extend(error.mistakes)
    if mistakes:
        raise FileMistakes(tuple(mistakes))
    return definitions


def _content(path: str, name: str, applied: Applied) -> dict[str, Any]:
    steps = [
        {"id": str(step.id), "key": step.key, "name": step.name, "stepOrder": step.order, "kind": step.kind}
        for step in applied.steps
    ]
    return {
        "id": str(applied.id),
        "version": applied.version,
        "name": name,
        "file": path,
        "isNew": applied.is_new,
        "steps": steps,
        **({"remarks": list(applied.remarks)} if applied.remarks else {}),
    }


def _line(name: str, applied: Applied) -> str:
    line = f'{applied.id} "{name}", version {applied.version}: {len(applied.steps)} steps'
    if not applied.is_new:
        line = f'{applied.id} "{name}" is unchanged: version {applied.version} says this already'
    return "\n".join([line, *(f"  note: {remark}" for remark in applied.remarks)])
