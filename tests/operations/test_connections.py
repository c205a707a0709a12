"""Connections: who makes them, who may use them, what becomes of their secrets, what a step is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from procession.actions.contract import Action, ConnectionInput, Context, StepOutcome, nothing
from procession.clock import ManualClock
from procession.engine.step_connections import ConnectionUse
from procession.model import process_file
from procession.model.connections import Connection, ConnectionKind
from procession.model.errors import Forbidden, Invalid, NotFound
from procession.model.ids import ConnectionId, ProcessId
from procession.model.lifecycle import StepStatus
from procession.model.people import Role
from procession.model.runs import Run
from procession.operations import connection_keys, connections, groups, people, permissions, processes, runs
from procession.operations.connections import NewConnection
from procession.operations.connections_of_steps import ConnectionsOfSteps
from procession.operations.processes import Applied
from procession.store import connections as store
from procession.store.keyring import Keyring, KeyTrouble
from tests.api.house import House, house

CANARY = "canary-5f1d0c-päss"
OPTIONS = {"host": "sftp.bank.example", "user": "acme", "host_keys": ["ssh-ed25519 AAAA"]}


class ReachSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    connection: str


def _run(context: Context) -> StepOutcome:
    return StepOutcome(status=StepStatus.SUCCESS)


REACH = Action(
    kind="reach",
    title="Reach",
    settings=ReachSettings,
    run=_run,
    reads=nothing,
    writes=nothing,
    examples=(),
    reaches=True,
    connection=lambda settings: str(settings.connection),
    connection_kinds=frozenset({"sftp", "s3"}),
)


@dataclass(slots=True, kw_only=True)
class Office:
    """A house with an action that goes by connections."""

    home: House
    folder: Path

    @property
    def keyring(self) -> Keyring:
        assert self.home.resources.keyring is not None
        return self.home.resources.keyring

    def add(self, name: str = "bank", *, who: str = "admin", **more: Any) -> Connection:
        wanted = msgspec.structs.replace(bank(name), **more)
        return self.home.database.write(lambda tx: connections.add(self.home.act(tx, who), wanted))

    def change(self, wanted: NewConnection, *drops: str, which: int = 1) -> Connection:
        return self.home.database.write(
            lambda tx: connections.change(
                self.home.act(tx, "admin"), ConnectionId(which), wanted, drops=frozenset(drops)
            )
        )

    def allow(self, who: str, which: int = 1) -> None:
        holder = self.home.users[who].id
        self.home.database.write(lambda tx: connections.allow(self.home.act(tx, "admin"), ConnectionId(which), holder))

    def disallow(self, who: str) -> None:
        holder = self.home.users[who].id
        self.home.database.write(lambda tx: connections.disallow(self.home.act(tx, "admin"), ConnectionId(1), holder))

    def apply(self, name: str = "bank", *, who: str = "owner", process: str = "Reaching") -> Applied:
        text = f"process: {process}\ngroups: [{{group: G, steps: [{{action: reach, name: Fetch, with: {{connection: {name}}}}}]}}]"
        definition = process_file.parse(text, actions=self.home.resources.actions)
        return self.home.database.write(lambda tx: processes.apply(self.home.act(tx, who), text, definition=definition))

    def start(self, process: ProcessId, *, who: str = "owner") -> Run:
        return self.home.database.write(
            lambda tx: runs.create(self.home.act(tx, who), process, inputs=None, start=True)
        )

    def open(self, run: Run, *, who: str = "owner", name: str = "bank") -> ConnectionInput:
        use = ConnectionUse(name=name, kinds=REACH.connection_kinds, run=run, user=self.home.users[who])
        return ConnectionsOfSteps(self.home.database, self.keyring, self.home.clock).open(use)

    def remove(self, which: int = 1, who: str = "admin") -> None:
        self.home.database.write(lambda tx: connections.remove(self.home.act(tx, who), ConnectionId(which)))

    def log(self) -> list[str]:
        return [str(item["message"]) for item in self.home.get("logs", who="admin")]

    def edit(self, sql: str) -> None:
        """As somebody does who has the database, and not the key."""
        self.home.database.write(lambda tx: tx.run(sql))


def bank(name: str = "bank", **more: object) -> NewConnection:
    wanted = NewConnection(name=name, kind=ConnectionKind.SFTP, options=OPTIONS, secrets={"password": CANARY})
    return msgspec.structs.replace(wanted, **more)


@pytest.fixture
def office(tmp_path: Path, clock: ManualClock) -> Iterator[Office]:
    with house(tmp_path, clock) as home:
        home.resources = replace(home.resources, actions={**home.resources.actions, "reach": REACH})
        yield Office(home=home, folder=tmp_path)


def test_a_connection_keeps_its_secret_where_the_database_cannot_tell_it(office: Office) -> None:
    made = office.add()

    assert made.secrets[0].name == "password"
    assert made.secrets[0].set_by == "admin"
    assert (office.folder / "connections.key").stat().st_mode & 0o777 == 0o600
    office.home.database.close()
    assert all(CANARY.encode() not in path.read_bytes() for path in office.folder.rglob("*") if path.is_file())


def test_only_administrators_make_change_allow_and_remove(office: Office) -> None:
    with pytest.raises(Forbidden, match="ClientAdmin"):
        office.add(who="owner")
    office.add()
    with pytest.raises(Forbidden, match="ClientAdmin"):
        office.remove(who="owner")
    act = office.home.act
    for refused in (
        lambda tx: connections.change(act(tx, "owner"), ConnectionId(1), bank()),
        lambda tx: connections.allow(act(tx, "owner"), ConnectionId(1), office.home.users["owner"].id),
        lambda tx: connections.disallow(act(tx, "owner"), ConnectionId(1), office.home.users["owner"].id),
    ):
        with pytest.raises(Forbidden):
            office.home.database.write(refused)


def test_every_act_is_told_in_the_log_and_no_secret_with_it(office: Office) -> None:
    office.add()
    office.allow("owner")
    office.change(bank(options={**OPTIONS, "root": "/out"}, secrets={}))
    office.change(bank(options={**OPTIONS, "root": "/out"}, secrets={"password": CANARY + "2"}))
    office.disallow("owner")
    office.change(bank(options={**OPTIONS, "root": "/out"}, secrets={}), "password")
    office.remove()

    assert office.log() == [
        'removed the connection "bank", with its secrets',
        'forgot the password of the connection "bank"',
        'no longer allows "owner" to use the connection "bank"',
        'set the password of the connection "bank"',
        "changed the connection \"bank\": root is '/out', was ''",
        'allowed "owner" to use the connection "bank"',
        'set the password of the connection "bank"',
        'made the connection "bank": sftp sftp.bank.example:22',
    ]


def test_a_secret_does_not_follow_a_change_of_the_host(office: Office) -> None:
    office.add()
    elsewhere = {**OPTIONS, "host": "evil.example"}

    with pytest.raises(Invalid, match=r"the password of this connection was set for sftp.bank.example:22"):
        office.change(bank(options=elsewhere, secrets={}))
    with pytest.raises(Invalid, match="give it again"):
        office.change(bank(options={**OPTIONS, "host_keys": ["ssh-ed25519 BBBB"]}, secrets={}))

    assert office.change(bank(options=elsewhere)).options["host"] == "evil.example"
    assert office.change(bank(options=OPTIONS, secrets={}), "password").secrets == ()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"name": ""}, "one line of 1 to"),
        ({"name": 'a"b'}, "letters, digits"),
        ({"name": "a: b"}, "letters, digits"),
        ({"name": "x" * 101}, "at most 100"),
        ({"options": {}}, "host"),
        ({"options": {**OPTIONS, "port": 0}}, "port"),
        ({"options": {**OPTIONS, "password": CANARY}}, '"password" is a secret and no option'),
        ({"options": {**OPTIONS, "hosts": "x"}}, 'no option "hosts"'),
        ({"options": {**OPTIONS, "host": f"user:{CANARY}@host"}}, "host"),
        ({"secrets": {"token": "x"}}, 'no secret "token"; it has password, private_key, passphrase'),
        ({"secrets": {"password": ""}}, "1 to 20,000 characters"),
        ({"secrets": {"password": CANARY + "\n"}}, "a line break"),
        ({"secrets": {"private_key": CANARY * 2_000}}, "1 to 20,000 characters"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(office: Office, changed: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why) as caught:
        office.add(**changed)

    assert CANARY not in caught.value.message
    with office.home.database.read() as tx:
        assert store.all_of_them(tx) == []


def test_a_name_is_taken_in_any_case(office: Office) -> None:
    office.add("Bank")

    with pytest.raises(Invalid, match='there is a connection "Bank" already'):
        office.add("bANK")


def test_a_folder_of_the_server_is_connected_by_its_operator_and_never_the_home(office: Office, tmp_path: Path) -> None:
    share = tmp_path.parent / "share"
    share.mkdir(exist_ok=True)
    wanted = NewConnection(name="share", kind=ConnectionKind.FOLDER, options={"path": str(share)})

    with pytest.raises(Forbidden, match="by its operator"):
        office.add(kind=ConnectionKind.FOLDER, options=wanted.options, secrets={})
    for inside in (tmp_path, tmp_path / "files", tmp_path.parent, Path("/")):
        with pytest.raises(Invalid, match="no step may reach that"):
            office.add(kind=ConnectionKind.FOLDER, options={"path": str(inside)}, secrets={}, by_operator=True)
    (share / "link").symlink_to(tmp_path)
    with pytest.raises(Invalid, match="no step may reach that"):
        office.add(kind=ConnectionKind.FOLDER, options={"path": f"{share}/link"}, secrets={}, by_operator=True)

    assert office.add(kind=ConnectionKind.FOLDER, options=wanted.options, secrets={}, by_operator=True).secrets == ()


def test_a_process_names_a_connection_that_its_author_may_use(office: Office) -> None:
    office.add()

    # Not to be told from one that there is not: which there are is not for everybody to know.
    with pytest.raises(Invalid) as caught:
        office.apply()
    assert caught.value.message == 'step 1.1 "Fetch": there is no connection "bank" that owner may use'
    with pytest.raises(Invalid, match='there is no connection "bnak" that owner may use'):
        office.apply("bnak")
    office.allow("owner")
    with pytest.raises(Invalid, match='did you mean "bank"'):
        office.apply("bnak")

    assert office.apply().is_new
    assert not office.apply().is_new
    # In any case of its letters, as with tables.
    assert office.apply("BANK", process="Other").is_new


def test_a_group_may_use_it_and_no_longer_when_it_is_deleted(office: Office) -> None:
    office.add()
    home = office.home
    group = home.database.write(lambda tx: people.create_group(tx, name="Treasury", now=home.clock.now()))
    home.database.write(lambda tx: people.add_member(tx, group.id, home.users["owner"].id))
    home.database.write(lambda tx: connections.allow(home.act(tx, "admin"), ConnectionId(1), group.id))
    process = office.apply().id
    run = office.start(process)

    assert office.open(run).secrets == {"password": CANARY}
    home.database.write(lambda tx: groups.delete(home.act(tx, "admin"), group.id))

    with pytest.raises(Invalid, match="neither owner, who published"):
        office.open(run)


def test_the_kind_must_be_one_that_the_action_takes(office: Office) -> None:
    office.add(kind=ConnectionKind.SMTP, options={"host": "mail.example", "sender": "a@b.example"})
    office.allow("owner")

    with pytest.raises(Invalid, match='"bank" is of the kind smtp, and this step needs one of the kind s3 or sftp'):
        office.apply()


def test_a_step_is_given_the_connection_and_the_use_is_recorded(office: Office) -> None:
    office.add(private_hosts=True)
    office.allow("owner")
    run = office.start(office.apply().id)

    opened = office.open(run)

    assert opened == ConnectionInput(
        name="bank",
        kind="sftp",
        options={**OPTIONS, "host_keys": ["ssh-ed25519 AAAA"], "port": 22, "root": ""},
        secrets={"password": CANARY},
        private_hosts=True,
    )
    office.home.database.write(lambda tx: None)  # behind the record, which nobody waits for
    with office.home.database.read() as tx:
        (used,) = store.uses(tx, ConnectionId(1), most=10)
        found = connections.find(tx, ConnectionId(1))
    assert (used.run, used.login) == (run.id, "owner")
    assert found.used_at == office.home.clock.now()


def test_a_right_that_is_taken_away_counts_at_the_next_start_and_at_the_step(office: Office) -> None:
    office.add()
    office.allow("owner")
    process = office.apply().id
    run = office.start(process)
    office.disallow("owner")

    wanted = "neither owner, who published this version of the process, nor owner, who starts the run, may use"
    with pytest.raises(Invalid, match=wanted):
        office.start(process)
    with pytest.raises(Invalid, match=wanted):
        office.open(run)


def test_who_starts_a_run_need_not_be_allowed_where_the_publisher_is(office: Office) -> None:
    office.add()
    office.allow("owner")
    process = office.apply().id
    home = office.home
    home.database.write(lambda tx: permissions.give(home.act(tx), home.users["mate"].id, process, Role.EXECUTOR))

    assert office.open(office.start(process, who="mate"), who="mate").name == "bank"
    home.database.write(lambda tx: connections.disallow(home.act(tx, "admin"), ConnectionId(1), home.users["owner"].id))
    with pytest.raises(Invalid, match=r"neither owner, who published .* nor mate, who starts"):
        office.start(process, who="mate")


def test_a_renamed_connection_stays_what_the_version_means(office: Office) -> None:
    office.add()
    office.allow("owner")
    process = office.apply().id
    office.change(bank("house bank", secrets={}))

    assert office.open(office.start(process)).name == "bank"
    applied = office.apply()
    assert (applied.is_new, applied.remarks) == (False, ('the connection "bank" is called "house bank" now',))
    # Another connection takes over the name: a run of the old version still goes by the first.
    office.add("bank", options={**OPTIONS, "host": "other.example"})
    assert office.open(office.start(process)).options["host"] == "sftp.bank.example"


def test_one_that_processes_use_is_not_removed_and_they_are_named(office: Office) -> None:
    office.add()
    office.allow("owner")
    process = office.apply().id
    run = office.start(process)

    with pytest.raises(Invalid, match=f'used by "Reaching", the process run {run.id}: change them first'):
        office.remove()

    office.add("other")
    office.allow("owner", which=2)
    office.apply("other")
    with pytest.raises(Invalid, match=f"used by the process run {run.id}"):
        office.remove()
    office.home.database.write(lambda tx: runs.cancel(office.home.act(tx), run.id))
    office.remove()
    with pytest.raises(NotFound):
        office.change(bank())
    with pytest.raises(Invalid, match='the connection "bank" was removed'):
        office.open(run)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE connection SET options = replace(options, 'sftp.bank.example', 'evil.example') WHERE id = 1",
        "UPDATE connection_secret SET sealed = (SELECT sealed FROM connection_secret WHERE connection_id = 2) WHERE connection_id = 1",
        "UPDATE connection_secret SET name = 'passphrase' WHERE connection_id = 1",
        "UPDATE connection_secret SET sealed = x'00' WHERE connection_id = 1",
    ],
)
def test_rows_that_were_exchanged_in_the_database_open_nothing(office: Office, tampering: str) -> None:
    office.add()
    office.add("other")
    office.allow("owner")
    run = office.start(office.apply().id)

    office.edit(tampering)

    with pytest.raises(Invalid, match="somebody has changed the row; set the secret again"):
        office.open(run)


def test_a_lost_key_is_said_with_its_file_and_nothing_is_made_in_its_place(office: Office) -> None:
    office.add()
    office.allow("owner")
    run = office.start(office.apply().id)
    kept = office.keyring.path.read_bytes()
    office.keyring.path.unlink()

    with pytest.raises(Invalid, match=f"the key file {office.keyring.path} is missing"):
        office.open(run)
    with pytest.raises(KeyTrouble, match="is missing"):
        office.add("other")
    assert not office.keyring.path.exists()

    office.keyring.start_over()
    with pytest.raises(Invalid, match="does not hold the key"):
        office.open(run)
    for nonsense in (b"", b"{}", b'{"procession_connection_keys": []}', b"\xff\xfe"):
        office.keyring.path.write_bytes(nonsense)
        with pytest.raises(Invalid, match="is not a key file of Procession"):
            office.open(run)
    office.keyring.path.write_bytes(kept)
    assert office.open(run).secrets == {"password": CANARY}


def test_what_no_key_opens_can_be_forgotten_and_set_again(office: Office) -> None:
    office.add()
    office.keyring.path.unlink()

    assert connection_keys.forget_lost(office.home.database, office.keyring).lost == ("password of bank",)

    office.change(bank())
    with office.home.database.read() as tx:
        assert connection_keys.unreadable(tx, office.keyring) == []


class Stopped(Exception):
    """What a crash is here."""


@pytest.mark.parametrize("point", ["new key added", "secrets under the new key", ""])
def test_a_new_key_takes_the_place_of_the_old_one_wherever_it_is_stopped(office: Office, point: str) -> None:
    office.add()
    office.add("other")
    office.allow("owner")
    run = office.start(office.apply().id)
    before = office.keyring.path.read_bytes()

    def stop(at: str) -> None:
        if at == point:
            raise Stopped

    if point:
        with pytest.raises(Stopped):
            connection_keys.rekey(office.home.database, office.keyring, crash_point=stop)
        assert office.open(run).secrets == {"password": CANARY}
    assert connection_keys.rekey(office.home.database, office.keyring).secrets == 2

    assert office.open(run).secrets == {"password": CANARY}
    assert len(office.keyring.keys()) == 1
    old = Keyring(office.folder / "old.key")
    old.path.write_bytes(before)
    with office.home.database.read() as tx:
        assert len(connection_keys.unreadable(tx, old)) == 2


def test_a_key_is_made_once_however_many_come_at_the_same_time(office: Office) -> None:
    office.keyring.make()
    first = office.keyring.path.read_bytes()
    office.keyring._write((*office.keyring.keys().values(),), replaces=False)
    office.keyring.make()

    assert office.keyring.path.read_bytes() == first
    assert [path.name for path in office.folder.glob(".connections.key*")] == []
