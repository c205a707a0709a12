"""show: a run in full; from a home here, from a server in remote_listing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from procession.commands import opening, plain, views, watching, wording
from procession.commands.console import Console
from procession.model import values
from procession.model.ids import RunId
from procession.model.processes import PropertyType
from procession.model.runs import Run
from procession.model.steps import PropertyRow
from procession.operations import histories, runs
from procession.store import steps as step_store
from procession.store.database import Transaction

# A note of a page would push everything else off the screen; --json has all of it.
VALUE_CHARACTERS_MAX = 200


def show(console: Console, text: str) -> int:
    """Raises NotFound."""
    run_id = RunId.parse(text)
    with opening.open_home(console) as opened, opened.database.snapshot() as tx:
        found = runs.find(tx, run_id)
        content = _content(tx, found)
        picture = views.picture(found, step_store.of_run(tx, run_id), opened.resources.steady())
    tell(console, content, picture)
    return 0


def _content(tx: Transaction, run: Run) -> dict[str, Any]:
    rows = step_store.of_run(tx, run.id)
    keys = {row.id: row.key for row in rows}
    begun = [row for row in histories.of_run(tx, run.id).events if row.kind in histories.BEGINNINGS]
    return {
        **views.run_content(run),
        "startedBy": begun[-1].user if begun else None,
        "reason": begun[-1].detail.get("reason") if begun else None,
        "steps": [views.step_content(row) for row in rows],
        "values": [_value(keys[row.step], row) for row in step_store.properties_of_run(tx, run.id)],
    }


def _value(step: str, row: PropertyRow) -> dict[str, Any]:
    item, file = row.item, row.file
    # Of a File the value is a name and says nothing.
    value = None if item.type is PropertyType.FILE else item.value
    return value_content(
        f"{step}.{item.key}",
        {"name": item.name, "type": item.type, "flow": item.flow, "decimalPoints": item.decimal_points},
        values.to_text(value),
        None if file is None or file.sha256 is None else (str(file.id), file.name, file.size_bytes),
    )


def value_content(
    reference: str, about: Mapping[str, Any], value: str | None, file: tuple[str, str, int] | None
) -> dict[str, Any]:
    """Values as texts with all digits: a JSON reader may have no decimals."""
    named = None if file is None else {"id": file[0], "name": file[1], "sizeInBytes": file[2]}
    return {"reference": reference, **about, "value": value, "file": named}


def tell(console: Console, content: Mapping[str, Any], picture: str) -> None:
    """`picture` is the run with its steps, as `status` shows it."""
    head, *steps = picture.splitlines()
    who = "not started yet"
    if content["startedBy"] is not None:
        who = f"started by {content['startedBy']}"
    if content["attempt"] > 1:
        who += f", attempt {content['attempt']}"
    if content["reason"]:
        who += f': "{plain.line(content["reason"])}"'
    begin, end = views.moment(content["dateStarted"]), views.moment(content["dateFinished"])
    when = " to ".join(text for text in (begin, end) if text)
    lines = [head, f"  {who}" + (f"; {when}" if when else ""), "", *steps]
    # What went in, what came out, and last what nobody asks for.
    for title, flow in (("Inputs", "INPUT"), ("Outputs", "OUTPUT"), ("Constants", "NONE")):
        rows = [row for row in content["values"] if row["flow"] == flow]
        if rows:
            lines += ["", title, *_rows(rows)]
    console.answer(content, "\n".join(lines))


def _rows(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = wording.table([(row["reference"], shown(row)) for row in rows], width=None)
    return [f"  {line}" for line in lines]


def shown(row: Mapping[str, Any]) -> str:
    """A value as accountants read it."""
    if row["file"] is not None:
        return f"{row['file']['name']}  ({wording.size(row['file']['sizeInBytes'])})"
    value = row["value"]
    if value is None:
        return "-"
    match row["type"]:
        case "Decimal":
            return wording.amount(Decimal(value))
        case "Datepicker":
            return wording.day(value)
        case _:
            return watching.cut(str(value), VALUE_CHARACTERS_MAX)
