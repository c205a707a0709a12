"""A process that asks for everything that a process can ask for, and a browser that fills its form in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from html import unescape
from typing import Any

import httpx2
from msgspec.structs import replace

from procession import actions
from procession.model import process_file
from procession.model.ids import ProcessId, RunId
from procession.model.people import Role
from procession.model.processes import Process
from procession.operations import processes
from procession.store import permissions, steps
from procession.store.database import Transaction
from tests.api.house import House
from tests.web.site import Site

BANK = """
process: Bank reconciliation
groups:
  - group: Inputs
    steps:
      - data: Period and account
        key: period
        properties:
          - {name: Note, key: note, type: Text, value: Take the balance from the paper statement, foreground_color: "#c00000"}
          - {name: Period end, key: end, type: Datepicker, flow: INPUT, required: true, mouseover: The last day of the month}
          - {name: Company, key: company, type: Dropdown, flow: INPUT, required: true, options: [Wien, Graz, Linz]}
          - {name: Bank, key: bank, type: Dropdown, flow: INPUT, options: [A, B, C, D, E, F]}
          - {name: Account, key: account, type: String, flow: INPUT, required: true, value: "001200"}
          - {name: Remarks, key: remarks, type: Text, flow: INPUT}
          - {name: Prepared by, key: by, type: SystemVariable, variable: USERNAME, flow: INPUT}
          - {name: Hidden, key: hidden, type: String, flow: INPUT, visible: false, value: x}
      - data: Limits
        key: limits
        properties:
          - {name: Tolerance, key: tolerance, type: Decimal, flow: INPUT, decimal_points: 2, required: true, value: 0.01}
          - {name: Days, key: days, type: Number, flow: INPUT}
          - {name: Post corrections, key: post, type: CheckBox, flow: INPUT, required: true, mouseover: Writes to the ledger}
      - data: Files
        key: files
        properties:
          - {name: Ledger, key: ledger, type: File, flow: INPUT, required: true}
          - {name: Statement, key: statement, type: File, flow: INPUT}
          - {name: Contract, key: contract, type: File, flow: INPUT}
          - {name: Count, key: count, type: Number, flow: OUTPUT}
  - group: Work
    steps:
      - action: run_sql
        name: Total
        key: total
        with:
          inputs: {ledger: {file: "${files.ledger}", delimiter: ";"}}
          sql: SELECT count(*) FROM ledger
          outputs: {result: "${files.count}"}
      - action: run_sql
        name: Only sometimes
        key: sometimes
        when: {equals: {property: limits.post, value: true}}
        with:
          inputs: {statement: "${files.statement}"}
          sql: SELECT 1 FROM statement
      - {action: run_python, name: Post, key: post, effect: once, with: {inputs: {contract: "${files.contract}"}, code: "pass"}}
"""
LEDGER = b"Beleg;Buchung;Betrag;Text\r\n900117;2026-11-02;-12480.00;M\xc3\xbcller\r\n900118;2026-11-03;8.50;\r\n"
RIGHT = {"period.end": "2026-11-30", "period.company": "Wien", "period.account": "001200", "limits.tolerance": "0.01",
         "limits.post": ""}  # fmt: skip


@cache
def parsed(text: str) -> Process:
    """Once for all tests: reading a process file takes longer than a test."""
    return process_file.parse(text, file="process.yaml", actions=actions.registry())


def apply(house: House, text: str, *, name: str = "") -> str:
    """The process's id; everybody of the house has the role on it that they have on the house's own."""
    definition = parsed(text)
    definition = replace(definition, name=name or definition.name)

    def operation(tx: Transaction) -> ProcessId:
        applied = processes.apply(house.act(tx, "owner"), text, definition=definition)
        if applied.version == 1:
            for user, role in {"mate": Role.EXECUTOR, "reader": Role.READER}.items():
                permissions.give(tx, applied.id, role, holder=house.users[user].id)
        return applied.id

    return str(house.database.write(operation))


@dataclass(slots=True, kw_only=True)
class InputForm:
    """A browser without scripts before the form of a new run."""

    site: Site
    process: str
    name: str

    @property
    def house(self) -> House:
        return self.site.house

    @property
    def new(self) -> str:
        return f"/processes/{self.process}/new"

    def send(self, page: str = "", *, files: Any = None, **fields: Any) -> httpx2.Response:
        """The form of this page as its buttons send it: to its address, with its token and what is hidden in it."""
        shown = self.site.get(page or self.new).text
        found = re.search(r'<form class="cols side"[^>]* action="([^"]+)"', shown)
        assert found, shown
        once = re.search(r'name="once" value="([^"]+)"', shown)
        hidden = {"once": once[1]} if once and "once" not in fields else {}
        sent: dict[str, Any] = {**hidden, **fields}
        # Always as multipart, as the page says: an empty file input has an empty name.
        parts = {name: (file[0], file[1]) for name, file in (files or {"none": ("", b"")}).items()}
        return self.site.ask("POST", unescape(found[1]), data=sent, files=parts)

    def kept(self, *, files: Any = None, **fields: Any) -> str:
        """The address of a run that was kept for later."""
        answer = self.send(files=files, **{"do": "later", **fields})
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def values(self, run: str) -> dict[str, Any]:
        """What is kept of the run, by the names of its properties; of a file its name."""
        with self.house.database.read() as tx:
            rows = steps.properties_of_run(tx, RunId.parse(run.removeprefix("/runs/").partition("?")[0]))
        return {row.item.name: row.file.name if row.file else row.item.value for row in rows}

    def status(self, run: str) -> str:
        return str(self.house.get(f"processruns/{run.removeprefix('/runs/')}/runstatus")["status"])

    def runs(self) -> list[str]:
        return [item["id"] for item in self.house.get(f"processes/{self.process}/processruns")]
