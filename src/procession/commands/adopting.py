"""adopt: take over what was under way in the home that this one is a copy of."""

from __future__ import annotations

from pathlib import Path

from procession.commands import opening, wording
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.home import Busy, Home
from procession.store import history, identity
from procession.store.database import Transaction
from procession.store.identity import Identity, LeftAlone, Original

RUNS_NAMED_MAX = 10
ADOPT = "procession adopt takes it over"


def adopt(console: Console, *, is_meant: bool) -> int:
    """Without `is_meant` it only tells. Raises NotFound, and Busy while a server works on the original."""
    with opening.open_home(console) as opened:
        with opened.database.snapshot() as tx:
            found, held = identity.find(tx), identity.held(tx)
        # Only then is there anything that two servers could do twice.
        if found.original is not None and held:
            _check_original(found.original)
        if is_meant and found.original is not None:
            held = opened.database.write(lambda tx: _take_over(tx, opened, found))
            # One is enough; a wake-up for each of a thousand would only be dropped.
            for run in held.runs[:1]:
                opened.home.wake(run)  # whoever looks at one finds the others
        _tell(console, opened.home, found, held, is_meant=is_meant)
    return 0


def _check_original(original: Original) -> None:
    home = Home(folder=Path(original.path))
    # By its lock and not by a file of a pid: a lock ends with its process.
    if is_there(original) and (holder := home.holder()) is not None:
        raise Busy(
            f"{holder} works on the original, {home.folder}: its runs would be done twice; end it for good first, or"
            " cancel these runs here (procession cancel)"
        )


def is_there(original: Original) -> bool:
    """Whether the home that this one was copied from is where it was."""
    return Home(folder=Path(original.path)).identity() == original.id


def _take_over(tx: Transaction, opened: OpenedHome, found: Identity) -> LeftAlone:
    taken = identity.adopt(tx)
    assert found.original is not None
    message = f"Took over {_counted(taken)} of {found.original.path}, of which this home is a copy"
    act = opening.operator(tx, opened)
    # In the log that users read: they will wonder why their runs went on here.
    history.add_log(tx, act.author, message, act.now)
    return taken


def remark(found: Identity, held: LeftAlone) -> str | None:
    """For the operator, while something is held."""
    if found.original is None or not held:
        return None
    return f"this home is a copy of {found.original.path}; what was under way there is left alone ({_counted(held)})"


def _counted(held: LeftAlone) -> str:
    parts = [wording.counted(len(held.runs), "run")]
    for count, noun in ((held.letters, "letter"), (held.follow_ups, "follow-up")):
        if count:
            parts.append(wording.counted(count, noun))
    return " and ".join(parts)


def _tell(console: Console, home: Home, found: Identity, held: LeftAlone, *, is_meant: bool) -> None:
    original = found.original
    content = {
        "home": home.folder,
        "original": original and original.path,
        "runs": [str(run) for run in held.runs],
        "letters": held.letters,
        "followUps": held.follow_ups,
        "isDone": is_meant,
    }
    console.answer(content, "\n".join(_lines(home, original, held, is_meant=is_meant)))


def _lines(home: Home, original: Original | None, held: LeftAlone, *, is_meant: bool) -> list[str]:
    if original is None:
        return [f"{home.folder} is no copy of another home: there is nothing to take over"]
    if not held:
        return [f"{home.folder} is a copy of {original.path}, and nothing was under way there"]
    names = ", ".join(map(str, held.runs[:RUNS_NAMED_MAX])) + (" ..." if len(held.runs) > RUNS_NAMED_MAX else "")
    lines = [f"{home.folder} is a copy of {original.path}, with {_counted(held)} under way: {names}"]
    if is_there(original):
        lines.append("  The original is still there. Never start a server on it again: both would do these runs.")
    if is_meant:
        return [*lines, "  They go on here now. A step that was under way runs again, unless it is effect: once."]
    return [*lines, "  Here they would go on. Nothing was changed; --yes does it"]
