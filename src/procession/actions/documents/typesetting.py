"""Typst at work: a template that came from outside makes PDFs of data, and reaches nothing but these data.

Data are JSON in `sys.inputs`: never pasted into the template, so that no value is ever read as markup.
"""

from __future__ import annotations

import codecs
import os
import re
import resource
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from procession.actions.problems import Problem

if TYPE_CHECKING:
    from typst import Compiler

TEMPLATE_BYTES_MAX = 4 << 20
_PLACE = re.compile(r"\.typ:(\d+):\d+")  # in the drawing that Typst makes of a mistake
_PACKAGE = re.compile(r"failed to (download|load) package|package not found", re.IGNORECASE)
# What every font that comes with Typst has: the letters of Europe's west and centre, dashes, quotes, the Euro.
_SURE = re.compile(r"[\n\r\t -~\u00a0-\u017f\u2013\u2014\u2018-\u201e\u2022\u2026\u20ac]*")
# Typst lets a word that is wider than its cell run over the next one, and neither can be read. One line before the
# template: only cells with a long word are laid out twice, and only words that have no room get places to break at.
_BREAKS = (
    b'#show table.cell: it => { if it.body.has("text") and it.body.text.split().all(word => word.len() < 12) '
    b'{ return it }; let body = layout(room => { show regex("[^\\s\\u{200b}]{12,}"): word => '
    b"context if measure(word).width > room.width { word.text.clusters().join(sym.zws) } else { word }; it }); "
    b"if it.align == auto { body } else { align(it.align, body) } }\n"
)
_NO_LETTER = re.compile(r'the text `"(.*?)"` could not be displayed')
_NO_FILE = re.compile(r"file not found|would escape|failed to load file|access denied|cannot read|failed to read")


@cache
def _compiler() -> Compiler:
    """The compiler of this process, whose root is a folder that there is no more; called in a folder of its own.

    One for all steps: Typst gives each a number that is never free again, and has 65,535 of them in a process.
    """
    import typst

    nothing = Path("nothing").absolute()
    nothing.mkdir()
    # Without the fonts of this machine: another one would make other documents.
    made = typst.Compiler(
        root=str(nothing), ignore_system_fonts=True, package_path=str(nothing), package_cache_path=str(nothing)
    )
    nothing.rmdir()
    return made


@dataclass(slots=True, kw_only=True)
class Typesetter:
    """A template, read once for all its documents. `told` is what Typst has told, each once.

    `boxes` are how many of the documents `made` show an empty box in place of a letter; `first_box` says where.
    """

    name: str
    content: bytes
    told: list[str] = field(default_factory=list)
    made: int = 0
    boxes: int = 0
    first_box: str = ""

    @property
    def warnings(self) -> list[str]:
        if not self.boxes:
            return self.told
        show = "1 document shows" if self.boxes == 1 else f"{self.boxes:,} documents show"
        return [
            *self.told,
            f"{show} an empty box in place of a letter that no font of this server has ({self.first_box})",
        ]

    @classmethod
    def read(cls, template: Path, name: str) -> Typesetter:
        """Raises Problem for what is no text."""
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
        return cls(name=name, content=content)

    @property
    def _source(self) -> bytes:
        # A mark of UTF-8 is none behind the line before it.
        return _BREAKS + self.content.removeprefix(codecs.BOM_UTF8) if self._has_breaks else self.content

    @property
    def _has_breaks(self) -> bool:
        return b"table" in self.content

    def make(self, data: Mapping[str, str]) -> bytes:
        """A PDF; `data` are texts in JSON. Raises Problem with the line of a mistake in the template."""
        import typst

        compiler = _compiler()
        try:
            with _alone():
                # A fixed moment: the same data must make the same bytes.
                made, told = compiler.compile_with_warnings(
                    # Each time: a compiler made for one template would forget it.
                    input=self._source, sys_inputs=dict(data), format="pdf", timestamp=0,
                )  # fmt: skip
                self.made += 1
                self._look_for_boxes(compiler, data)
        except typst.TypstError as error:
            raise Problem(self._words(error)) from None
        for one in told:
            said = f'the template "{self.name}": {one.message}'
            if said not in self.told:
                self.told.append(said)
        assert isinstance(made, bytes)
        return made

    def _look_for_boxes(self, compiler: Compiler, data: Mapping[str, str]) -> None:
        """Typst says nothing of a letter that no font has, but PDF/A forbids it: so it is asked for one of these.

        Only where the texts have letters beyond the sure ones, because the asking takes as long as the document.
        """
        import typst

        if all(_SURE.fullmatch(text) for text in (self.content.decode(), *data.values())):
            return
        try:
            compiler.compile(
                input=self._source, sys_inputs=dict(data), format="pdf", timestamp=0, pdf_standards=["a-2b"]
            )
        except typst.TypstError as error:
            # What else PDF/A forbids is no concern of these documents.
            if found := _NO_LETTER.search(str(error)):
                self.boxes += 1
                self.first_box = self.first_box or f'document {self.made:,}: "{found[1][:10]}"'

    def _words(self, error: Exception) -> str:
        drawn = str(getattr(error, "diagnostic", None) or "")
        found = _PLACE.search(drawn)
        where = f", line {int(found[1]) - self._has_breaks}" if found else ""
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
