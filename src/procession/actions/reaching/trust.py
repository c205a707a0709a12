"""Whom a request trusts: the authorities of the machine, or nobody where nothing is encrypted."""

from __future__ import annotations

import ssl


def context(scheme: str) -> ssl.SSLContext:
    """For https or http."""
    if scheme == "http":
        # Reading all authorities takes 30 ms of the processor.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made = ssl.create_default_context()
    # Whatever the machine's own OpenSSL still takes (RFC 8996).
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made
