"""transfer_files and other sides that are hostile, half broken, or not the ones that they say they are."""

from __future__ import annotations

import dataclasses
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

import asyncssh
import obstore
import pytest
from msgspec.structs import replace

from procession.actions.contract import ConnectionInput
from procession.actions.problems import Problem
from procession.actions.reaching.addresses import CheckedAddress
from procession.actions.transferring import buckets, folders, opening, sftp
from procession.actions.transferring.sftp import SftpSide
from procession.actions.transferring.sides import PART, Listing
from procession.actions.transferring.tunnels import Tunnel
from procession.model.lifecycle import StepStatus
from tests.actions import transfer_sites
from tests.actions.site import Site
from tests.actions.test_transfer_files import PAIN, transfer, unpacked
from tests.actions.transfer_sites import AZURE, CLIENT_KEY, HOST_KEY, PASSWORD, public
from tests.support import wait_until

ALL: dict[str, Any] = {"path": "out", "pattern": "*", "outputs": {"files": "${files.all}"}}


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Site]:
    with transfer_sites.sftp(tmp_path) as made:
        made.folder("out", "in")
        yield made


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Site]:
    with transfer_sites.folder(tmp_path) as made:
        made.folder("out", "in")
        yield made


def with_options(site: Site, secrets: dict[str, str] | None = None, **options: Any) -> Site:
    connection = replace(site.connection, options={**site.connection.options, **options})
    site.connection = connection if secrets is None else replace(connection, secrets=secrets)
    return site


def failure(site: Site, folder: Path, do: str = "get", **settings: Any) -> str:
    played = transfer(site, folder, do, **(settings or ALL))
    assert played.outcome.status is StepStatus.FAILED, played.outcome.message
    assert PASSWORD not in played.outcome.message
    return played.outcome.message


def test_a_server_with_another_key_is_refused_before_it_hears_the_password(tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    with transfer_sites.sftp(tmp_path, host_key=other) as impostor:
        impostor.put("out/a.xml")
        said = failure(impostor, tmp_path)

    assert "does not have a key that is pinned in the connection" in said
    assert other.get_fingerprint() in said


def test_one_of_several_pinned_keys_is_enough_and_nonsense_is_said(bank: Site, tmp_path: Path) -> None:
    bank.put("out/a.xml", b"1")
    older = asyncssh.generate_private_key("ecdsa-sha2-nistp256")

    with_options(bank, host_keys=[public(older), public(HOST_KEY)])
    assert transfer(bank, tmp_path, "get", **ALL).outcome.status is StepStatus.SUCCESS
    with_options(bank, host_keys=["ssh-ed25519 nonsense"])
    assert "holds a host key that cannot be read" in failure(bank, tmp_path)


def test_a_wrong_password_is_said_without_it(bank: Site, tmp_path: Path) -> None:
    with_options(bank, secrets={"password": PASSWORD + "x"})

    assert "does not take the user and secret" in failure(bank, tmp_path)


def test_a_private_key_proves_too_with_and_without_a_passphrase(bank: Site, tmp_path: Path) -> None:
    bank.put("out/a.xml", b"1")
    plain = CLIENT_KEY.export_private_key().decode()
    locked = CLIENT_KEY.export_private_key("pkcs8-pem", passphrase="open sesame").decode()

    for secrets in ({"private_key": plain}, {"private_key": locked, "passphrase": "open sesame"}):
        with_options(bank, secrets=secrets)
        assert transfer(bank, tmp_path, "get", **ALL).outcome.status is StepStatus.SUCCESS
    for secrets in ({"private_key": locked, "passphrase": "wrong"}, {"private_key": locked}, {"private_key": "no key"}):
        with_options(bank, secrets=secrets)
        assert "cannot be read, or its passphrase is wrong" in failure(bank, tmp_path)


@pytest.mark.parametrize("kind", ["sftp", "s3", AZURE])
def test_a_private_address_is_reached_only_where_an_administrator_allows_it(kind: str, tmp_path: Path) -> None:
    with transfer_sites.site(kind, tmp_path) as site:
        site.put("out/a.xml")
        site.connection = replace(site.connection, private_hosts=False)
        assert "an administrator can allow private hosts" in failure(site, tmp_path)


def test_nobody_listens_or_answers(bank: Site, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ear:
        free = ear.getsockname()[1]
    with_options(bank, port=free)

    assert "refused" in failure(bank, tmp_path)


def test_one_that_listens_and_says_nothing_is_given_up(
    bank: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sshnet/SSH.NET#1411: no time-out held before the first line of the server."""
    monkeypatch.setattr(sftp, "LOGIN_SECONDS_MAX", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as ear:
        with_options(bank, port=ear.getsockname()[1])

        assert "Login timeout expired" in failure(bank, tmp_path)


@pytest.mark.parametrize("act", ["scandir", "read"])
def test_one_that_goes_away_in_the_middle_is_told(tmp_path: Path, act: str) -> None:
    """mscdex/ssh2#1490, ronf/asyncssh#321: a listing that nobody answered any more never came to an end."""

    class Leaving(asyncssh.SFTPServer):
        pass

    def leave(server: Any, *_: Any) -> Any:
        server.channel.get_connection().abort()
        return iter(()) if act == "scandir" else b""

    setattr(Leaving, act, leave)
    root = tmp_path / "sftp"
    with transfer_sites.sftp(tmp_path, lambda channel: Leaving(channel, chroot=os.fsencode(root))) as bank:
        bank.put("out/a.xml", b"1" * 100_000)

        assert "onnection" in failure(bank, tmp_path)


def test_a_shorter_file_in_the_place_of_a_longer_one_leaves_nothing_of_it(bank: Site, tmp_path: Path) -> None:
    """iterate-ch/cyberduck#18335: what was to be replaced was written behind, or into, what was there."""
    bank.put("in/pain.xml", b"longer than what comes" * 1_000)

    transfer(bank, tmp_path, "put", path="in", files=["${files.payments}"], overwrite=True)

    assert bank.read("in/pain.xml") == PAIN


@pytest.mark.parametrize("kind", ["s3", AZURE, "sftp"])
def test_a_name_with_signs_of_addresses_is_moved(kind: str, tmp_path: Path) -> None:
    """aws/aws-sdk-php#236, Robothy/local-s3#142: the source of a copy in a bucket is a path that is encoded once more."""
    name = "The File_v2.9+MASTER (1) 100% a&b=c.xls"
    with transfer_sites.site(kind, tmp_path) as bank:
        bank.folder("out", "done")
        bank.put(f"out/{name}", b"1")

        played = transfer(bank, tmp_path, "move", path="out", pattern="*", to="done")

        assert played.outcome.status is StepStatus.SUCCESS, played.outcome.message
        assert (bank.names("out"), bank.names("done")) == ([], [name])


def test_links_are_left_out_and_lead_nowhere(bank: Site, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret of the machine")
    bank.put("out/a.xml", b"1")
    (bank.root / "out/link.xml").symlink_to("/secret")
    (bank.root / "out/dir.xml").mkdir()

    played = transfer(bank, tmp_path, "get", **ALL)

    assert unpacked(played.outputs["files.all"]) == {"a.xml": b"1"}
    assert played.outcome.status is StepStatus.WARNING
    assert "no plain files" in played.outcome.message
    assert "link.xml" in played.outcome.message


@pytest.mark.parametrize("kind", ["sftp", "folder"])
def test_a_folder_that_is_a_link_does_not_lead_out_of_the_root(kind: str, tmp_path: Path) -> None:
    with transfer_sites.site(kind, tmp_path) as site:
        site.put("secret/a.xml", b"not for this connection")
        site.folder("mine")
        (site.root / "mine/out").symlink_to("../secret")
        if kind == "sftp":
            with_options(site, root="/mine")
        else:
            with_options(site, path=str(site.root / "mine"))
        said = failure(site, tmp_path)

    assert "leads by a link" in said or "Not a directory" in said or "Too many levels" in said


def test_a_link_in_the_place_of_a_part_is_not_written_through(share: Site, tmp_path: Path) -> None:
    target = tmp_path / "passwd"
    target.write_bytes(b"root")
    (share.root / f"in/pain.xml{PART}").symlink_to(target)

    transfer(share, tmp_path, "put", path="in", files=["${files.payments}"])

    assert (target.read_bytes(), share.read("in/pain.xml")) == (b"root", PAIN)


class Names(asyncssh.SFTPServer):
    """A server whose folder holds names that lead elsewhere, or that nobody can read."""

    async def scandir(self, path: bytes) -> Any:
        attributes = asyncssh.SFTPAttrs(permissions=0o100644, size=1, mtime=0, atime=0)
        for name in (
            b"../../etc/passwd",
            b"a/b.xml",
            b"a\\b.xml",
            b"line\nbreak.xml",
            b"x" * 300,
            b"caf\xe9.xml",
            b"good.xml",
        ):
            yield asyncssh.SFTPName(name, b"", attributes)


def test_hostile_names_are_left_out_and_said(tmp_path: Path) -> None:
    root = tmp_path / "sftp"
    with transfer_sites.sftp(tmp_path, lambda channel: Names(channel, chroot=os.fsencode(root))) as bank:
        bank.put("out/good.xml", b"1")
        played = transfer(bank, tmp_path, "get", **ALL)

    assert "files.all" in played.outputs, played.outcome.message
    assert unpacked(played.outputs["files.all"]) == {"good.xml": b"1"}
    assert "left out for their names" in played.outcome.message
    assert "\n" not in played.outcome.message


class Cutting(asyncssh.SFTPServer):
    """A server that loses the end of what it is given, and says that all is well."""

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        super().write(file_obj, offset, data[:5])
        return len(data)


class Untold(asyncssh.SFTPServer):
    """A server that tells no sizes."""

    def stat(self, path: bytes) -> Any:
        return self._without(super().stat(path))

    def lstat(self, path: bytes) -> Any:
        return self._without(super().lstat(path))

    def _without(self, found: Any) -> asyncssh.SFTPAttrs:
        return asyncssh.SFTPAttrs(permissions=found.st_mode)


def test_a_server_that_cuts_files_short_is_found_out(tmp_path: Path) -> None:
    """ssh2-sftp-client#531: a success was reported of files that had lost their ends."""
    root = tmp_path / "sftp"
    with transfer_sites.sftp(tmp_path, lambda channel: Cutting(channel, chroot=os.fsencode(root))) as bank:
        bank.folder("in")
        said = failure(bank, tmp_path, "put", path="in", files=["${files.payments}"])

        assert f'kept 5 of the {len(PAIN)} bytes of "in/pain.xml"; nothing has its name' in said
        assert bank.names("in") == []


def test_a_server_that_tells_no_sizes_is_believed_by_content(tmp_path: Path) -> None:
    """paramiko#1918: a server without sizes."""
    root = tmp_path / "sftp"
    with transfer_sites.sftp(tmp_path, lambda channel: Untold(channel, chroot=os.fsencode(root))) as bank:
        bank.folder("in")
        for message in ("left 1 file at", "left 1 file, 1 of them before, at"):
            played = transfer(bank, tmp_path, "put", path="in", files=["${files.payments}"])
            assert played.outcome.message.startswith(message)
        bank.put("in/pain.xml", b"z" * len(PAIN))
        assert "another content" in failure(bank, tmp_path, "put", path="in", files=["${files.payments}"])


class Failing(asyncssh.SFTPServer):
    """A server that cannot say what is there, for now."""

    def lstat(self, path: bytes) -> Any:
        raise asyncssh.SFTPFailure("try later")


def test_a_server_that_cannot_answer_has_not_said_that_nothing_is_there(tmp_path: Path) -> None:
    """MetPX/sarracenia#1739: any error was taken for absence, and the target replaced."""
    root = tmp_path / "sftp"
    with transfer_sites.sftp(tmp_path, lambda channel: Failing(channel, chroot=os.fsencode(root))) as bank:
        bank.put("in/pain.xml", b"there before")
        said = failure(bank, tmp_path, "put", path="in", files=["${files.payments}"], overwrite=True)

        assert "try later" in said
        assert bank.read("in/pain.xml") == b"there before"


class Plain(asyncssh.SFTPServer):
    """A server without OpenSSH's own rename."""

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("never heard of it")


def test_a_server_without_renames_over_files_replaces_them_too(tmp_path: Path) -> None:
    root = tmp_path / "sftp"
    with transfer_sites.sftp(tmp_path, lambda channel: Plain(channel, chroot=os.fsencode(root))) as bank:
        bank.put("in/pain.xml", b"there before")
        transfer(bank, tmp_path, "put", path="in", files=["${files.payments}"], overwrite=True)

        assert bank.read("in/pain.xml") == PAIN


class GrowingSide(folders.FolderSide):
    """A folder into which somebody still writes while it is read."""

    def read(self, path: str) -> Iterator[bytes]:
        yield from super().read(path)
        if path.endswith("grows.xml"):
            with (Path(self.place) / path).open("ab") as file:
                file.write(b"more")


def test_a_file_that_is_still_written_is_left_out_and_said(
    share: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share.put("out/grows.xml", b"half")
    share.put("out/whole.xml", b"1")
    # The one side there is of this kind: what it opens is another of its kind, nothing is pretended.
    monkeypatch.setitem(opening.SIDES, "folder", lambda: GrowingSide)

    played = transfer(share, tmp_path, "get", **ALL)

    assert unpacked(played.outputs["files.all"]) == {"whole.xml": b"1"}
    assert played.outcome.status is StepStatus.WARNING
    assert 'left out, as somebody is still writing them ("grows.xml")' in played.outcome.message


class SizelessSide(folders.FolderSide):
    """The list says nothing of sizes."""

    def entries(self, folder: str) -> Listing:
        found = super().entries(folder)
        return Listing(files=tuple(dataclasses.replace(one, size_bytes=None) for one in found.files))


def test_a_server_that_tells_no_sizes_fills_no_disk(
    share: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(opening.SIDES, "folder", lambda: SizelessSide)
    for number in range(2):
        share.put(f"out/{number}.xml", b"z" * 600_000)

    said = failure(share, tmp_path, "get", max_mb=1, **ALL)

    assert said == 'with "1.xml" the files are larger than the 1 MB of max_mb; nothing was fetched'


@pytest.mark.parametrize("kind", ["sftp", "folder"])
def test_an_inbox_that_its_owner_has_emptied_gets_no_second_delivery(kind: str, tmp_path: Path) -> None:
    """The server stops between the last rename and the end of the step; the bank has taken the file by then."""
    with transfer_sites.site(kind, tmp_path) as site:
        site.folder("in")
        wanted: dict[str, Any] = {"path": "in", "files": ["${files.payments}"]}
        first = transfer(site, tmp_path, "put", **wanted)
        site.remove("in/pain.xml")

        again = transfer(site, tmp_path, "put", recorded=tuple(first.context.recorded), **wanted)
        assert again.outcome.message.startswith("left 1 file, 1 of them before, at")
        assert site.names("in") == []

        # Stopped before the rename: the part is there, and the name was never given.
        site.put(f"in/pain.xml{PART}", PAIN)
        late = transfer(site, tmp_path, "put", recorded=tuple(first.context.recorded[:1]), **wanted)
        assert late.outcome.message.startswith("left 1 file at")
        assert site.names("in") == ["pain.xml"]


@pytest.mark.parametrize("kind", ["sftp", "s3", AZURE, "folder"])
def test_a_part_that_somebody_has_cleared_away_is_no_delivery(kind: str, tmp_path: Path) -> None:
    with transfer_sites.site(kind, tmp_path) as site:
        site.folder("in")
        wanted: dict[str, Any] = {"path": "in", "files": ["${files.payments}"]}
        first = transfer(site, tmp_path, "put", **wanted)
        site.remove("in/pain.xml")

        # Stopped at the rename, and by now there is neither the file nor its part.
        said = failure(site, tmp_path, "put", recorded=tuple(first.context.recorded[:1]), **wanted)

        assert 'whether an earlier try has left "pain.xml" is not known' in said
        assert site.names("in") == []


@pytest.mark.parametrize("kind", ["s3", AZURE])
def test_a_bucket_that_says_no_leaves_no_doubt(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused was not left: once it is allowed, or the other file is gone, it is sent."""
    with transfer_sites.site(kind, tmp_path) as site:
        site.folder("in")
        wanted: dict[str, Any] = {"path": "in", "files": ["${files.payments}"]}
        with monkeypatch.context() as patched:
            patched.setattr(buckets.BucketSide, "find", lambda self, path: None)
            site.put("in/pain.xml", b"theirs")
            first = transfer(site, tmp_path, "put", **wanted)
        assert first.outcome.message == '"in/pain.xml" is there already'
        assert [entry.partition(" ")[0] for entry in first.context.recorded] == ["leaving", "not"]
        site.remove("in/pain.xml")

        again = transfer(site, tmp_path, "put", recorded=tuple(first.context.recorded), **wanted)

        assert again.outcome.message.startswith("left 1 file at")
        assert site.read("in/pain.xml") == PAIN


@pytest.mark.parametrize("kind", ["s3", AZURE])
def test_a_folder_of_a_bucket_is_not_listed_whole_before_its_limit_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """unjs/unstorage#760, aws/aws-sdk-cpp#369: a page of S3 holds a thousand objects, whatever lies below a folder."""
    monkeypatch.setattr(buckets, "ENTRIES_MAX", 10)
    monkeypatch.setattr(buckets, "PAGE_OBJECTS", 20)
    with transfer_sites.site(kind, tmp_path) as site:
        for number in range(70):
            site.put(f"out/archive/{number}.xml")
            site.put(f"full/{number}.xml")
        for name in ("a.xml", "archive0.xml", "b.xml"):
            site.put(f"out/{name}")
        wanted: dict[str, Any] = {"pattern": "*", "outputs": {"count": "${results.count}"}}

        assert transfer(site, tmp_path, "list", path="out", **wanted).outputs == {"results.count": 3}
        monkeypatch.setattr(obstore, "list_with_delimiter", pytest.fail)
        assert failure(site, tmp_path, "list", path="full", **wanted) == '"full" holds more than 10 objects'


def test_a_delivery_that_was_refused_is_sent_again_when_it_may_be(tmp_path: Path) -> None:
    root, refuses = tmp_path / "sftp", [True]

    class Refusing(asyncssh.SFTPServer):
        def rename(self, oldpath: bytes, newpath: bytes, *more: Any) -> Any:
            if refuses:
                raise asyncssh.SFTPPermissionDenied("no")
            return super().rename(oldpath, newpath, *more)

    with transfer_sites.sftp(tmp_path, lambda channel: Refusing(channel, chroot=os.fsencode(root))) as bank:
        bank.folder("in")
        wanted: dict[str, Any] = {"path": "in", "files": ["${files.payments}"]}
        first = transfer(bank, tmp_path, "put", **wanted)
        assert first.outcome.status is StepStatus.FAILED
        # Whoever gives the right clears up what was left behind.
        (bank.root / f"in/pain.xml{PART}").unlink()
        refuses.clear()

        again = transfer(bank, tmp_path, "put", recorded=tuple(first.context.recorded), **wanted)

        assert again.outcome.message.startswith("left 1 file at")
        assert bank.read("in/pain.xml") == PAIN


def test_a_refusal_to_replace_takes_nothing_away(tmp_path: Path) -> None:
    root = tmp_path / "sftp"

    class Full(asyncssh.SFTPServer):
        def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
            raise asyncssh.SFTPFailure("quota exceeded")

    with transfer_sites.sftp(tmp_path, lambda channel: Full(channel, chroot=os.fsencode(root))) as bank:
        bank.put("in/pain.xml", b"there before")
        said = failure(bank, tmp_path, "put", path="in", files=["${files.payments}"], overwrite=True)

        assert "quota exceeded" in said
        assert bank.read("in/pain.xml") == b"there before"


class RacingSide(folders.FolderSide):
    """Somebody else puts a file of this name there a moment before ours gets it."""

    content = b""

    def settle(self, path: str, file: BinaryIO, *, replaces: bool) -> None:
        (Path(self.place) / path).write_bytes(self.content)
        super().settle(path, file, replaces=replaces)


@pytest.mark.parametrize(("content", "status"), [(PAIN, StepStatus.SUCCESS), (b"theirs", StepStatus.FAILED)])
def test_whoever_is_faster_is_not_overwritten(
    share: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, status: StepStatus
) -> None:
    monkeypatch.setitem(opening.SIDES, "folder", lambda: RacingSide)
    monkeypatch.setattr(RacingSide, "content", content)

    played = transfer(share, tmp_path, "put", path="in", files=["${files.payments}"])

    assert played.outcome.status is status, played.outcome.message
    assert share.read("in/pain.xml") == content


def test_a_failure_in_the_middle_says_what_was_left_before(tmp_path: Path) -> None:
    root = tmp_path / "sftp"

    class Half(asyncssh.SFTPServer):
        def rename(self, oldpath: bytes, newpath: bytes, *more: Any) -> Any:
            if newpath.endswith(b"other.xml"):
                raise asyncssh.SFTPPermissionDenied("no")
            return super().rename(oldpath, newpath, *more)

    with transfer_sites.sftp(tmp_path, lambda channel: Half(channel, chroot=os.fsencode(root))) as bank:
        bank.folder("in")
        said = failure(bank, tmp_path, "put", path="in", files=["${files.payments}", "${files.other}"])

    assert 'does not permit it: no; before that: "pain.xml"' in said


def test_a_bucket_that_sends_elsewhere_is_not_followed(tmp_path: Path) -> None:
    seen: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    class Sending(Elsewhere):
        def do_GET(self) -> None:
            self.send_response(307)
            self.send_header("location", f"http://127.0.0.1:{elsewhere.server_port}/stolen")
            self.end_headers()

    elsewhere, sending = (
        ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere),
        ThreadingHTTPServer(("127.0.0.1", 0), Sending),
    )
    threads = [threading.Thread(target=one.serve_forever, args=(0.01,)) for one in (elsewhere, sending)]
    for thread in threads:
        thread.start()
    options = {"bucket": "acme", "region": "us-east-1", "access_key": "A", "root": ""}
    options["endpoint"] = f"http://127.0.0.1:{sending.server_port}"
    connection = ConnectionInput(
        name="bank", kind="s3", options=options, secrets={"secret_key": PASSWORD}, private_hosts=True
    )
    try:
        failure(Site(kind="s3", root=tmp_path, connection=connection), tmp_path)
    finally:
        for one in (elsewhere, sending):
            one.shutdown()
            one.server_close()
        for thread in threads:
            thread.join()

    assert seen == []


def test_a_tunnel_leads_to_its_one_place_and_to_no_other() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (place,) = [CheckedAddress("s3.example", transfer_sites.ip("127.0.0.1"), port)]
        tunnel = Tunnel((place,))
        host, _, own = tunnel.address.removeprefix("http://").rpartition(":")

        plain = f"GET http://s3.example:{port}/a?b=http://other/ HTTP/1.1\r\nhost: x\r\n\r\n"
        with socket.create_connection((host, int(own)), timeout=10) as client:
            client.sendall(plain.encode())
            there, _ = server.accept()
            with there:
                assert there.recv(100) == b"GET /a?b=http://other/ HTTP/1.1\r\nhost: x\r\n\r\n"
        with socket.create_connection((host, int(own)), timeout=10) as client:
            client.sendall(plain.replace("s3.example", "other").encode())
            assert client.recv(100).startswith(b"HTTP/1.1 403")
        for asked in (f"s3.example:{port + 1}", f"127.0.0.1:{port}", "169.254.169.254:80"):
            with socket.create_connection((host, int(own)), timeout=10) as client:
                client.sendall(f"CONNECT {asked} HTTP/1.1\r\n\r\n".encode())
                assert client.recv(100).startswith(b"HTTP/1.1 403")
        with socket.create_connection((host, int(own)), timeout=10) as client:
            client.sendall(f"CONNECT s3.example:{port} HTTP/1.1\r\nhost: x\r\n\r\nhello".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 200")
            there, _ = server.accept()
            with there:
                assert there.recv(10) == b"hello"
                there.sendall(b"good day")
                assert client.recv(100) == b"good day"
        tunnel.close()
        wait_until(lambda: not any(one.name == "tunnel" for one in threading.enumerate()))


def test_the_library_reads_no_settings_of_this_machine(
    bank: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/config").write_text("Host *\n  Port 1\n  User somebody\n  ProxyCommand /bin/false\n")
    (home / ".ssh/known_hosts").write_text(f"* {public(asyncssh.generate_private_key('ssh-ed25519'))}\n")
    monkeypatch.setenv("HOME", str(home))
    bank.put("out/a.xml")

    assert transfer(bank, tmp_path, "get", **ALL).outcome.status is StepStatus.SUCCESS


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_to_the_very_folder_moves_and_deletes_nothing(bank: Site, tmp_path: Path, overwrite: bool) -> None:
    """The target is there with the same content, as it is the file itself, which was deleted as the rest of a move."""
    bank.put("out/a.xml", b"1")
    (bank.root / "done").symlink_to("out")
    fetched = transfer(bank, tmp_path, "get", **{**ALL, "outputs": {**ALL["outputs"], "list": "${files.list}"}})
    given: dict[str, Any] = {
        "values": {"files.list": ("l.csv", fetched.outputs["files.list"])},
        "listed": "${files.list}",
    }

    played = transfer(bank, tmp_path, "move", **given, path="out", to="done", overwrite=overwrite)

    assert played.outcome.status is StepStatus.FAILED
    assert '"out" and "done" are one folder' in played.outcome.message
    assert bank.names("out") == ["a.xml"]


@pytest.mark.parametrize(("to", "verb"), [("done", "move"), (None, "delete")])
def test_what_another_has_taken_away_after_a_failure_was_not_put_away_here(
    bank: Site, tmp_path: Path, to: str | None, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was begun, and it was known that it had not happened; the next try called it moved, as it was gone."""
    bank.put("out/a.xml", b"1")
    fetched = transfer(bank, tmp_path, "get", **{**ALL, "outputs": {**ALL["outputs"], "list": "${files.list}"}})
    given: dict[str, Any] = {
        "values": {"files.list": ("l.csv", fetched.outputs["files.list"])},
        "listed": "${files.list}",
    }
    given |= {"path": "out", **({"to": to} if to else {})}
    with monkeypatch.context() as patch:
        if to is None:
            refusal = Problem("the server does not permit it")
            patch.setattr(SftpSide, "remove", lambda *_: (_ for _ in ()).throw(refusal))
        first = transfer(bank, tmp_path, verb, **given)
    assert first.outcome.status is StepStatus.FAILED
    bank.folder("done")
    (bank.root / "out/a.xml").unlink()

    played = transfer(bank, tmp_path, verb, **given, recorded=tuple(first.context.recorded))

    assert played.outcome.status is StepStatus.WARNING
    assert 'not there any more ("a.xml")' in played.outcome.message
