"""Settings: from the command line, else from PROCESSION_* in the environment, else the defaults written here.

The only place that reads the environment. The variable of a setting is its name in capitals: PROCESSION_GRACE_SECONDS.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from procession import setting_values as values
from procession.setting_values import GIB, KIB, MIB, SettingError, age

__all__ = ["GIB", "KIB", "MIB", "SettingError", "age"]  # config is where all of it is looked for

PREFIX = "PROCESSION_"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where mail is handed in. `security` is tls (from the start), starttls, or "" for none."""

    host: str
    port: int
    security: str
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None  # PEM of the authorities to trust instead of the usual ones


@dataclass(frozen=True, slots=True, kw_only=True)
class SsoProvider:
    """Who else says who somebody is, by OpenID Connect; `name` stands on the button."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str
    ca_file: Path | None = None  # PEM of the authorities to trust instead of the usual ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an administrator may choose. Sizes are bytes, times are seconds."""

    home: Path = Path("procession-data")  # the database, the files and the logs; made when missing
    host: str = "127.0.0.1"  # only this machine, until somebody says otherwise
    port: int = 8080  # 0: any free one
    tls_cert: Path | None = None  # PEM; both or neither
    tls_key: Path | None = None
    workers_max: int = 4  # steps at the same time; read() raises it to the number of cores
    grace_seconds: float = 5.0  # between TERM and KILL
    token_seconds: int = 3_600  # life of an access token
    connections_max: int = 4_096  # fewer where the system gives us fewer open files
    connections_of_address_max: int = 256  # this machine and trusted proxies: three quarters of all
    upload_bytes_max: int = 10 * GIB
    step_memory_bytes_max: int = 4 * GIB
    step_disk_bytes_max: int = 8 * GIB  # of a step under way: its folder, and files in it that have no name any more
    step_files_max: int = 100_000  # in that folder
    step_processes_max: int = 256  # threads too
    step_open_files_max: int = 1_024  # of each of its processes
    step_log_bytes_max: int = 10_000_000
    table_days_min: int = 0  # how long versions of tables are kept that no run needs; 0: for ever
    free_bytes_min: int = 512 * MIB  # of the home's disk, or a twentieth of a smaller one
    # What one user may have, so that something is left for the others.
    user_streams_max: int = 100  # streams and long polls that are open
    user_new_runs_max: int = 600  # in any minute; forgotten at a restart
    user_runs_max: int = 64  # under work; further ones wait in the queue
    user_steps_max: int = 0  # at the same time, for hours maybe; 0 leaves one of `workers_max` for the others
    user_uploads_max: int = 100  # upload sessions that are open
    user_upload_bytes_max: int = 40 * GIB  # in their chunks, and arriving
    allow_network: bool = False  # steps of run_python with `network: true` reach what this machine reaches
    isolation: str = "full"  # weak: scripts run also where the machine cannot keep them apart from the server
    step_libraries: tuple[Path, ...] = ()  # folders of libraries for scripts, and for nothing else
    public_url: str = ""  # where users reach the server, for links; "": the address it listens at
    # Whose X-Forwarded-For and X-Forwarded-Proto are believed. Nobody's by default: every process of this machine could
    # say that it asks for somebody else, and would be counted anew with each name.
    trusted_proxies: str = ""
    smtp: SmtpServer | None = None  # no mail is sent without one
    sso: SsoProvider | None = None  # people sign in with passwords alone without one

    @property
    def uses_tls(self) -> bool:
        return self.tls_cert is not None

    @property
    def steps_of_user_max(self) -> int:
        return self.user_steps_max or max(1, self.workers_max - 1)


def read(environment: Mapping[str, str] | None = None, /, **overrides: str | int | Path | None) -> Settings:
    """The settings in force; an override of None counts as not given. `environment` None: the real one.

    Raises SettingError, whose text names the variable or option at fault.
    """
    environment = os.environ if environment is None else environment
    given: dict[str, Any] = {"workers_max": max(Settings().workers_max, os.cpu_count() or 1)}
    for name, reader in _READERS.items():
        override = overrides.pop(name, None)
        if override is not None:
            given[name] = reader(f"--{name.replace('_', '-')}", str(override))
        # An empty variable is how a compose file or a unit says "not set".
        elif text := environment.get(PREFIX + name.upper(), "").strip():
            given[name] = reader(PREFIX + name.upper(), text)
    assert not overrides, f"no such setting: {', '.join(overrides)}"
    settings = Settings(**given, smtp=_smtp(environment), sso=_sso(environment))
    _check_tls(settings)
    # Absolute, so that nothing depends on the folder a child process works in.
    return replace(settings, home=settings.home.absolute())


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAccess:
    """A server that commands work against instead of a home, and who they sign in as."""

    address: str
    client_id: str
    client_secret: str = field(repr=False)
    ca_file: Path | None = None  # PEM of the authorities to trust instead of the usual ones


def server_access(environment: Mapping[str, str] | None = None, /, *, address: str | None) -> ServerAccess | None:
    """From --server, else PROCESSION_SERVER; None when neither is given. The secret comes from the environment only:
    the arguments of a command are shown to everybody by `ps`.

    Raises SettingError for a server without its credentials.
    """
    environment = os.environ if environment is None else environment

    def text(name: str) -> str:
        return environment.get(PREFIX + name, "").strip()

    address = address or text("SERVER")
    if not address:
        return None
    client_id, secret = text("CLIENT_ID"), text("CLIENT_SECRET")
    if not (client_id and secret):
        raise SettingError(f"to work with {address}, set PROCESSION_CLIENT_ID and PROCESSION_CLIENT_SECRET")
    return ServerAccess(address=address, client_id=client_id, client_secret=secret, ca_file=_ca_file(environment))


def _ca_file(environment: Mapping[str, str]) -> Path | None:
    found = environment.get(PREFIX + "CA_FILE", "").strip()
    if found and not Path(found).is_file():
        raise SettingError(f"there is no file {found} ({PREFIX}CA_FILE)")
    return Path(found) if found else None


def _check_tls(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingError("TLS needs both a certificate and a key: --tls-cert and --tls-key")
    for path in (settings.tls_cert, settings.tls_key):
        if path is not None and not path.is_file():
            raise SettingError(f"there is no file {path} (for TLS)")


def _smtp(environment: Mapping[str, str]) -> SmtpServer | None:
    """SMTP_URL, MAIL_FROM and CA_FILE; from the environment only, because the URL may hold a password."""
    text, label = environment.get(PREFIX + "SMTP_URL", "").strip(), PREFIX + "SMTP_URL"
    if not text:
        return None
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError:
        host, port, url = "", None, urlsplit("")
    if url.scheme not in {"smtp", "smtps"} or not host or url.path.strip("/"):
        # The text itself is not shown: it may hold a password.
        raise SettingError(f"{label} must look like smtp://user:password@mail.example.com:587, or smtps://")
    sender = environment.get(PREFIX + "MAIL_FROM", "").strip()
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", sender):
        raise SettingError(f"{PREFIX}MAIL_FROM must be the address that mail comes from, not {sender!r}")
    is_here = host in {"localhost", "127.0.0.1", "::1"}
    asked = dict(parse_qsl(url.query)).get("starttls")
    if asked not in {None, "0", "1"} or (asked == "0" and not is_here):
        raise SettingError(f"{label}: starttls=0 is for this machine only: mail holds links that set passwords")
    return SmtpServer(
        host=host,
        port=port or (465 if url.scheme == "smtps" else 587),
        security="tls" if url.scheme == "smtps" else "starttls" if asked == "1" or not is_here else "",
        sender=sender,
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        ca_file=_ca_file(environment),
    )


def _sso(environment: Mapping[str, str]) -> SsoProvider | None:
    """SSO_ISSUER and what we are to it; from the environment only, because of the secret."""
    names = (PREFIX + "SSO_ISSUER", PREFIX + "SSO_CLIENT_ID", PREFIX + "SSO_CLIENT_SECRET", PREFIX + "SSO_NAME")
    issuer, client_id, secret, name = (environment.get(variable, "").strip() for variable in names)
    if not issuer:
        return None
    url = urlsplit(values.url_of(names[0], issuer))
    if url.scheme != "https" and url.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise SettingError(f"{names[0]} must begin with https://: it decides who somebody is")
    if not (client_id and secret):
        raise SettingError(f"{names[0]} needs {names[1]} and {names[2]}")
    return SsoProvider(
        issuer=issuer.rstrip("/"),
        client_id=client_id,
        client_secret=secret,
        name=name or url.hostname or "",
        ca_file=_ca_file(environment),
    )


_READERS: dict[str, Any] = {
    **dict.fromkeys(("home", "tls_cert", "tls_key"), values.path_of),
    "host": partial(values.text_of, pattern="[A-Za-z0-9.:_-]+", expected="a host name or an address"),
    "port": partial(values.whole_of, smallest=0, largest=65_535),
    "workers_max": partial(values.whole_of, smallest=1, largest=1_024),
    "grace_seconds": partial(values.seconds_of, smallest=0, largest=600),
    # Under a minute a client would spend its life asking for tokens; above a year it is a password.
    "token_seconds": partial(values.whole_seconds_of, smallest=60, largest=31_536_000),
    "connections_max": partial(values.whole_of, smallest=64, largest=1_000_000),
    "connections_of_address_max": partial(values.whole_of, smallest=1, largest=1_000_000),
    "allow_network": values.flag_of,
    "isolation": partial(values.text_of, pattern="full|weak", expected="full or weak"),
    "step_libraries": values.folders_of,
    "public_url": values.url_of,
    "trusted_proxies": values.addresses_of,
    "upload_bytes_max": partial(values.size_bytes_of, smallest=1),
    # A Python process with DuckDB loaded needs this much before the step does anything.
    "step_memory_bytes_max": partial(values.size_bytes_of, smallest=256 * MIB),
    "step_disk_bytes_max": partial(values.size_bytes_of, smallest=MIB),
    "step_files_max": partial(values.whole_of, smallest=10, largest=10_000_000),
    # A script that starts a pool needs a process for each core, and its libraries a thread or two.
    "step_processes_max": partial(values.whole_of, smallest=8, largest=32_768),
    "step_open_files_max": partial(values.whole_of, smallest=64, largest=1_048_576),
    "step_log_bytes_max": partial(values.size_bytes_of, smallest=1_000),
    "table_days_min": partial(values.whole_of, smallest=0, largest=36_500),
    "free_bytes_min": partial(values.size_bytes_of, smallest=0),
    "user_streams_max": partial(values.whole_of, smallest=1, largest=100_000),
    "user_new_runs_max": partial(values.whole_of, smallest=1, largest=1_000_000),
    "user_runs_max": partial(values.whole_of, smallest=1, largest=1_000_000),
    "user_steps_max": partial(values.whole_of, smallest=0, largest=1_024),
    "user_uploads_max": partial(values.whole_of, smallest=1, largest=100_000),
    "user_upload_bytes_max": partial(values.size_bytes_of, smallest=1),
}
