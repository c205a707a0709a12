"""S4: hostile texts and bodies for every operation; thousands of damaged files, and bombs, through a real server."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPConnection
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from bench import peaks
from bench.figures import Figure, Report, count
from bench.server import FINAL, Server, folder, serving

MUTANTS, MUTANTS_FULL = 3_000, 20_000
AT_ONCE = 3
SECONDS_MAX = 10.0
CHILD_MB_MAX = 512.0
SETTINGS = {"PROCESSION_STEP_MEMORY_BYTES_MAX": str(int(CHILD_MB_MAX) * 2**20)}
READ = """
process: Read
groups:
  - group: All
    steps:
      - data: Files
        key: files
        properties:
          - {name: Given, key: given, type: File, flow: INPUT}
          - {name: Out, key: out, type: File, flow: OUTPUT}
      - action: run_sql
        name: Read
        key: read
        with:
          inputs: {given: "${files.given}"}
          sql: CREATE TABLE result AS SELECT * FROM given
          outputs: {result: {to: "${files.out}", as: out.csv, escape_formulas: false}}
"""


def measure(*, full: bool) -> Report:
    """The requests meet the application itself; the files are uploaded, read by a step, and downloaded again."""
    tally = _attacked()
    with serving(workers_max=AT_ONCE, settings=SETTINGS) as server, peaks.of_children(server.pid) as peak:
        reader = _Reader(server)
        judged, bombs = reader.judge(MUTANTS_FULL if full else MUTANTS), reader.explode()
    ends = [end for _, end in (*judged, *bombs)]
    return Report(
        work="S4",
        title=f"{tally.asked:,} hostile requests; {len(judged):,} damaged files and {len(bombs)} bombs, read by steps",
        figures=(
            count("requests", tally.asked),
            count("of them done", tally.of_class(2)),
            count("refused", tally.of_class(4)),
            count("undocumented statuses", tally.undocumented, at_most=0),
            count("5xx", tally.of_class(5) + sum(end.errors for end in ends), at_most=0),
            *_of_files(judged),
            count("bombs: read in silence, and not as a whole", sum(end.is_silent for _, end in bombs), at_most=0),
            count("steps that ended in no words of ours", sum(end.is_accident for end in ends), at_most=0),
            Figure(name="a request, longest", unit="s", values=(tally.longest_seconds,), at_most=SECONDS_MAX),
            Figure(name="a file, longest", unit="s", values=(_longest(ends, is_whole=False),), at_most=SECONDS_MAX),
            Figure(name="a bomb that is a table, and is read", unit="s", values=(_longest(ends, is_whole=True),)),
            Figure(name="most memory of a child", unit="MB", values=(peak.mb,), at_most=CHILD_MB_MAX),
        ),
        remarks=(*tally.failures[:5], *_worth_telling(judged, bombs)),
    )


def _longest(ends: list[_End], *, is_whole: bool) -> float:
    return max((end.seconds for end in ends if end.is_whole == is_whole), default=0.0)


def _attacked() -> Any:
    from tests.fuzz import attacking
    from tests.fuzz.hostile import HITS, attacks
    from tests.fuzz.world import alone

    def shown(_: object, answer: Any) -> Iterator[str]:
        yield from (f"shows {word}" for word in HITS if word in answer.text)

    with folder() as place, alone(place) as world:
        document = json.loads(world.house.ask("GET", "openapi.json").content)
        headers = {"authorization": "Bearer admin"}
        return attacking.send(world.house.app, attacks(document, world.ids), shown, headers=headers)


def _of_files(judged: list[tuple[str, _End]]) -> Iterator[Figure]:
    from tests.fuzz.second_readers import Verdict

    yield count("damaged files", len(judged))
    found = Counter(end.verdict for _, end in judged)
    for verdict in Verdict:
        yield count(f"damaged files: {verdict}", found[verdict], at_most=0 if verdict is Verdict.PARTIAL else None)
    yield count("damaged files: read with a warning", found[""])


def _worth_telling(judged: Iterable[tuple[str, _End]], bombs: Iterable[tuple[str, _End]]) -> Iterator[str]:
    from tests.fuzz.second_readers import Verdict

    for name, end in (*judged, *bombs):
        if end.is_accident or end.errors or end.verdict is Verdict.PARTIAL or end.seconds > SECONDS_MAX:
            yield f"{name}: {end}"[:300]
    yield from (f"{name}: {end.seconds:.1f} s, {end.message}"[:200] for name, end in bombs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """`verdict` is "" where a warning was given, and for bombs."""

    seconds: float
    errors: int = 0  # 5xx
    message: str = ""
    verdict: str = ""
    is_silent: bool = False
    is_whole: bool = False  # a bomb that holds a table, which was read

    @property
    def is_accident(self) -> bool:
        """The action did not refuse it: it raised, or its process ended."""
        return "unexpectedly" in self.message or "process" in self.message


class _Reader:
    """Has files read by a step, several at once."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._process = server.client().publish(READ)

    def judge(self, number: int) -> list[tuple[str, _End]]:
        from tests.fuzz import mutants

        whole = {one.name: self._read(one.name, one.content)[1] for one in mutants.originals()}
        tables = {name: rows for name, rows in whole.items() if rows is not None}
        with ThreadPoolExecutor(AT_ONCE) as threads:
            ends = threads.map(partial(self._judge, tables), mutants.mutants(number))
            return [(f"{number} {name}", end) for number, name, end in ends]

    def _judge(self, tables: Any, mutant: Any) -> tuple[int, str, _End]:
        from tests.fuzz.second_readers import verdict

        end, rows = self._read(mutant.name, mutant.content)
        is_judged = end.is_silent or rows is None
        found = verdict(mutant, rows, tables) if is_judged else ""
        return mutant.number, mutant.name, replace(end, verdict=found)

    def explode(self) -> list[tuple[str, _End]]:
        from tests.fuzz import bombs

        ends = []
        for what, name, content in bombs.bombs():
            end, _ = self._read(name, content, has_rows=False)
            is_whole = f"gave result ({bombs.WHOLE.get(what, 0):,} row" in end.message
            ends.append((what, replace(end, is_silent=end.is_silent and not is_whole, is_whole=is_whole)))
        return ends

    def _read(self, name: str, content: bytes, *, has_rows: bool = True) -> tuple[_End, Any]:
        """How it ended, and the rows; None where it was refused, or where they could be too many."""
        began = perf_counter()
        run = _Run(self._server, self._process)
        try:
            if (status := run.upload(name, content)) != 200:
                return _End(seconds=perf_counter() - began, errors=status >= 500, message=f"upload: {status}"), None
            outcome, message = run.end()
            seconds = perf_counter() - began
            rows = run.rows() if outcome != "Failed" and has_rows else None
            return _End(seconds=seconds, message=message, is_silent=outcome == "Success"), rows
        finally:
            run.close()


class _Run:
    def __init__(self, server: Server, process: str) -> None:
        self._server, self._client = server, server.client()
        self._run = self._client.create(process)
        self._data, self._step = self._client.step_ids(self._run)
        given, out = self._client.ask("GET", f"steps/{self._data}/properties")
        self._given, self._out = given["file"], out["file"]

    def upload(self, name: str, content: bytes) -> int:
        """The status."""
        head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        connection = HTTPConnection(urlsplit(self._server.address).netloc, timeout=60)
        headers = {
            "Authorization": f"Bearer {self._server.token}",
            "Content-Type": "multipart/form-data; boundary=x",
        }
        connection.request("POST", f"/api/v1/files/{self._given}", head + content + b"\r\n--x--\r\n", headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    def end(self) -> tuple[str, str]:
        """The outcome, and what the step says."""
        self._client.start(self._run)
        status = self._client.status(self._run)
        while status["status"] not in FINAL:
            status = self._client.status(self._run, since=status["revision"])
        return str(status["outcome"]), str(self._client.step(self._run, self._step)["completionMessage"])

    def rows(self) -> list[tuple[str, ...]]:
        content = self._client.download(self._out)
        return [tuple(row) for row in csv.reader(io.StringIO(content.decode(), newline=""))]

    def close(self) -> None:
        self._client.close()
