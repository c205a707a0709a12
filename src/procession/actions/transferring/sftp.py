"""An SFTP server as the other side: with a pinned key, at a checked address, by no setting of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, BinaryIO, TypeVar

import asyncssh
from asyncssh.constants import FILEXFER_TYPE_REGULAR, FILEXFER_TYPE_UNKNOWN
from asyncssh.sftp import SFTPAttrs

from procession.actions.contract import ConnectionInput
from procession.actions.problems import Problem
from procession.actions.reaching import addresses
from procession.actions.transferring import remote_names
from procession.actions.transferring.sides import (
    BLOCK_BYTES,
    ENTRIES_MAX,
    PART,
    SECONDS_MAX,
    Gone,
    Listing,
    NameTaken,
    NotSupported,
    RemoteFile,
)

T = TypeVar("T")

LOGIN_SECONDS_MAX = 30.0


class SftpSide:
    """One connection for all that a step does."""

    can_grow = True

    def __init__(self, connection: ConnectionInput) -> None:
        options = connection.options
        self.place = f"{options['host']}:{options['port']}"
        self._runner = asyncio.Runner()
        try:
            self._connection, self._sftp = self._do(_open(connection, self.place))
            root = options["root"] or "."
            self._root = str(self._do(self._sftp.realpath(root)))
        except BaseException:
            # A turn more, in which the library closes what it had opened.
            self._runner.run(asyncio.sleep(0.01))
            self._runner.close()
            raise

    def close(self) -> None:
        self._connection.abort()
        with suppress(Problem):
            self._do(self._connection.wait_closed())
        self._runner.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        """The answer, within the time. Raises Problem, Gone."""
        try:
            return self._runner.run(asyncio.wait_for(work, SECONDS_MAX))
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
            raise Gone(f"{self.place}: there is no such file or folder") from error
        except asyncssh.SFTPPermissionDenied as error:
            raise Problem(f"{self.place} does not permit it: {error.reason}") from error
        except asyncssh.SFTPOpUnsupported as error:
            raise NotSupported(f"{self.place} cannot do it: {error.reason}") from error
        except asyncssh.Error as error:
            raise Problem(f"{self.place}: {error.reason}") from error
        except TimeoutError as error:
            raise Problem(f"{self.place} gave no answer within {SECONDS_MAX:g} s") from error
        except OSError as error:
            raise Problem(f"{self.place}: {error.strerror or error}") from error

    def _at(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    def _inside(self, folder: str) -> str:
        """Where the folder really is. Raises Problem where a link leads out of the root."""
        real = str(self._do(self._sftp.realpath(self._at(folder))))
        root = self._root.rstrip("/")
        if real != (root or "/") and not real.startswith(f"{root}/"):
            raise Problem(
                f"{remote_names.shown(folder)} on {self.place} leads by a link out of the folder that the connection"
                " may reach"
            )
        return real

    def _file(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        return f"{self._inside(folder).rstrip('/')}/{name}"

    def entries(self, folder: str) -> Listing:
        return self._do(self._list(self._inside(folder)))

    async def _list(self, place: str) -> Listing:
        files, others, count = [], [], 0
        async for entry in self._sftp.scandir(place):
            name = str(entry.filename)
            if name in {".", ".."}:
                continue
            count += 1
            if count > ENTRIES_MAX:
                raise Problem(f"{remote_names.shown(place)} holds more than {ENTRIES_MAX:,} entries")
            attributes = entry.attrs
            if attributes.type == FILEXFER_TYPE_UNKNOWN and not remote_names.name_mistake(name):
                attributes = await self._sftp.lstat(f"{place.rstrip('/')}/{name}")
            if _is_file(attributes):
                files.append(_remote(name, attributes))
            else:
                others.append(name)
        return Listing(files=tuple(files), others=tuple(others))

    def find(self, path: str) -> RemoteFile | None:
        try:
            attributes = self._do(self._sftp.lstat(self._file(path)))
        # Only this: a server that cannot answer has not said that nothing is there.
        except Gone:
            return None
        if not _is_file(attributes):
            raise Problem(f"{remote_names.shown(path)} on {self.place} is no plain file")
        return _remote(path.rpartition("/")[2], attributes)

    def is_one_folder(self, folder: str, other: str) -> bool:
        return self._inside(folder) == self._inside(other)

    def read(self, path: str) -> Iterator[bytes]:
        if self.find(path) is None:
            raise Gone(f"{self.place}: there is no {remote_names.shown(path)}")
        file = self._do(self._opened(self._file(path), "rb"))
        try:
            while block := self._do(file.read(4 * BLOCK_BYTES)):
                yield block
        finally:
            self._do(file.close())

    async def _opened(self, place: str, mode: str) -> Any:
        # Not `async with`: reads and writes are turns of their own, each with its time.
        return await self._sftp.open(place, mode, encoding=None)

    def stage(self, path: str, file: BinaryIO) -> None:
        part = self._file(path) + PART
        # An earlier try's part may be longer, or a link.
        self._remove(part)
        target = self._do(self._opened(part, "xb"))
        size = 0
        try:
            while block := file.read(4 * BLOCK_BYTES):
                self._do(target.write(block))
                size += len(block)
        finally:
            self._do(target.close())
        told = self._do(self._sftp.stat(part)).size
        # Servers have cut files short and said that all was well.
        if told is not None and told != size:
            self._remove(part)
            raise Problem(
                f"{self.place} kept {told:,} of the {size:,} bytes of {remote_names.shown(path)}; nothing has its name"
            )

    def settle(self, path: str, file: BinaryIO, *, replaces: bool) -> None:
        place = self._file(path)
        self._settle(place + PART, place, replaces=replaces)

    def _settle(self, place: str, to: str, *, replaces: bool) -> None:
        if not replaces:
            # Looked at first, too: some servers replace by a plain rename what others refuse.
            if self._is_there(to):
                raise NameTaken(f"{remote_names.shown(to.rpartition('/')[2])} is there already")
            self._do(self._sftp.rename(place, to))
            return
        try:
            self._do(self._sftp.posix_rename(place, to))
        except NotSupported:
            # Only then what has the name goes first: after any other refusal it would be gone, and ours not there.
            self._remove(to)
            self._do(self._sftp.rename(place, to))

    def _is_there(self, place: str) -> bool:
        try:
            self._do(self._sftp.lstat(place))
        except Gone:
            return False
        return True

    def move(self, path: str, to: str, *, replaces: bool) -> None:
        self._settle(self._file(path), self._file(to), replaces=replaces)

    def remove(self, path: str) -> None:
        self._remove(self._file(path))

    def _remove(self, place: str) -> None:
        try:
            self._do(self._sftp.remove(place))
        except Gone:
            return


async def _open(connection: ConnectionInput, place: str) -> tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]:
    options = connection.options
    # Before anybody is called: what is wrong with the keys is no affair of the server.
    proofs: dict[str, Any] = {"known_hosts": (_pinned(connection), [], []), "client_keys": _keys(connection)}
    found = addresses.find(options["host"], options["port"], private_hosts=connection.private_hosts)
    # The address that was checked, by a socket: the library looks up no name.
    channel = addresses.connect(found, seconds_max=LOGIN_SECONDS_MAX)
    try:
        opened = await _sign_in(connection, place, sock=channel, **proofs)
    except BaseException:
        channel.close()
        raise
    # A name that is no UTF-8 must not hide all the others of its folder.
    return opened, await opened.start_sftp_client(path_errors="surrogateescape")


async def _sign_in(connection: ConnectionInput, place: str, **proofs: Any) -> asyncssh.SSHClientConnection:
    offered: list[str] = []
    with _login_told(place, offered):
        return await asyncssh.connect(
            connection.options["host"],
            connection.options["port"],
            config=None,  # nothing of ~/.ssh, which belongs to whoever runs the server
            username=connection.options["user"],
            password=connection.secrets.get("password"),
            agent_path=None,
            client_factory=lambda: _Client(offered),
            x509_trusted_certs=None,
            gss_host=None,
            login_timeout=LOGIN_SECONDS_MAX,
            keepalive_interval=15,
            **proofs,
        )


class _Client(asyncssh.SSHClient):
    """Notes which key a server offers that is not pinned, for the message; it is never taken."""

    def __init__(self, offered: list[str]) -> None:
        self._offered = offered

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self._offered.append(f"{key.get_algorithm()} {key.get_fingerprint()}")
        return False


@contextmanager
def _login_told(place: str, offered: list[str]) -> Iterator[None]:
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        shows = f" (it shows {offered[0]})" if offered else ""
        raise Problem(
            f"{place} does not have a key that is pinned in the connection{shows}: somebody may stand between, or the"
            " server has a new key, which an administrator compares and pins"
        ) from error
    except asyncssh.PermissionDenied as error:
        raise Problem(f"{place} does not take the user and secret of the connection") from error
    except asyncssh.KeyExchangeFailed as error:
        raise Problem(
            f"{place} offers no key of the pinned kinds, or no method that is safe: {error.reason}"
        ) from error


def _pinned(connection: ConnectionInput) -> list[asyncssh.SSHKey]:
    try:
        return [asyncssh.import_public_key(line.strip()) for line in connection.options["host_keys"]]
    except asyncssh.KeyImportError as error:
        raise Problem(
            f"{connection.called} holds a host key that cannot be read; a line is such as ssh-ed25519 AAAA..."
        ) from error


def _keys(connection: ConnectionInput) -> list[asyncssh.SSHKey] | None:
    text = connection.secrets.get("private_key")
    if not text:
        return None
    try:
        return [asyncssh.import_private_key(text, connection.secrets.get("passphrase"))]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        if "bcrypt" in str(error):
            raise Problem(
                f"the private key of {connection.called} is encrypted in OpenSSH's own way, which is not understood"
                " here; write it anew with: ssh-keygen -p -m PKCS8 -f FILE"
            ) from None
        # Their words may hold parts of the key.
        raise Problem(f"the private key of {connection.called} cannot be read, or its passphrase is wrong") from None


def _is_file(attributes: SFTPAttrs) -> bool:
    # A server that says nothing of kinds says a size of files at least.
    is_untold = attributes.type == FILEXFER_TYPE_UNKNOWN and attributes.size is not None
    return attributes.type == FILEXFER_TYPE_REGULAR or is_untold


def _remote(name: str, attributes: SFTPAttrs) -> RemoteFile:
    modified_at = None if attributes.mtime is None else datetime.fromtimestamp(int(attributes.mtime), UTC)
    return RemoteFile(name=name, size_bytes=attributes.size, modified_at=modified_at)
