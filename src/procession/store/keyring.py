"""The keys that seal the secrets of connections: a file beside the database, and never in it.

Whoever has only the database, or a backup, has no secret. The last key of the file seals; earlier ones are there while
`procession connection rekey` is under way, so that a crash in the middle of it loses nothing.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from procession.model.errors import ProcessionError

NAME = "connections.key"
PRIVATE_FILE = 0o600
KEY_BYTES = 32  # AES-256
NONCE_BYTES = 12  # what NIST SP 800-38D, section 8.2.2, asks of a random one
FILE_BYTES_MAX = 64 * 1024


class KeyTrouble(ProcessionError):
    """The key file is missing, cannot be read, or is not the one that sealed a secret."""

    status = 503


class SecretKey(msgspec.Struct, frozen=True, kw_only=True):
    """`id` stands with what it sealed, so that a wrong key is told from damaged bytes."""

    id: str
    key: bytes


class _KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    procession_connection_keys: tuple[SecretKey, ...]


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A nonce and what AES-GCM made of the secret, under the key of this id."""

    key_id: str
    content: bytes


class Keyring:
    """The key file of a home. It is read anew each time: another process may have changed the key."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of_home(cls, folder: Path) -> Keyring:
        return cls(folder / NAME)

    def exists(self) -> bool:
        return self.path.exists()

    def keys(self) -> Mapping[str, SecretKey]:
        """By id; the last one seals. Raises KeyTrouble."""
        try:
            with self.path.open("rb") as file:
                text = file.read(FILE_BYTES_MAX)
        except FileNotFoundError:
            raise self._trouble("is missing") from None
        except OSError as error:
            raise self._trouble(f"cannot be read: {error.strerror}") from error
        try:
            found = msgspec.json.decode(text, type=_KeyFile).procession_connection_keys
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self._trouble("is not a key file of Procession") from None
        if not found or any(len(one.key) != KEY_BYTES for one in found):
            raise self._trouble("is not a key file of Procession")
        return {one.id: one for one in found}

    def make(self) -> None:
        """A first key, on disk when this returns. One that is there already stays."""
        # An operation may be performed twice, and two processes may come at once.
        if not self.exists():
            self._write((_new_key(),), replaces=False)

    def add_key(self) -> str:
        """A new key that seals from now on, beside those there are; its id. Raises KeyTrouble."""
        new = _new_key()
        self._write((*self.keys().values(), new), replaces=True)
        return new.id

    def keep_only(self, key_id: str) -> None:
        """Every other key is forgotten. Raises KeyTrouble."""
        self._write((self.keys()[key_id],), replaces=True)

    def start_over(self) -> None:
        """A new key in a new file; what earlier ones sealed is lost."""
        self._write((_new_key(),), replaces=True)

    def seal(self, secret: str, *, bound_to: str) -> Sealed:
        """Raises KeyTrouble."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 20 ms, which most commands can do without

        *_, last = self.keys().values()
        nonce = secrets.token_bytes(NONCE_BYTES)
        content = nonce + AESGCM(last.key).encrypt(nonce, secret.encode(), bound_to.encode())
        return Sealed(key_id=last.id, content=content)

    def open(self, sealed: Sealed, *, bound_to: str) -> str:
        """The secret. Raises KeyTrouble; for a content that was sealed for something else, too."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self.keys().get(sealed.key_id)
        if key is None:
            raise self._trouble(f"does not hold the key {sealed.key_id}, with which the secret was encrypted")
        nonce, content = sealed.content[:NONCE_BYTES], sealed.content[NONCE_BYTES:]
        try:
            return AESGCM(key.key).decrypt(nonce, content, bound_to.encode()).decode()
        # Too short a content is a ValueError, one that does not fit its place an InvalidTag.
        except (InvalidTag, ValueError):
            raise KeyTrouble(
                "the secret in the database is not the one that was stored for this connection and address:"
                " somebody has changed the row; set the secret again"
            ) from None

    def _write(self, keys: tuple[SecretKey, ...], *, replaces: bool) -> None:
        part = self.path.with_name(f".{NAME}.{secrets.token_hex(8)}")
        try:
            # Private from its first byte on, whatever the umask says.
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as file:
                file.write(msgspec.json.encode(_KeyFile(procession_connection_keys=keys)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            if replaces:
                part.replace(self.path)
            else:
                self._link(part)
            _sync(self.path.parent)
        except OSError as error:
            raise self._trouble(f"cannot be written: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)

    def _link(self, part: Path) -> None:
        try:
            # Not a rename: whoever comes second must not replace the key that a row may name already.
            self.path.hardlink_to(part)
        except FileExistsError:
            return

    def _trouble(self, what: str) -> KeyTrouble:
        return KeyTrouble(
            f"the secrets of connections cannot be used: the key file {self.path} {what}; put back the file with which"
            " they were stored (it is in no backup), or see docs/connections.md"
        )


def _sync(folder: Path) -> None:
    # The name must outlive a power cut as the row does that needs the key.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _new_key() -> SecretKey:
    return SecretKey(id=secrets.token_hex(4), key=secrets.token_bytes(KEY_BYTES))
