"""A process: its file and versions, its steps, its runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from procession.client import asking, reading, sources, steps
from procession.client.asking import Ask
from procession.client.connection import Connection
from procession.client.errors import Invalid, ProcessionError
from procession.client.properties import Value
from procession.client.runs import Run
from procession.client.shapes import Named, ProcessDetails, StepDetails, Version
from procession.client.sources import Source
from procession.client.steps import Step

YAML = "application/yaml"


class Process:
    """A process by its id."""

    def __init__(self, connection: Connection, id: str) -> None:
        self._connection = connection
        self.id = id

    def __repr__(self) -> str:
        return f"Process({self.id!r})"

    def details(self) -> ProcessDetails:
        return reading.shape(ProcessDetails, self._connection.get(self._path))

    def create_run(
        self,
        *,
        inputs: Mapping[str, Value] | None = None,
        files: Mapping[str, Source] | None = None,
        start: bool = False,
        name_prefix: str | None = None,
    ) -> Run:
        """Creates a run with these values ("step.property") and files; starts it if `start`.

        The server sets values and starts in one transaction. With `files`, it starts after their upload.
        What can be known before is looked at before: that each file can be read, and that its property is there. If
        an upload or the start fails nevertheless, the run is left as it is; the error has a note with its id.
        """
        # Before the run exists: a mistake must not leave one behind.
        self._check(files or {})
        # With files the start has to wait for the last upload.
        content: dict[str, object] = {"start": start and not files}
        if inputs:
            content["inputs"] = dict(inputs)
        if name_prefix is not None:
            content["namePrefix"] = name_prefix
        made = self._connection.post(f"{self._path}/processruns", content)
        run = Run(self._connection, str(reading.field(made, "id")))
        if files:
            _fill(run, files, start=start)
        return run

    def _check(self, files: Mapping[str, Source]) -> None:
        """Raises Invalid, NotFound."""
        for source in files.values():
            sources.content(source)
        known = self.steps() if files else []
        for reference in files:
            step, name = steps.split(reference)
            item = steps.find(known, step, self.id).property(name)
            _ = item.file  # which refuses what is no File
            if item.flow == "OUTPUT":
                raise Invalid(f"{reference} is an OUTPUT: a step of the run writes it, nobody uploads it")

    def runs(self, *, created_after: datetime | None = None, created_before: datetime | None = None) -> list[Named]:
        query = {"dateCreatedStart": created_after, "dateCreatedEnd": created_before}
        return reading.shapes(Named, self._connection.get(f"{self._path}/processruns", query))

    def steps(self) -> list[Step]:
        """Steps of the latest version: data and action steps where the server lists both, else data steps."""
        rows = self._connection.get(f"{self._path}/steps", {"include": "all"})
        return [Step(self._connection, details) for details in reading.shapes(StepDetails, rows)]

    def step(self, text: str) -> Step:
        """By its key, id, order or name. Raises NotFound."""
        return steps.find(self.steps(), text, self.id)

    def definition(self) -> str:
        """The process file as it was applied."""
        ask = asking.get(f"{self._path}/definition", headers={"accept": YAML})
        with self._connection.stream(ask) as response:
            return response.read().decode()

    def publish(self, text: str) -> ProcessDetails:
        """The next version from a process file in YAML or JSON. Raises Invalid with `mistakes` in its fields."""
        ask = Ask(method="PUT", path=f"{self._path}/definition", body=asking.fixed(text.encode(), YAML))
        return reading.shape(ProcessDetails, self._connection.json(ask))

    def versions(self) -> list[Version]:
        return reading.shapes(Version, self._connection.get(f"{self._path}/versions"))

    @property
    def _path(self) -> str:
        return f"processes/{self.id}"


def _fill(run: Run, files: Mapping[str, Source], *, start: bool) -> None:
    try:
        run.fill({}, files)
        if start:
            run.start()
    except ProcessionError as error:
        # A note, so that the error keeps its type and its message.
        error.add_note(f"{run.id} was created and is not started")
        raise
