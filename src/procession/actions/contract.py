"""What an action is: settings, a function from Context to StepOutcome, and an example that is run as a test.

An action runs in the isolated child (engine/isolation), never in the server: it knows no database, no HTTP, no
other action. References in its settings were resolved before it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import msgspec

from procession.actions.in_engine import Assigned, EngineContext, Place, finds_none_among
from procession.actions.run_facts import RunFacts
from procession.model.approvals import Vote
from procession.model.child_runs import CalledRow, ChildEnd, ProcessCall
from procession.model.columns import Column
from procession.model.figures import Figures
from procession.model.follow_ups import FollowUp
from procession.model.lifecycle import StepStatus
from procession.model.plans import StepAmong
from procession.model.processes import Effect
from procession.model.suggestions import SuggestionSource
from procession.model.table_uses import TableUse


class FileInput(msgspec.Struct, frozen=True, kw_only=True):
    """A file given to an action: where its bytes are (read only), and its name for people.

    The body of a request has no name.
    """

    path: str
    name: str
    size_bytes: int

    @property
    def called(self) -> str:
        """Its name in messages."""
        return f'the file "{self.name}"' if self.name else "the body"


class TableFile(msgspec.Struct, frozen=True, kw_only=True):
    """A Parquet file of a table's version, read only."""

    path: str
    rows: int


class TableInput(msgspec.Struct, frozen=True, kw_only=True):
    """A managed table given to an action, at the version that the step reads; `columns` begin with `_Record_ID`."""

    name: str
    version: int
    columns: tuple[Column, ...]
    files: tuple[TableFile, ...]

    @property
    def called(self) -> str:
        return f'the table "{self.name}"'


class ConnectionInput(msgspec.Struct, frozen=True, kw_only=True):
    """The connection of a step that reaches outside, for its one attempt; never written anywhere.

    `options` are those of its kind, `secrets` by their names (model/connections). Unless `private_hosts`, no address
    of this machine or of a private network may be reached.
    """

    name: str
    kind: str
    options: dict[str, Any]
    secrets: dict[str, str] = {}
    private_hosts: bool = False

    @property
    def called(self) -> str:
        return f'the connection "{self.name}"'

    def __repr__(self) -> str:
        # Whoever prints it, or a traceback with the values of its variables, tells no secret.
        return f"ConnectionInput(name={self.name!r}, kind={self.kind!r})"


class FileOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A file that an action wrote into its work folder; the engine publishes it."""

    path: str
    name: str


# What crosses the pipe. A Decimal travels as itself (a msgpack extension type: engine/isolation/codec.py).
InputValue = str | int | Decimal | bool | None | FileInput | TableInput
OutputValue = str | int | Decimal | bool | None | FileOutput


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTarget:
    """Where an output goes: the property's type ("File", ...) and, for a File, the name it has now ("" if none).

    Of a managed table the type is TABLE, the name its name, and `columns` what the rows must fit. `appended` are files
    of the step's run, by "step.property", that a run which appended rows to the table had too: with that version.
    """

    type: str
    file_name: str = ""
    columns: tuple[Column, ...] = ()
    appended: Mapping[str, int] = field(default_factory=dict)


TABLE = "table"  # the type of a target that is a managed table


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """How an attempt ended: SUCCESS, WARNING or FAILED, the completion message, and outputs by reference.

    `outputs` is keyed by "step.property" or "table:Name" as in the settings, without "${" and "}". Those of a step that
    failed are kept too, but for tables and once it is not tried again: give them only where they show why. `figures`,
    such as control totals, are kept with the attempt, and compared with those of the run before. `rows`: it has only
    read what to start runs for, and the step goes on with those. `follow_up` is done once all of it is on disk.
    """

    status: StepStatus
    message: str = ""
    outputs: Mapping[str, OutputValue] = field(default_factory=dict)
    figures: Figures = field(default_factory=dict)
    follow_up: FollowUp | None = None
    rows: tuple[CalledRow, ...] | None = None


# Two implementations: the isolated child's, and the one that examples are tried with.
class Context(Protocol):
    """The world of an action: it writes only into `folder` and reports only through these calls."""

    @property
    def settings(self) -> Any:
        """The action's own settings Struct, converted and checked."""

    @property
    def folder(self) -> Path:
        """An empty folder of this attempt, deleted afterwards."""

    @property
    def step_key(self) -> str: ...

    @property
    def idempotency_key(self) -> str:
        """home/run/step/attempt: the same for every try and after a crash; a restart is another attempt."""

    @property
    def about(self) -> RunFacts | None:
        """The run; None where there is none, as in a preview."""

    @property
    def memory_bytes_max(self) -> int:
        """Memory limit of the process; DuckDB gets a part of it."""

    def value(self, reference: str) -> InputValue:
        """The value of "step.property" when the step began; a File is a FileInput, an empty one None.

        Of a TableUse's place it is a TableInput.
        """

    def type_of(self, reference: str) -> str:
        """The type of the property that "step.property" names: Datepicker, Decimal..."""

    def target(self, reference: str) -> OutputTarget:
        """The target of an output. Raises KeyError for a reference that is not in the settings."""

    @property
    def connection(self) -> ConnectionInput | None:
        """The connection that the settings name (Action.connection); None for an action that names none."""

    @property
    def journal(self) -> tuple[str, ...]:
        """What earlier tries of this step recorded, in order: effects that must not be repeated."""

    def record(self, entry: str) -> None:
        """Adds to the journal; returns once it is on disk. At most 200 characters."""

    def log(self, text: str) -> None: ...

    def progress(self, fraction: float, message: str = "") -> None:
        """Reports progress from 0.0 to 1.0 and the present activity."""

    # For user code, which is the program of its process.

    @property
    def has_network(self) -> bool: ...

    @property
    def is_copy(self) -> bool:
        """Whether this process is a fork of the script's, not the step itself."""

    def begin_program(self, code: str) -> str:
        """Set the process up for the script; gives the path of the script's file."""

    def end_program(self) -> None:
        """Wait for its threads and call its exit functions, as Python does at a program's end."""

    def close_files(self, names: MutableMapping[str, Any]) -> str:
        """Clears the script's names and closes its files; returns why one could not be written, else ""."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A small complete case of an action, run as a test and printed in the docs.

    `inputs` and `outputs` are keyed by "step.property"; bytes stand for a file's content, (name, bytes) for a named
    one.
    `expected` holds the output values; a file's bytes are compared exactly. A workbook may be given as the rows of its
    sheets, as they are read again, and an archive as what its members begin with.
    """

    settings: Mapping[str, Any]
    inputs: Mapping[str, Any]
    targets: Mapping[str, OutputTarget]
    expected: Mapping[str, Any]
    status: StepStatus = StepStatus.SUCCESS
    message: str = ""
    votes: tuple[Vote, ...] = ()  # of an action that asks people
    child: ChildEnd | None = None  # of an action that starts a process run
    rows: tuple[CalledRow, ...] | None = None  # the same, for each row: what it starts runs for


def nothing(settings: Any) -> tuple[Any, ...]:
    """For an action whose settings hold no references."""
    return ()


def _finds_no_mistakes(steps: Sequence[Any]) -> Sequence[Sequence[tuple[str, str]]]:
    return [() for _ in steps]


def _no(settings: Any) -> bool:
    return False


def _names_no_connection(settings: Any) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """An action's entry in the registry of actions.

    `reads` and `writes` list the references of a settings object, so that `procession apply` can check both; `tables`
    says how it uses the tables among them.
    `runs_user_code` puts every attempt into a process of its own that is never used again.
    """

    kind: str
    title: str
    settings: type[msgspec.Struct]
    run: Callable[[Context], StepOutcome]
    reads: Callable[[Any], tuple[str, ...]]  # settings -> "step.property" and "table:Name" references it reads
    writes: Callable[[Any], tuple[str, ...]]  # settings -> the same that it writes
    # Not optional: an action that nobody has shown cannot be believed.
    examples: tuple[Example, ...]
    check: Callable[[Any], tuple[str, ...]] = nothing  # more mistakes in the settings, in the user's words
    # Slow checks, for all steps of the kind in a file at once: for each step its mistakes, as the name of a setting
    # and a message. Called when a file is applied, outside any transaction.
    check_together: Callable[[Sequence[Any]], Sequence[Sequence[tuple[str, str]]]] = _finds_no_mistakes
    tables: Callable[[Any], tuple[TableUse, ...]] = nothing
    runs_user_code: bool = False
    wants_network: Callable[[Any], bool] = _no
    # The FileOptions of all files that it reads as relations, so that a page can show them as the step will see them.
    relations: Callable[[Any], tuple[Any, ...]] = nothing
    gathers: Callable[[Any], bool] = _no  # whether several outputs may go to one File, as columns of its rows
    rejects: Callable[[Any], bool] = _no  # whether it may leave out rows that do not fit: they are no sure failure
    suggests: Callable[[Any], SuggestionSource | None] | None = None  # for people to decide, on a page
    effect: Effect = Effect.IDEMPOTENT  # default of the kind; PURE: a step changes nothing but its outputs
    effect_of: Callable[[Any], Effect] | None = None  # where it depends on the settings
    # It reaches outside: a process of its own, with the network, that sees nothing but its folder and its inputs.
    reaches: bool = False
    connection: Callable[[Any], str] = _names_no_connection  # settings -> the name of the connection it goes by
    connection_kinds: frozenset[str] = frozenset()  # those that it can use
    # What it would send, and to whom: for one that reaches, and is tried. No secret is given, and no network.
    preview: Callable[[Context], str] | None = None
    # The engine performs it, in the transaction that begins it: no process, no try after a failure, no time limit of
    # its own. Only for the actions of this package: code of others never runs in the server. `run` is in_the_engine.
    perform: Callable[[EngineContext], StepOutcome] | None = None
    conditions: Callable[[Any], tuple[Place, ...]] = nothing  # where in its settings conditions stand
    assigns: Callable[[Any], tuple[Assigned, ...]] = nothing  # the constants in its settings that properties are given
    # It asks people, and waits without a process for what they decide: the engine calls this with their votes.
    settle: Callable[[Any, Sequence[Vote]], StepOutcome] | None = None
    # It starts a run of another process, and waits without a process for its end: then the engine calls `after`.
    call: Callable[[Any], ProcessCall] | None = None
    after: Callable[[Any, ChildEnd], StepOutcome] | None = None
    # More mistakes, for which the process must be known: where in the settings, and what.
    check_among: Callable[[Any, StepAmong], Sequence[tuple[Place, str]]] = finds_none_among

    @property
    def needs_no_process(self) -> bool:
        return self.perform is not None or self.settle is not None or self.call is not None
