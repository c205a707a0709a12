"""The program that tries a connection, with limits: the connection comes on stdin, one line goes out."""

from __future__ import annotations

import json
import resource
import ssl
import sys
from urllib.parse import urlsplit

import msgspec

from procession.actions.blackout import Blackout
from procession.actions.contract import ConnectionInput
from procession.actions.problems import Problem
from procession.actions.reaching import addresses
from procession.actions.transferring.opening import SIDES, opened

MEMORY_BYTES_MAX = 2 * 2**30
CPU_SECONDS_MAX = 20
CONNECT_SECONDS_MAX = 15.0


def tried(connection: ConnectionInput) -> str:
    """What was found to work. Raises Problem, OSError."""
    if connection.kind in SIDES:
        with opened(connection) as side:
            count = len(side.entries("").files)
        files = "1 file" if count == 1 else f"{count:,} files"
        return f"it takes the user and the secret, and shows {files} in the folder that may be reached"
    host, port, is_tls = _address(connection)
    found = addresses.find(host, port, private_hosts=connection.private_hosts)
    with addresses.connect(found, seconds_max=CONNECT_SECONDS_MAX) as channel:
        if is_tls:
            channel.settimeout(CONNECT_SECONDS_MAX)
            with ssl.create_default_context().wrap_socket(channel, server_hostname=host):
                pass
    proof = " with a certificate that is valid" if is_tls else ""
    # Nothing is sent: a request or a mail could be the one thing that must not happen.
    return f"{host}:{port} answers{proof}; whether it takes the secret is shown by the first step that goes by it"


def _address(connection: ConnectionInput) -> tuple[str, int, bool]:
    options = connection.options
    if connection.kind == "http":
        url = urlsplit(options["url"])
        is_tls = url.scheme == "https"
        return url.hostname or "", url.port or (443 if is_tls else 80), is_tls
    return options["host"], options["port"], options.get("security") == "tls"


def answer(connection: ConnectionInput) -> dict[str, object]:
    """Whether it works, and words without any secret, whatever the other side says."""
    # Any other error ends the process without a word: what libraries say of a fault of theirs is not for a page.
    try:
        works, words = True, tried(connection)
    except (Problem, OSError) as error:
        works, words = False, str(error)
    # Servers repeat what they were told, and libraries write it in other ways than it was given.
    return {"works": works, "message": Blackout(connection).text(words)}


def main() -> None:
    # No core of a process that holds a password.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    connection = msgspec.json.decode(sys.stdin.buffer.read(), type=ConnectionInput)
    print(json.dumps(answer(connection)))


if __name__ == "__main__":
    main()
