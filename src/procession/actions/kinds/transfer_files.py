"""transfer_files: fetches files from SFTP, S3, Azure or a folder, leaves some there, lists, moves and deletes them.

Safe to run twice: get and list change nothing there. A file is left under its name only when it is whole, the same
content again is no second delivery, and what an earlier try has moved or deleted is in the step's journal.
"""

from __future__ import annotations

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.transferring import transfer_settings
from procession.actions.transferring.transfer_settings import TransferSettings
from procession.model.lifecycle import StepStatus
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them has the network.
    from procession.actions.transferring import transfers

    return transfers.run(context)


def preview(context: Context) -> str:
    from procession.actions.transferring import transfers

    return transfers.preview(context)


GET = Example(
    settings={
        "connection": "bank",
        "do": "get",
        "path": "out",
        "pattern": "CAMT_{month}_*.xml",
        "inputs": {"month": "${parameters.month}"},
        "settle_seconds": 0,
        "outputs": {"file": "${files.statement}", "count": "${results.count}"},
    },
    inputs={"parameters.month": "2026-01"},
    targets={"files.statement": OutputTarget(type="File"), "results.count": OutputTarget(type="Number")},
    expected={"files.statement": b"<Document/>", "results.count": 1},
    message='fetched 1 file from "bank", out',
)
PUT = Example(
    settings={
        "connection": "bank",
        "do": "put",
        "path": "in",
        "files": ["${files.payments}"],
        "name": "payments-{month}.xml",
        "inputs": {"month": "${parameters.month}"},
        "outputs": {"list": "${files.sent}"},
    },
    inputs={"parameters.month": "2026-01", "files.payments": ("pain.xml", b"<Document/>")},
    targets={"files.sent": OutputTarget(type="File")},
    expected={
        "files.sent": b"name,size_bytes,modified_at,sha256\npayments-2026-01.xml,11,,"
        b"aef08da16b2f66638a4c39560733b0def8b2db4955c64f8e567f8b6a7bca6685\n"
    },
    status=StepStatus.SUCCESS,
    message='left 1 file at "bank", in',
)

# No `relations`: it looks into no file, neither of its inputs nor of those that it fetches.
ACTION = Action(
    kind="transfer_files",
    title="Transfer files",
    settings=TransferSettings,
    run=run,
    reads=transfer_settings.reads,
    writes=transfer_settings.writes,
    examples=(GET, PUT),
    check=transfer_settings.check,
    effect=Effect.IDEMPOTENT,
    effect_of=transfer_settings.effect_of,
    reaches=True,
    preview=preview,
    connection=lambda settings: str(settings.connection),
    connection_kinds=frozenset({"sftp", "s3", "folder"}),
)
