"""A run whose reconciliation has suggested something, and the table that takes decisions about it."""

from __future__ import annotations

import json
import re
from typing import Any

from procession.model.ids import ProcessId, RunId, TableId
from procession.model.people import Role
from procession.store import permissions, writes
from procession.store import steps as step_store
from procession.store.database import Transaction
from procession.store.writes import PropertyWrite
from tests.api.house import House
from tests.web.account_site import Visitor, visitor
from tests.web.run_site import Play, play

PROCESS = """
process: Books and bank
groups:
  - group: All
    steps:
      - data: P
        key: p
        properties:
          - {name: Books, key: books, type: File, flow: INPUT}
          - {name: Bank, key: bank, type: File, flow: INPUT}
          - {name: Suggested, key: report, type: File, flow: OUTPUT}
      - action: reconcile
        name: Match books and bank
        key: match
        with:
          left: "${p.books}"
          right: "${p.bank}"
          columns:
            reference: {left: reference, right: text}
            day: {left: booked_on, right: value_on}
            amount: {left: amount, right: paid}
            key: {left: entry, right: line}
          amount: amount
          date: day
          key: key
          rules:
            - {name: Near, equal: [reference], days: 5, choose: only, outcome: suggested}
          decisions: "${table:Decisions}"
          outputs: {suggested: {to: "${p.report}", as: suggested.csv}}
"""
# The same with a file of the rows that are open on the left.
WITH_OPEN = PROCESS.replace(
    "          - {name: Suggested,",
    "          - {name: Open, key: open, type: File, flow: OUTPUT}\n          - {name: Suggested,",
).replace("outputs: {suggested:", 'outputs: {only_left: {to: "${p.open}", as: open.csv}, suggested:')
OPEN = "entry,reference,booked_on,amount,reason\n0012,INV-9,2026-01-20,5,nothing on the other side\nB5,INV-5,2026-01-22,12,suggested\n"
HEADINGS = (
    "suggestion,rule,why,difference,left_entry,left_reference,left_booked_on,left_amount,"
    "right_line,right_text,right_value_on,right_paid\n"
)
PAIR = "1,Near,one of several candidates,0.4,B4,INV-4,2026-01-20,81.37,K5,INV-5,2026-01-23,80.97\n"
OTHER = "2,Near,one of several candidates,0,B5,INV-5,2026-01-22,12,K6,inv-5,2026-01-22,12\n"
# One payment and two invoices, as `match: subsets` suggests them.
SET = (
    "3,Paid together,the rule suggests and does not decide,0,B7,INV-7,2026-01-20,100,K7,,2026-01-23,1345.6\n"
    "3,Paid together,the rule suggests and does not decide,,B8,INV-8,2026-01-20,1245.6,,,,\n"
)
# A row and its reversal, which no pair of both sides can name.
REVERSAL = "4,Reversals,suggested,0,B9,INV-9,2026-01-20,5,,,,\n4,Reversals,suggested,,B10,INV-9,2026-01-21,-5,,,,\n"
COLUMNS = {
    "decision": "FixedLengthText",
    "left_key": "FixedLengthText",
    "right_key": "FixedLengthText",
    "comment": "FixedLengthText",
    "decided_by": "FixedLengthText",
    "decided_at": "Datetime",
}


def table(house: House, columns: dict[str, str] = COLUMNS, **roles: str) -> None:
    """A table of the owner, with these roles of others."""
    made = house.post("tables", json={"name": "Decisions"})["id"]
    for name, kind in columns.items():
        house.post(f"tables/{made}/columns", json={"name": name, "dataType": kind})

    def give(tx: Transaction) -> None:
        for who, role in roles.items():
            permissions.give(tx, TableId.parse(made), Role(role), holder=house.users[who].id)

    house.database.write(give)


def reconciled(
    house: House, rows: str = PAIR + OTHER + SET, *, text: str = PROCESS, name: str = "suggested.csv"
) -> Play:
    """Its run, which has ended."""
    made = play(house, text).start().take().perform("p")
    let_read(house, str(made.run.process), "mate")
    made.write("match", {}, report=(HEADINGS + rows).encode(), name=name)
    return made.perform("match").finish()


def write_file(house: House, run: Play, reference: str, data: bytes) -> None:
    """One more file that the step has written."""
    sink = house.resources.blobs.sink()
    sink.write(data)
    content, attempt, step = sink.finish(), run.run.attempt, run.row("match")

    def operation(tx: Transaction) -> None:
        row = step_store.by_reference(tx, RunId.parse(run.id))[reference]
        written = PropertyWrite(property=row.id, step=step.id, attempt=attempt, file_name="open.csv", content=content)
        writes.write_property(tx, written, house.clock.now())

    house.database.write(operation)


def let_read(house: House, process: str, who: str) -> None:
    house.database.write(
        lambda tx: permissions.give(tx, ProcessId.parse(process), Role.READER, holder=house.users[who].id)
    )


def place(run: Play) -> str:
    return f"/runs/{run.id}/steps/{run.row('match').id}/suggestions"


def decisions(house: House) -> list[dict[str, Any]]:
    """What the table holds, without record ids."""
    rows = json.loads(house.ask("GET", "tables/mt-1/rows").text)
    return [{name: value for name, value in row.items() if name != "_Record_ID"} for row in rows]


class Reviewer:
    """Somebody before the page of the run's suggestions."""

    def __init__(self, house: House, run: Play, who: str = "owner") -> None:
        self.visitor: Visitor = visitor(house, who)
        self.place = place(run)
        self.said = self.visitor.open(self.place)

    @property
    def html(self) -> str:
        assert self.visitor.page is not None
        return self.visitor.page.text

    def look(self, query: str = "") -> str:
        self.said = self.visitor.open(self.place + query)
        return self.said

    def fields(self, **chosen: Any) -> dict[str, Any]:
        """As the form of the page that they see, filled in: `d1` and `why1` are of suggestion 1."""
        hidden = re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)">', self.html)
        found: dict[str, Any] = {"number": [value for name, value in hidden if name == "number"]}
        found |= {name: value for name, value in hidden if name == "file" or name.startswith("seal-")}
        return found | {re.sub(r"(?<=[a-z])(?=[0-9])", "-", name): value for name, value in chosen.items()}

    def decides(self, **chosen: Any) -> str:
        """What the page says afterwards."""
        where = self.visitor.does(self.place, **self.fields(**chosen))
        self.said = self.visitor.open(where)
        return self.said

    def refused(self, **chosen: Any) -> str:
        return self.visitor.refused(self.place, **self.fields(**chosen))
