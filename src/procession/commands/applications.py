"""application create, list, change, reset-secret and delete: as the user whom the application acts for."""

from __future__ import annotations

from collections.abc import Sequence, Set
from functools import partial
from typing import Any

from msgspec.structs import replace

from procession.commands import opening
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.model.errors import NotFound
from procession.model.ids import ApplicationId
from procession.model.people import SCOPES, Application
from procession.operations import applications, people
from procession.operations.act import Act
from procession.store import applications as store
from procession.store.database import Transaction


def create(
    console: Console, *, name: str, user: str | None, scopes: str, redirect_uri: Sequence[str], public: bool
) -> int:
    """Raises Invalid, NotFound. The secret is shown here and nowhere else."""

    def operation(tx: Transaction, opened: OpenedHome) -> tuple[Application, str, str]:
        act = opening.operator(tx, opened, user)
        wanted = Application(
            id=ApplicationId(0),  # the store gives one
            client_id="",
            secret_hash="",
            name=name,
            user=act.caller.user.id,
            scopes=frozenset(_scopes(scopes)),
            redirect_uris=tuple(redirect_uri),
            is_public=public,
        )
        return *applications.add(tx, wanted, opened.clock.now()), act.author

    with opening.open_home(console, may_create=True) as opened:
        application, secret, login = opened.database.write(partial(operation, opened=opened))
    # A public application cannot keep a secret, so it gets none.
    _tell_secret(console, application, login, None if application.is_public else secret)
    return 0


def _scopes(text: str) -> Set[str]:
    # Commas and blanks: the documents show both.
    return SCOPES if text.strip().lower() == "all" else frozenset(text.replace(",", " ").split())


def list_all(console: Console) -> int:
    with opening.open_home(console) as opened, opened.database.read() as tx:
        found = [(item, people.user(tx, item.user).login) for item in store.listed(tx, None)]
    lines = [f"{item.id}  {item.client_id}  {login:<20}  {item.name}" for item, login in found]
    content = {"applications": [_shown(item, login) for item, login in found]}
    console.answer(content, "\n".join(lines) or "there are no applications yet: procession application create --help")
    return 0


def change(
    console: Console, application: str, *, name: str | None, scopes: str | None, redirect_uri: Sequence[str]
) -> int:
    """Changes only what is given. Raises Invalid, NotFound."""
    fields: dict[str, Any] = {}
    if name is not None:
        fields["name"] = name
    if scopes is not None:
        fields["scopes"] = frozenset(_scopes(scopes))
    if redirect_uri:
        # An option that is given cannot be empty; "" stands for none.
        fields["redirect_uris"] = tuple(uri for uri in redirect_uri if uri)

    def operation(tx: Transaction, opened: OpenedHome) -> tuple[Application, str]:
        found = _find(tx, application)
        act = _as_its_user(tx, opened, found)
        return applications.change(act, replace(found, **fields)), act.author

    with opening.open_home(console) as opened:
        changed, login = opened.database.write(partial(operation, opened=opened))
    content = _shown(changed, login)
    console.answer(content, "\n".join(f"{key + ':':<14} {_text(value)}" for key, value in content.items()))
    return 0


def reset_secret(console: Console, application: str) -> int:
    """Ends the old secret and every token. Raises Invalid, NotFound."""

    def operation(tx: Transaction, opened: OpenedHome) -> tuple[Application, str, str]:
        found = _find(tx, application)
        act = _as_its_user(tx, opened, found)
        return *applications.reset_secret(act, found.id), act.author

    with opening.open_home(console) as opened:
        changed, secret, login = opened.database.write(partial(operation, opened=opened))
    _tell_secret(console, changed, login, secret)
    return 0


def delete(console: Console, application: str) -> int:
    """Deletes it and its tokens. Raises NotFound."""

    def operation(tx: Transaction) -> Application:
        found = _find(tx, application)
        applications.delete(tx, found.id)
        return found

    with opening.open_home(console) as opened:
        gone = opened.database.write(operation)
    console.answer({"id": gone.id, "client_id": gone.client_id}, f'"{gone.name}" is deleted, with its tokens')
    return 0


def _find(tx: Transaction, text: str) -> Application:
    """Finds it by id or client_id. Raises NotFound."""
    # A client_id is hexadecimal and has no dash.
    is_id = text.lower().startswith(ApplicationId.prefix + "-")
    found = store.find(tx, ApplicationId.parse(text)) if is_id else store.by_client_id(tx, text)
    if found is None:
        raise NotFound(f'there is no application "{text[:80]}"; procession application list shows them')
    return found


def _as_its_user(tx: Transaction, opened: OpenedHome, item: Application) -> Act:
    # As its user and not as the operator: an application never gets more than its user has.
    return opening.acting(tx, opened, people.user(tx, item.user))


def _tell_secret(console: Console, item: Application, login: str, secret: str | None) -> None:
    content = _shown(item, login) | ({} if secret is None else {"client_secret": secret})
    lines = [f"client_id:     {item.client_id}"]
    if secret is not None:
        lines += [f"client_secret: {secret}", "The secret is not shown again."]
    console.answer(content, "\n".join(lines))


def _shown(item: Application, login: str) -> dict[str, Any]:
    return {
        "id": str(item.id),
        "client_id": item.client_id,
        "name": item.name,
        "user": login,
        "scopes": sorted(item.scopes),
        "redirect_uris": list(item.redirect_uris),
        "is_public": item.is_public,
    }


def _text(value: object) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)
