"""Connections to what lies outside: address, options and the names of their secrets, for each kind.

A step names its connection, and never holds a host or a password. What a connection may reach is part of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import fields

from procession.model.errors import Invalid
from procession.model.ids import ConnectionId

NAME_CHARACTERS_MAX = 100
# Databases that a step reaches: each was tried with a real server. Connections of before may be to others.
DIALECTS = ("postgresql", "mariadb")
SECRET_CHARACTERS_MAX = 20_000  # a private key of 16,384 bits takes 13,000

_Host = Annotated[str, Meta(min_length=1, max_length=253, pattern=r"\A[A-Za-z0-9._:\[\]-]+\Z")]
_Port = Annotated[int, Meta(ge=1, le=65_535)]
_Word = Annotated[str, Meta(max_length=255, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]
_Path = Annotated[str, Meta(max_length=1_024, pattern=r"\A[^\x00-\x1f\x7f]*\Z")]


class ConnectionKind(StrEnum):
    SMTP = "smtp"
    HTTP = "http"
    SFTP = "sftp"
    S3 = "s3"
    DATABASE = "database"
    FOLDER = "folder"


class SmtpOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mail server; `sender` is the address that mails come from."""

    host: _Host
    port: _Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: _Word = ""
    sender: _Word


class HttpOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`url` is what every path of a step is below. `proof`: basic takes user and password, bearer a token, header
    the value of the header named `header`.
    """

    url: Annotated[str, Meta(max_length=2_000, pattern=r"\Ahttps?://[^\s/?#@]+[^\s?#]*\Z")]
    proof: Literal["none", "basic", "bearer", "header"] = "none"
    user: _Word = ""
    header: _Word = ""


class SftpOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`host_keys` are lines as in known_hosts without the name: "ssh-ed25519 AAAA..."; no other key is trusted."""

    host: _Host
    port: _Port = 22
    user: _Word
    host_keys: Annotated[tuple[_Path, ...], Meta(min_length=1, max_length=20)]
    root: _Path = ""


class S3Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bucket of S3, or of a server that speaks like it at `endpoint`; nothing outside `root` is reached.

    `service` azure: `bucket` is a container of the storage account named `account`.
    """

    bucket: _Word
    service: Literal["s3", "azure"] = "s3"
    region: _Word = "us-east-1"
    endpoint: Annotated[str, Meta(max_length=2_000, pattern=r"\A(https?://[^\s@]+)?\Z")] = ""
    access_key: _Word = ""
    account: _Word = ""
    root: _Path = ""

    def __post_init__(self) -> None:
        if self.service == "azure" and (not self.account or self.access_key):
            raise ValueError("a container of Azure takes the account that it belongs to, and no access_key")
        if self.service == "s3" and self.account:
            raise ValueError("a bucket of S3 takes an access_key, and no account")
        # It becomes part of the name of a host.
        if self.account and not re.fullmatch(r"[a-z0-9]{3,24}", self.account):
            raise ValueError("the account is 3 to 24 small letters and digits, as Azure names it")


class DatabaseOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`tls`: verify asks for a certificate that a public authority signed; require for any; off is for one machine."""

    dialect: Literal["postgresql", "mysql", "mariadb", "mssql", "oracle"] = "postgresql"
    host: _Host
    port: _Port = 5_432
    database: _Word
    user: _Word
    tls: Literal["verify", "require", "off"] = "verify"


class FolderOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder of the server's machine, such as a mounted share."""

    path: Annotated[str, Meta(min_length=1, max_length=1_024, pattern=r"\A/[^\x00-\x1f\x7f]*\Z")]


Options = SmtpOptions | HttpOptions | SftpOptions | S3Options | DatabaseOptions | FolderOptions

OPTIONS: Mapping[ConnectionKind, type[msgspec.Struct]] = {
    ConnectionKind.SMTP: SmtpOptions,
    ConnectionKind.HTTP: HttpOptions,
    ConnectionKind.SFTP: SftpOptions,
    ConnectionKind.S3: S3Options,
    ConnectionKind.DATABASE: DatabaseOptions,
    ConnectionKind.FOLDER: FolderOptions,
}

# The secrets that each kind may have. `private_hosts` is no option: only an administrator says it (trust.md, rule 7).
SECRETS: Mapping[ConnectionKind, tuple[str, ...]] = {
    ConnectionKind.SMTP: ("password",),
    ConnectionKind.HTTP: ("password", "token", "value"),
    ConnectionKind.SFTP: ("password", "private_key", "passphrase"),
    ConnectionKind.S3: ("secret_key", "sas_token"),
    ConnectionKind.DATABASE: ("password",),
    ConnectionKind.FOLDER: (),
}

# Options of a later release, at their usual values: what was sealed before they came stays open.
_CAME_LATER = {"service": "s3", "account": ""}
# Changing one of these sends a secret nowhere else, and to nobody else.
_NO_PART_OF_THE_ADDRESS = frozenset({"root", "sender"})
_LISTS = frozenset({"host_keys"})  # options with several values


class SecretSet(msgspec.Struct, frozen=True, kw_only=True):
    """That a connection has this secret, since when, and by whom: all that is ever shown of it."""

    name: str
    set_at: datetime
    set_by: str


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """`options` are plain values of its kind; unless `private_hosts`, it reaches no private address."""

    id: ConnectionId
    name: str
    kind: ConnectionKind
    description: str
    options: Mapping[str, Any]
    private_hosts: bool
    created_at: datetime
    modified_at: datetime
    modified_by: str
    used_at: datetime | None = None
    secrets: tuple[SecretSet, ...] = ()

    @property
    def address(self) -> str:
        return address_of(self.kind, self.options)


def address_of(kind: ConnectionKind, options: Mapping[str, Any]) -> str:
    """Where its secrets go, and how the other side proves itself: every option that bears on either, as JSON.

    A secret is bound to it, so that nobody who changes the host gets a password that was set for another one.
    """
    told = {
        name: value
        for name, value in plain(kind, options).items()
        if name not in _NO_PART_OF_THE_ADDRESS and _CAME_LATER.get(name) != value
    }
    # Sorted: the order of fields in a later release must not close every secret.
    return json.dumps([kind, told], sort_keys=True, separators=(",", ":"))


def bound_to(connection: Connection, secret: str) -> str:
    """What a sealed secret is bound to: nobody moves it to another connection, field or address."""
    return f"procession connection {connection.id.number} {secret} {connection.address}"


def from_texts(kind: ConnectionKind, given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Options as people write them: the texts that each name was given, as plain values of its kind.

    What is no option, and a number that is none, stays as it is: whoever checks the options says so.
    """
    numbers = {field.encode_name for field in fields(OPTIONS[kind]) if isinstance(field.default, int)}
    found: dict[str, Any] = {}
    for name, texts in given.items():
        if name in _LISTS:
            found[name] = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
        else:
            # Blanks around it came with the pasting: none of these options can hold one.
            text = texts[-1].strip()
            found[name] = (
                int(text) if name in numbers and text.isascii() and text.isdigit() and len(text) < 10 else text
            )
    return found


def to_texts(kind: ConnectionKind, options: Mapping[str, Any]) -> dict[str, str]:
    """The options as people write them, in the order of their kind; several values as lines."""
    return {
        name: "\n".join(value) if isinstance(value, list) else str(value)
        for name, value in plain(kind, options).items()
    }


def plain(kind: ConnectionKind, options: Mapping[str, Any]) -> dict[str, Any]:
    """All options with what is usual for those left out. Raises msgspec.ValidationError."""
    # Through JSON, as they are stored: a tuple would differ from the list that it was.
    found = msgspec.json.decode(msgspec.json.encode(options_of(kind, options)), type=dict[str, Any])
    assert isinstance(found, dict)
    return found


def place_of(kind: ConnectionKind, options: Mapping[str, Any]) -> str:
    """Where it leads, in a few words for people."""
    all_of_it = plain(kind, options)
    match kind:
        # In the words of each kind: a bucket has no port, and a folder no host.
        case ConnectionKind.HTTP:
            return str(all_of_it["url"])
        case ConnectionKind.S3:
            where = f"Azure {all_of_it['account']}" if all_of_it["account"] else f"Amazon {all_of_it['region']}"
            return f"{all_of_it['bucket']} at {all_of_it['endpoint'] or where}"
        case ConnectionKind.FOLDER:
            return str(all_of_it["path"])
        case ConnectionKind.DATABASE:
            return f"{all_of_it['dialect']} {all_of_it['database']} at {all_of_it['host']}:{all_of_it['port']}"
        case _:
            return f"{all_of_it['host']}:{all_of_it['port']}"


def options_of(kind: ConnectionKind, data: Mapping[str, Any]) -> Any:
    """The options of this kind. Raises msgspec.ValidationError in words about the field."""
    given = dict(data)
    if kind is ConnectionKind.DATABASE and given.get("dialect") in {"mysql", "mariadb"}:
        given.setdefault("port", 3_306)
    return msgspec.convert(given, OPTIONS[kind])


def check_secret(kind: ConnectionKind, name: str, secret: str) -> None:
    """Raises Invalid, without the secret."""
    called = name.replace("_", " ")
    if name not in SECRETS[kind]:
        there = ", ".join(SECRETS[kind]) or "none"
        raise Invalid(f'a connection of the kind {kind} has no secret "{name[:60]}"; it has {there}')
    if not 1 <= len(secret) <= SECRET_CHARACTERS_MAX:
        raise Invalid(f"the {called} must have 1 to {SECRET_CHARACTERS_MAX:,} characters")
    if "\0" in secret:
        raise Invalid(f"the {called} holds the character NUL")
    # A key has lines; a password with one was copied with its line end, and no server would take it.
    if name != "private_key" and ("\n" in secret or "\r" in secret):
        raise Invalid(f"the {called} holds a line break")
