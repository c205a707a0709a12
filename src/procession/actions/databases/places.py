"""Where a database is: the addresses that its connection may reach, and the authorities that prove its name."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

from procession.actions.contract import ConnectionInput
from procession.actions.problems import Problem
from procession.actions.reaching.addresses import AddressRefused, CheckedAddress, find
from procession.model.connections import DIALECTS, DatabaseOptions

CONNECT_SECONDS = 15  # for each address of the host
_IN_BRACKETS = re.compile(r" ?\([^()]*\)")
_ROOTS = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


def addresses(connection: ConnectionInput, options: DatabaseOptions) -> tuple[CheckedAddress, ...]:
    """At least one. Raises Problem."""
    try:
        return find(options.host, options.port, private_hosts=connection.private_hosts)
    except AddressRefused as refused:
        # Without the host and its addresses, which are the connection's own.
        told = _IN_BRACKETS.sub("", str(refused).replace(options.host, "its host"))
        raise Problem(f"{connection.called}: {told}") from None


def roots() -> str:
    """The file of the authorities that this machine trusts; an OpenSSL of a library's own looks elsewhere."""
    known = ssl.get_default_verify_paths().cafile
    return next((path for path in (known, *_ROOTS) if path and Path(path).is_file()), known or _ROOTS[0])


def dialect(connection: ConnectionInput) -> str:
    """Raises Problem for a database that nothing here can reach: each that can was tried with a real server."""
    found: str = connection.options.get("dialect", "postgresql")
    if found not in DIALECTS:
        raise Problem(f"{connection.called} is to {found}, and databases that can be reached are {', '.join(DIALECTS)}")
    return found
