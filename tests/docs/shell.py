"""One document's terminal: a bash that keeps its variables, and the servers that the document starts."""

from __future__ import annotations

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs import program
from tests.support import wait_until

END_SECONDS_MAX = 60
READY_SECONDS_MAX = 60
WRITTEN_ADDRESS = "127.0.0.1:8080"  # what documents say; the test's server takes a free port
_END = "end-of-block"
_READY = re.compile(r"ready at https?://(127\.0\.0\.1:\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a block said, with the address that documents use, and the exit code."""

    code: int
    text: str


@dataclass(slots=True, kw_only=True)
class Terminal:
    """`folder` is where the document's reader sits; nothing of this machine's settings reaches it."""

    folder: Path
    aside: Path
    environment: dict[str, str]
    shell: subprocess.Popen[bytes]
    handles: tuple[int, ...] = ()  # which programs inherit
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    address: str = WRITTEN_ADDRESS

    def run(self, text: str, *, may_fail: bool = False) -> Heard:
        """The block's commands in this shell; the first that fails ends the shell, unless it `may_fail`."""
        script = self.aside / "block.sh"
        script.write_text(self._there(text), "utf-8")
        call = f"( set -eo pipefail; . {script} ) || false" if may_fail else f"set -eo pipefail; . {script}; set +e"
        assert self.shell.stdin is not None
        self.shell.stdin.write(f"{call}\nprintf '\\n{_END} %s\\n' $?\n".encode())
        self.shell.stdin.flush()
        return self._listen()

    def python(self, text: str) -> Heard:
        """The block as a program of its own, with the shell's exported variables."""
        program = self.aside / "block.py"
        program.write_text(self._there(text), "utf-8")
        return self.run(f"python {program}")

    def serve(self, text: str) -> Heard:
        """The block's command in another terminal, until it says that it is ready."""
        heard = self.aside / f"server-{len(self.servers)}"
        environment = {**self._exported(), "PROCESSION_PORT": "0"}
        with heard.open("wb") as out:
            server = subprocess.Popen(
                ["bash", "-c", f"exec {text.strip()}"],
                cwd=self.folder,
                env=environment,
                stdout=out,
                stderr=out,
                pass_fds=self.handles,
            )
        self.servers.append(server)

        def ready() -> re.Match[str] | None:
            assert server.poll() is None, heard.read_text()
            return _READY.search(heard.read_text())

        found = wait_until(ready, READY_SECONDS_MAX)
        assert found is not None
        self.address = found[1]
        return Heard(code=0, text=self._here(heard.read_text()))

    def close(self) -> None:
        assert self.shell.stdin is not None and self.shell.stdout is not None
        self.shell.stdin.close()
        _end(self.shell)
        self.shell.stdout.close()
        for server in self.servers:
            _end(server)

    def _exported(self) -> dict[str, str]:
        said = self.run("env -0 | base64 -w0").text
        pairs = base64.b64decode(said).decode().split("\0")
        return dict(pair.split("=", 1) for pair in pairs if "=" in pair)

    def _listen(self) -> Heard:
        lines: list[str] = []
        assert self.shell.stdout is not None
        for line in iter(self.shell.stdout.readline, b""):
            text = line.decode("utf-8", "replace")
            if text.startswith(_END):
                said = "".join(lines)
                return Heard(code=int(text.split()[1]), text=self._here(said.removesuffix("\n")))
            lines.append(text)
        return Heard(code=self.shell.wait(), text=self._here("".join(lines)))

    def _there(self, text: str) -> str:
        return text.replace(WRITTEN_ADDRESS, self.address)

    def _here(self, text: str) -> str:
        return text.replace(self.address, WRITTEN_ADDRESS)


@contextmanager
def terminal(folder: Path, aside: Path, *, forks: bool = False) -> Iterator[Terminal]:
    """A terminal in `folder`; what tests need beside it lies in `aside`. `forks`: procession is no interpreter anew."""
    handles: Sequence[int] = ()
    way: dict[str, str] = {}
    if forks:
        way, *handles = program.install(aside / "bin")
    environment = {
        **way,
        "PATH": f"{aside / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(aside),
        "LANG": "C.UTF-8",
        "CI": "true",  # `make demo` ends by itself
        # Scripts run where the machine cannot keep them apart, too.
        "PROCESSION_ISOLATION": os.environ["PROCESSION_ISOLATION"],
    }
    shell = subprocess.Popen(
        ["bash", "--noprofile", "--norc"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=handles,
    )
    opened = Terminal(folder=folder, aside=aside, environment=environment, shell=shell, handles=tuple(handles))
    try:
        yield opened
    finally:
        opened.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
