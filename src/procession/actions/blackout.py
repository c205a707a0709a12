"""Blacks out the secrets of a connection in all that an attempt says, before it leaves the attempt's process.

What goes into a file does not pass there: an action that writes words of the other side into one asks by itself.

A secret is looked for as it is, and as libraries write it: percent-encoded, in base64 (also in the middle of a longer
text, as in the header of a Basic proof), in JSON, in repr() and in HTML. It may be split over any number of writes.
"""

from __future__ import annotations

import base64
import ctypes
import html
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote, quote_plus

from msgspec import structs

from procession.actions.contract import ConnectionInput, FileOutput, OutputValue, StepOutcome

MARK = "[secret]"
_ENCODED_CHARS_MIN = 4  # a shorter text would be found in base64 of anything
_LINE_CHARS_MIN = 8  # of a key of several lines, what is looked for by itself
_READ_BYTES = 65_536
_HEAD_BYTES = 4  # by which forms are found


class Blackout:
    """What must not be said. Without secrets it changes nothing."""

    def __init__(self, connection: ConnectionInput | None) -> None:
        given = connection.secrets.values() if connection is not None else ()
        self._forms = tuple(sorted({form for secret in given for form in _forms(secret)}, key=len, reverse=True))
        self._longest = len(self._forms[0]) if self._forms else 0
        # A private key has hundreds of forms: each tried at each place took a second for a block of the log.
        self._by_head: dict[bytes, list[bytes]] = {}
        for form in self._forms:
            self._by_head.setdefault(form[:_HEAD_BYTES], []).append(form)
        # The longest first: of two that begin alike, a match of the shorter would leave the rest of the longer.
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms))) if self._forms else None

    @property
    def is_needed(self) -> bool:
        return self._pattern is not None

    def content(self, content: bytes) -> bytes:
        return content if self._pattern is None else self._pattern.sub(MARK.encode(), content)

    def text(self, text: str) -> str:
        if self._pattern is None:
            return text
        return self.content(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")

    def maybe(self, text: str | None) -> str | None:
        return None if text is None else self.text(text)

    def outcome(self, outcome: StepOutcome) -> StepOutcome:
        """Its message, the texts among its outputs, the names of its files and figures, and its follow-up."""
        asked = outcome.follow_up
        return replace(
            outcome,
            message=self.text(outcome.message),
            outputs={reference: self._value(value) for reference, value in outcome.outputs.items()},
            figures={self.text(name): figure for name, figure in outcome.figures.items()},
            # It is kept as well; a name that holds a secret is then found no more, and that is said.
            follow_up=None if asked is None else structs.replace(asked, listed=self.text(asked.listed)),
        )

    def _value(self, value: OutputValue) -> OutputValue:
        match value:
            case str():
                return self.text(value)
            case FileOutput(path=path, name=name):
                return FileOutput(path=path, name=self.text(name))
        return value

    def cut(self, content: bytes) -> int:
        """How much of it can be said now: what is left may be the beginning of a secret."""
        if self._pattern is None:
            return len(content)
        end = len(content)
        for start in range(max(0, end - self._longest + 1), end):
            rest = content[start:]
            # What is left at the very end is too short to look anything up by.
            forms = self._by_head.get(rest[:_HEAD_BYTES], ()) if len(rest) >= _HEAD_BYTES else self._forms
            if any(len(form) > len(rest) and form.startswith(rest) for form in forms):
                end = start
                break
        for match in self._pattern.finditer(content):
            if match.start() < end < match.end():
                return match.start()
        return end

    def rest(self, content: bytes) -> bytes:
        """The end of all that is said: a process that was ended in the middle of a secret has told a part of it."""
        place = self.cut(content)
        left = self.content(content[place:])
        is_part = left == content[place:] and len(left) >= _ENCODED_CHARS_MIN
        return self.content(content[:place]) + (MARK.encode() if is_part else left)

    @contextmanager
    def over_log(self, *handles: int) -> Iterator[None]:
        """From here to the end, all that is written to these handles (1 and 2), by anybody, passes through here."""
        if not self.is_needed:
            yield
            return
        reader, writer = os.pipe2(os.O_CLOEXEC)
        log = os.dup(handles[0])
        for handle in handles:
            os.dup2(writer, handle)
        os.close(writer)
        thread = threading.Thread(target=self._pass_on, args=(reader, log), name="blackout", daemon=True)
        thread.start()
        try:
            yield
        finally:
            # The last end of the pipe is closed with the last of them: the thread comes to its end.
            for handle in handles:
                os.dup2(log, handle)
            thread.join()
            os.close(reader)
            os.close(log)

    def _pass_on(self, reader: int, log: int) -> None:
        held = b""
        try:
            while content := os.read(reader, _READ_BYTES):
                held += content
                place = self.cut(held)
                _write(log, self.content(held[:place]))
                held = held[place:]
            _write(log, self.rest(held))
        except OSError:  # nobody reads the log any more: whoever writes must not wait for ever
            while os.read(reader, _READ_BYTES):
                pass


def _write(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]


def _forms(secret: str) -> Iterator[bytes]:
    """As it may be written, in UTF-8."""
    texts = [secret, *(line for line in secret.splitlines() if len(line) >= _LINE_CHARS_MIN)]
    for text in filter(None, texts):
        yield text.encode("utf-8", "surrogatepass")
        if len(text) >= _ENCODED_CHARS_MIN:
            yield from (form.encode("utf-8", "surrogatepass") for form in _escaped(text) if form)
            yield from _in_base64(text.encode("utf-8", "surrogatepass"))


def _escaped(text: str) -> Iterator[str]:
    plain = text.encode("utf-8", "surrogatepass")
    for form in (quote(plain, safe=""), quote(plain), quote_plus(plain), quote(plain, safe="!$&'()*+,;=:@/")):
        yield form
        yield re.sub("%..", lambda found: found.group().lower(), form)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield repr(plain)[2:-1]
    yield html.escape(text)
    yield plain.hex()


def _in_base64(content: bytes) -> Iterator[bytes]:
    """What is the same whatever stands before and after it: three ways to lie among groups of three bytes."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + content)
        # Characters that hold bits of what stands before, or of what follows, are left out.
        first = (0, 2, 3)[before]
        last = (before + len(content)) * 8 // 6
        middle = whole[first:last]
        if len(middle) >= _ENCODED_CHARS_MIN:
            yield middle
            yield middle.translate(bytes.maketrans(b"+/", b"-_"))


def wipe(payload: bytes) -> None:
    """Overwrite bytes that nobody needs any more: a frame that held secrets.

    What Python made of it on the way (texts, slices) is not reached; it ends with the process, a moment later.
    """
    ctypes.memset(id(payload) + bytes.__basicsize__ - 1, 0, len(payload))
