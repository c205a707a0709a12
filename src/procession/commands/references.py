"""Parses arguments of the command line: step.property=value, and files to read."""

from __future__ import annotations

from pathlib import Path

from procession.model.errors import Invalid


def pair(text: str, option: str) -> tuple[str, str]:
    """ "step.property" and its value. Raises Invalid."""
    # At the first sign: values may hold more of them.
    reference, equals, value = text.partition("=")
    step, dot, name = reference.partition(".")
    if not (equals and dot and step and name):
        raise Invalid(f'{option} must be like step.property=value, not "{text}"')
    return reference, value


def read_text(path: str) -> str:
    """Raises Invalid."""
    try:
        return Path(path).read_text("utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not a text in UTF-8") from None
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}") from error
