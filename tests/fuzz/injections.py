"""Texts that break out of where they stand, and traps that see it when one does (S5).

A hit is what a trap has seen, never what a text looks like: a word of the text inside of an SQL statement, a connection, a
file, a value that was computed, a formula, a tag, a header, a line of the log.
"""

from __future__ import annotations

import contextlib
import csv
import io
import logging
import re
import socket
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2

from procession.serving.server_log import OneLine
from tests.fuzz.places import Attack

MARK = "zqx7"
SECRET = "what nobody may read, 5d1c"
PRODUCT = "982007569"  # of 31337 and itself
# Spreadsheets run what begins so; some leave blanks, marks and full-width forms aside.
FORMULA = re.compile(r"[\s\ufeff\u200b]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
SQL, HTML, HEADER, FORMULAS, TEMPLATE = "sql", "html", "header", "formula", "template"
READING, WRITING, CONNECTION, LOG = "a file that was read", "a file that was written", "connection", "log"
KINDS = (SQL, HTML, HEADER, FORMULAS, TEMPLATE, READING, WRITING, CONNECTION, LOG)


@dataclass(slots=True)
class Trap:
    """`outside` is a folder that nothing may touch; a secret lies in it. `port` is of a listener on loopback."""

    outside: Path
    port: int
    statements: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)

    @property
    def secret(self) -> Path:
        return self.outside / "secret.txt"

    def check(self, attack: Attack, answer: httpx2.Response) -> Iterator[str]:
        """What came of the attack: in its answer, and everywhere else."""
        yield from self.in_text(answer.text)
        yield from self._in_headers(answer.headers)
        kind = answer.headers.get("content-type", "")
        if kind.startswith("text/html"):
            yield from in_html(answer.text)
        if kind.startswith("text/csv"):
            yield from in_csv(answer.text)
        yield from self.elsewhere()

    def in_text(self, text: str) -> Iterator[str]:
        if PRODUCT in text or "<class '" in text:
            yield f"{TEMPLATE}: {text[:100]!r}"
        if SECRET in text or "root:x:0:" in text:
            yield f"{READING}: {text[:100]!r}"

    def _in_headers(self, headers: httpx2.Headers) -> Iterator[str]:
        for name, value in headers.multi_items():
            plain = re.sub(r'"(\\.|[^"\\])*"', '""', value)
            names = [part.partition("=")[0].strip().lower() for part in plain.split(";")]
            is_foreign = MARK in name.lower() or f"filename*=UTF-8''{MARK}.html" in plain
            if is_foreign or len(set(names)) < len(names) or re.search(r"[\r\n]", value):
                yield f"{HEADER}: {name}: {value[:100]!r}"
        if re.match(rf"(https?:)?//(127\.0\.0\.1|{MARK})", headers.get("location", "")):
            yield f"{HEADER}: a way out: {headers['location'][:100]}"

    def elsewhere(self) -> Iterator[str]:
        yield from (f"{SQL}: {statement[:200]}" for statement in self.statements if MARK in statement)
        yield from (f"{CONNECTION}: {first}" for first in self.connections)
        yield from (f"{LOG}: {line[:100]!r}" for line in self.lines if _steers(line))
        for path in self.outside.iterdir():
            if path != self.secret:
                yield f"{WRITING}: {path.name}"
                path.unlink()
        for told in (self.statements, self.connections, self.lines):
            told.clear()


def _steers(line: str) -> bool:
    """Whether it is more than one line, or does more than stand there; wide blanks do not."""
    return not all(letter.isprintable() or unicodedata.category(letter) == "Zs" for letter in line)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._is_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_script = tag == "script"
        for name, value in attrs:
            is_run = name.startswith("on") or (value or "").strip().lower().startswith("javascript:")
            if is_run and MARK in f"{name}{value}":
                self.found.append(f"<{tag} {name}={value!r}>")
        if MARK in tag:
            self.found.append(f"<{tag}>")

    def handle_data(self, data: str) -> None:
        if self._is_script and MARK in data:
            self.found.append(data)
        self._is_script = False


def in_html(text: str) -> Iterator[str]:
    page = _Page()
    page.feed(text)
    yield from (f"{HTML}: {one[:100]}" for one in page.found)


def in_csv(text: str) -> Iterator[str]:
    """Of a file for people, as a spreadsheet opens it."""
    for row in csv.reader(io.StringIO(text, newline="")):
        yield from (f"{FORMULAS}: {cell[:100]!r}" for cell in row if MARK in cell and FORMULA.match(cell))


class _Lines(logging.Handler):
    """The lines of the server's log, as it writes them."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(OneLine())
        self._told = told

    def emit(self, record: logging.LogRecord) -> None:
        self._told.append(self.format(record))


@contextmanager
def trap(folder: Path) -> Iterator[Trap]:
    """Listens on loopback, and to the log of `procession`."""
    outside = folder / "outside"
    outside.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Trap(outside=outside, port=listener.getsockname()[1])
        made.secret.write_text(SECRET)
        thread = threading.Thread(target=_accept, args=(listener, made.connections))
        thread.start()
        logger, lines = logging.getLogger("procession"), _Lines(made.lines)
        level = logger.level
        logger.addHandler(lines)
        logger.setLevel(logging.DEBUG)
        try:
            yield made
        finally:
            logger.setLevel(level)
            logger.removeHandler(lines)
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listener: socket.socket, connections: list[str]) -> None:
    with contextlib.suppress(OSError):  # closed
        while True:
            connection, address = listener.accept()
            connections.append(f"from {address[1]}")
            connection.close()


def texts(made: Trap) -> Mapping[str, tuple[str, ...]]:
    """The texts of each kind; every one holds the mark, or the place of the trap."""
    where = {"port": str(made.port), "outside": str(made.outside), "secret": str(made.secret), "up": "../" * 16}
    return {
        kind: tuple(re.sub(r"\[(\w+)\]", lambda found: where[found[1]], text) for text in listed)
        for kind, listed in _TEXTS.items()
    }


def every(made: Trap) -> tuple[str, ...]:
    return tuple(text for listed in texts(made).values() for text in listed)


_TEXTS: Mapping[str, tuple[str, ...]] = {
    SQL: (
        f"{MARK}' OR '1'='1", f"{MARK}'; DROP TABLE run; --", f"' UNION SELECT '{MARK}' --", f'{MARK}" OR ""="', f"{MARK}') OR 1=1 --",
        f"{MARK}'; ATTACH DATABASE '[outside]/{MARK}.db' AS x; --", f"{MARK}' || load_extension('x') || '", f"{MARK}`; --", f"{MARK}%' ESCAPE '",
        f"{MARK}'; COPY (SELECT 1) TO '[outside]/{MARK}.csv'; --", f"{MARK}' FROM read_text('[secret]') --", f'{MARK}"); --', f"{MARK}\\'; --",
    ),
    TEMPLATE: (
        f"{MARK}{{{{31337*31337}}}}", f"{MARK}${{31337*31337}}", f"{MARK}<%= 31337*31337 %>", f"{MARK}#{{31337*31337}}", f"{MARK}$((31337*31337))",
        f"{MARK}[[${{31337*31337}}]]", f"{MARK}*{{31337*31337}}", f"{MARK}@(31337*31337)", f"{MARK}${{{{31337*31337}}}}", f"{MARK}{{0.__class__}}",
        f"{MARK}{{{{''.__class__}}}}", f"{MARK}%(message)s%n%d", f"{MARK}${{jndi:ldap://127.0.0.1:[port]/a}}", f"{MARK}{{{{= 31337*31337}}}}",
    ),
    FORMULAS: (
        f"={MARK}", f"+{MARK}", f"-{MARK}", f"@{MARK}", f"\t={MARK}", f"\r={MARK}", f"\n={MARK}", f" ={MARK}", f"\u00a0={MARK}",
        f"\u3000={MARK}", f"\uff1d{MARK}", f"\uff0b{MARK}", f"\ufeff={MARK}", f"\u200b={MARK}", f"'={MARK}", f"=cmd|'/C calc'!{MARK}", f"-1+{MARK}",
        f'=HYPERLINK("http://127.0.0.1:[port]/{MARK}","x")', f"=WEBSERVICE(\"http://127.0.0.1:[port]/{MARK}\")", f"  +{MARK}", f"\x0b={MARK}",
    ),
    READING: (
        "[secret]", "[up][secret]", "file://[secret]", "..%2f..%2f..%2f[secret]", "....//....//....//[secret]", "..\\..\\..\\[secret]",
        "%2e%2e/%2e%2e/[secret]", "..%c0%af..%c0%af[secret]", "/etc/passwd", "[up]etc/passwd", "/proc/self/cwd/etc/passwd", "[secret]\x00.csv",
        "~/[secret]", "a/../../../..[secret]", "read_text('[secret]')", "'[secret]'", "@[secret]", "<[secret]", "!include [secret]",
    ),
    WRITING: (
        f"[outside]/{MARK}", f"[up][outside]/{MARK}", f"..%2f..%2f[outside]/{MARK}", f"..\\..\\[outside]\\{MARK}", f"$(touch [outside]/{MARK})",
        f"`touch [outside]/{MARK}`", f"; touch [outside]/{MARK} #", f"| touch [outside]/{MARK}", f"&& touch [outside]/{MARK}",
        f"'; touch [outside]/{MARK}; '", f'"; touch [outside]/{MARK}; "', f"\ntouch [outside]/{MARK}\n", f"> [outside]/{MARK}",
        f"__import__('os').system('touch [outside]/{MARK}')", f'"""\nopen("[outside]/{MARK}", "w")\n"""', f"{{{{lipsum.__globals__.os.popen('touch [outside]/{MARK}')}}}}",
        f"!!python/object/apply:os.system ['touch [outside]/{MARK}']", f"-o[outside]/{MARK}", f"--output=[outside]/{MARK}",
    ),
    CONNECTION: (
        f"http://127.0.0.1:[port]/{MARK}", f"http://localhost:[port]/{MARK}", f"http://[::ffff:127.0.0.1]:[port]/{MARK}", f"http://2130706433:[port]/{MARK}",
        f"http://0x7f.1:[port]/{MARK}", f"http://0:[port]/{MARK}", f"//127.0.0.1:[port]/{MARK}", f"ftp://127.0.0.1:[port]/{MARK}", f"gopher://127.0.0.1:[port]/{MARK}",
        f"http://{MARK}@127.0.0.1:[port]/", f"http://127.0.0.1:[port]#@example.com/{MARK}", f"s3://127.0.0.1:[port]/{MARK}", f"\\\\127.0.0.1@[port]\\{MARK}",
        f"ldap://127.0.0.1:[port]/{MARK}", f"https://127.0.0.1:[port]/{MARK}", f"dict://127.0.0.1:[port]/{MARK}",
    ),
    HTML: (
        f"<script>{MARK}()</script>", f"\"><img src=x onerror={MARK}()>", f"javascript:{MARK}()", f"</textarea><{MARK}>", f"' onmouseover='{MARK}()",
        f"<svg/onload={MARK}()>", f"<!--><{MARK}>-->", f"\" autofocus onfocus=\"{MARK}()", f"</title><script>{MARK}()</script>",
    ),
    HEADER: (
        f"{MARK}\r\nX-{MARK}: 1", f"{MARK}%0d%0aX-{MARK}: 1", f"{MARK}\nX-{MARK}: 1", f"{MARK}\r\n\r\n<{MARK}>", f'{MARK}.csv"; filename="{MARK}.exe',
        f"{MARK}.csv; filename*=UTF-8''{MARK}.html", f"{MARK}\u560d\u560aX-{MARK}: 1", f'{MARK}\\"; filename=\\"{MARK}.exe',
    ),
    LOG: (
        f"{MARK}\n{{\"level\": \"info\"}}", f"{MARK}\x1b[2J\x1b]0;x\x07", f"{MARK}\x85\u2028\u2029", f"{MARK}\u202egnp.exe", f"{MARK}\x00", f"{MARK}\x9b31m\x7f",
    ),
}  # fmt: skip


class Watched:
    """A database that tells every statement; its parameters travel beside it, and are not told."""

    def __init__(self, database: Any, told: list[str]) -> None:
        self._database, self._told = database, told

    @contextmanager
    def read(self) -> Iterator[Any]:
        with self._database.read() as tx:
            yield WatchedTransaction(tx, self._told)

    @contextmanager
    def snapshot(self) -> Iterator[Any]:
        with self._database.snapshot() as tx:
            yield WatchedTransaction(tx, self._told)

    def version(self) -> Any:
        return self._database.version()

    def submit(self, operation: Any) -> Any:
        return self._database.submit(lambda tx: operation(WatchedTransaction(tx, self._told)))


class WatchedTransaction:
    def __init__(self, tx: Any, told: list[str]) -> None:
        self._tx, self._told = tx, told

    def __getattr__(self, name: str) -> Any:
        known = getattr(self._tx, name)
        if name not in {"one", "all", "run", "insert", "many"}:
            return known

        def told(sql: str, *parameters: Any) -> Any:
            self._told.append(sql)
            return known(sql, *parameters)

        return told
