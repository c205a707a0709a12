"""A server's isolation in a container, run as a program by root: `contained.py CAPABILITIES NAMESPACES FOLDER [REFUSED]`.

CAPABILITIES are what the container leaves its root ("none", "docker", "docker and read", "docker and mount"), REFUSED a
call that its seccomp profile refuses. Prints what a script and its walls came to.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from procession.actions.contract import FileInput
from procession.engine.isolation import linux, seccomp
from tests.engine.isolation import house

# What Docker and Podman leave a container by default: no CAP_DAC_READ_SEARCH, and none to mount or trace.
DOCKER = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)
SYS_ADMIN = 21
CODE = """
import os
values = context.value('data.file')
print(os.getuid(), open(values.path).read(), end=' ')
open('own', 'w').write('mine')
for name in ('Inh', 'Prm', 'Eff', 'Amb'):
    print(*[line.split()[1].strip('0') for line in open('/proc/self/status') if line.startswith('Cap' + name)], end=';')
"""


def main() -> None:
    capabilities, namespaces, folder = sys.argv[1], sys.argv[2] == "True", Path(sys.argv[3])
    more = {"docker and read": linux.CAP_DAC_READ_SEARCH, "docker and mount": SYS_ADMIN}
    kept = () if capabilities == "none" else (*DOCKER, *([more[capabilities]] if capabilities in more else []))
    linux.forbid_capabilities(but=kept)
    linux.set_capabilities(*kept)
    for call in sys.argv[4:]:
        seccomp._load({call: seccomp.FOR_MOUNTING[call]})
    home = folder / "home"
    home.mkdir(mode=0o700)
    given = home / "input"
    given.write_text("closed to others")
    given.chmod(0o600)
    with house.house_with(home / "work", user_ready=1, warm_ready=0, namespaces=namespaces) as one:
        (home / "work").mkdir()
        walls = [wall.name for wall in one.isolation.walls() if wall.stands]
        told = one.run(CODE, data__file=FileInput(path=str(given), name="input", size_bytes=16))
    print(json.dumps({"walls": walls, "said": told.log, "end": str(told.end)}))


if __name__ == "__main__":
    main()
