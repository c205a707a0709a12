"""OAuth applications and their tokens: registered by a user, read by the token endpoint."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence, Set
from datetime import datetime

from procession.model.errors import Invalid
from procession.model.ids import ApplicationId, UserId
from procession.model.people import SCOPES, AccountStatus, Application
from procession.operations import people as people_operations
from procession.store import applications, people
from procession.store.database import Transaction

SECRET_BYTES = 32
CLIENT_ID_BYTES = 16
TOKENS_DROPPED_MAX = 20  # expired ones, with every token that is issued: more than come in, so they never pile up


def create(
    tx: Transaction,
    *,
    name: str,
    user_login: str,
    scopes: Set[str],
    redirect_uris: Sequence[str] = (),
    is_public: bool = False,
    now: datetime,
) -> tuple[Application, str]:
    """An OAuth client that acts as this user, and its secret, which is shown now and never again. Raises Invalid."""
    unknown = sorted(scopes - SCOPES)
    if unknown:
        raise Invalid(f"there is no scope {', '.join(unknown)}; there are {', '.join(sorted(SCOPES))}")
    user = people_operations.find_user(tx, user_login)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    application = Application(
        id=ApplicationId(0),  # the store gives one
        client_id=secrets.token_hex(CLIENT_ID_BYTES),
        secret_hash=hashlib.sha256(secret.encode()).hexdigest(),
        name=people_operations.named(name, "the name of an application"),
        user=user.id,
        scopes=frozenset(scopes),
        redirect_uris=tuple(redirect_uris),
        is_public=is_public,
    )
    return applications.add(tx, application, now), secret


def issue_token(
    tx: Transaction, now: datetime
) -> tuple[Callable[[str], Application | None], Callable[[str, ApplicationId, UserId, frozenset[str], datetime], None]]:
    """What the token endpoint needs of this transaction: find an application by client_id, and keep a token's hash.

    An application whose user is not active is not found.
    """
    seen: dict[ApplicationId, Application] = {}

    def find(client_id: str) -> Application | None:
        application = applications.by_client_id(tx, client_id)
        user = None if application is None else people.user(tx, application.user)
        if application is None or user is None or user.status is not AccountStatus.ACTIVE:
            return None
        seen[application.id] = application
        return application

    def add(
        token_hash: str, application: ApplicationId, user: UserId, scopes: frozenset[str], expires_at: datetime
    ) -> None:
        assert seen[application].user == user
        applications.drop_expired_tokens(tx, now, TOKENS_DROPPED_MAX)
        applications.add_token(tx, token_hash, seen[application], scopes=scopes, expires_at=expires_at)

    return find, add
