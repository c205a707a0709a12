"""Decisions of people about suggestions and open rows, written into the table that the step names.

A decision is a row of it, and is written as any rows of a table are: a next version, prepared against the one that was
read, and prepared again when others were faster. So of two people one finds the other's.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from procession.model.columns import Column
from procession.model.errors import Conflict, Invalid
from procession.model.runs import HistoryKind
from procession.model.suggestions import Choice, Decided, DecisionToWrite, SideName, decide
from procession.model.tables import Draft, Snapshot
from procession.operations import suggestions, table_rows, tables, telling
from procession.operations.act import Act
from procession.operations.resources import Resources
from procession.operations.suggestions import AskedPage, Reviewed
from procession.operations.table_rows import RowsRequest
from procession.operations.tables import TableWork
from procession.store import approvals, history, runs

CHOICES_MAX = 100  # of one form


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedBy:
    """By whom, and when."""

    by: str
    at: datetime


def write(work: TableWork, asked: Reviewed, choices: Sequence[Choice], said: DecidedBy) -> int:
    """The choices as rows of the table, all or none; gives how many rows came of them: 0 for what was decided so.

    For a thread that may wait. Raises Invalid, Conflict, Forbidden, and Unavailable when others keep writing.
    """
    _check(asked, choices)
    assert asked.table is not None
    made: list[int] = []

    def again(present: Snapshot) -> Draft | None:
        # With the table as it is now: what others decided since the page was shown is found here.
        numbers = tuple(choice.number for choice in choices)
        review = suggestions.look(work.resources, asked, present, AskedPage(numbers=numbers))
        if review.problem:
            raise Invalid(review.problem)
        # Refuses what contradicts itself or what others have decided, before anything is written.
        rows = decide(review.suggestions, choices)
        made.append(len(rows))
        return _draft(work.resources, present, rows, said) if rows else None

    tables.change(_telling(work, asked, choices), asked.table.table.id, again, lambda present: present)
    return made[-1]


def _telling(work: TableWork, asked: Reviewed, choices: Sequence[Choice]) -> TableWork:
    """Who decided is told where people look for it: in the run's history, and on the Log page."""
    counts = Counter(_WORDS[choice.decided] for choice in choices)

    def tell(act: Act, published: Snapshot) -> None:
        run = runs.find(act.tx, asked.run)
        assert run is not None, "a step's run is a foreign key"
        # The rows themselves are in this version of the table, with the reasons.
        table = {"table": str(published.table.id), "name": published.table.name, "version": published.version.number}
        # Under `wrote`, as of steps: a `version` beside it is the run's own.
        detail = {"wrote": [table], "decided": dict(counts)}
        said = history.PersonSaid(user=act.author, step=asked.step.id, detail=detail, kind=HistoryKind.REVIEWED)
        history.say(act.tx, run.id, said, act.now)
        # Whoever matches rows by hand has a hand in the result, and is no judge of it.
        approvals.add_preparer(act.tx, run.id, act.caller.user.id)
        words = ", ".join(f"{count} {word}" for word, count in counts.items())
        about = f'step {asked.step.order} of process run {run.id} "{run.name}"'
        telling.tell(act, f"decided about suggestions of {about}: {words}", run.id)

    return replace(work, told=tell)


_WORDS = {Decided.MATCH: "accepted", Decided.NEVER: "refused", Decided.CLOSE: "closed", Decided.OPEN: "taken back"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """A row that stays open, by its side and key, and why it is closed."""

    side: SideName
    key: str
    reason: str


def close(work: TableWork, asked: Reviewed, item: OpenItem, said: DecidedBy) -> int:
    """The open row closed, as write() does it. Raises Invalid for a key that no open row has."""
    choice = Choice(number=0, decided=Decided.CLOSE, reason=item.reason, seal="", closes=((item.side, item.key),))
    _check(asked, [choice])
    assert asked.table is not None
    # Without the file nobody could tell a key of an open row from a slip of the keyboard.
    if item.side not in asked.opens:
        raise Invalid(f"step {asked.step.order} writes no file of the rows that are open on the {item.side}")
    rows, file = asked.opens[item.side]
    pairs = {"columns": ((rows.column, rows.column),), "escaped": rows.escapes}
    wanted = {**pairs, "open_side": item.side, "key": item.key}
    made: list[int] = []

    def again(present: Snapshot) -> Draft | None:
        review = suggestions.looked(work.resources, file, present, wanted)
        if review.problem or not review.suggestions:
            raise Invalid(review.problem or f'no open row on the {item.side} has the key "{item.key[:100]}"')
        # What stands on it is read with it, so there is nothing older that could have been seen.
        new = decide(review.suggestions, [replace(choice, seal=review.suggestions[0].seal)])
        made.append(len(new))
        return _draft(work.resources, present, new, said) if new else None

    tables.change(_telling(work, asked, [choice]), asked.table.table.id, again, lambda present: present)
    return made[-1]


def _check(asked: Reviewed, choices: Sequence[Choice]) -> None:
    if asked.obstacle:
        raise Invalid(asked.obstacle)
    assert asked.table is not None
    if not choices:
        raise Invalid("nothing was chosen: accept or refuse a suggestion first")
    # A form of ours has fewer; each makes up to hundreds of rows.
    if len(choices) > CHOICES_MAX:
        raise Invalid(f"{len(choices):,} suggestions at once are too many; at most {CHOICES_MAX}")
    # Before the write, whose words name a row that nobody sees.
    most = reason_characters_max(asked.table)
    for choice in choices:
        if not choice.reason:
            what = f"suggestion {choice.number}" if choice.number else "the row"
            raise Invalid(f"say why for {what}: the reason is kept beside the decision")
        if len(choice.reason) > most:
            raise Invalid(f"the reason for suggestion {choice.number} is longer than {most:,} characters")


def reason_characters_max(table: Snapshot) -> int:
    """What the table's comment holds."""
    return next((one.length or 1 for one in table.version.columns if one.name.casefold() == "comment"), 1)


def require_same(asked: Reviewed, sha256: str) -> None:
    """Raises Conflict when the step has written another file since the page was shown: its numbers mean other rows."""
    if asked.file.sha256 != sha256:
        raise Conflict("the step has run again meanwhile, and suggests anew; nothing was written, look at them again")


def _draft(resources: Resources, present: Snapshot, rows: Sequence[DecisionToWrite], said: DecidedBy) -> Draft:
    names = {column.name.casefold(): column for column in present.version.columns}
    with resources.table_workers.temporary_folder() as place:
        path = place / "decisions.json"
        path.write_text(json.dumps({"rows": [_row(names, row, said) for row in rows]}))
        # A decision takes the place of the older one: the versions of the table keep that.
        gone = tuple((record, record + 1) for row in rows for record in row.replaces)
        request = RowsRequest(path=path, format="json", without=gone, name="the decisions")
        _, draft = table_rows.prepare(resources, present, request)
    return draft


def _row(names: dict[str, Column], row: DecisionToWrite, said: DecidedBy) -> dict[str, str | None]:
    # Under the names that the table has: people write Decision, too.
    values = {
        "decision": str(row.decision),
        "left_key": row.left_key,
        "right_key": row.right_key,
        "comment": row.comment,
        "decided_by": said.by,
        "decided_at": said.at.isoformat(timespec="milliseconds"),
    }
    return {names[name].name: value for name, value in values.items()}
