"""Texts that break out, through a whole real server: names and values of a process file, names and cells of files (S5)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openpyxl
from bench.server import FINAL, Server

from tests.fuzz.injections import FORMULAS, LOG, MARK, TEMPLATE, WRITING, Trap, in_csv
from tests.fuzz.places import Attack, upload

# What does nothing itself, and gives back what it got.
CODE = "outputs['echo'] = inputs['word']\nprint(inputs['word'])\nmessage(inputs['word'])"
SQL = "CREATE TABLE report AS SELECT * FROM given; CREATE TABLE book AS SELECT * FROM given"


@dataclass(slots=True)
class Poisoned:
    """`refused` texts were told to be wrong; `hits` are sentences."""

    tried: int = 0
    refused: int = 0
    errors: int = 0
    hits: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)


def process(name: str, word: str, texts: str) -> dict[str, Any]:
    """A process file; `name` stands where names do, `texts` where anything may stand, `word` is a value."""
    listed = [
        {"name": "Given", "key": "given", "type": "File", "flow": "INPUT"},
        {"name": name, "key": "word", "type": "String", "flow": "INPUT", "value": word, "mouseover": texts},
        *({"name": key, "key": key, "type": "File", "flow": "OUTPUT"} for key in ("report", "book")),
        {"name": "Echo", "key": "echo", "type": "String", "flow": "OUTPUT"},
    ]
    outputs = {
        key: {"to": f"${{data.{key}}}", "as": f"{key}.{kind}"} for key, kind in (("report", "csv"), ("book", "xlsx"))
    }
    reading = {"inputs": {"given": "${data.given}"}, "sql": SQL, "outputs": outputs}
    echoing = {"inputs": {"word": "${data.word}"}, "outputs": {"echo": "${data.echo}"}, "code": CODE}
    steps = [
        {"data": name, "key": "data", "properties": listed},
        {"action": "run_sql", "name": f"read {name}", "key": "read", "with": reading},
        {"action": "run_python", "name": f"echo {name}", "key": "echo", "with": echoing},
    ]
    return {"process": name, "description": texts, "groups": [{"group": name, "steps": steps}]}


def poison(server: Server, made: Trap, texts: tuple[str, ...]) -> Poisoned:
    """Each text everywhere in a run of its own; where it is no name, it is a value and a cell only."""
    found = Poisoned()
    with httpx2.Client(
        base_url=server.address, headers={"authorization": f"Bearer {server.token}"}, timeout=60
    ) as client:
        for text in texts:
            found.tried += 1
            run = _Run(client, made, found, text)
            if run.begin(process(text, text, text)) or run.begin(process(f"Plain {found.tried}", text, "")):
                run.look()
            else:
                found.refused += 1
    found.hits += [f"{WRITING}: a stored path: {path}" for path in server.home.rglob("*") if MARK in path.name]
    log = (server.home.parent / "server.log").read_text()
    found.hits += [f"{LOG}: {line[:200]}" for line in log.splitlines() if not _is_line(line)]
    return found


def _is_line(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


class _Run:
    def __init__(self, client: httpx2.Client, made: Trap, found: Poisoned, text: str) -> None:
        self._client, self._trap, self._found, self._text = client, made, found, text
        self._run = self._data = ""

    def begin(self, definition: dict[str, Any]) -> bool:
        """Whether the process was taken, and the file too."""
        answer = self._ask("POST", "processes", json.dumps(definition).encode(), "application/json")
        if answer.status_code != 200:
            return False
        self._run = self._json("POST", f"processes/{answer.json()['id']}/processruns", b"{}")["id"]
        self._data = self._json("GET", f"processruns/{self._run}/steps?include=all")[0]["id"]
        self._properties = self._read_properties()
        content = io.StringIO(newline="")
        rows = ([f"head {self._text}", "number"], [self._text, "1"], [f"more {self._text}", "2"], [self._text, "3"])
        content.write("".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows))
        file = self._properties["given"]["file"]
        named = upload(self._text, content.getvalue().encode())
        if self._ask("POST", f"files/{file}", named, "multipart/form-data; boundary=x").status_code != 200:
            plain = upload("plain.csv", content.getvalue().encode())
            self._ask("POST", f"files/{file}", plain, "multipart/form-data; boundary=x")
        return True

    def look(self) -> None:
        status = self._json("POST", f"processruns/{self._run}/start")
        while status["status"] not in FINAL:
            since = f"since={status['revision']}&wait=30"
            status = self._json("GET", f"processruns/{self._run}/runstatus?{since}")
        echo = self._read_properties()["echo"].get("value")
        if status["outcome"] == "Success" and echo != self._text:
            self._found.hits.append(f"{self._text!r}: {TEMPLATE}: became {echo!r}")
        for path in self._paths():
            self._ask("GET", path)
        self._look_at_files()

    def _read_properties(self) -> dict[str, Any]:
        return {row["key"]: row for row in self._json("GET", f"steps/{self._data}/properties")}

    def _paths(self) -> Iterator[str]:
        yield from ("processes", "processruns", "logs", f"processruns/{self._run}")
        yield from (f"processruns/{self._run}/{part}" for part in ("history", "steps?include=all", "runstatus"))
        for step in self._json("GET", f"processruns/{self._run}/steps?include=all"):
            yield from (f"processruns/{self._run}/steps/{step['id']}/{part}" for part in ("runstatus", "log"))
        yield from (
            f"files/{row['file']}{part}"
            for row in self._properties.values()
            if row.get("file")
            for part in ("", "/metadata")
        )

    def _look_at_files(self) -> None:
        report = self._ask("GET", f"files/{self._properties['report']['file']}")
        book = self._ask("GET", f"files/{self._properties['book']['file']}")
        if report.status_code != 200 or book.status_code != 200:
            return  # a text that is no cell
        self._found.hits += [f"{self._text!r}: {hit}" for hit in in_csv(report.content.decode())]
        sheet = openpyxl.load_workbook(io.BytesIO(book.content)).worksheets[0]
        cells = [cell for row in sheet.iter_rows() for cell in row]
        self._found.hits += [
            f"{self._text!r}: {FORMULAS}: in a workbook, {cell.value!r}"
            for cell in cells
            if cell.data_type == "f" or cell.hyperlink
        ]

    def _json(self, method: str, path: str, body: bytes | None = None) -> Any:
        answer = self._ask(method, path, body, "application/json")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> httpx2.Response:
        headers = {"content-type": kind} if kind else {}
        answer = self._client.request(method, f"/api/v1/{path}", content=body, headers=headers)
        self._found.statuses.append(answer.status_code)
        self._found.errors += answer.status_code >= 500
        attack = Attack(method=method, path=path, body=body or b"")
        self._found.hits += [f"{self._text!r}: {attack}: {hit}" for hit in self._trap.check(attack, answer)]
        return answer
