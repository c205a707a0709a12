"""user create, list, link and sign-in; group create."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from procession.commands import opening
from procession.commands.console import Console
from procession.commands.opening import OpenedHome
from procession.model.people import User, UserRole
from procession.operations import accounts, links, people, sessions
from procession.store import history
from procession.store import people as people_store
from procession.store.database import Transaction


def create_user(console: Console, *, email: str, first_name: str, last_name: str, role: str) -> int:
    """Prints a link to set the password, since no mail is sent. Raises Invalid."""

    def operation(tx: Transaction, opened: OpenedHome) -> tuple[User, str]:
        user = people.create_user(
            tx, email=email, first_name=first_name, last_name=last_name, role=UserRole(role), now=opened.clock.now()
        )
        # In one transaction: a user without a way in would have to be found and linked again.
        return user, _link(tx, opened, user.login)

    with opening.open_home(console, may_create=True) as opened:
        user, link = opened.database.write(partial(operation, opened=opened))
    content, text = _link_shown(opened.settings.public_url, link)
    console.answer(_shown(user) | content, f"{user.id} {user.role} {user.login} ({user.email})\n{text}")
    return 0


def _shown(user: User) -> dict[str, Any]:
    return {
        "id": str(user.id),
        "loginName": user.login,
        "email": user.email,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "userRole": user.role,
        "accountStatus": user.status,
    }


def create_group(console: Console, name: str) -> int:
    """Raises Invalid."""
    with opening.open_home(console, may_create=True) as opened:
        group = opened.database.write(partial(people.create_group, name=name, now=opened.clock.now()))
    console.answer({"id": str(group.id), "name": group.name}, f'{group.id} "{group.name}"')
    return 0


def list_users(console: Console) -> int:
    with opening.open_home(console) as opened, opened.database.read() as tx:
        users = people_store.users(tx)
    lines = [f"{user.id}  {user.login:<20}  {user.role:<11}  {user.status:<9}  {user.email}" for user in users]
    console.answer({"users": [_shown(user) for user in users]}, "\n".join(lines) or "there are no users yet")
    return 0


def link_user(console: Console, login: str) -> int:
    """Raises NotFound, Invalid. The operator can let anybody back in, administrators too."""
    with opening.open_home(console) as opened:
        link = opened.database.write(partial(_link, opened=opened, login=login))
    content, text = _link_shown(opened.settings.public_url, link)
    console.answer({"loginName": login} | content, text)
    return 0


def sign_in_user(console: Console, login: str, *, to: str) -> int:
    """A link that signs the user in once; `to` is a path of ours. Raises NotFound, Invalid."""

    def operation(tx: Transaction, opened: OpenedHome) -> str:
        user = people.find_user(tx, login)
        accounts.require_active(user)
        link = sessions.create_link(tx, user.id, opened.resources.home_clock.most())
        history.add_log(tx, user.login, "a link to sign in was made on the server's machine", opened.clock.now())
        return link

    with opening.open_home(console) as opened:
        link = opened.database.write(partial(operation, opened=opened))
    there = f"&to={quote(to)}" if to else ""
    address = f"{opened.settings.public_url.rstrip('/')}/sign-in?link={link}{there}"
    lines = [address, f"It signs {login} in once, within {sessions.LINK_MINUTES} minutes."]
    console.answer(
        {"loginName": login, "signInLink": address}, "\n".join([*lines, *_where(opened.settings.public_url)])
    )
    return 0


def _where(public_url: str) -> list[str]:
    return [] if public_url else ["Open it at the address of the server (PROCESSION_PUBLIC_URL is not set)."]


def _link(tx: Transaction, opened: OpenedHome, login: str) -> str:
    user = people.find_user(tx, login)
    accounts.require_active(user)
    return links.create(tx, user.id, opened.resources.home_clock.most())


def _link_shown(public_url: str, link: str) -> tuple[dict[str, str], str]:
    """For a program and for people."""
    address = links.address(public_url, link)
    lines = [address, f"It sets a password once, within {links.LINK_DAYS} days; earlier links are dead."]
    return {"setPasswordLink": address}, "\n".join([*lines, *_where(public_url)])
