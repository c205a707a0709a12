"""serve: runs the server and reports when it is ready."""

from __future__ import annotations

import sys

import procession
from procession import walls
from procession.clock import SystemClock
from procession.commands import adopting, checking, opening
from procession.commands.console import Console
from procession.config import Settings
from procession.serving import server
from procession.serving.active_home import ActiveHome
from procession.serving.server import Ready
from procession.store import applications, identity


def serve(console: Console, settings: Settings) -> int:
    """Gives the exit code. Raises Busy, SettingError, Invalid."""
    clock = SystemClock()

    def announce(ready: Ready, active_home: ActiveHome) -> None:
        # Now, because a new home needs somebody whom an application can act for.
        active_home.database.write(lambda tx: opening.ensure_admin(tx, clock))
        with active_home.database.read() as tx:
            can_sign_in = not applications.is_empty(tx)
            found, held = identity.find(tx), identity.held(tx)
        content = {
            "address": ready.address,
            "home": ready.home.folder,
            "pid": ready.pid,
            "walls": [checking.wall_content(wall) for wall in ready.walls],
            "hasApplications": can_sign_in,
            "heldRuns": len(held.runs),
        }
        console.answer(content, _text(ready, adopting.remark(found, held), can_sign_in=can_sign_in))
        # Whoever started us may read from a pipe and wait for this line.
        sys.stdout.flush()

    return server.serve(settings, announce=announce, clock=clock)


def _text(ready: Ready, remark: str | None, *, can_sign_in: bool) -> str:
    lines = [
        f"Procession {procession.__version__} is ready at {ready.address}",
        f"  home {ready.home.folder}, process {ready.pid}",
        f"  {walls.summary(ready.walls)}",
        *(f"    {wall.name}: {wall.told()}" for wall in walls.missing(ready.walls)),
    ]
    if remark is not None:
        lines.append(f"  {remark}; {adopting.ADOPT}")
    if not can_sign_in:
        home = f"--home {ready.home.folder}"
        lines.append("  no application can sign in yet; in another terminal:")
        lines.append(f'    procession application create {home} --name "My scripts" --user admin --scopes all')
    lines.append("  to sign in: POST /oauth/token with grant_type=client_credentials, client_id and client_secret")
    return "\n".join(lines)
