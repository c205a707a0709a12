"""OAuth applications and their tokens: registered by a user, read by the token endpoint."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence, Set
from datetime import datetime

from msgspec.structs import replace

from procession.model import redirects
from procession.model.errors import Forbidden, Invalid, NotFound
from procession.model.ids import ApplicationId
from procession.model.people import SCOPES, Application, Caller
from procession.model.rights import ADMINS
from procession.operations import people as people_operations
from procession.operations.act import Act
from procession.operations.telling import tell
from procession.store import applications
from procession.store.database import Transaction

SECRET_BYTES = 32
CLIENT_ID_BYTES = 16
REDIRECT_URIS_MAX = 20
DEFAULT_SCOPES = frozenset({"process_read"})  # of an application without scopes (docs/wire.md, Tokens)


def create(
    tx: Transaction,
    *,
    name: str,
    user_login: str,
    scopes: Set[str],
    redirect_uris: Sequence[str] = (),
    now: datetime,
) -> tuple[Application, str]:
    """An OAuth client that acts as this user, and its secret, which is shown now and never again. Raises Invalid."""
    application = Application(
        id=ApplicationId(0),  # the store gives one
        client_id="",
        secret_hash="",
        name=name,
        user=people_operations.find_user(tx, user_login).id,
        scopes=frozenset(scopes),
        redirect_uris=tuple(redirect_uris),
    )
    return add(tx, application, now)


def add(tx: Transaction, wanted: Application, now: datetime) -> tuple[Application, str]:
    """This application, as create() makes it; the ids and the hash of `wanted` are not looked at. Raises Invalid."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    made = replace(wanted, client_id=secrets.token_hex(CLIENT_ID_BYTES), secret_hash=_digest(secret))
    return applications.add(tx, _checked(made), now), secret


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checked(application: Application) -> Application:
    # Refused and not ignored: a misspelt scope would show as a 403 months later.
    unknown = sorted(application.scopes - SCOPES)
    if unknown:
        raise Invalid(f"there is no scope {', '.join(unknown)[:200]}; there are {', '.join(sorted(SCOPES))}")
    if len(application.redirect_uris) > REDIRECT_URIS_MAX:
        raise Invalid(f"an application has at most {REDIRECT_URIS_MAX} redirect URIs")
    for uri in application.redirect_uris:
        redirects.check(uri)
    return replace(application, name=people_operations.named(application.name, "the name of an application"))


def register(act: Act, wanted: Application) -> tuple[Application, str]:
    """create() for a caller: the application acts as them, and can do no more than their token. Raises Forbidden."""
    _require_scopes(act.caller, wanted.scopes)
    made, secret = add(act.tx, replace(wanted, user=act.caller.user.id), act.now)
    tell(act, f'registered the application "{made.name}", which may {_scopes(made)}', made.id)
    return made, secret


def _scopes(application: Application) -> str:
    return " ".join(sorted(application.scopes or DEFAULT_SCOPES))


def _require_scopes(caller: Caller, scopes: Set[str]) -> None:
    """A token never widens itself by way of an application. Without scopes one has DEFAULT_SCOPES."""
    # Unknown scopes are left to _checked(), which names the known ones.
    beyond = sorted((scopes or DEFAULT_SCOPES) - caller.scopes - (scopes - SCOPES))
    if beyond:
        raise Forbidden(f"your access token does not have the scope {', '.join(beyond)}")


def find(tx: Transaction, application_id: ApplicationId) -> Application:
    """Raises NotFound."""
    found = applications.find(tx, application_id)
    if found is None:
        raise NotFound(f"there is no application {application_id}")
    return found


def listed(tx: Transaction, caller: Caller) -> list[Application]:
    """Everybody's for administrators, else one's own."""
    return applications.listed(tx, None if caller.user.role in ADMINS else caller.user.id)


def change(act: Act, wanted: Application) -> Application:
    """Its name, scopes and addresses become those of `wanted`. Where a scope is taken away, its tokens end.

    Raises Forbidden for an application that can do more than the caller's token.
    """
    tx = act.tx
    before = find(tx, wanted.id)
    _require_control(tx, act.caller, before)
    _require_scopes(act.caller, wanted.scopes)
    wanted = _checked(wanted)
    applications.change(tx, wanted)
    if wanted != before:
        tell(act, f'changed the application "{wanted.name}", which may {_scopes(wanted)}', wanted.id)
    # Tokens carry the scopes they were issued with; only ending them takes one away.
    if before.scopes - wanted.scopes:
        applications.revoke_tokens(tx, wanted.id, act.now)
    return wanted


def _require_control(tx: Transaction, caller: Caller, application: Application) -> None:
    """Whoever gets its secret or its addresses can act with its scopes, as its user."""
    _require_scopes(caller, application.scopes)
    people_operations.require_rank(caller, people_operations.user(tx, application.user).role)


def reset_secret(act: Act, application_id: ApplicationId) -> tuple[Application, str]:
    """A new secret, shown now and never again; the old one and every token are dead. Raises Forbidden, Invalid."""
    tx = act.tx
    before = find(tx, application_id)
    _require_control(tx, act.caller, before)
    # A secret that ships with an application is none (RFC 6749 section 2.1).
    if before.is_public:
        raise Invalid(f"application {application_id} is public: it has no secret")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    changed = replace(before, secret_hash=_digest(secret))
    applications.change(tx, changed)
    tell(act, f'reset the secret of the application "{changed.name}"', changed.id)
    applications.revoke_tokens(tx, application_id, act.now)
    return changed, secret


def unregister(act: Act, application_id: ApplicationId) -> None:
    """delete() for a caller. Raises NotFound."""
    name = find(act.tx, application_id).name
    delete(act.tx, application_id)
    tell(act, f'deleted the application "{name}"', application_id)


def delete(tx: Transaction, application_id: ApplicationId) -> None:
    """With every token of it. Raises NotFound."""
    applications.delete(tx, find(tx, application_id).id)
