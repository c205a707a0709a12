"""Typst at work: a template that came from outside makes PDFs of data, and reaches nothing but these data.

Data are JSON in `sys.inputs`: never pasted into the template, so that no value is ever read as markup.
"""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.problems import Problem

if TYPE_CHECKING:
    from typst import Compiler

TEMPLATE_BYTES_MAX = 4 << 20
_PLACE = re.compile(r"\.typ:(\d+):\d+")  # in the drawing that Typst makes of a mistake
_PACKAGE = re.compile(r"failed to (download|load) package|package not found", re.IGNORECASE)
_NO_FILE = re.compile(r"file not found|would escape|failed to load file|access denied|cannot read|failed to read")


@dataclass(slots=True, kw_only=True)
class Typesetter:
    """A template, read once for all its documents. `warnings` are what Typst has told, each once."""

    name: str
    content: bytes
    compiler: Compiler
    warnings: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, template: Path, name: str, folder: Path) -> Typesetter:
        """Raises Problem for what is no text."""
        import typst

        content = template.read_bytes()
        if len(content) > TEMPLATE_BYTES_MAX:
            raise Problem(
                f'the template "{name}" has {len(content) >> 20} MiB; at most {TEMPLATE_BYTES_MAX >> 20} are read'
            )
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise Problem(f'the template "{name}" is no text in UTF-8 (line {line})') from None
        # Without the fonts of this machine: another one would make other documents.
        nowhere = str(folder)
        made = typst.Compiler(
            content, root=nowhere, ignore_system_fonts=True, package_path=nowhere, package_cache_path=nowhere
        )
        return cls(name=name, content=content, compiler=made)

    def make(self, data: Mapping[str, str]) -> bytes:
        """A PDF; `data` are texts in JSON. Raises Problem with the line of a mistake in the template."""
        import typst

        try:
            with _alone():
                # A fixed moment: the same data must make the same bytes.
                made, told = self.compiler.compile_with_warnings(
                    # Again each time: it forgets a template that is no file.
                    input=self.content, sys_inputs=dict(data), format="pdf", timestamp=0,
                )  # fmt: skip
        except typst.TypstError as error:
            raise Problem(self._words(error)) from None
        for one in told:
            said = f'the template "{self.name}": {one.message}'
            if said not in self.warnings:
                self.warnings.append(said)
        assert isinstance(made, bytes)
        return made

    def _words(self, error: Exception) -> str:
        drawn = str(getattr(error, "diagnostic", None) or "")
        found = _PLACE.search(drawn)
        where = f", line {found[1]}" if found else ""
        text = str(error)
        if _PACKAGE.search(text):
            text = "packages are not fetched from elsewhere; copy what you need into the template"
        elif _NO_FILE.search(text):
            text = "files are not read; name pictures under files, and show them by image(bytes(files.at(...)))"
        return f'the template "{self.name}"{where}: {" ".join(text.split())[:1_000]}'


@contextmanager
def _alone() -> Iterator[None]:
    """No file and no connection can be opened meanwhile, by anything in this process.

    Typst itself would read files below its root, also by links, and fetch packages from the internet.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (_open_from_zero(), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _open_from_zero() -> int:
    """How many descriptors from 0 on are open: with that limit the next one is refused, and those stay usable."""
    number = 0
    while True:
        try:
            os.fstat(number)
        except OSError:
            return number
        number += 1
