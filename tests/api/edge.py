"""A real database, the real dispatcher and router, and handlers that a test brings along."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from procession.api import bearer
from procession.clock import ManualClock
from procession.door.context import HandlerContext
from procession.door.contract import Request, Route, Space
from procession.door.dispatch import Api, Server
from procession.door.limits import Arriving, UserCounts, UserLimits
from procession.door.parsing import Parsing
from procession.engine.announcements import Announcements
from procession.model.errors import Forbidden, Unauthorized
from procession.model.ids import UserId
from procession.model.people import AccountStatus, Caller, User, UserRole
from procession.model.rights import Rule
from procession.operations.home_time import HomeClock
from procession.operations.resources import Resources
from procession.store.chunks import Chunks
from procession.store.database import Transaction
from procession.store.folder import BlobFolder
from procession.store.sqlite import SqliteDatabase
from procession.store.step_log_folder import StepLogFolder

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
READ = Rule(scope="process_read", role="reader", of="run")
MONA = User(
    id=UserId(1),
    login="mona",
    email="mona@example.com",
    first_name="Mona",
    last_name="Benson",
    role=UserRole.DESIGNER,
    status=AccountStatus.ACTIVE,
)


def prove(tx: Transaction, request: Request, now: datetime) -> Caller:
    if bearer.token(request.headers) != "good":
        raise Unauthorized("the access token is unknown, expired or revoked")
    return Caller(user=MONA, scopes=frozenset({"process_read"}))


def permit(tx: Transaction, caller: Caller, rule: Rule, ids: Any) -> None:
    if rule.scope not in caller.scopes:
        raise Forbidden(f"this needs a token with the scope {rule.scope}")


@contextmanager
def edge(folder: Path, routes: Sequence[Route]) -> Iterator[Callable[..., Any]]:
    """An ASGI application over `routes`; yields the application."""
    failures: list[str] = []
    database = SqliteDatabase(folder / "edge.sqlite", on_fatal=failures.append)
    with ThreadPoolExecutor(1) as threads:
        server = Server(
            database=database,
            proofs={Space.API: prove},
            permit=permit,
            clock=lambda: NOW,
            threads=threads,
            context=_parts(folder, threads),
            limits=UserCounts(UserLimits()),
        )
        yield Api(server, routes)
    database.close()
    assert failures == []


def _parts(folder: Path, threads: ThreadPoolExecutor) -> HandlerContext:
    clock, blobs, chunks = ManualClock(), BlobFolder(folder / "files"), Chunks(folder / "uploads")
    return HandlerContext(
        limits=UserLimits(),
        arriving=Arriving(UserLimits().upload_bytes_max),
        resources=Resources(
            actions={},
            blobs=blobs,
            chunks=chunks,
            step_logs=StepLogFolder(folder / "logs"),
            steady=clock.monotonic,
            home_clock=HomeClock(clock),
        ),
        announcements=Announcements(),
        upload_bytes_max=100_000,
        hashing=threads,
        parsing=Parsing(threads),
        document=lambda: b"{}",
        look_for_mail=None,
    )


async def ask(app: Any, method: str, path: str, *, token: str = "good", **more: Any) -> httpx2.Response:
    headers = {"authorization": f"Bearer {token}", **more.pop("headers", {})}
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://edge.example:8080") as client:
        return await client.request(method, path, headers=headers, **more)
