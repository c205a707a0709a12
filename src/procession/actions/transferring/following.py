"""What becomes of fetched files there: asked for by get, done by move or delete once their bytes are kept."""

from __future__ import annotations

from procession.actions.problems import Problem
from procession.actions.transferring import shifting
from procession.actions.transferring.transfer_settings import TransferSettings, folder_after
from procession.actions.transferring.work import FileTransfer, list_of
from procession.model.follow_ups import LIST_REFERENCE, FollowUp

_LISTED = f"${{{LIST_REFERENCE}}}"


def check(settings: TransferSettings) -> None:
    """Before anything is fetched. Raises Problem."""
    to = folder_after(settings)
    if to is not None and shifting.same_folder(to, settings.path):
        raise Problem("path and the folder of after are the same")


def asked(transfer: FileTransfer) -> FollowUp | None:
    """What `after` asks for of the files that were fetched, and of no other; None for nothing."""
    settings = transfer.settings
    if settings.after is None or not transfer.done:
        return None
    to = folder_after(settings)
    where: dict[str, str | bool] = {} if to is None else {"to": to, "overwrite": settings.overwrite}
    return FollowUp(
        settings={
            "connection": settings.connection,
            "do": "delete" if to is None else "move",
            "path": settings.path,
            "listed": _LISTED,
            **where,
        },
        listed=list_of(transfer.done).decode(),
    )
