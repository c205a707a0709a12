"""What a user's script sees while it runs: `outputs`, `message`, `warn`, `progress`, and a `print` that is logged."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from procession.actions import values
from procession.actions.contract import Context, FileInput, FileOutput, OutputTarget, OutputValue

_LINE_CHARACTERS_MAX = 65_536  # a print without a line break is cut here, so that the log never holds back much
_SUFFIX_CHARACTERS_MAX = 10


class Outputs(MutableMapping[str, Any]):
    """`outputs["name"] = value`, or write to the path that `outputs.file("name")` returns."""

    def __init__(self, folder: Path, targets: Mapping[str, OutputTarget]) -> None:
        self._folder = folder
        self._targets = targets
        self._values: dict[str, Any] = {}
        self._names: dict[str, str] = {}

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

    def collect(self) -> dict[str, OutputValue]:
        """Everything assigned, by output name. Raises values.DoesNotFit naming the output."""
        return {name: self._collect_one(name, value) for name, value in self._values.items()}

    def _collect_one(self, name: str, value: object) -> OutputValue:
        target = self._targets[name]
        try:
            if target.type == "File" and value is not None:
                return self._collect_file(name, value)
            return values.fit(value, target.type)
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
    # Libraries choose the format by it; nothing else of a user's text may reach a path (spec/trust.md, rule 7).
    suffix = Path(file_name).suffix
    return suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) <= _SUFFIX_CHARACTERS_MAX else ""


class Remarks:
    """What the script said with message() and warn()."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._message = ""
        self._warnings: list[str] = []

    def message(self, text: object) -> None:
        self._message = str(text)

    def warn(self, text: object) -> None:
        self._warnings.append(str(text))
        self._context.log(f"warning: {text}\n")

    @property
    def has_warnings(self) -> bool:
        return bool(self._warnings)

    def text(self) -> str:
        return "; ".join(part for part in (self._message, *self._warnings) if part)


class LogWriter(io.TextIOBase):
    """Stands for stdout and stderr: hands whole lines to the step's log."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pending = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._pending += text
        end = self._pending.rfind("\n") + 1
        if end == 0 and len(self._pending) > _LINE_CHARACTERS_MAX:
            end = len(self._pending)
        if end:
            self._context.log(self._pending[:end])
            self._pending = self._pending[end:]
        return len(text)

    def finish(self) -> None:
        """Hand over what came after the last line break."""
        if self._pending:
            self._context.log(self._pending + "\n")
        self._pending = ""


def as_script_value(value: object) -> object:
    """A File is a Path for a script; everything else is what it is."""
    return Path(value.path) if isinstance(value, FileInput) else value
