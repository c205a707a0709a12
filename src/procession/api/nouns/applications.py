"""OAuth applications over HTTP: registered, listed, changed, their secret reset; a secret is shown once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from procession.api.wire import applications as wire
from procession.api.wire import reading
from procession.door.contract import Call, EmptyReply
from procession.model.errors import Invalid
from procession.model.ids import ApplicationId
from procession.model.people import Application
from procession.operations import applications, people

# Before any of them is looked at: each may be named in the error.
ITEMS_MAX = 100


def listed(call: Call) -> list[wire.ApplicationShape]:
    return [_shown(call, item) for item in applications.listed(call.tx, call.caller)]


def get(call: Call) -> wire.ApplicationShape:
    return _shown(call, applications.find(call.tx, call.id(ApplicationId)))


def create(call: Call) -> wire.ApplicationShape:
    """It acts as the caller, and can do no more than the caller's token."""
    blank = Application(
        id=ApplicationId(0),
        client_id="",
        secret_hash="",
        name=reading.name(call.body.get("name"), field="name"),
        # Never from the body: an application acts as whoever registers it.
        user=call.caller.user.id,
        scopes=frozenset(),
        is_public=call.body.get("ispublic") is not None and reading.boolean(call.body["ispublic"], field="isPublic"),
    )
    made, secret = applications.register(call.act, _changed(blank, call.body))
    # A public application can keep no secret, and is told none.
    return _shown(call, made, secret=None if made.is_public else secret)


def change(call: Call) -> wire.ApplicationShape:
    """What is left out stays. Raises Invalid for what cannot change."""
    present = applications.find(call.tx, call.id(ApplicationId))
    # The secret of a confidential one is known to its owner; made public it would still open doors.
    if call.body.get("ispublic") not in {None, present.is_public}:
        raise Invalid("isPublic cannot be changed; register another application")
    wanted = _changed(present, call.body)
    return _shown(call, applications.change(call.act, wanted))


def reset_secret(call: Call) -> wire.ApplicationShape:
    changed, secret = applications.reset_secret(call.act, call.id(ApplicationId))
    return _shown(call, changed, secret=secret)


def delete(call: Call) -> EmptyReply:
    applications.unregister(call.act, call.id(ApplicationId))
    return EmptyReply()


def _changed(item: Application, body: Mapping[str, Any]) -> Application:
    fields: dict[str, Any] = {}
    if body.get("name") is not None:
        fields["name"] = reading.name(body["name"], field="name")
    if body.get("scopes") is not None:
        fields["scopes"] = frozenset(_texts(body["scopes"], field="scopes"))
    if body.get("redirecturis") is not None:
        fields["redirect_uris"] = tuple(_texts(body["redirecturis"], field="redirectUris"))
    return replace(item, **fields)


def _texts(given: object, *, field: str) -> list[str]:
    if not isinstance(given, list) or len(given) > ITEMS_MAX or not all(isinstance(item, str) for item in given):
        raise Invalid(f"{field} must be a list of at most {ITEMS_MAX} texts")
    return given


def _shown(call: Call, item: Application, *, secret: str | None = None) -> wire.ApplicationShape:
    return wire.ApplicationShape(
        id=str(item.id),
        clientId=item.client_id,
        name=item.name,
        user=people.user(call.tx, item.user).login,
        scopes=sorted(item.scopes),
        redirectUris=list(item.redirect_uris),
        isPublic=item.is_public,
        # Left out and not null: a client that stores the answer must not overwrite the secret it has.
        clientSecret=UNSET if secret is None else secret,
    )
