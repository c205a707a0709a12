"""Connections on their pages: made, changed, allowed and removed by administrators; a secret is on no page."""

from __future__ import annotations

from pathlib import Path

import pytest

from procession.model.connections import OPTIONS, SECRETS, ConnectionKind
from procession.model.ids import ConnectionId
from procession.operations import connections
from procession.operations.connections import NewConnection
from procession.store import connections as store
from procession.store.database import Transaction
from tests.actions import transfer_sites
from tests.actions.transfer_sites import PASSWORD
from tests.api.house import House
from tests.web.account_site import visitor, words

CANARY = "canary-7701-päss"
BANK = {
    "kind": "sftp",
    "name": "bank",
    "description": "Statements",
    "option.host": "sftp.bank.example",
    "option.port": "2222",
    "option.user": "acme",
    "option.host_keys": "ssh-ed25519 AAAA\r\nssh-rsa BBBB\r\n",
    "option.root": "",
    "secret.password": CANARY,
    "secret.private_key": "",
    "secret.passphrase": "",
}
UNCHANGED = {**BANK, "secret.password": ""}


def made(home: House) -> None:
    assert visitor(home, "admin").does("/connections/new", **BANK) == "/connections/cn-1?said=created"


def test_an_administrator_makes_one_and_its_page_says_since_when_it_has_a_secret(home: House) -> None:
    admin = visitor(home, "admin")
    assert "What does it lead to?" in admin.open("/connections/new")
    assert "Host keys" in admin.open("/connections/new?kind=sftp")

    made(home)

    shown = admin.open("/connections/cn-1")
    for text in ("sftp.bank.example:2222", "Set on", "by admin", "Administrators only", "Not set"):
        assert text in shown
    assert "bank" in admin.open("/connections")
    assert CANARY not in shown + admin.open("/connections") + admin.open("/log")
    with home.database.read() as tx:
        found = connections.find(tx, ConnectionId(1))
    assert found.options["host_keys"] == ["ssh-ed25519 AAAA", "ssh-rsa BBBB"]
    assert found.options["port"] == 2222
    assert not found.private_hosts


@pytest.mark.parametrize("kind", ["sftp", "s3", "http", "smtp", "database"])
def test_every_kind_has_a_form_of_its_options_and_secrets(home: House, kind: str) -> None:
    shown = visitor(home, "admin").ask("GET", f"/connections/new?kind={kind}").text

    for name in OPTIONS[ConnectionKind(kind)].__struct_fields__:
        assert f'name="option.{name}"' in shown
    for name in SECRETS[ConnectionKind(kind)]:
        assert f'name="secret.{name}"' in shown


def test_what_is_wrong_is_said_with_what_was_typed_but_for_the_secret(home: House) -> None:
    said = visitor(home, "admin").refused("/connections/new", **{**BANK, "option.port": "22x"})

    assert "Port" in said
    assert "Nothing was changed" in said
    page = visitor(home, "admin").send("/connections/new", **{**BANK, "option.host": "no host"}).text
    assert 'value="no host"' in page
    assert CANARY not in page


def test_a_change_keeps_the_secrets_and_another_host_asks_for_them(home: House) -> None:
    made(home)
    admin = visitor(home, "admin")

    assert admin.does("/connections/cn-1", **{**UNCHANGED, "option.root": "/out"}) == "/connections/cn-1?said=changed"
    said = admin.refused("/connections/cn-1", **{**UNCHANGED, "option.host": "evil.example"})
    assert "give it again with the change" in said
    admin.does("/connections/cn-1", **{**UNCHANGED, "option.host": "evil.example", "forget": "password"})

    with home.database.read() as tx:
        found = connections.find(tx, ConnectionId(1))
    assert (found.options["host"], found.secrets) == ("evil.example", ())


def test_a_group_and_a_user_are_allowed_and_it_is_taken_away(home: House) -> None:
    made(home)
    admin, owner = visitor(home, "admin"), str(home.users["owner"].id)
    assert "bank" not in visitor(home, "owner").open("/connections")

    admin.does("/connections/cn-1/allow", who=owner)
    admin.does("/connections/cn-1/allow", who="ug-1")

    assert "sftp.bank.example" in visitor(home, "owner").open("/connections")
    assert "Team" in admin.open("/connections/cn-1")
    admin.does("/connections/cn-1/disallow", who=owner)
    with home.database.read() as tx:
        assert [name for _, name in store.allowed(tx, ConnectionId(1))] == ["Team"]
    assert "was not allowed" in admin.refused("/connections/cn-1/disallow", who=owner)
    assert "There is no user" in admin.refused("/connections/cn-1/allow", who="u-999")


def test_nobody_else_makes_sees_or_changes_one(home: House) -> None:
    made(home)
    for who in ("owner", "mate", "stranger"):
        other = visitor(home, who)
        assert other.ask("GET", "/connections/cn-1").status_code == 403
        assert other.ask("GET", "/connections/new").status_code == 403
        for path in ("new", "cn-1", "cn-1/allow", "cn-1/disallow", "cn-1/remove"):
            assert other.send(f"/connections/{path}", **UNCHANGED).status_code == 403


def test_it_is_removed_once_somebody_is_sure(home: House) -> None:
    made(home)
    admin = visitor(home, "admin")

    assert "Say again" in admin.refused("/connections/cn-1/remove")
    assert admin.does("/connections/cn-1/remove", sure="cn-1") == "/connections?said=removed"
    assert admin.ask("GET", "/connections/cn-1").status_code == 404


def test_a_folder_of_the_server_is_shown_and_not_made_here(home: House, tmp_path: Path) -> None:
    wanted = NewConnection(name="share", kind=ConnectionKind.FOLDER, options={"path": "/srv/share"}, by_operator=True)
    home.database.write(lambda tx: connections.add(home.act(tx, "admin"), wanted))
    admin = visitor(home, "admin")

    assert "/srv/share" in admin.open("/connections/cn-1")
    folder = {"kind": "folder", "name": "share", "option.path": "/etc"}
    assert "by its operator" in admin.refused("/connections/cn-1", **folder)
    assert "Choose what the connection leads to" in admin.refused("/connections/new", **{**folder, "name": "other"})
    assert admin.does("/connections/cn-1", **{**folder, "option.path": "/srv/share", "name": "files"})


def test_one_is_tried_and_what_was_found_stands_on_the_page(home: House, tmp_path: Path) -> None:
    """A real server: once with the right password, once with another, and once where private hosts are not allowed."""
    with transfer_sites.sftp(tmp_path) as site:
        site.put("a.xml")
        given = site.connection

        def operation(tx: Transaction) -> None:
            for name, secret, is_allowed in (("good", PASSWORD, True), ("bad", CANARY, True), ("far", PASSWORD, False)):
                wanted = NewConnection(
                    name=name,
                    kind=ConnectionKind.SFTP,
                    options=given.options,
                    secrets={"password": secret},
                    private_hosts=is_allowed,
                )
                connections.add(home.act(tx, "admin"), wanted)

        home.database.write(operation)
        admin = visitor(home, "admin")
        said = [words(admin.send(f"/connections/cn-{number}/test").text) for number in (1, 2, 3)]

    assert "It works" in said[0]
    assert "shows 1 file in the folder" in said[0]
    assert "does not take the user and secret" in said[1]
    assert "an administrator can allow private hosts" in said[2]
    assert CANARY not in said[1]
    assert home.get("logs", who="admin")[0]["message"] == 'tried the connection "far"'
