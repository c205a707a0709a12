"""transfer_files at work: what its settings ask for, on one connection, and what becomes of it in a sentence."""

from __future__ import annotations

from msgspec.structs import replace

from procession.actions import naming
from procession.actions.contract import Context, FileOutput, OutputValue, StepOutcome
from procession.actions.problems import Problem
from procession.actions.references import parse, resolve
from procession.actions.transferring import fetching, following, leaving, shifting, transfer_settings
from procession.actions.transferring.opening import opened
from procession.actions.transferring.transfer_settings import TransferSettings
from procession.actions.transferring.work import FileTransfer, Transferred, list_of, told
from procession.model.connections import ConnectionKind, place_of
from procession.model.lifecycle import StepStatus

_VERBS = {"get": "fetched", "put": "left", "list": "found", "move": "moved", "delete": "deleted"}
_PREPOSITIONS = {"get": "from", "put": "at", "list": "in", "move": "in", "delete": "in"}


def run(context: Context) -> StepOutcome:
    try:
        settings = _filled(context)
        with opened(context.connection) as side:
            # The side is closed however it ends: a server may count its sessions.
            transfer = FileTransfer(context=context, settings=settings, side=side)
            return _outcome(transfer, _performed(transfer))
    except Problem as error:
        return StepOutcome(status=StepStatus.FAILED, message=str(error))


def preview(context: Context) -> str:
    """What it would do, and where; nobody there is asked."""
    try:
        settings = _filled(context)
        names = _names(context, settings)
    except Problem as error:
        return f"it would fail: {error}"
    connection = context.connection
    assert connection is not None, "a step that is tried has what it names"
    place = place_of(ConnectionKind(connection.kind), connection.options)
    folder = f"the folder {settings.path}" if settings.path else "the folder that may be reached"
    where = f'{folder} of "{connection.name}" ({place})'
    match settings.do:
        case "put":
            other = "replaces another content" if settings.overwrite else "refuses another content"
            return f"leaves {names} in {where}, and {other} of such a name"
        case "move":
            return f"moves {names} from {where} to the folder {settings.to}"
        case do:
            said = f"{do}s {names} {'from' if do == 'get' else 'in'} {where}".replace("gets", "fetches")
            return said if settings.after is None else f"{said}; afterwards: {settings.after}"


def _names(context: Context, settings: TransferSettings) -> str:
    if settings.do == "put":
        return told([one.name for one in leaving.wanted(context, settings)])
    return f"what {settings.listed} names" if settings.listed else f"the files called {settings.pattern}"


def _filled(context: Context) -> TransferSettings:
    """The settings with their keys filled in. Raises Problem: a value may lead where no key of the file did."""
    given: TransferSettings = context.settings
    # Once, for all four: a value that changes in between would name two folders.
    values = {key: resolve(context, value) for key, value in given.inputs.items()}
    filled = {}
    for place in ("path", "to", "pattern", "name", "after"):
        text = getattr(given, place)
        # Without inputs there is no key: a follow-up gets its folders as they were filled, with whatever is in them.
        filled[place] = naming.fill(text, values) if text is not None and values else text
    settings = replace(given, **filled)
    # The same rules as when the file was applied, now that the values are there.
    if mistake := next(iter(transfer_settings.name_mistakes(settings)), None):
        raise Problem(mistake)
    following.check(settings)
    return settings


def _performed(transfer: FileTransfer) -> dict[str, OutputValue]:
    match transfer.settings.do:
        case "get":
            return fetching.get(transfer)
        case "put":
            leaving.put(transfer)
        case "list":
            transfer.done = [Transferred(file=file) for file in fetching.chosen(transfer)]
        case _:
            shifting.shift(transfer)
    return {}


def _outcome(transfer: FileTransfer, made: dict[str, OutputValue]) -> StepOutcome:
    settings, count = transfer.settings, len(transfer.done) + transfer.before
    if count:
        files = f"{_counted(count)}{_earlier(transfer)}"
        message = f"{_VERBS[settings.do]} {files} {_PREPOSITIONS[settings.do]} {_where(transfer)}"
    else:
        message = f"{_nothing(transfer)} in {_where(transfer)}"
    message = "; ".join([message, *transfer.remarks])
    if not count and settings.none == "fail":
        return StepOutcome(status=StepStatus.FAILED, message=message)
    # Whatever was left out may be what the day was about.
    status = StepStatus.WARNING if transfer.remarks or not count else StepStatus.SUCCESS
    # Compared with the run before: a day with half of the bytes shows on the page.
    figures = {"files": count, "bytes": sum(one.file.size_bytes or 0 for one in transfer.done)}
    outputs, asked = {**made, **_lists(transfer)}, following.asked(transfer)
    return StepOutcome(status=status, message=message, outputs=outputs, figures=figures, follow_up=asked)


def _earlier(transfer: FileTransfer) -> str:
    count = sum(one.was_done for one in transfer.done) + transfer.before
    return f", {count:,} of them before," if count else ""


def _nothing(transfer: FileTransfer) -> str:
    pattern = transfer.settings.pattern
    return f"no file is called {pattern}" if pattern else "no file of the list is"


def _counted(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _where(transfer: FileTransfer) -> str:
    connection = transfer.context.connection
    assert connection is not None
    # By its name: who reads the run's page need not know the address.
    return f'"{connection.name}"{f", {transfer.folder}" if transfer.folder else ""}'


def _lists(transfer: FileTransfer) -> dict[str, OutputValue]:
    outputs: dict[str, OutputValue] = {}
    wanted = transfer.settings.outputs
    if (reference := parse(wanted.count)) is not None:
        outputs[reference] = len(transfer.done) + transfer.before
    if (reference := parse(wanted.list)) is not None:
        path = transfer.context.folder / "list.csv"
        path.write_bytes(list_of(transfer.done))
        name = transfer.context.target(reference).file_name or "files.csv"
        outputs[reference] = FileOutput(path=str(path), name=name)
    return outputs
