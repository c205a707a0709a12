"""Requests to one server: signs in, retries where that is harmless, turns every failure into our errors.

Never follows redirects, so credentials only go to the named server.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2

from procession.client import asking, errors, reading
from procession.client.asking import Ask
from procession.client.options import Options
from procession.client.tokens import Tokens

log = logging.getLogger(__name__)

RETRIED = frozenset({429, 502, 503, 504})
# A proxy may answer with anything of any length.
ERROR_BYTES_MAX = 1_000_000  # of an error's body; no message of ours is longer
# Chunks of several uploads at once; more would only queue at the server.
CONNECTIONS_MAX = 32
FORM = "application/x-www-form-urlencoded"


class Connection:
    """Sends all requests of the client; safe to use from several threads."""

    def __init__(
        self, address: str, *, client_id: str, client_secret: str | None, refresh_token: str | None, options: Options
    ) -> None:
        self.address = _checked(address)
        self.options = options
        self._tokens = Tokens(
            self._exchange,
            client_id=client_id,
            client_secret=client_secret,
            refresh_token=refresh_token,
            options=options,
        )
        self._http = httpx2.Client(
            verify=_trusted(self.address, options.ca_file),
            timeout=_timeout(options),
            limits=httpx2.Limits(max_connections=CONNECTIONS_MAX),
            # A redirect would carry the token to wherever it points.
            follow_redirects=False,
            headers={"user-agent": "procession-client"},
        )

    def __repr__(self) -> str:
        return f"Connection({self.address!r})"

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Any:
        """The JSON of the answer."""
        return self.json(asking.get(path, query))

    def post(self, path: str, content: Any = None) -> Any:
        """The JSON of the answer, None where it is empty."""
        return self.json(asking.post(path, content))

    def delete(self, path: str) -> None:
        self.json(Ask(method="DELETE", path=path))

    def json(self, ask: Ask) -> Any:
        with self.stream(ask) as response:
            return answer(response)

    @contextmanager
    def stream(self, ask: Ask) -> Iterator[httpx2.Response]:
        """The answer with its body unread. A failure while reading it raises Unavailable."""
        # Outside the try: until here nobody has a body to read.
        response = self._answer(f"{self.address}/api/v1/{ask.path}", ask, is_signed=True)
        try:
            yield response
        except httpx2.TransportError as error:
            raise _unavailable(self.address, error) from error
        except httpx2.DecodingError as error:
            raise errors.ServerFault(f"the server's answer is damaged: {error}", status=response.status_code) from error
        finally:
            response.close()

    def _exchange(self, form: Mapping[str, str], is_repeatable: bool) -> Any:
        body = asking.fixed(urlencode(form).encode(), FORM)
        ask = Ask(method="POST", path="", body=body, is_repeatable=is_repeatable)
        try:
            response = self._answer(f"{self.address}/oauth/token", ask, is_signed=False)
            with closing(response):
                return answer(response)
        except (errors.Invalid, errors.Forbidden) as error:
            # RFC 6749 section 5.2 answers most refusals with 400; to users they all mean "not signed in".
            raise errors.Unauthorized(error.message, status=error.status, support_id=error.support_id) from error
        except httpx2.TransportError as error:
            raise _unavailable(self.address, error) from error

    def _answer(self, url: str, ask: Ask, *, is_signed: bool) -> httpx2.Response:
        """Retries until an answer is successful, as often as allowed."""
        attempt, was_lost, was_renewed = 0, False, False
        while True:
            attempt += 1
            # At each attempt: the rest before it may have outlived the token.
            token = self._tokens.current() if is_signed else None
            try:
                response = self._send(url, ask, token)
            except httpx2.TransportError as error:
                if self._is_last(ask, attempt) or not (ask.is_repeatable or _never_sent(error)):
                    raise _unavailable(self.address, error) from error
                was_lost = True
                self._rest(ask, attempt, None)
                continue
            # The first delete worked although its answer was lost: the second finds nothing.
            if response.is_success or (was_lost and ask.method == "DELETE" and response.status_code == 404):
                return response
            error_found = _error(response)
            # Once: a second 401 is about the user and not about the age of the token.
            if token is not None and response.status_code == 401 and not was_renewed:
                self._tokens.drop(token)
                was_renewed = True
            elif not self._is_last(ask, attempt) and self._may_repeat(ask, error_found):
                self._rest(ask, attempt, error_found.retry_after_seconds)
            else:
                raise error_found

    def _send(self, url: str, ask: Ask, token: str | None) -> httpx2.Response:
        headers = {"accept": asking.JSON, **ask.headers}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        content = None
        if ask.body is not None:
            headers["content-type"] = ask.body.media_type
            content = ask.body.open()
            if ask.body.size_bytes is not None:
                headers["content-length"] = str(ask.body.size_bytes)
        timeout = _timeout(self.options, ask.read_seconds)
        # Built by hand, because the body must begin anew at each attempt.
        request = self._http.build_request(
            ask.method, url, params=ask.query or None, headers=headers, content=content, timeout=timeout
        )
        return self._http.send(request, stream=True)

    def _is_last(self, ask: Ask, attempt: int) -> bool:
        is_late = ask.until is not None and self.options.timing.monotonic() >= ask.until
        return is_late or attempt >= self.options.attempts_max

    def _may_repeat(self, ask: Ask, error: errors.ProcessionError) -> bool:
        # 429 comes before anything is done, so any request may be repeated.
        is_asked_for = error.status == 429 or (error.status in RETRIED and ask.is_repeatable)
        return is_asked_for and (error.retry_after_seconds or 0.0) <= self.options.retry_after_seconds_max

    def _rest(self, ask: Ask, attempt: int, asked_seconds: float | None) -> None:
        # The longer of the two: a server that asks for a second may be asked by a hundred clients.
        seconds = max(self.options.backoff(attempt), asked_seconds or 0.0)
        if ask.until is not None:
            seconds = max(0.0, min(seconds, ask.until - self.options.timing.monotonic()))
        log.info("trying again", extra={"server": self.address, "attempt": attempt, "rest_seconds": seconds})
        self.options.timing.rest(seconds)


def _checked(address: str) -> str:
    try:
        url = httpx2.URL(address)
    except httpx2.InvalidURL as error:
        raise errors.Invalid(f"the server's address is malformed: {error}") from error
    # Every message about the address would show its password.
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo:
        raise errors.Invalid("the server's address must be like https://procession.example")
    return str(url.copy_with(query=None, fragment=None)).rstrip("/")


def _trusted(address: str, ca_file: Path | None) -> ssl.SSLContext:
    # Reading all authorities takes 40 ms, which a command that asks in plain HTTP would wait for. This one trusts none.
    if address.startswith("http:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file is None:
        return httpx2.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # also raised for a file that is not PEM
        raise errors.Invalid(f"{ca_file} cannot be read: {error.strerror or error}") from error


def _timeout(options: Options, read_seconds: float | None = None) -> httpx2.Timeout:
    return httpx2.Timeout(
        connect=options.connect_seconds,
        read=read_seconds or options.read_seconds,
        write=options.write_seconds,
        pool=options.read_seconds,
    )


def _never_sent(error: httpx2.TransportError) -> bool:
    # Only these are certain: after them a POST may have been carried out.
    return isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)


def _unavailable(address: str, error: httpx2.TransportError) -> errors.Unavailable:
    return errors.Unavailable(f"{address} does not answer: {str(error) or type(error).__name__}")


def answer(response: httpx2.Response) -> Any:
    """The JSON of an answer, None if empty. Raises ServerFault if it is not JSON."""
    raw = response.read()
    if not raw:
        return None
    try:
        return reading.decode(raw)
    except ValueError as error:
        raise errors.ServerFault("the server's answer is not JSON", status=response.status_code) from error


def _error(response: httpx2.Response) -> errors.ProcessionError:
    """Reads at most as much of the body as our errors have."""
    with closing(response):
        if response.is_redirect:
            place = response.headers.get("location", "another address")
            return errors.ServerFault(f"the server redirects to {place}; use that address", status=response.status_code)
        raw = bytearray()
        try:
            for block in response.iter_bytes():
                raw += block
                if len(raw) > ERROR_BYTES_MAX:
                    break
            content = reading.decode(bytes(raw))
        except (ValueError, httpx2.RequestError):
            content = None
    return errors.of_answer(response.status_code, content, retry_after_seconds=_retry_after(response))


def _retry_after(response: httpx2.Response) -> float | None:
    """Only in seconds (RFC 9110 section 10.2.3): our server sends no date, which would need equal clocks."""
    text = response.headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 8 else None
