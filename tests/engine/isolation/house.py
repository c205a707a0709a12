"""Real fork servers, one a mode for the whole session, and a way to run a job to its end."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from procession.actions.contract import ConnectionInput, InputValue, StepOutcome
from procession.engine.isolation.contract import Died, Done, Job, Limits, LogText, Message, Progress, Record, Worker
from procession.engine.isolation.options import IsolationSettings
from procession.engine.isolation.pool import ForkServerIsolation

HERE = str(Path(__file__).parent)
DEADLINE_SECONDS = 20.0


def settings(**changes: Any) -> IsolationSettings:
    defaults: dict[str, Any] = {
        "registry": "isolation_registry:registry",
        "import_paths": (HERE,),
        "user_ready": 2,
        "preload": ("decimal",),
        "weak": True,
    }
    return IsolationSettings(**{**defaults, **changes})


def wait_readable(handle: int, seconds: float) -> None:
    """By poll: select() refuses numbers above 1,023, which a long session comes to."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.poll(seconds * 1000)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    end_at = time.monotonic() + DEADLINE_SECONDS
    pause = select.poll()
    while not condition():
        assert time.monotonic() < end_at, f"waited in vain until {what}"
        pause.poll(2)


@dataclass
class Told:
    """Everything that a worker said for one job."""

    messages: list[Message] = field(default_factory=list)

    @property
    def log(self) -> str:
        return "".join(message.text for message in self.messages if isinstance(message, LogText))

    @property
    def recorded(self) -> list[str]:
        return [message.entry for message in self.messages if isinstance(message, Record)]

    @property
    def progress(self) -> list[Progress]:
        return [message for message in self.messages if isinstance(message, Progress)]

    @property
    def end(self) -> Done | Died | None:
        return next((message for message in self.messages if isinstance(message, Done | Died)), None)

    @property
    def outcome(self) -> StepOutcome:
        assert isinstance(self.end, Done), (self.end, self.log)
        return self.end.outcome

    @property
    def reason(self) -> str:
        assert isinstance(self.end, Died), (self.end, self.log)
        return self.end.reason


@dataclass
class House:
    """An isolation that is running, and a folder for its jobs."""

    isolation: ForkServerIsolation
    home: Path
    has_namespaces: bool = True
    jobs: int = 0

    def need_namespaces(self) -> None:
        """Skips the test where the machine gives none, as in most containers."""
        if "process namespace" not in {wall.name for wall in self.isolation.walls() if wall.stands}:
            pytest.skip("this machine gives no namespaces to steps")

    def acquire(self, *, user_code: bool = True, network: bool = False, reaching: bool = False) -> Worker:
        wanted = {"user_code": user_code and not reaching, "network": network, "reaching": reaching}
        end_at = time.monotonic() + DEADLINE_SECONDS
        while (worker := self.isolation.acquire(**wanted)) is None:
            assert time.monotonic() < end_at, "no worker became ready"
            self.isolation.rest()
            wait_readable(self.isolation.fileno(), 1)
            self.isolation.collect()
        self.isolation.rest()
        return worker

    def reach(self, code: str, connection: ConnectionInput | None = None, **values: InputValue) -> Told:
        """Code in a process for steps that reach outside, to its end; all that it records is acknowledged."""
        worker = self.acquire(reaching=True)
        worker.send(replace(self.job(code, action="reaching_script", limits=None, **values), connection=connection))
        told = self.listen(worker)
        self.isolation.release(worker)
        return told

    def job(self, code: str, *, action: str = "script", limits: Limits | None = None, **values: InputValue) -> Job:
        self.jobs += 1
        folder = self.home / f"attempt{self.jobs}"
        folder.mkdir()
        return Job(
            action=action,
            settings={"code": code},
            types={},
            values={name.replace("__", "."): value for name, value in values.items()},
            targets={},
            folder=str(folder),
            step_key="work",
            idempotency_key="pr-1/work/1",
            limits=limits or Limits(),
        )

    def listen(self, worker: Worker, until: Callable[[Told], bool] = lambda told: told.end is not None) -> Told:
        told = Told()
        end_at = time.monotonic() + DEADLINE_SECONDS
        while not until(told):
            assert time.monotonic() < end_at, f"the worker did not finish: {told.log}"
            wait_readable(worker.fileno(), 1)
            heard = worker.receive()
            told.messages += heard
            for message in heard:
                if isinstance(message, Record):
                    worker.acknowledge(message.number)
        return told

    def run(self, code: str, *, user_code: bool = True, action: str = "script", **more: Any) -> Told:
        worker = self.acquire(user_code=user_code)
        worker.send(self.job(code, action=action, **more))
        told = self.listen(worker)
        self.isolation.release(worker)
        return told


@contextmanager
def house_with(home: Path, /, **changes: Any) -> Iterator[House]:
    # The folders of all tests, which bring inputs along.
    place = str(home.parent)
    isolation = ForkServerIsolation(settings(**{"home": place, "job_paths": (place,), **changes}))
    isolation.start()
    try:
        yield House(isolation=isolation, home=home, has_namespaces=changes.get("namespaces", True))
    finally:
        isolation.close()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_with(tmp_path_factory.mktemp("namespaces")) as house:
        yield house


@pytest.fixture(scope="session")
def shared_trees(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house_with(tmp_path_factory.mktemp("trees"), namespaces=False) as house:
        yield house


@pytest.fixture(params=["namespaces", "trees"])
def house(request: pytest.FixtureRequest) -> House:
    """Both ways to keep processes together, one after the other."""
    found = request.getfixturevalue("shared" if request.param == "namespaces" else "shared_trees")
    assert isinstance(found, House)
    if request.param == "namespaces":
        found.need_namespaces()
    return found


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    """One that a test may break."""
    with house_with(tmp_path) as house:
        yield house
