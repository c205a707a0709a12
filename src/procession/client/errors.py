"""Errors of the client. Each error of the server carries its message, status and supportId."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ProcessionError(Exception):
    """`message` is the server's text; `status` and `support_id` are None where no server answered.

    `fields` holds whatever else the answer carried, such as the `mistakes` of a process file.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        support_id: str | None = None,
        fields: Mapping[str, Any] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.support_id = support_id
        self.fields = dict(fields or {})
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        return self.message if self.support_id is None else f"{self.message} (support id {self.support_id})"


class Invalid(ProcessionError):
    """400, 405, 413, 415: malformed, or not allowed in the present state."""


class Unauthorized(ProcessionError):
    """401, and whatever the token endpoint refuses: the credentials are wrong, expired or revoked."""


class Forbidden(ProcessionError):
    """403: the thing is visible, but the role or the scope is too small; the message says which is missing."""


class NotFound(ProcessionError):
    """404: it does not exist, or must not be seen."""


class Conflict(ProcessionError):
    """409, 412: a precondition that was asked for does not hold."""


class TooMany(ProcessionError):
    """Still 429: the server asked to wait longer than the client may."""


class Unavailable(ProcessionError):
    """No connection, no answer in time, or still 502, 503, 504: the same call may succeed later."""


class ServerFault(ProcessionError):
    """500, or an answer that is not one of this API: give the support id to the operator."""


class TimedOut(ProcessionError):
    """The caller's time limit has passed. What it waited for goes on."""


class Damaged(ProcessionError):
    """The content was damaged on the way: a hash or a length differs."""


KINDS: Mapping[int, type[ProcessionError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: Invalid,
    408: Unavailable,
    409: Conflict,
    412: Conflict,
    413: Invalid,
    415: Invalid,
    429: TooMany,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def of_answer(status: int, content: Any, *, retry_after_seconds: float | None = None) -> ProcessionError:
    """The error for an unsuccessful answer; `content`: its JSON, or None if it has none."""
    fields = content if isinstance(content, dict) else {}
    # A proxy in front of the server answers without a message of ours.
    message = fields.get("message") or fields.get("error_description") or f"the server answered {status}"
    # An unknown 4xx is the caller's mistake all the same.
    kind = KINDS.get(status, Invalid if 400 <= status < 500 else ServerFault)
    return kind(
        str(message),
        status=status,
        support_id=fields.get("supportId"),
        fields={key: value for key, value in fields.items() if key not in {"message", "supportId"}},
        retry_after_seconds=retry_after_seconds,
    )
