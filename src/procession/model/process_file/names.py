"""What the references of a process file can name."""

from __future__ import annotations

import re

from procession.model.processes import Process, Property

REFERENCE = re.compile(r"\$\{([^${}]+)\}")  # ${step.property}, as a text or within one


class Names:
    """`steps`: keys in their order; `properties` by "step.property". Looked up once for each of 100,000 references."""

    def __init__(self, process: Process) -> None:
        self.steps = dict.fromkeys(step.key for step in process.steps)
        self.properties: dict[str, Property] = {}
        for step, item in process.properties():
            # The first of two with one key, as Process.property() finds it.
            self.properties.setdefault(f"{step.key}.{item.key}", item)
