"""Drafts: what a person has changed of a process and not published. Nobody else sees them, and no run follows them."""

from __future__ import annotations

import msgspec

from procession.model.errors import Conflict, Invalid
from procession.model.ids import ProcessId
from procession.model.process_file.documents import FILE_CHARACTERS_MAX
from procession.model.processes import Process
from procession.operations import processes
from procession.operations.act import Act
from procession.operations.processes import Applied
from procession.store import drafts as store
from procession.store import processes as process_store
from procession.store.drafts import DraftRow

NEW = "new"
COMMENT_CHARACTERS_MAX = 1_000
# What a new process begins with: it does nothing, and shows where everything goes.
TEMPLATE = """process: New process
groups:
  - group: Inputs
    steps:
      - data: Parameters
        properties:
          - {name: Period end, type: Datepicker, flow: INPUT, required: true}
"""


class ProcessDraft(msgspec.Struct, frozen=True, kw_only=True):
    """`text` is what the draft says, or without one the present version; `published` that version's text.

    `is_kept`: there is a draft. `is_behind`: somebody has published since it began.
    """

    process: ProcessId | None
    name: str
    text: str
    published: str
    version: int
    base_version: int
    row: DraftRow | None

    @property
    def is_kept(self) -> bool:
        return self.row is not None

    @property
    def is_behind(self) -> bool:
        return self.base_version < self.version


def _place(process: ProcessId | None) -> str:
    return NEW if process is None else str(process)


def find(act: Act, process: ProcessId | None) -> ProcessDraft:
    """The caller's; None is that of a process that does not exist yet. Raises NotFound."""
    row = store.find(act.tx, act.caller.user.id, _place(process))
    if process is None:
        text = TEMPLATE if row is None else row.text
        return ProcessDraft(process=None, name="", text=text, published="", version=0, base_version=0, row=row)
    found, _ = processes.find(act.tx, process)
    published, _ = processes.definition(act.tx, process)
    return ProcessDraft(
        process=process,
        name=found.name,
        text=published if row is None else row.text,
        published=published,
        version=found.version,
        base_version=found.version if row is None else row.base_version,
        row=row,
    )


def keep(act: Act, process: ProcessId | None, text: str, *, base_version: int) -> None:
    """With mistakes or without; `base_version` is the one that the page was made of. Raises Invalid, Unavailable."""
    act.resources.require_room()
    if len(text) > FILE_CHARACTERS_MAX:
        raise Invalid(f"a process file has at most {FILE_CHARACTERS_MAX:,} characters, not {len(text):,}")
    draft = DraftRow(place=_place(process), base_version=base_version, text=text, kept_at=act.now)
    store.keep(act.tx, act.caller.user.id, draft)


def drop(act: Act, process: ProcessId | None) -> None:
    """Throws it away; without one, nothing changes."""
    store.drop(act.tx, act.caller.user.id, _place(process))


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """`over` is the version that the publisher has seen and means to follow; `definition` what the text was read to."""

    text: str
    definition: Process
    comment: str
    over: int


def publish(act: Act, process: ProcessId | None, wanted: Publication) -> Applied:
    """The next version, and no draft any more. Raises Conflict when a version was published that nobody here saw."""
    if not wanted.comment.strip() and process is not None:
        raise Invalid("say what you changed and why: it stays with the version")
    if len(wanted.comment) > COMMENT_CHARACTERS_MAX:
        raise Invalid(f"the comment is longer than {COMMENT_CHARACTERS_MAX:,} characters")
    if process is not None:
        row, _ = processes.find(act.tx, process)
        if row.version != wanted.over:
            raise Conflict(
                f"{row.modified_by} has published version {row.version} meanwhile; look at the changes again"
            )
    elif process_store.by_name(act.tx, wanted.definition.name) is not None:
        raise Invalid(f'there is a process "{wanted.definition.name}" already; give the new one another name')
    applied = processes.apply(
        act, wanted.text, definition=wanted.definition, process=process, comment=wanted.comment.strip()
    )
    drop(act, process)
    return applied
