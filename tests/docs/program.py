"""What `procession` is in the terminals of most documents: forked, as its import takes longer than what it does.

The shell hands down the way to the process that forks. Signals are passed on, and its end is this program's.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from tests import forking

WAY = "WAY_TO_PROCESSION"
ROOT = Path(__file__).parents[2]
_SCRIPT = f"""#!{sys.executable} -SE
import sys
sys.path.append({str(ROOT)!r})
from tests.docs import program
program.main(sys.argv[1:])
"""


def install(folder: Path) -> tuple[dict[str, str], int]:
    """Into an empty folder; gives what the shell's environment says of it, and the handle that it inherits."""
    folder.mkdir()
    script = folder / "procession"
    script.write_text(_SCRIPT)
    script.chmod(0o755)
    handle = forking.of_commands().fileno()
    return {WAY: str(handle)}, handle


def main(arguments: Sequence[str]) -> None:
    environment = dict(os.environ)
    way = socket.socket(fileno=int(environment.pop(WAY)))
    process = forking.Forked(arguments, str(Path.cwd()), (0, 1, 2), environment=environment, parent=way)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: process.send_signal(number))
    code = process.wait()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)
