"""Requests to servers of tests, in plain HTTP: who loads the certificates of all authorities waits 40 ms for them."""

from __future__ import annotations

import ssl
from typing import Any

import httpx2

# It trusts nobody: https:// fails.
_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def request(method: str, url: str, **more: Any) -> httpx2.Response:
    return httpx2.request(method, url, verify=_NOBODY, **more)


def get(url: str, **more: Any) -> httpx2.Response:
    return request("GET", url, **more)


def post(url: str, **more: Any) -> httpx2.Response:
    return request("POST", url, **more)
