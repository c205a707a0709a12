"""A deliberately weak server: whatever a client says is pasted into everything. It shows what the traps can see."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
import subprocess
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.fuzz.injections import Trap

Answer = tuple[str, dict[str, str]]
HTML, PLAIN = {"content-type": "text/html"}, {"content-type": "text/plain"}


class Weak:
    """An ASGI application whose every operation takes the query `text`."""

    def __init__(self, trap: Trap) -> None:
        self._trap = trap
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._operations: Mapping[str, Callable[[str], Answer]] = {
            "/sql": self._sql,
            "/page": lambda text: (f"<p>{text}</p>", HTML),
            "/file": self._file,
            "/fetch": self._fetch,
            "/shell": self._shell,
            "/template": self._template,
            "/report": lambda text: (f'"{text}",1\n', {"content-type": "text/csv"}),
            "/download": self._download,
            "/log": self._log,
        }

    @property
    def document(self) -> dict[str, Any]:
        """Its openapi.json."""
        parameter = {"name": "text", "in": "query"}
        operation = {"parameters": [parameter], "responses": {"200": {}}}
        return {"paths": {path: {"get": operation} for path in self._operations}}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        text = parse_qs(scope["query_string"].decode(), keep_blank_values=True).get("text", [""])[0]
        body, headers = await asyncio.to_thread(self._operations[scope["path"]], text)
        listed = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": listed})
        await send({"type": "http.response.body", "body": body.encode("utf-8", "replace")})

    def _sql(self, text: str) -> Answer:
        statement = f"SELECT '{text}'"
        self._trap.statements.append(statement)
        with contextlib.suppress(sqlite3.Error):
            return str(self._database.execute(statement).fetchall()), PLAIN
        return "", PLAIN

    def _file(self, text: str) -> Answer:
        with contextlib.suppress(OSError, ValueError):
            return Path(text.removeprefix("file://")).read_text(), PLAIN
        return "", PLAIN

    def _fetch(self, text: str) -> Answer:
        with contextlib.suppress(OSError, ValueError):
            urllib.request.urlopen(text, timeout=5).close()
        return "", PLAIN

    def _shell(self, text: str) -> Answer:
        with contextlib.suppress(ValueError):
            subprocess.run(f"echo {text}", shell=True, check=False, capture_output=True)  # noqa: S602 - weak on purpose
        return "", PLAIN

    def _template(self, text: str) -> Answer:
        return re.sub(r"[{$#]+(\d+)\*(\d+)}+", lambda found: str(int(found[1]) * int(found[2])), text), PLAIN

    def _download(self, text: str) -> Answer:
        first, *others = f'attachment; filename="{text}"'.split("\r\n")
        named = (line.partition(":") for line in others if ":" in line)
        return "", {"content-disposition": first, **{name.lower(): value for name, _, value in named}}

    def _log(self, text: str) -> Answer:
        self._trap.lines.append(f"asked for {text}")
        return "", PLAIN
