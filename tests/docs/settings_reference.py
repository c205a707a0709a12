"""docs/settings.md, written from config.py: every variable, its default, its option and what is accepted."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from procession import config
from tests.docs import words

PAGE = """# Settings

<!-- Written from src/procession/config.py. To renew it: make docs -->

Every setting is a variable of the environment; an empty one counts as not given. Options of `procession serve` and of other
commands go before it. A setting that makes no sense ends the command with a message that names the variable.

Times take `s`, `m`, `h` or `d`, as in `30s` or `2h`; sizes `kB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`; yes and no also `true`,
`false`, `on`, `off`, `1` and `0`.

## Of a server and of a home

Commands that work on a home read them too, so set them for both.

{settings}

## Mail

No mail is sent without `PROCESSION_SMTP_URL`. These three are read from the environment only: the address may hold a password.

{mail}

## Signing in by another service

People may also sign in by OpenID Connect, with a service that says who they are (docs/users.md). From the environment only.

{sso}

## Of commands that work with a server

{remote}
"""
# What the code says beside a field is for engineers; this is for operators. A field without words fails the test.
MEANING = {
    "home": "the folder of the database, the files and the logs; made when it is missing",
    "host": "the address to listen at; the default is this machine only",
    "port": "the port to listen at; 0 takes any free one",
    "tls_cert": "a certificate in PEM; goes with the key",
    "tls_key": "its key in PEM",
    "workers_max": "how many steps run at the same time; the default is the number of cores, at least 4",
    "grace_seconds": "how long a step that is cancelled may tidy up, before it is killed",
    "token_seconds": "how long an access token is good",
    "connections_max": "connections at the same time; fewer where the system allows fewer open files",
    "connections_of_address_max": "the same of one address; this machine and trusted proxies may have three quarters of all",
    "upload_bytes_max": "the largest file that is accepted",
    "step_memory_bytes_max": "how much memory a step may use, its processes and its files in memory together, at least 256 MiB",
    "step_disk_bytes_max": "how much of the disk a step may take while it runs: its folder, outputs included",
    "step_files_max": "how many files and folders a step may make there",
    "step_processes_max": "how many processes and threads a step may have at the same time",
    "step_open_files_max": "how many files each process of a step may have open",
    "step_log_bytes_max": "how much a step may write into its log; the rest is dropped, and the log says so",
    "table_days_min": "how many days versions of managed tables are kept that no run has read or written; 0: for ever",
    "free_bytes_min": "how much of the home's disk is kept free for the server, or a twentieth of a smaller disk",
    "user_streams_max": "how many streams and long polls of one user may be open; the next is answered 429",
    "user_new_runs_max": "how many runs one user may create in any minute; the next is answered 429. A restart of the server forgets the count",
    "user_runs_max": "how many runs of one user are under work at the same time; further ones wait in the queue",
    "user_steps_max": "how many steps of one user run at the same time; 0 leaves one of `PROCESSION_WORKERS_MAX` for the others",
    "user_uploads_max": "how many uploads in chunks one user may have open; the next is answered 429",
    "user_upload_bytes_max": "how much one user's uploads may take together while they arrive, in chunks until they are committed; what is more is answered 429, and 413 where one upload alone is more",
    "allow_network": "whether steps with `network: true` reach what this machine reaches",
    "isolation": "`weak`: scripts run also where this machine cannot keep them apart from the server (`procession doctor`)",
    "step_libraries": "folders of libraries for scripts, separated by `:`",
    "public_url": "where users reach the server, for links; the default is the address it listens at",
    "trusted_proxies": "whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: addresses or networks; the default is nobody's",
}
MAIL = {
    "SMTP_URL": "`smtp://user:password@mail.example.com:587` (STARTTLS) or `smtps://` (TLS, port 465)",
    "MAIL_FROM": "the address that mail comes from; needed with `PROCESSION_SMTP_URL`",
    "CA_FILE": "PEM of the authorities to trust instead of the usual ones",
}
SSO = {
    "SSO_ISSUER": "the address of the service, as its own metadata names it; without it, passwords alone",
    "SSO_CLIENT_ID": "what this server is called there",
    "SSO_CLIENT_SECRET": "its secret there",
    "SSO_NAME": "what stands on the button; the host of the service when it is left out",
    "CA_FILE": "PEM of the authorities to trust instead of the usual ones",
}
REMOTE = {
    "SERVER": "the address of the server; `--server` goes before it",
    "CLIENT_ID": "the application to sign in as",
    "CLIENT_SECRET": "its secret; never an option, because the options of a command are shown to everybody by `ps`",
    "CA_FILE": "PEM of the authorities to trust instead of the usual ones",
}
OPTIONS = {"home": "--home", "host": "--host", "port": "--port", "tls_cert": "--tls-cert", "tls_key": "--tls-key"}


def page() -> str:
    return PAGE.format(
        settings=words.table("variable | option | default | meaning", _settings()),
        mail=words.table("variable | meaning", _others(MAIL)),
        sso=words.table("variable | meaning", _others(SSO)),
        remote=words.table("variable | meaning", _others(REMOTE)),
    )


def variables() -> set[str]:
    """Every name that config.py looks up in the environment, whether by its table of readers or by itself."""
    tree = ast.parse(Path(config.__file__).read_text("utf-8"))
    found = {name.upper() for name in config._READERS}
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(left=ast.Name(id="PREFIX"), right=ast.Constant(value=str(name))):
                found.add(name)
            case ast.Call(func=ast.Name(id="text"), args=[ast.Constant(value=str(name))]):
                found.add(name)
    return found


def documented() -> set[str]:
    return {name.upper() for name in MEANING} | set(MAIL) | set(SSO) | set(REMOTE)


def _settings() -> Iterator[tuple[str, str, str, str]]:
    for field in dataclasses.fields(config.Settings):
        if field.name in config._READERS:
            option = f"`{OPTIONS[field.name]}`" if field.name in OPTIONS else ""
            yield _variable(field.name.upper()), option, _default(field.name, field.default), MEANING[field.name]


def _default(name: str, value: Any) -> str:
    if value in (None, "", ()):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if "_bytes_" in name:
        return _size(value)
    if name.endswith("_seconds"):
        return f"{value:g}s" if value < 60 else f"{value // 60:g}m"
    return f"`{value}`"


def _size(size_bytes: int) -> str:
    """In the largest unit that says it exactly, as the setting takes it."""
    units = {"GiB": config.GIB, "GB": 10**9, "MiB": config.MIB, "MB": 10**6, "kB": 10**3}
    return next(f"{size_bytes // unit} {name}" for name, unit in units.items() if size_bytes % unit == 0)


def _others(texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    return ((_variable(name), text) for name, text in texts.items())


def _variable(name: str) -> str:
    return f"`{config.PREFIX}{name}`"
