"""Settings: from the command line, else from PROCESSION_* in the environment, else the defaults written here.

The only place that reads the environment. The variable of a setting is its name in capitals: PROCESSION_GRACE_SECONDS.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

PREFIX = "PROCESSION_"
KIB, MIB, GIB = 2**10, 2**20, 2**30
_BYTES_BY_UNIT = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": KIB, "mib": MIB, "gib": GIB}
_SECONDS_BY_UNIT = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
AGE_SECONDS_MAX = 36_500 * 86_400
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)\Z")


class SettingError(Exception):
    """A wrong setting; the text names it, its value and what is expected."""


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
    settings = Settings(**given, smtp=_smtp(environment))
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
    client_id, secret, ca_file = text("CLIENT_ID"), text("CLIENT_SECRET"), text("CA_FILE")
    if not (client_id and secret):
        raise SettingError(f"to work with {address}, set PROCESSION_CLIENT_ID and PROCESSION_CLIENT_SECRET")
    if ca_file and not Path(ca_file).is_file():
        raise SettingError(f"there is no file {ca_file} (PROCESSION_CA_FILE)")
    return ServerAccess(
        address=address, client_id=client_id, client_secret=secret, ca_file=Path(ca_file) if ca_file else None
    )


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
    ca_file = environment.get(PREFIX + "CA_FILE", "").strip()
    return SmtpServer(
        host=host,
        port=port or (465 if url.scheme == "smtps" else 587),
        security="tls" if url.scheme == "smtps" else "starttls" if asked == "1" or not is_here else "",
        sender=sender,
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
        ca_file=Path(ca_file) if ca_file else None,
    )


def _url(label: str, text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in {"http", "https"} or not url.hostname or url.query or url.fragment:
        raise SettingError(f"{label} must be an address such as https://procession.example.com, not {text!r}")
    return text.rstrip("/")


def _path(_label: str, text: str) -> Path:
    return Path(text).expanduser()


def _flag(label: str, text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise SettingError(f"{label} must be yes or no, not {text!r}")
    return _FLAGS[text.lower()]


def _folders(label: str, text: str) -> tuple[Path, ...]:
    folders = tuple(Path(part).expanduser().absolute() for part in text.split(os.pathsep) if part.strip())
    for folder in folders:
        if not folder.is_dir():
            raise SettingError(f"{label} names {folder}, which is not a folder")
    return folders


def _text(label: str, text: str, *, pattern: str, expected: str) -> str:
    if re.fullmatch(pattern, text) is None:
        raise SettingError(f"{label} must be {expected}, not {text!r}")
    return text


def _whole(label: str, text: str, *, smallest: int, largest: int) -> int:
    if re.fullmatch(r"[0-9]{1,18}", text) is None or not smallest <= int(text) <= largest:
        raise SettingError(f"{label} must be a whole number from {smallest} to {largest}, not {text!r}")
    return int(text)


def _quantity(label: str, text: str, *, units: Mapping[str, int], expected: str) -> float:
    match = _QUANTITY.match(text.lower())
    if match is None or match[2] not in units:
        raise SettingError(f"{label} must be {expected}, not {text!r}")
    return float(match[1]) * units[match[2]]


def _size_bytes(label: str, text: str, *, smallest: int) -> int:
    size = int(_quantity(label, text, units=_BYTES_BY_UNIT, expected='a size such as "500MB" or "4GiB"'))
    if size < smallest:
        raise SettingError(f"{label} must be at least {smallest} bytes, not {text!r}")
    return size


def _seconds(label: str, text: str, *, smallest: float, largest: float) -> float:
    seconds = _quantity(label, text, units=_SECONDS_BY_UNIT, expected='a time such as "30s", "10m" or "2h"')
    if not smallest <= seconds <= largest:
        raise SettingError(f"{label} must be from {smallest:g} to {largest:g} seconds, not {text!r}")
    return seconds


def _whole_seconds(label: str, text: str, *, smallest: float, largest: float) -> int:
    return int(_seconds(label, text, smallest=smallest, largest=largest))


def age(label: str, text: str) -> timedelta:
    """A time that lies back; with the name of its option. Raises SettingError."""
    seconds = _quantity(label, text, units=_SECONDS_BY_UNIT, expected='an age such as "400d" or "48h"')
    if text.strip().isdigit() and seconds:
        raise SettingError(f'{label} needs a unit, such as "{text}d" for days')
    if seconds > AGE_SECONDS_MAX:
        raise SettingError(f"{label} must be at most 36500d, which are 100 years, not {text!r}")
    return timedelta(seconds=seconds)


def _addresses(label: str, text: str) -> str:
    """Addresses or networks, separated by commas or blanks; "none" is an empty list."""
    if text.lower() == "none":
        return ""
    try:
        return ",".join(str(ipaddress.ip_network(part)) for part in text.replace(",", " ").split())
    except ValueError as error:
        raise SettingError(f'{label} must be addresses such as "10.0.0.7, 10.1.0.0/16", or none: {error}') from error


_FLAGS = {"yes": True, "true": True, "1": True, "on": True, "no": False, "false": False, "0": False, "off": False}
_READERS: dict[str, Any] = {
    **dict.fromkeys(("home", "tls_cert", "tls_key"), _path),
    "host": partial(_text, pattern="[A-Za-z0-9.:_-]+", expected="a host name or an address"),
    "port": partial(_whole, smallest=0, largest=65_535),
    "workers_max": partial(_whole, smallest=1, largest=1_024),
    "grace_seconds": partial(_seconds, smallest=0, largest=600),
    # Under a minute a client would spend its life asking for tokens; above a year it is a password.
    "token_seconds": partial(_whole_seconds, smallest=60, largest=31_536_000),
    "connections_max": partial(_whole, smallest=64, largest=1_000_000),
    "connections_of_address_max": partial(_whole, smallest=1, largest=1_000_000),
    "allow_network": _flag,
    "isolation": partial(_text, pattern="full|weak", expected="full or weak"),
    "step_libraries": _folders,
    "public_url": _url,
    "trusted_proxies": _addresses,
    "upload_bytes_max": partial(_size_bytes, smallest=1),
    # A Python process with DuckDB loaded needs this much before the step does anything.
    "step_memory_bytes_max": partial(_size_bytes, smallest=256 * MIB),
    "step_disk_bytes_max": partial(_size_bytes, smallest=MIB),
    "step_files_max": partial(_whole, smallest=10, largest=10_000_000),
    # A script that starts a pool needs a process for each core, and its libraries a thread or two.
    "step_processes_max": partial(_whole, smallest=8, largest=32_768),
    "step_open_files_max": partial(_whole, smallest=64, largest=1_048_576),
    "step_log_bytes_max": partial(_size_bytes, smallest=1_000),
    "free_bytes_min": partial(_size_bytes, smallest=0),
    "user_streams_max": partial(_whole, smallest=1, largest=100_000),
    "user_new_runs_max": partial(_whole, smallest=1, largest=1_000_000),
    "user_runs_max": partial(_whole, smallest=1, largest=1_000_000),
    "user_steps_max": partial(_whole, smallest=0, largest=1_024),
    "user_uploads_max": partial(_whole, smallest=1, largest=100_000),
    "user_upload_bytes_max": partial(_size_bytes, smallest=1),
}
