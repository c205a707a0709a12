"""run --wait: watches the run to its end. Where no server works on the home, runs the engine itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from procession import loops
from procession.commands import views
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.commands.watching import Screen
from procession.home import Busy
from procession.model.errors import Unavailable
from procession.model.ids import RunId
from procession.model.lifecycle import RUN_FINAL, Outcome
from procession.model.runs import HistoryKind
from procession.operations import letters, runs
from procession.store import follow_ups, history, steps

# A person sees no delay of a twentieth of a second.
LOOK_SECONDS = 0.05
# A mail server that hangs must not hold the command up for ever.
MAILS_MAX = 20  # sent before the command ends
FOLLOW_UP_SECONDS_MAX = 60.0  # the same for another server, at which files are put away


def wait(console: Console, opened: OpenedHome, run_id: RunId) -> int:
    """0 if the outcome is Success or Warning, else 1. Interrupting it does not stop a run on a server."""
    screen = None if console.json else Screen()
    begun_at = -1
    with _engine(console, opened, run_id):

        def look() -> bool:
            nonlocal begun_at
            with opened.database.read() as tx:
                run = runs.find(tx, run_id)
                is_live = screen is not None and screen.is_terminal
                # On a terminal the durations move all the time; in a file only changes are worth a line.
                if screen is not None and (is_live or run.revision != begun_at):
                    screen.show(views.view(run, steps.of_run(tx, run_id), opened.resources.steady()))
            begun_at = run.revision
            return run.status in RUN_FINAL

        try:
            loops.until(look, rest_seconds=LOOK_SECONDS)
        except KeyboardInterrupt:
            console.tell(f"{run_id} goes on while a server runs; look at it with: procession status {run_id}")
            raise
    return _answer(console, opened, run_id)


def _answer(console: Console, opened: OpenedHome, run_id: RunId) -> int:
    with opened.database.snapshot() as tx:
        run, rows = runs.find(tx, run_id), steps.of_run(tx, run_id)
    content = {**views.run_content(run), "steps": [views.step_content(row) for row in rows]}
    console.answer(content, f"{run.id} {views.one_line(run.name)}: {run.outcome or run.status}")
    return 0 if run.outcome in {Outcome.SUCCESS, Outcome.WARNING} else 1


@contextmanager
def _engine(console: Console, opened: OpenedHome, run_id: RunId) -> Iterator[None]:
    """Starts an engine, unless another process has the home."""
    if opened.home.is_awake():
        yield
        return
    # Imported here: beside a server it is never needed, and it is most of the program.
    from procession.serving.active_home import open_active_home

    try:
        active_home = open_active_home(opened.settings, clock=opened.clock, on_fatal=_stop)
    except Busy:
        # A server started at the same moment.
        yield
        return
    try:
        yield
        _finish(console, opened, run_id)
    finally:
        # A second Ctrl-C while the steps end: they are killed all the same.
        with suppress(click.Abort):
            active_home.close()


def _finish(console: Console, opened: OpenedHome, run: RunId) -> None:
    _follow_up(console, opened, run)
    _send_alerts(opened)


def _follow_up(console: Console, opened: OpenedHome, run: RunId) -> None:
    """Waits until what its steps have asked for was tried once, and tells what came of it: no server will."""
    until = opened.clock.monotonic() + FOLLOW_UP_SECONDS_MAX

    def is_tried() -> bool:
        with opened.database.read() as tx:
            return not follow_ups.has_untried(tx, run) or opened.clock.monotonic() > until

    loops.until(is_tried, rest_seconds=LOOK_SECONDS)
    with opened.database.read() as tx:
        rows = [row for row in history.of_run(tx, run) if row.kind is HistoryKind.FOLLOWED_UP]
    for row in rows:
        console.tell(f"afterwards: {row.detail['message']}")


def _send_alerts(opened: OpenedHome) -> None:
    """Sends alerts now, since no server will. Unsent ones wait for a server."""
    from procession import mail

    settings = opened.settings
    address = f"http://{settings.host}:{settings.port}"
    sending = mail.sending(settings, opened.database, opened.clock, opened.resources.home_clock, address=address)
    for _ in range(MAILS_MAX):
        if sending is None or not letters.tick(sending):
            return


def _stop(reason: str) -> None:
    raise Unavailable(reason)
