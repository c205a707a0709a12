"""What a user's script sees while it runs: `inputs`, `outputs`, `message`, `warn` (docs/scripts.md)."""

from __future__ import annotations

import contextlib
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from procession.actions import references, values
from procession.actions.contract import Context, FileInput, FileOutput, OutputTarget, OutputValue

_SUFFIX_CHARACTERS_MAX = 10


class Outputs(MutableMapping[str, Any]):
    """`outputs["name"] = value`, or write to the path that `outputs.file("name")` returns."""

    def __init__(self, folder: Path, targets: Mapping[str, OutputTarget]) -> None:
        self._folder = folder
        self._targets = targets
        self._values: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self.kept: dict[str, OutputValue] = {}  # what the step hands over

    def file(self, name: str, file_name: str = "") -> Path:
        """A path to write the output's file to; `file_name` is what people will see (default: the name it has now)."""
        target = self._target(name)
        if target.type != "File":
            raise ValueError(f'the output "{name}" is a {target.type}, not a File')
        known_as = Path(file_name or target.file_name or name).name
        path = self._folder / "outputs" / f"{name}{_suffix(known_as)}"
        path.parent.mkdir(exist_ok=True)
        self._values[name], self._names[name] = path, known_as
        return path

    def keep_values(self) -> None:
        """Fit what was assigned to the types of its properties. Raises values.DoesNotFit naming the output."""
        self._keep(are_files=False)

    def keep_files(self) -> None:
        """The files, as they are by now. Raises values.DoesNotFit naming the output."""
        self._keep(are_files=True)

    def _keep(self, *, are_files: bool) -> None:
        for name, value in self._values.items():
            kind = self._targets[name].type
            if (kind == "File" and value is not None) is not are_files:
                continue
            try:
                self.kept[name] = self._collect_file(name, value) if are_files else values.fit(value, kind)
            except values.DoesNotFit as error:
                raise values.DoesNotFit(f'the output "{name}": {error}') from None

    def _collect_file(self, name: str, value: object) -> FileOutput:
        if not isinstance(value, Path):
            raise values.DoesNotFit(f'a file is wanted; write to outputs.file("{name}") or assign a Path')
        path = (self._folder / value).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise values.DoesNotFit("the file is not in the step's folder; copy it to the path of outputs.file()")
        if not path.is_file():
            raise values.DoesNotFit("the file was not written")
        return FileOutput(path=str(path), name=self._names.get(name, value.name))

    def _target(self, name: str) -> OutputTarget:
        if name not in self._targets:
            known = ", ".join(self._targets) or "none"
            raise ValueError(f'there is no output "{name}" (outputs of this step: {known})')
        return self._targets[name]

    def __setitem__(self, name: str, value: object) -> None:
        self._target(name)
        self._values[name] = value
        self._names.pop(name, None)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __delitem__(self, name: str) -> None:
        del self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _suffix(file_name: str) -> str:
    # Libraries choose the format by it; nothing else of a user's text may reach a path.
    suffix = Path(file_name).suffix
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= _SUFFIX_CHARACTERS_MAX else ""


class Remarks:
    """What the script said with message() and warn()."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._message = ""
        self._warnings: list[str] = []

    def message(self, text: object) -> None:
        self._message = values.writable(str(text))

    def warn(self, text: object) -> None:
        self._warnings.append(values.writable(str(text)))
        flush_standard()
        self._context.log(f"warning: {text}\n")

    @contextlib.contextmanager
    def of_failures(self) -> Iterator[None]:
        """Remark on an exception in a thread or at the exit: Python prints it, and calls the program a success."""
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
    """What was printed goes to the log, before something else does."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # the script may have closed or replaced it
            stream.flush()


def as_script_value(context: Context, given: references.Given) -> object:
    """A File is a Path for a script; everything else is what it is for SQL too."""
    value = references.resolve(context, given)
    return Path(value.path) if isinstance(value, FileInput) else references.dated(context, given, value)
