"""Errors in the user's words; the doors turn each into its status code, the command line into one line.

A message is complete and shown as it is. Nothing here knows HTTP but the numbers of docs/wire.md.
"""


class ProcessionError(Exception):
    """What a user may read: `message` is the whole text, `status` the code the API answers with."""

    # An error that nobody gave a status is a mistake of ours.
    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(ProcessionError):
    """The request is malformed, or is not allowed in the present state."""

    status = 400


class Unauthorized(ProcessionError):
    """The token is missing, wrong, expired or revoked."""

    status = 401


class Forbidden(ProcessionError):
    """The caller may see the thing, but the role or the scope is too small: the message names what is missing."""

    status = 403


class NotFound(ProcessionError):
    """It does not exist, or this caller must not know that it does."""

    # 404 and not 403: the difference would tell a stranger what exists.
    status = 404


class Conflict(ProcessionError):
    """A precondition that the client itself asked for does not hold."""

    status = 409


class TooLarge(ProcessionError):
    """More than a documented limit."""

    status = 413


class TooMany(ProcessionError):
    """More attempts than are allowed; `headers` say when to come back."""

    status = 429

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__(message)
        self.headers = {"retry-after": str(seconds)}


class Unavailable(ProcessionError):
    """The server cannot do this now; the same request may succeed later."""

    status = 503
