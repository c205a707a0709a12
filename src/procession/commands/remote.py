"""apply, run, status and cancel against a server instead of a home: the same answers and exit codes, by our client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from procession.client import Client, Options, errors
from procession.client.processes import Process
from procession.client.runs import Run
from procession.client.shapes import Progress
from procession.commands import remote_views, views
from procession.commands.console import Console
from procession.commands.references import pair, read_text
from procession.commands.watching import Screen
from procession.config import ServerAccess
from procession.model.errors import Invalid, NotFound, ProcessionError
from procession.model.process_file.documents import FileMistakes, Mistake


@contextmanager
def opened(access: ServerAccess) -> Iterator[Client]:
    """A client for one command, with its errors turned into the command line's."""
    options = Options(ca_file=access.ca_file)
    try:
        with Client(
            access.address, client_id=access.client_id, client_secret=access.client_secret, options=options
        ) as client:
            yield client
    except errors.ProcessionError as error:
        # Only a server fault needs its support id; other messages explain themselves.
        is_fault = error.status is None or error.status >= 500
        kind = NotFound if isinstance(error, errors.NotFound) else ProcessionError
        text = "; ".join((str(error) if is_fault else error.message, *getattr(error, "__notes__", ())))
        raise kind(text) from error


def apply(console: Console, access: ServerAccess, paths: Sequence[str], owner: str | None) -> int:
    """Applies each file by itself: a server has no "all or none". Raises FileMistakes with the mistakes of all."""
    # Refused, because it would be believed.
    if owner is not None:
        raise Invalid("--owner works on a home only; on a server the owner is who signs in")
    texts = [(path, read_text(path)) for path in paths]
    applied: list[_Applied] = []
    mistakes: list[Mistake] = []
    with opened(access) as client:
        for path, text in texts:
            try:
                applied.append(_apply(client, path, text))
            except errors.Invalid as error:
                mistakes.extend(_mistakes(error, path))
    if mistakes:
        raise FileMistakes(tuple(mistakes))
    contents = [one.content for one in applied]
    content = {**(contents[0] if len(contents) == 1 else {}), "processes": contents}
    console.answer(content, "\n".join(one.line for one in applied))
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Applied:
    content: Mapping[str, Any]
    line: str


def _apply(client: Client, path: str, text: str) -> _Applied:
    # The server decides which process the file means, so read the versions of all that share its name first.
    before = _versions(client, text)
    process = client.apply(text)
    version, steps, name = _latest(process), process.steps(), process.details().name
    is_new = before.get(process.id) != version
    content = {
        "id": process.id,
        "version": version,
        "name": name,
        "file": path,
        "isNew": is_new,
        "steps": [remote_views.defined_step(step.details) for step in steps],
    }
    line = f'{process.id} "{name}", version {version}: {len(steps)} steps'
    if not is_new:
        line = f'{process.id} "{name}" is unchanged: version {version} says this already'
    return _Applied(content=content, line=line)


def _versions(client: Client, text: str) -> dict[str, int]:
    """The latest version of each process named in the file."""
    # By a plain search in the text: the file need not be parsed here, and a name too many costs one request.
    return {row.id: _latest(client.process(row.id)) for row in client.processes() if row.name in text}


def _latest(process: Process) -> int:
    return max(version.version for version in process.versions())


def _mistakes(error: errors.Invalid, path: str) -> Iterator[Mistake]:
    found = error.fields.get("mistakes") or ()
    if not found:
        raise error
    for one in found:
        yield Mistake(line=int(one["line"]), column=int(one["column"]), message=str(one["message"]), file=path)


def run(console: Console, access: ServerAccess, process: str, *, given: Mapping[str, Sequence[str]], wait: bool) -> int:
    """Creates, fills and starts a run. With `wait`, the exit code tells how it ended."""
    values = dict(pair(text, "--input") for text in given["input"])
    files = {reference: Path(path) for reference, path in (pair(text, "--file") for text in given["file"])}
    with opened(access) as client:
        begun = client.process(process).create_run(inputs=values, files=files, start=True)
        if wait:
            return _wait(console, begun)
        status, details = begun.status(), begun.details()
    # A server that answers is awake.
    content = {**remote_views.run_content(details, status), "isServerRunning": True}
    console.answer(content, f"{begun.id} {views.one_line(details.name)}: {status.status}")
    return 0


def _wait(console: Console, begun: Run) -> int:
    details = begun.details()
    screen = None if console.json else Screen()

    def show(progress: Progress) -> None:
        if screen is not None:
            screen.show(remote_views.view(details.name, progress))

    try:
        status = begun.wait(on_progress=show)
    # Ctrl-C leaves the waiting, not the run, and people should know.
    except KeyboardInterrupt:
        console.tell(f"{begun.id} goes on; look at it with: procession status {begun.id}")
        raise
    content = {**remote_views.run_content(details, status), "steps": _steps(begun)}
    console.answer(content, f"{begun.id} {views.one_line(details.name)}: {status.outcome or status.status}")
    return 0 if status.is_success else 1


def _steps(found: Run) -> list[dict[str, Any]]:
    return [remote_views.step_content(step.details) for step in found.steps()]


def status(console: Console, access: ServerAccess, text: str) -> int:
    """Raises NotFound."""
    with opened(access) as client:
        found = client.run(text)
        details, state, steps = found.details(), found.status(), found.steps()
    content = {
        **remote_views.run_content(details, state),
        "steps": [remote_views.step_content(step.details) for step in steps],
    }
    progress = Progress(run=state, steps=tuple(step.details for step in steps))
    console.answer(content, remote_views.picture(details.name, progress))
    return 0


def cancel(console: Console, access: ServerAccess, text: str, reason: str | None) -> int:
    """Raises NotFound. A run that has ended stays as it is."""
    with opened(access) as client:
        found = client.run(text)
        state, details = found.cancel(reason=reason), found.details()
    console.answer(
        remote_views.run_content(details, state), f"{details.id} {views.one_line(details.name)}: {state.status}"
    )
    return 0
