"""archive: files packed into a zip, or one taken out of it."""

from __future__ import annotations

from procession.actions.archiving import archive_settings
from procession.actions.archiving.archive_settings import ArchiveSettings
from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them packs.
    from procession.actions.archiving import archiving

    return archiving.run(context)


EXAMPLE = Example(
    settings={
        "do": "pack",
        "files": ["${files.lines}", {"file": "${files.report}", "as": "reports/{month}.csv"}],
        "name": "close-{month}.zip",
        "output": "${results.archive}",
        "inputs": {"month": "${parameters.month}"},
    },
    inputs={
        "files.lines": ("lines.csv", b"account,amount\n0400,120\n"),
        "files.report": ("report.csv", b"account,total\n0400,120\n"),
        "parameters.month": "2026-07",
    },
    targets={"results.archive": OutputTarget(type="File")},
    expected={
        "results.archive": {
            "lines.csv": b"account,amount\n0400,120\n",
            "reports/2026-07.csv": b"account,total\n0400,120\n",
        }
    },
    message="2 files packed into close-2026-07.zip",
)

ACTION = Action(
    kind="archive",
    effect=Effect.PURE,
    title="Pack files into a zip, or unpack one",
    settings=ArchiveSettings,
    run=run,
    reads=archive_settings.reads,
    writes=archive_settings.writes,
    examples=(EXAMPLE,),
    check=archive_settings.check,
)
