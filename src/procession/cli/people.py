"""Users, user groups, and the applications that sign in for them."""

from __future__ import annotations

from typing import Any

import click

from procession.cli.registering import command, commands, option
from procession.commands.console import Console

_SCOPES = 'What it may ask for, such as "process file", or "all".'
_REDIRECT = "Where browsers are sent back to, for applications that act for their users."


@commands.group("user")
def user_commands() -> None:
    """Users."""


@commands.group("group")
def group_commands() -> None:
    """User groups."""


@commands.group("application")
def application_commands() -> None:
    """OAuth applications: what scripts sign in with."""


@command(
    "create",
    user_commands,
    example="user create --email ada@example.com --first-name Ada --last-name Byron --role Designer",
)
@option("--email", "The login is its part before the @.", required=True)
@option("--first-name", "First name.", required=True)
@option("--last-name", "Last name.", required=True)
@option(
    "--role",
    "What the user may do.",
    required=True,
    type=click.Choice(["Subscriber", "Designer", "ClientAdmin", "SVXAdmin"], case_sensitive=False),
)
def create_user(console: Console, **given: str) -> int:
    """Create a user; prints a link by which the user sets a password."""
    from procession.commands import people

    return people.create_user(console, **given)


@command("create", group_commands, example="group create --name 'Group accounting'")
@option("--name", "The group's name.", required=True)
def create_group(console: Console, name: str) -> int:
    """Create a user group."""
    from procession.commands import people

    return people.create_group(console, name)


@command("list", user_commands, example="user list")
def list_users(console: Console) -> int:
    """Show the users."""
    from procession.commands import people

    return people.list_users(console)


@command("link", user_commands, example="user link ada")
@click.argument("login")
def link_user(console: Console, login: str) -> int:
    """Make a link by which the user LOGIN sets a password."""
    from procession.commands import people

    return people.link_user(console, login)


@command("sign-in", user_commands, example="user sign-in admin --to /runs")
@click.argument("login")
@option("--to", "The page to begin with, such as /runs/pr-1.", default="")
def sign_in_user(console: Console, login: str, to: str) -> int:
    """Make a link that signs the user LOGIN in once, in a browser, without a password."""
    from procession.commands import people

    return people.sign_in_user(console, login, to=to)


@command(
    "create", application_commands, example="application create --name 'My scripts' --user ada --scopes process,file"
)
@option("--name", "What it is for.", required=True)
@option("--user", "Login of the user it acts as. Default: the first ClientAdmin.", metavar="LOGIN")
@option("--scopes", _SCOPES, default="process_read", show_default=True)
@option("--redirect-uri", _REDIRECT, multiple=True, metavar="URI")
@option("--public", "It can keep no secret, such as a program on a desktop: PKCE instead.", is_flag=True)
def create_application(console: Console, **given: Any) -> int:
    """Create an application; prints its client_id and its client_secret, once."""
    from procession.commands import applications

    return applications.create(console, **given)


@command("list", application_commands, example="application list")
def list_applications(console: Console) -> int:
    """Show the applications, without their secrets."""
    from procession.commands import applications

    return applications.list_all(console)


@command("change", application_commands, example="application change c-1 --name 'Close scripts'")
@click.argument("application")
@option("--name", "What it is for.")
@option("--scopes", _SCOPES + " Tokens end where one is taken away.")
@option("--redirect-uri", _REDIRECT + ' All of them anew; "" for none.', multiple=True, metavar="URI")
def change_application(console: Console, application: str, **given: Any) -> int:
    """Change APPLICATION, an id or a client_id; what is not given stays."""
    from procession.commands import applications

    return applications.change(console, application, **given)


@command("reset-secret", application_commands, example="application reset-secret c-1")
@click.argument("application")
def reset_secret(console: Console, application: str) -> int:
    """Give APPLICATION, an id or a client_id, a new secret; the old one and every token end."""
    from procession.commands import applications

    return applications.reset_secret(console, application)


@command("delete", application_commands, example="application delete c-1")
@click.argument("application")
def delete_application(console: Console, application: str) -> int:
    """Delete APPLICATION, an id or a client_id, with its tokens."""
    from procession.commands import applications

    return applications.delete(console, application)
