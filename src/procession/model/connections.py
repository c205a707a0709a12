"""Connections to what lies outside: address, options and the names of their secrets, for each kind.

A step names its connection, and never holds a host or a password. What a connection may reach is part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

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
    """A bucket of S3, or of a server that speaks like it at `endpoint`; nothing outside `root` is reached."""

    bucket: _Word
    region: _Word = "us-east-1"
    endpoint: Annotated[str, Meta(max_length=2_000, pattern=r"\A(https?://[^\s@]+)?\Z")] = ""
    access_key: _Word = ""
    root: _Path = ""


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
    ConnectionKind.S3: ("secret_key",),
    ConnectionKind.DATABASE: ("password",),
    ConnectionKind.FOLDER: (),
}


def options_of(kind: ConnectionKind, data: Mapping[str, Any]) -> Any:
    """The options of this kind. Raises msgspec.ValidationError in words about the field."""
    return msgspec.convert(dict(data), OPTIONS[kind])
