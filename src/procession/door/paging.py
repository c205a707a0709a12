"""Pages of a long list: the address of the next one stands in the Link header (RFC 8288)."""

from __future__ import annotations

from collections.abc import Set
from urllib.parse import quote, urlencode

from procession.door.contract import Request


def next_page(request: Request, cursor: str, *, without: Set[str] = frozenset()) -> str:
    """The header's value; of the present query the names in `without` are left away."""
    kept = [(name, value) for name, value in request.query.items() if name != "cursor" and name not in without]
    # It is decoded: what a client wrote before our own segments may hold any character, also one that ends the address.
    return f'<{request.origin}{quote(request.path)}?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'
