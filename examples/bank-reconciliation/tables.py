"""Makes the three tables of the example on a server, once.

    ID=... SECRET=... python tables.py [http://127.0.0.1:8080]

The id and the secret are those of `procession application create --name Tables --scopes mtable --json`.
"""

from __future__ import annotations

import os
import sys

from procession.client import Client
from procession.client.tables import Column

TEXT, MONEY, NUMBER, DAY = "FixedLengthText", "Money", "Number", "Datetime"
# What reconcile adds to a row that stays open.
OPEN = {"first_open_on": DAY, "times_open": NUMBER, "age_days": NUMBER, "age": TEXT, "reason": TEXT, "near_key": TEXT}
BOOKS = {
    "entry_id": TEXT, "account": TEXT, "currency": TEXT, "booked_on": DAY, "reference": TEXT, "amount": MONEY,
    "party": TEXT,
}  # fmt: skip
BANK = {
    "account": TEXT, "currency": TEXT, "booked_on": DAY, "value_on": DAY, "amount": MONEY, "reference": TEXT,
    "end_to_end_id": TEXT, "party": TEXT, "party_account": TEXT, "text": TEXT, "code": TEXT, "statement": TEXT,
    "line": NUMBER, "bank_reference": TEXT,
}  # fmt: skip
TABLES = {
    "Open left": {**BOOKS, **OPEN},
    "Open right": {**BANK, **OPEN},
    "Decisions": {"decision": TEXT, "left_key": TEXT, "right_key": TEXT, "comment": TEXT},
}


def make(client: Client) -> None:
    for name, columns in TABLES.items():
        table = client.tables.create(name)
        for column, kind in columns.items():
            table.add_column(Column(name=column, data_type=kind, field_length=2_000 if kind == TEXT else None))


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080"
    with Client(address, client_id=os.environ["ID"], client_secret=os.environ["SECRET"]) as found:
        make(found)
