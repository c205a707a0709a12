"""user, group and application create."""

from __future__ import annotations

from procession.commands import workplace
from procession.commands.console import Console
from procession.model.people import SCOPES, UserRole
from procession.operations import applications, people


def create_user(console: Console, *, email: str, first_name: str, last_name: str, role: str) -> int:
    """Raises Invalid."""
    with workplace.opened(console) as place:
        user = place.database.write(
            lambda tx: people.create_user(
                tx,
                email=email,
                first_name=first_name,
                last_name=last_name,
                role=UserRole(role),
                now=place.clock.now(),
            )
        )
    content = {
        "id": str(user.id),
        "loginName": user.login,
        "email": user.email,
        "firstName": user.first_name,
        "lastName": user.last_name,
        "userRole": user.role,
    }
    console.answer(content, f"{user.id} {user.role} {user.login} ({user.email})")
    return 0


def create_group(console: Console, name: str) -> int:
    """Raises Invalid."""
    with workplace.opened(console) as place:
        group = place.database.write(lambda tx: people.create_group(tx, name=name, now=place.clock.now()))
    console.answer({"id": str(group.id), "name": group.name}, f'{group.id} "{group.name}"')
    return 0


def create_application(console: Console, *, name: str, user: str | None, scopes: str) -> int:
    """Raises Invalid, NotFound. The secret is shown here and nowhere else."""
    wanted = SCOPES if scopes.strip().lower() == "all" else frozenset(scopes.replace(",", " ").split())
    with workplace.opened(console) as place:
        application, secret = place.database.write(
            lambda tx: applications.create(
                tx,
                name=name,
                user_login=workplace.operator(tx, place, user).user.login,
                scopes=wanted,
                now=place.clock.now(),
            )
        )
        with place.database.read() as tx:
            login = workplace.operator(tx, place, user).user.login
    content = {
        "client_id": application.client_id,
        "client_secret": secret,
        "name": application.name,
        "user": login,
        "scopes": sorted(application.scopes),
    }
    text = f"client_id:     {application.client_id}\nclient_secret: {secret}\nThe secret is not shown again."
    console.answer(content, text)
    return 0
