"""Processes on the wire."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from procession.api.wire import times
from procession.api.wire.scalars import (
    AProcess,
    Milliseconds,
    SevenDigits,
    Sha256,
)
from procession.model import processes as model
from procession.model.ids import ProcessId


class ProcessShape(Struct, frozen=True, kw_only=True):
    id: AProcess
    name: str
    description: str
    lastModifiedBy: str
    dateModified: SevenDigits
    dateCreated: SevenDigits
    alertEmailAddress: str
    alertSMS: str
    availableToSubscriber: bool
    runsAvailableToSubscriber: bool


class AppliedProcess(ProcessShape, frozen=True, kw_only=True):
    """A process whose file was applied; `remarks`: what would be refused at a start, or would wait for nobody."""

    remarks: tuple[str, ...]


class Version(Struct, frozen=True, kw_only=True):
    """One published version of a process; `hash` is the hex SHA-256 of its file, `comment` why it was published."""

    version: int
    author: str
    dateCreated: SevenDigits
    hash: Sha256
    comment: str


class DraftShape(Struct, frozen=True, kw_only=True):
    """The caller's own process file in the making; without one (`isKept` false) the text of the present version."""

    process: AProcess
    text: str
    isKept: bool
    baseVersion: int
    dateKept: Milliseconds | None


def process(
    id: ProcessId, definition: model.Process, *, created_at: datetime, modified_at: datetime, modified_by: str
) -> ProcessShape:
    """A process as its present version defines it; `modified_by` is a login name.

    The two subscriber switches are false: we share processes by roles, not with all subscribers at once.
    """
    return ProcessShape(
        id=str(id),
        name=definition.name,
        description=definition.description,
        lastModifiedBy=modified_by,
        dateModified=times.seven_digits(modified_at),
        dateCreated=times.seven_digits(created_at),
        alertEmailAddress=definition.alert_email,
        alertSMS=definition.alert_sms,
        availableToSubscriber=False,
        runsAvailableToSubscriber=False,
    )
