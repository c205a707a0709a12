"""What a user filled in and sent."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl

from procession.model.errors import Invalid

# The inputs of the largest process that anybody fills in by hand, and each of the runs of a page.
FIELDS_MAX = 5_000  # more than a table of decisions has, with the fields beside it


class Form:
    """The fields of a form, as HTML sends them; a name may have several values."""

    def __init__(self, raw: bytes) -> None:
        """Raises Invalid."""
        try:
            pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
        except ValueError:
            raise Invalid(
                "what your browser sent is not a form that can be read; reload the page and try again"
            ) from None
        self._take(pairs)

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]]) -> Form:
        """Of fields that came with files, which sent_forms has counted. Raises Invalid."""
        form = cls(b"")
        form._take(pairs)
        return form

    def _take(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if "\0" in value:
                raise Invalid("a field holds a NUL character, which no text has; type it again")
            # Browsers send the line breaks of a field as CR LF, whatever was typed.
            self._values.setdefault(name, []).append(value.replace("\r\n", "\n"))

    def one(self, name: str) -> str:
        """The last value; "" for a field that was not sent, such as a box that is not ticked."""
        return self._values.get(name, [""])[-1]

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def has(self, name: str) -> bool:
        return name in self._values
