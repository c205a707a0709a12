"""Blacks out the secrets of a connection in all that an attempt says, before it leaves the attempt's process.

What goes into a file does not pass there: an action that writes words of the other side into one asks by itself.

A secret is looked for as it is, and as libraries write it: percent-encoded, in base64 (also in the middle of a longer
text, as in the header of a Basic proof), in hex, in JSON, in repr() and in HTML. It may be split over any number of
writes, and each of these over lines.
"""

from __future__ import annotations

import base64
import bisect
import ctypes
import html
import json
import os
import re
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from urllib.parse import quote, quote_plus

from msgspec import structs

from procession.actions.contract import ConnectionInput, FileOutput, OutputValue, StepOutcome

MARK = "[secret]"
_ENCODED_CHARS_MIN = 4  # a shorter text would be found in base64 of anything
_LINE_CHARS_MIN = 8  # of a key of several lines, what is looked for by itself
_READ_BYTES = 65_536
_HELD_BYTES_MAX = 2**20  # no secret is as long (model/connections.SECRET_CHARACTERS_MAX)
_HEAD_BYTES = 4  # by which forms are found
# Where a text was broken into lines: encodebytes() after 76 characters, a header with a blank before the next line, and
# the repr() of both.
_BREAK = re.compile(rb"(?:\r|\n|\\r|\\n|\\\Z)+[ \t]*")  # \Z: the other half is in the next write


class Blackout:
    """What must not be said. Without secrets it changes nothing."""

    def __init__(self, connection: ConnectionInput | None) -> None:
        given = connection.secrets.values() if connection is not None else ()
        forms = {form for secret in given for form in _forms(secret)}
        self.is_needed = bool(forms)
        self._whole = _Search(forms)
        joined = {_BREAK.sub(b"", form) for form in forms}
        self._joined = _Search({form for form in joined if len(form) >= _ENCODED_CHARS_MIN})

    def content(self, content: bytes) -> bytes:
        said, place = [], 0
        for start, end in self._found(content):
            said += [content[place:start], MARK.encode()]
            place = end
        return b"".join([*said, content[place:]])

    def _found(self, content: bytes) -> list[tuple[int, int]]:
        """Where secrets begin and end, in order; those that lie over each other are one."""
        found = self._whole.all(content)
        if _BREAK.search(content) is not None:
            joined = _Joined(content)
            found += [joined.span(*span) for span in self._joined.all(joined.content)]
        apart: list[tuple[int, int]] = []
        for start, end in sorted(found):
            # Side by side they stay two, as they are where each is said by itself.
            if apart and start < apart[-1][1]:
                apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
            else:
                apart.append((start, end))
        return apart

    def text(self, text: str) -> str:
        if not self.is_needed:
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
        end = self._whole.begun(content)
        if _BREAK.search(content) is not None:
            joined = _Joined(content)
            begun = self._joined.begun(joined.content)
            end = min(end, joined.place(begun)) if begun < len(joined.content) else end
        return next((start for start, last in self._found(content) if start < end < last), end)

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
                # A beginning before a megabyte of line ends: looked through anew with each block, it took minutes.
                if len(held) - place > _HELD_BYTES_MAX:
                    _write(log, self.rest(held))
                    held = b""
                    continue
                _write(log, self.content(held[:place]))
                held = held[place:]
            _write(log, self.rest(held))
        except OSError:  # nobody reads the log any more: whoever writes must not wait for ever
            while os.read(reader, _READ_BYTES):
                pass


class _Search:
    """Looks for any of some texts."""

    def __init__(self, forms: Collection[bytes]) -> None:
        self._forms = sorted(forms, key=len, reverse=True)
        self._by_head: dict[bytes, list[bytes]] = {}
        for form in self._forms:
            self._by_head.setdefault(form[:_HEAD_BYTES], []).append(form)

    def all(self, content: bytes) -> list[tuple[int, int]]:
        """Where they are, in any order."""
        found = []
        # One after the other: a private key has a thousand forms, and as one pattern they took a second for a block.
        for form in self._forms:
            start = content.find(form)
            while start >= 0:
                found.append((start, start + len(form)))
                start = content.find(form, start + len(form))
        return found

    def begun(self, content: bytes) -> int:
        """Where the first begins of which the end is not there yet; the length where there is none."""
        end, longest = len(content), len(self._forms[0]) if self._forms else 0
        for start in range(max(0, end - longest + 1), end):
            # What is left at the very end is too short to look anything up by.
            is_short = start > end - _HEAD_BYTES
            forms = self._forms if is_short else self._by_head.get(content[start : start + _HEAD_BYTES], ())
            if forms and any(len(form) > end - start and form.startswith(content[start:]) for form in forms):
                return start
        return end


class _Joined:
    """A content without the ends of its lines, and where each of its bytes stood."""

    def __init__(self, content: bytes) -> None:
        parts, self._begins, self._places, place, size = [], [], [], 0, 0
        for begin, end in [*(match.span() for match in _BREAK.finditer(content)), (len(content), len(content))]:
            parts.append(content[place:begin])
            self._begins.append(size)
            self._places.append(place)
            size, place = size + begin - place, end
        self.content = b"".join(parts)

    def place(self, at: int) -> int:
        part = bisect.bisect_right(self._begins, at) - 1
        return self._places[part] + at - self._begins[part]

    def span(self, start: int, end: int) -> tuple[int, int]:
        return self.place(start), self.place(end - 1) + 1


def _write(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]


def _forms(secret: str) -> Iterator[bytes]:
    """As it may be written, in UTF-8."""
    leaves = _leaves(secret)
    parts = [*(line.strip() for text in (secret, *leaves) for line in text.splitlines()), *leaves]
    for text in filter(None, [secret, *(part for part in parts if len(part) >= _LINE_CHARS_MIN)]):
        yield text.encode("utf-8", "surrogatepass")
        if len(text) >= _ENCODED_CHARS_MIN:
            yield from (form.encode("utf-8", "surrogatepass") for form in _escaped(text) if form)
            yield from _in_base64(text.encode("utf-8", "surrogatepass"))


def _leaves(secret: str) -> list[str]:
    """The texts of a secret that is JSON, as keys of service accounts are: programs say one of them by itself."""
    found: list[str] = []
    with suppress(ValueError, RecursionError):
        waiting = [json.loads(secret)]
        for one in waiting:
            match one:
                case dict():
                    waiting.extend(one.values())
                case list():
                    waiting.extend(one)
                case str():
                    found.append(one)
    return found


def _escaped(text: str) -> Iterator[str]:
    plain = text.encode("utf-8", "surrogatepass")
    for form in (quote(plain, safe=""), quote(plain), quote_plus(plain), quote(plain, safe="!$&'()*+,;=:@/")):
        yield form
        yield re.sub("%..", lambda found: found.group().lower(), form)
    yield from _in_json(text)
    yield repr(text)[1:-1]
    yield repr(plain)[2:-1]
    yield html.escape(text)
    yield html.escape(text).replace("&#x27;", "&#39;")
    yield html.escape(text).replace("&#x27;", "&apos;")
    for form in (plain.hex(), plain.hex(" "), plain.hex(":")):
        yield form
        yield form.upper()


def _in_json(text: str) -> Iterator[str]:
    """As Python, PHP, Go (three signs escaped) and .NET (six, in capitals) write it."""
    for is_ascii in (True, False):
        form = json.dumps(text, ensure_ascii=is_ascii)[1:-1]
        yield form
        yield form.replace("/", "\\/")
        for signs in ("<>&", "<>&'", "<>&'+"):
            escaped = re.sub(f"[{signs}]", lambda found: f"\\u{ord(found.group()):04x}", form)
            yield escaped
            in_capitals = re.sub(r"\\u(....)", lambda found: f"\\u{found[1].upper()}", escaped)
            yield in_capitals
            yield in_capitals.replace('\\"', "\\u0022")


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
