"""The names a user's script runs with: `inputs`, `outputs`, `message`, `warn` (docs/scripts.md)."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from procession.actions import references, values
from procession.actions.contract import TABLE, Context, FileInput, FileOutput, OutputTarget, OutputValue, TableInput
from procession.actions.problems import Problem
from procession.actions.references import Given
from procession.actions.scripting import script_settings
from procession.actions.scripting.script_settings import RunPythonSettings, ScriptSource

_OF_FILES = frozenset({"File", TABLE})  # types of outputs that a script may write as files
# Longer is no format that a library knows.
_SUFFIX_CHARACTERS_MAX = 10
# Of a binary number; what has three fewer when it is rounded to them was meant so.
_DIGITS_EXACT, _DIGITS_MEANT = 15, 12


class Outputs(MutableMapping[str, Any]):
    """`outputs["name"] = value`, or write to the path that `outputs.file("name")` returns."""

    def __init__(self, context: Context, targets: Mapping[str, OutputTarget], remarks: Remarks) -> None:
        self._folder = context.folder
        self._context = context
        self._targets = targets
        self._remarks = remarks
        self._values: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self.kept: dict[str, OutputValue] = {}  # fitted to their properties

    def file(self, name: str, file_name: str = "") -> Path:
        """A path to write the output to; `file_name`: its name for people (default: the present one)."""
        target = self._target(name)
        if target.type not in _OF_FILES:
            raise ValueError(f'the output "{name}" is a {target.type}, not a File')
        # Rows are Parquet unless the script says otherwise: it keeps their types.
        present = f"{name}.parquet" if target.type == TABLE else target.file_name
        known_as = Path(file_name or present or name).name
        # By the output's name, which is checked; the user's is for people only.
        path = self._folder / "outputs" / f"{name}{_suffix(known_as)}"
        path.parent.mkdir(exist_ok=True)
        if self._values.get(name) != path:
            self._refuse_copy(name)
        self._values[name], self._names[name] = path, known_as
        return path

    def keep_values(self) -> None:
        """Fits the assigned values to their properties. Raises values.DoesNotFit naming the output."""
        self._keep(are_files=False)

    def keep_files(self) -> None:
        """Takes the written files. Raises values.DoesNotFit naming the output."""
        self._keep(are_files=True)

    def _keep(self, *, are_files: bool) -> None:
        for name, value in self._values.items():
            kind = self._targets[name].type
            # None empties a File and is a value; rows for a table may be one too.
            is_file = isinstance(value, Path) if kind == TABLE else kind == "File" and value is not None
            if is_file is not are_files:
                continue
            try:
                self.kept[name] = self._fitted(name, value, kind)
            except values.DoesNotFit as error:
                raise values.DoesNotFit(f'the output "{name}": {error}') from None

    def _fitted(self, name: str, value: object, kind: str) -> OutputValue:
        """Raises values.DoesNotFit."""
        if kind == TABLE:
            return self._rows(name, value)
        if isinstance(value, float) and _has_residue(value):
            shown = float.__repr__(value)
            self._remarks.warn(f'the output "{name}" is {shown}: binary arithmetic left its trace; use decimal.Decimal')
        return self._collect_file(name, value) if kind == "File" and value is not None else values.fit(value, kind)

    def _rows(self, name: str, value: object) -> FileOutput:
        # Only scripts with tables pay for DuckDB.
        from procession.actions.scripting import script_tables

        given = Path(self._collect_file(name, value).path) if isinstance(value, Path) else value
        settings: RunPythonSettings = self._context.settings
        options = script_settings.options_of(settings.outputs[name])
        found: list[str] = []
        made = script_tables.take(self._context, self._targets[name], options, given, found)
        # As from the script: they end the step as Warning, and stand in its log.
        for text in found:
            self._remarks.warn(text)
        return made

    def _collect_file(self, name: str, value: object) -> FileOutput:
        if not isinstance(value, Path):
            raise values.DoesNotFit(f'a file is wanted; write to outputs.file("{name}") or assign a Path')
        # Resolved: a link out of the folder would hand over somebody else's file.
        path = (self._folder / value).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise values.DoesNotFit("the file is not in the step's folder; copy it to the path of outputs.file()")
        if path.is_dir():
            raise values.DoesNotFit("a file is wanted, and this is a folder; pack it into one file, such as a ZIP")
        if not path.is_file():
            raise values.DoesNotFit("the file was not written")
        return FileOutput(path=str(path), name=self._names.get(name, value.name))

    def _target(self, name: str) -> OutputTarget:
        if name not in self._targets:
            known = ", ".join(self._targets) or "none"
            raise ValueError(f'there is no output "{name}" (outputs of this step: {known})')
        return self._targets[name]

    def _refuse_copy(self, name: str) -> None:
        """A fork sets outputs only in its own memory; the step would succeed without them."""
        if self._context.is_copy:
            lost = f'the output "{name}" was set in a process that the script started; return the value to the script'
            self._remarks.warn(lost)
            raise RuntimeError(lost)

    def __setitem__(self, name: str, value: object) -> None:
        self._target(name)
        self._refuse_copy(name)
        self._values[name] = self._placed(value) if isinstance(value, Path) else value
        self._names.pop(name, None)

    def _placed(self, path: Path) -> Path:
        """The path as Python would resolve it now: a script may change its folder."""
        here = Path.cwd()
        return here / path if here.is_relative_to(self._folder) else path

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __delitem__(self, name: str) -> None:
        del self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _has_residue(value: float) -> bool:
    """Whether it is 0.30000000000000004, which somebody meant as 0.3: a number of few digits but for its last ones."""
    written, meant = (sum(map(str.isdigit, text)) for text in (float.__repr__(value), f"{value:.15g}"))
    return written > _DIGITS_EXACT and meant <= _DIGITS_MEANT


def _suffix(file_name: str) -> str:
    # Libraries choose the format by the extension; no other user text may reach a path.
    suffix = Path(file_name).suffix
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= _SUFFIX_CHARACTERS_MAX else ""


class Remarks:
    """What the script passed to message() and warn()."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._message = ""
        self._warnings: list[str] = []
        # A file, because a fork's memory is its own.
        self._of_copies = context.folder / ".warnings"  # of forks of the script

    def message(self, text: object) -> None:
        self._message = values.writable(str(text))

    def warn(self, text: object) -> None:
        words = values.writable(str(text))
        flush_standard()
        # In the log as well: the message is cut, the log is not.
        self._context.log(f"warning: {words}\n")
        if self._context.is_copy:
            with self._of_copies.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(words)}\n")
        else:
            self._warnings.append(words)

    def hear_copies(self) -> None:
        """Collects the warnings of forks."""
        with contextlib.suppress(FileNotFoundError), self._of_copies.open(encoding="utf-8") as file:
            self._warnings += [json.loads(line) for line in file]

    @contextlib.contextmanager
    def of_failures(self) -> Iterator[None]:
        """Remarks on exceptions in threads and at exit: Python prints them and still exits with 0."""
        # Called first, so that the traceback still stands in the log.
        usual = threading.excepthook, sys.unraisablehook

        def hear_thread(event: threading.ExceptHookArgs) -> None:
            usual[0](event)
            if not issubclass(event.exc_type, SystemExit):
                self._failed("a thread", event.exc_type, event.exc_value)

        def hear_exit(event: sys.UnraisableHookArgs) -> None:
            usual[1](event)
            if "atexit" in (event.err_msg or "") and not issubclass(event.exc_type, SystemExit):
                self._failed("a function of atexit", event.exc_type, event.exc_value)

        threading.excepthook, sys.unraisablehook = hear_thread, hear_exit
        try:
            yield
        finally:
            threading.excepthook, sys.unraisablehook = usual

    def _failed(self, what: str, kind: type[BaseException], error: BaseException | None) -> None:
        words = traceback.format_exception_only(kind, error)[-1].strip()
        self._warnings.append(values.writable(f"{what} failed: {words}"))

    @property
    def has_warnings(self) -> bool:
        return bool(self._warnings)

    def text(self) -> str:
        return "; ".join(part for part in (self._message, *self._warnings) if part)


def flush_standard() -> None:
    """Flushes printed text to the log before anything else is written."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(
            OSError, ValueError, AttributeError
        ):  # the script may have closed or replaced the stream
            stream.flush()


def as_script_value(context: Context, name: str, given: Given | ScriptSource) -> object:
    """A File is a Path for a script, a managed table the Path of its rows; everything else is what it is for SQL too.

    Raises Problem.
    """
    if (source := script_settings.source_of(given)) is not None:
        table = context.value(script_settings.use_of(source).place)
        if not isinstance(table, TableInput):
            raise Problem(f'the input "{name}" is not a table ({source.table})')
        from procession.actions.scripting import script_tables

        return script_tables.write_input(context, name, table)
    assert not isinstance(given, ScriptSource), "it is a source"
    value = references.resolve(context, given)
    if isinstance(value, FileInput):
        return _link(context.folder / "inputs" / name, value)
    return references.dated(context, given, value)


def _link(folder: Path, file: FileInput) -> Path:
    """Links the file under its name for people: libraries choose the format by it, and messages show it."""
    folder.mkdir(parents=True)
    path = folder / file.name
    # A link and not a copy: an input may have gigabytes, and is read only.
    path.symlink_to(file.path)
    return path
