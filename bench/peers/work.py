"""What the steps of every system do. Our own steps run the source of `resist`, so it imports what it needs itself."""

from __future__ import annotations

import time
from pathlib import Path


def tell_time(path: str) -> None:
    """The first statement of a step looks at the clock; what follows is not measured."""
    now = time.time()
    unfinished = Path(path + ".part")
    unfinished.write_text(repr(now))
    unfinished.rename(path)


def resist(names: str) -> None:
    """Ignores TERM, with a child that does too. /proc shows both under these names, a thread as well as a process."""
    import contextlib
    import ctypes
    import signal
    import subprocess
    import sys
    import time

    name_it = "import ctypes,signal,sys,time;ctypes.CDLL(None).prctl(15,sys.argv[1].encode(),0,0,0);"
    ignore = "signal.signal(signal.SIGTERM,signal.SIG_IGN);time.sleep(float(sys.argv[2]))"
    step, child = names.split()
    own_name, prctl = ctypes.create_string_buffer(16), ctypes.CDLL(None).prctl
    prctl(16, own_name, 0, 0, 0)
    with contextlib.suppress(ValueError):  # only a main thread can; elsewhere TERM does not come at all
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end_at = time.monotonic() + 45
    subprocess.Popen([sys.executable, "-c", name_it + ignore, child, "45"])
    try:
        prctl(15, step.encode(), 0, 0, 0)
        while time.monotonic() < end_at:
            time.sleep(0.1)
    finally:  # the thread may have other work after this
        prctl(15, own_name.value, 0, 0, 0)
