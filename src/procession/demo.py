"""`make demo`: the standing orders example on a real server, by HTTP, as a script of a customer would do it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from pathlib import Path
from types import FrameType
from typing import Any

from procession import config, loops
from procession.commands.watching import RunView, Screen, StepView
from procession.home import Home

HOME = Path("demo-data")
EXAMPLE = Path(__file__).parents[2] / "examples" / "standing-orders"
FILES = {"orders": "orders.csv", "accounts": "accounts.csv", "transactions": "transactions.csv"}
LOOK_SECONDS = 0.05
ANSWER_SECONDS_MAX = 30
END_SECONDS_MAX = 15
STOPPED = 130  # what shells expect: 128 + SIGINT


class DemoError(Exception):
    """Why the demonstration ended, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoClient:
    """The API as a script sees it."""

    address: str
    token: str

    def json(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.bytes(method, path, data, "application/json"))

    def bytes(self, method: str, path: str, data: bytes | None = None, media_type: str = "") -> bytes:
        headers = {"Authorization": f"Bearer {self.token}"} | ({"Content-Type": media_type} if media_type else {})
        return _ask(urllib.request.Request(f"{self.address}/api/v1/{path}", data, headers, method=method))  # noqa: S310

    def upload(self, file: str, path: Path) -> None:
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n\r\n'
        body = head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        self.bytes("POST", f"files/{file}", body, f"multipart/form-data; boundary={boundary}")


def _ask(request: urllib.request.Request) -> bytes:
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS_MAX) as reply:  # noqa: S310 - our own server
            content: bytes = reply.read()
    except urllib.error.HTTPError as error:
        raise DemoError(json.loads(error.read()).get("message", str(error))) from error
    except (OSError, HTTPException) as error:
        raise DemoError(f"the server does not answer: {error}") from error
    return content


def main() -> int:
    """Gives the exit code: 0 when the outcome is Success (without CI=true: when the server was ended)."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Under nohup it stays ignored.
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    try:
        return _demonstrate(is_ci=os.environ.get("CI", "").lower() == "true")
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return STOPPED


def _demonstrate(*, is_ci: bool) -> int:
    # Made anew every time: a demonstration is no place to keep anything.
    if HOME.exists():
        if Home(folder=HOME.absolute()).is_awake():
            raise DemoError("another demonstration is running in this folder")
        shutil.rmtree(HOME)
    application = _command("application", "create", "--name", "demo", "--scopes", "all")
    _command("apply", str(EXAMPLE / "process.yaml"))
    # Somebody who looks at the demonstration finds it where the README says, unless that place is taken.
    wanted = config.read().port
    with _server(port=0 if is_ci or _is_taken(wanted) else wanted) as (server, address):
        client = DemoClient(address=address, token=_token(address, application))
        outcome = _run_example(client)
        if is_ci:
            return 0 if outcome == "Success" else 1
        link = _command("user", "sign-in", "admin", "--to", "/runs/pr-1")["signInLink"]
        print(_how_to_sign_in(address, application, link), flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.wait()
    return 0


def _command(*arguments: str) -> dict[str, Any]:
    """What a user would type, and its JSON answer."""
    command = [sys.executable, "-m", "procession", *arguments, "--home", str(HOME), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ourselves
    if done.returncode:
        raise DemoError(done.stderr.strip() or done.stdout.strip())
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@contextmanager
def _server(port: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The real server as a process of its own; ended by its pid, whatever ends us."""
    command = [sys.executable, "-m", "procession", "serve", "--home", str(HOME), "--port", str(port), "--json"]
    server: subprocess.Popen[str] | None = None
    # Its scripts are ours, and it has to show itself where a machine keeps nothing apart too, such as a container.
    environment = {**os.environ, "PROCESSION_ISOLATION": "weak"}
    try:
        with _signals_held(), (HOME / "server.log").open("w") as log:
            server = subprocess.Popen(  # noqa: S603 - ourselves
                command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
            )
        assert server.stdout is not None
        line = server.stdout.readline()
        if not line:
            raise DemoError(f"the server did not start: {_last_line(HOME / 'server.log')}")
        yield server, json.loads(line)["address"]
    finally:
        if server is not None:
            _end(server)


@contextmanager
def _signals_held() -> Iterator[None]:
    """A signal to end us waits until this is over: a server that is just being born could not be ended yet."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    held = [number for number in numbers if signal.getsignal(number) is signal.default_int_handler]
    for number in held:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number in held:
            signal.signal(number, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


def _end(server: subprocess.Popen[str]) -> None:
    """In good order; one that takes too long, or whose user has lost patience, is killed."""
    try:
        server.terminate()
        server.wait(END_SECONDS_MAX)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        server.kill()
        server.wait()
    if server.stdout is not None:
        server.stdout.close()


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _last_line(path: Path) -> str:
    lines = path.read_text("utf-8").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _token(address: str, application: dict[str, Any]) -> str:
    form = {"grant_type": "client_credentials", **{name: application[name] for name in ("client_id", "client_secret")}}
    request = urllib.request.Request(f"{address}/oauth/token", urllib.parse.urlencode(form).encode())  # noqa: S310
    return str(json.loads(_ask(request))["access_token"])


def _run_example(client: DemoClient) -> str:
    """Create, fill, start, watch, and fetch what came out; gives the outcome."""
    process = client.json("GET", "processes")[0]
    run = client.json("POST", f"processes/{process['id']}/processruns", {})["id"]
    properties = _properties(client, run)
    for key, name in FILES.items():
        client.upload(properties[f"files.{key}"]["file"], EXAMPLE / "data" / name)
    client.json("POST", f"processruns/{run}/start", {})
    status = _watch(client, run)
    outcome = str(status["outcome"] or status["status"])
    print(f"\nOutcome: {outcome}")
    _tell_results(client, run)
    return outcome


def _properties(client: DemoClient, run: str) -> dict[str, Any]:
    """By "step.property", in the names' spelling of the process file."""
    found = {}
    for step in client.json("GET", f"processruns/{run}/steps?include=all"):
        if step["kind"] == "Data":
            for item in client.json("GET", f"steps/{step['id']}/properties"):
                found[f"{step['key']}.{_KEYS.get(item['name'], item['name'])}"] = item
    return found


# The API knows properties by their names, people by these.
_KEYS = {"Orders": "orders", "Accounts": "accounts", "Bank transactions": "transactions"}


def _watch(client: DemoClient, run: str) -> Any:
    screen, name = Screen(), client.json("GET", f"processruns/{run}")["name"]
    status: Any = None

    def look() -> bool:
        nonlocal status
        status = client.json("GET", f"processruns/{run}/runstatus")
        steps = client.json("GET", f"processruns/{run}/steps?include=all")
        view = RunView(
            name=name,
            status=status["status"],
            outcome=status["outcome"],
            seconds=_seconds(status["dateStarted"], status["dateFinished"]),
            steps=tuple(_step_view(step) for step in steps),
        )
        screen.show(view)
        return view.is_over

    loops.until(look, rest_seconds=LOOK_SECONDS)
    return status


def _step_view(step: dict[str, Any]) -> StepView:
    status = step["runStatus"]
    return StepView(
        order=step["stepOrder"],
        name=step["name"],
        status=status["status"],
        message=status["completionMessage"],
        seconds=_seconds(status["dateStarted"], status["dateFinished"]),
    )


def _seconds(begin: str | None, end: str | None) -> float | None:
    """The duration field has whole seconds only, and these steps are faster."""
    if begin is None or end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def _tell_results(client: DemoClient, run: str) -> None:
    folder = HOME / "outputs"
    folder.mkdir(exist_ok=True)
    for item in _properties(client, run).values():
        if item["informationFlowType"] != "OUTPUT":
            continue
        if item["dataType"] != "File":
            print(f"{item['name']}: {item['value']}")
            continue
        file = client.json("GET", f"files/{item['file']}/metadata")
        if file["sizeInBytes"]:
            target = folder / Path(file["name"]).name
            target.write_bytes(client.bytes("GET", f"files/{item['file']}"))
            print(f"{item['name']}: {target}")


def _how_to_sign_in(address: str, application: dict[str, Any], link: str) -> str:
    client, secret = application["client_id"], application["client_secret"]
    return f"""
Procession serves until you press Ctrl-C. Look at this run in a browser (the link signs you in once, within 15 minutes):
  {address}{urllib.parse.urlsplit(link)._replace(scheme="", netloc="").geturl()}

For scripts:
  client_id      {client}
  client_secret  {secret}
  curl -d grant_type=client_credentials -d client_id={client} -d client_secret={secret} {address}/oauth/token"""


if __name__ == "__main__":
    sys.exit(main())
