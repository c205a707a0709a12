"""A property of a data step: its definition, its value as a Python type, its file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from procession.client import reading
from procession.client.connection import Connection
from procession.client.errors import Invalid
from procession.client.files import File

Value = str | int | Decimal | bool | date | None


class Property:
    """A snapshot; set() refreshes it."""

    def __init__(self, connection: Connection, step_id: str, content: Mapping[str, Any]) -> None:
        self._connection = connection
        self._step_id = step_id
        self._read(content)

    def _read(self, content: Mapping[str, Any]) -> None:
        self.id = str(reading.field(content, "id"))
        self.name = str(reading.field(content, "name"))
        self.key = str(content.get("key") or "")
        self.data_type = str(reading.field(content, "dataType"))
        self.is_required = bool(content.get("required"))
        self.is_visible = bool(content.get("visible"))
        self.flow = str(content.get("informationFlowType"))
        self.mouseover_text = content.get("mouseoverText")
        self.options = tuple(content.get("options") or ())
        self.decimal_points = content.get("decimalPoints")
        self.variable_type = content.get("variableType")
        self.foreground_color = content.get("foregroundColor")
        self.value: Value = _value(self.data_type, content.get("value"))
        self._file_id = content.get("file")

    def __repr__(self) -> str:
        return f"Property({self.id!r}, {self.name!r}, {self.data_type})"

    @property
    def file(self) -> File:
        """Raises Invalid for a property that is no File."""
        if self._file_id is None:
            raise Invalid(f"{self.key or self.name} is a {self.data_type}, not a File")
        return File(self._connection, str(self._file_id))

    def set(self, value: Value) -> Property:
        """Sets the value. Aware datetimes, dates and Decimals are sent exactly. Raises Invalid."""
        return self.change(value=value)

    def change(self, **fields: object) -> Property:
        """Several fields at once, by their names on the wire (docs/wire.md, Shapes). Raises Invalid, Forbidden."""
        path = f"steps/{self._step_id}/properties/{self.id}"
        answer = self._connection.post(path, fields)
        # The answer to a change may omit fields that lists have.
        self._read({"key": self.key, **reading.objects([answer])[0]})
        return self


def _value(data_type: str, value: Any) -> Value:
    if value is None or isinstance(value, bool):
        return value
    try:
        match data_type.lower():
            case "number" | "decimal":
                # By its text: a JSON reader may have made a float of it.
                return Decimal(str(value))
            case "datepicker":
                return datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    except (ValueError, ArithmeticError):
        return str(value)  # another server may write it in a way of its own
    return str(value) if not isinstance(value, int | Decimal) else value
