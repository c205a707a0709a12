"""The walls of a server, in one list: for `doctor`, and for the start-up line."""

from __future__ import annotations

import ipaddress
import resource
import shutil
import stat
from collections.abc import Iterable, Iterator

from procession import disk
from procession.config import GIB, MIB, Settings
from procession.home import Home
from procession.serving import connections
from procession.walls import Wall

PROXIES_MAX = 65_536  # addresses; more are no list of proxies
TOKEN_SECONDS_WARNED = 86_400
FREE_WARNED_BYTES, FREE_GRAVE_BYTES = 2 * GIB, 200 * MIB


def of_server(settings: Settings, home: Home, around_steps: Iterable[Wall]) -> tuple[Wall, ...]:
    """Of a server on this home; `around_steps` as its isolation saw them."""
    return (*around_steps, *_of_settings(settings), *_of_users(settings), *_of_home(settings, home))


def _of_settings(settings: Settings) -> Iterator[Wall]:
    yield _memory(settings)
    yield _quota(settings)
    yield _cancel(settings)
    yield _file(settings)
    yield _tokens(settings)
    yield _encryption(settings)
    yield _proxies(settings)
    yield _connections(settings)
    yield _versions(settings)


def _versions(settings: Settings) -> Wall:
    days = settings.table_days_min
    return Wall(
        name="old versions of tables",
        # For ever is right for evidence; it is the operator who knows their disk.
        stands=True,
        seen=f"kept for {days:,} days where no run needs them" if days else "kept for ever",
        weaker_without="a run's tables could not be looked at as it saw them",
        remedy="PROCESSION_TABLE_DAYS_MIN, in days",
    )


def _of_users(settings: Settings) -> Iterator[Wall]:
    """What one user may take from the others."""
    steps, workers = settings.steps_of_user_max, settings.workers_max
    yield Wall(
        name="steps of a user",
        stands=steps < workers,
        seen=f"at most {min(steps, workers)} of {workers} at the same time",
        weaker_without="everybody else waits as long as one user's steps take",
        remedy="PROCESSION_USER_STEPS_MAX below PROCESSION_WORKERS_MAX",
    )
    for name, seen, weaker, variable in (
        ("runs of a user", f"at most {settings.user_runs_max} under work", "takes the engine's memory", "RUNS"),
        ("new runs of a user", f"at most {settings.user_new_runs_max} a minute", "fills the database", "NEW_RUNS"),
        ("streams of a user", f"at most {settings.user_streams_max} open", "takes the processor", "STREAMS"),
        ("uploads of a user", _uploads(settings), "fills the disk", "UPLOAD_BYTES"),
    ):
        remedy = f"PROCESSION_USER_{variable}_MAX"
        yield Wall(name=name, stands=True, seen=seen, weaker_without=f"one user {weaker}", remedy=remedy)


def _uploads(settings: Settings) -> str:
    size = f"{settings.user_upload_bytes_max / GIB:.3g} GiB"
    return f"at most {settings.user_uploads_max} in chunks open, and {size} of these and of what is arriving"


def _of_home(settings: Settings, home: Home) -> Iterator[Wall]:
    yield _permissions(home)
    yield _space(home)
    yield _reserve(settings, home)


def _memory(settings: Settings) -> Wall:
    most = settings.step_memory_bytes_max
    return Wall(
        name="memory",
        stands=True,
        seen=f"all processes of a step together have at most {most / GIB:.3g} GiB",
        weaker_without="a step takes the memory of all others",
        remedy="PROCESSION_STEP_MEMORY_BYTES_MAX",
    )


def _quota(settings: Settings) -> Wall:
    return Wall(
        name="quota",
        stands=True,
        seen=(
            f"a step has at most {settings.step_disk_bytes_max / GIB:.3g} GiB of disk, {settings.step_files_max:,} "
            f"files, {settings.step_processes_max:,} processes, {settings.step_open_files_max:,} open files in each, "
            f"{settings.step_log_bytes_max / MIB:.3g} MiB of log"
        ),
        weaker_without="a step takes the disk of all others",
        remedy="PROCESSION_STEP_DISK_BYTES_MAX",
    )


def _cancel(settings: Settings) -> Wall:
    return Wall(
        name="end of a step",
        stands=True,
        seen=f"a step that is cancelled may tidy up for {settings.grace_seconds:g} s, then it is killed",
        weaker_without="a step that ignores its cancel holds its place",
        remedy="PROCESSION_GRACE_SECONDS",
    )


def _file(settings: Settings) -> Wall:
    return Wall(
        name="size of a file",
        stands=True,
        seen=f"at most {settings.upload_bytes_max / GIB:.3g} GiB are accepted",
        weaker_without="one upload fills the disk",
        remedy="PROCESSION_UPLOAD_BYTES_MAX",
    )


def _tokens(settings: Settings) -> Wall:
    return Wall(
        name="life of a token",
        stands=settings.token_seconds <= TOKEN_SECONDS_WARNED,
        seen=f"an access token is good for {settings.token_seconds / 60:.4g} minutes",
        weaker_without="whoever finds one can use it for long",
        remedy="PROCESSION_TOKEN_SECONDS",
    )


def _encryption(settings: Settings) -> Wall:
    is_local = settings.host in {"127.0.0.1", "::1", "localhost"}
    seen = "TLS" if settings.uses_tls else "only this machine can connect" if is_local else "other machines may connect"
    return Wall(
        name="encryption",
        stands=settings.uses_tls or is_local,
        seen=seen,
        weaker_without="passwords and tokens can be read on the way",
        remedy="--tls-cert and --tls-key, or a proxy on this machine",
    )


def _proxies(settings: Settings) -> Wall:
    networks = [ipaddress.ip_network(part) for part in settings.trusted_proxies.split(",") if part]
    is_hidden = bool(settings.public_url) and not (networks or settings.uses_tls)
    weaker = "clients choose their own address, and limits by address do not hold them"
    if is_hidden:
        weaker = "everybody behind the proxy of PROCESSION_PUBLIC_URL shares one limit of sign-ins"
    return Wall(
        name="trusted proxies",
        stands=not is_hidden and sum(network.num_addresses for network in networks) <= PROXIES_MAX,
        seen=f"believed: {settings.trusted_proxies or 'none'}",
        weaker_without=weaker,
        remedy="name only your proxies in PROCESSION_TRUSTED_PROXIES",
    )


def _permissions(home: Home) -> Wall:
    mode = stat.S_IMODE(home.folder.stat().st_mode)
    who = "every user of this machine" if mode & 0o007 else "its group" if mode & 0o070 else "only its owner"
    return Wall(
        name="permissions",
        stands=not mode & 0o077,
        seen=f"{who} can enter the home ({mode:o})",
        # The home holds tokens' hashes and everybody's files.
        weaker_without="they read the files and copy the database",
        remedy=f"chmod 700 {home.folder}",
        is_grave=bool(mode & 0o007),
    )


def _space(home: Home) -> Wall:
    free_bytes = shutil.disk_usage(home.folder).free
    return Wall(
        name="disk",
        stands=free_bytes >= FREE_WARNED_BYTES,
        seen=f"{free_bytes / GIB:.1f} GiB free",
        weaker_without="new work is refused and steps wait for space",
        remedy="free some space, or `procession prune`",
        is_grave=free_bytes < FREE_GRAVE_BYTES,
    )


def _reserve(settings: Settings, home: Home) -> Wall:
    kept_bytes = disk.reserve_bytes(str(home.folder), settings.free_bytes_min)
    missing_bytes = disk.Reserve(str(home.folder), settings.free_bytes_min).missing_bytes()
    return Wall(
        name="reserve of the disk",
        stands=kept_bytes > 0 and not missing_bytes,
        seen=f"{kept_bytes / MIB:.0f} MiB are kept for the server" + (", and are taken" if missing_bytes else ""),
        weaker_without="new work and uploads are refused, and a full disk stops all",
        remedy="free some space, and set PROCESSION_FREE_BYTES_MIN above 0",
        is_grave=missing_bytes > 0,
    )


def _connections(settings: Settings) -> Wall:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # the server raises its own limit to it
    found = connections.room(settings, hard)
    return Wall(
        name="connections",
        stands=found.most == settings.connections_max,
        seen=f"at most {found.most}, {found.most_of_address} of one address; {hard} files may be open",
        weaker_without="a few hundred slow clients keep everybody else out",
        remedy="LimitNOFILE=65536 in the unit, or ulimit -n",
    )
