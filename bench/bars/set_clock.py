"""A server whose wall clock is set by a file beside its home, as an administrator or NTP sets a machine's.

    python -m bench.bars.set_clock HOME

The file `jump` beside the home holds the seconds by which the wall clock is wrong, and those that have passed unseen:
the clock by which tokens end counts them too.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path

from procession import config
from procession.clock import SystemClock
from procession.serving import server
from procession.serving.active_home import ActiveHome
from procession.serving.server import Ready


class SetClock(SystemClock):
    """The steady clock of runs is the machine's."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=sum(self._read()))

    def since_boot(self) -> float:
        return super().since_boot() + self._read()[1]

    def _read(self) -> tuple[float, float]:
        jump, passed = self._file.read_text().split()
        return float(jump), float(passed)


def main() -> int:
    home = Path(sys.argv[1])

    def announce(ready: Ready, _home: ActiveHome) -> None:
        print(json.dumps({"address": ready.address}), flush=True)

    settings = config.read(home=str(home), port=0)
    return server.serve(settings, announce=announce, clock=SetClock(home.parent / "jump"))


if __name__ == "__main__":
    sys.exit(main())
