"""A table is made, filled, changed in every way and deleted; each change is one version, with exactly these rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.crash.client import Client

CSV = {"content-type": "text/csv"}
FIRST = 2  # the version of a table that was just made
NZ, AU, FR = ({"Country": name, "Amount": amount} for name, amount in (("NZ", 10), ("AU", 20), ("FR", 30)))
Rows = list[dict[str, Any]]


@dataclass(slots=True, kw_only=True)
class Table:
    """`versions` are the rows that each acknowledged version holds for ever, from the first on."""

    client: Client
    id: str
    versions: list[Rows] = field(default_factory=lambda: [[]])
    operations: list[str] = field(default_factory=lambda: ["create"])

    @property
    def present(self) -> int:
        return FIRST + len(self.versions) - 1

    def changed(self, operation: str, rows: Rows, change: Callable[[], Any]) -> Any:
        """One version more, once the change is acknowledged; before that perhaps."""
        client, present = self.client, self.present
        client.promise("present", lambda: self._is_at(present, present + 1))
        answer = change()
        self.versions.append(rows)
        self.operations.append(operation)
        client.promise("present", lambda: self._is_at(present + 1))
        client.promise(f"version {present + 1}", lambda: self._holds(present + 1, rows))
        return answer

    def _is_at(self, *numbers: int) -> None:
        listed = self.client.look(f"tables/{self.id}/versions").json()
        assert listed[0]["version"] in numbers, f"it is at {listed[0]['version']}, not at {numbers}"
        assert len(listed) == listed[0]["version"] - FIRST + 1
        known = self.operations[: len(listed)]
        assert [item["operation"] for item in reversed(listed)][: len(known)] == known

    def _holds(self, number: int, rows: Rows) -> None:
        answer = self.client.look(f"tables/{self.id}/rows?version={number}")
        assert (answer.status_code, answer.json()) == (200, rows)

    def column(self, operation: str, rows: Rows, path: str = "", **body: Any) -> None:
        self.changed(operation, rows, partial(self.client.twice, f"tables/{self.id}/columns{path}", json=body))

    def write(self, operation: str, rows: Rows, query: str = "", **more: Any) -> None:
        number = self.present + 1
        path = f"tables/{self.id}/rows{query}"
        answer = self.changed(operation, rows, partial(self.client.twice, path, **more))
        assert (answer["version"], answer["rows"]) == (number, len(rows))


def script(client: Client) -> None:
    made = client.twice("tables", json={"name": "Rates", "description": "as told"})
    assert made["version"] == FIRST
    table = Table(client=client, id=made["id"])
    _fill(table)
    _change_columns(table)
    _replace(table)
    assert [item["operation"] for item in client.done("GET", f"tables/{table.id}/versions")] == table.operations[::-1]
    _rename_and_delete(table)


def _fill(table: Table) -> None:
    table.column("addColumn", [], name="Country", dataType="FixedLengthText", fieldLength=10)
    table.column("addColumn", [], name="Amount", dataType="Number")
    table.write("append", _recorded(NZ, AU, FR), json=[NZ, AU, FR])
    table.write("append", [*table.versions[-1], {"_Record_ID": 4, "Country": "DE", "Amount": 40}],
                content=b"Country,Amount\nDE,40\n", headers=CSV)  # fmt: skip


def _recorded(*rows: dict[str, Any]) -> Rows:
    return [{"_Record_ID": number, **row} for number, row in enumerate(rows, 1)]


def _change_columns(table: Table) -> None:
    """Made another type (every file is written anew), renamed, upserted, and one column dropped."""
    table.column("changeColumn", table.versions[-1], "/Amount", dataType="Money")
    renamed = [
        {"_Record_ID": row["_Record_ID"], "Country": row["Country"], "Sum": row["Amount"]} for row in table.versions[-1]
    ]
    table.column("changeColumn", renamed, "/Amount", name="Sum")
    upserted = [dict(row) for row in renamed]
    upserted[1]["Sum"] = 25
    upserted.append({"_Record_ID": 5, "Country": "IT", "Sum": 50})
    body = [{"Country": "AU", "Sum": 25}, {"Country": "IT", "Sum": 50}]
    table.write("upsert", upserted, "?mode=upsert&key=Country", json=body)
    dropped = [{"_Record_ID": row["_Record_ID"], "Sum": row["Sum"]} for row in upserted]
    table.changed("dropColumn", dropped, partial(table.client.delete, f"tables/{table.id}/columns/Country"))


def _replace(table: Table) -> None:
    """Records that were replaced keep their ids for ever: no other one gets them."""
    table.write("replace", [{"_Record_ID": 6, "Sum": 1}], "?mode=replace", json=[{"Sum": 1}])
    noted = [{"_Record_ID": 6, "Sum": 1, "Note": "-"}]
    table.column("addColumn", noted, name="Note", dataType="FixedLengthText", nullable=False, defaultValue="-")
    table.write("append", [*noted, {"_Record_ID": 7, "Sum": 2, "Note": "new"}], json=[{"Sum": 2, "Note": "new"}])


def _rename_and_delete(table: Table) -> None:
    client, path = table.client, f"tables/{table.id}"
    assert client.once(path, json={"name": "Old rates"})["version"] == table.present
    client.promise("name", partial(_is_called, client, path, "Old rates"))
    client.forget("name", "present", *(f"version {FIRST + number}" for number in range(len(table.versions))))
    client.delete(path)
    client.promise("deleted", partial(_is_gone, client, path))
    again = client.once("tables", json={"name": "Rates"})
    assert again["id"] != table.id


def _is_called(client: Client, path: str, name: str) -> None:
    assert client.look(path).json()["name"] == name


def _is_gone(client: Client, path: str) -> None:
    assert client.look(path).status_code == 404
