"""document: letters, statements and reports as PDFs, from a template in Typst."""

from __future__ import annotations

from procession.actions.contract import Action, Context, Example, OutputTarget, StepOutcome
from procession.actions.documents import document_settings
from procession.actions.documents.document_settings import DocumentSettings
from procession.model.processes import Effect


def run(context: Context) -> StepOutcome:
    # Every process for user code imports this module, and none of them makes documents.
    from procession.actions.documents import documenting

    return documenting.run(context)


EXAMPLE = Example(
    settings={
        "template": "${files.letter}",
        "source": {"file": "${files.customers}", "columns": {
            "customer": {"type": "Text"}, "open": {"type": "Money"}, "due_on": {"type": "Date"}}},
        "each": True,
        "name": "statement-{customer}.pdf",
        "output": "${results.letters}",
        "inputs": {"month": "${parameters.month}"},
    },
    inputs={
        "files.letter": (
            "letter.typ",
            b"#let row = json(bytes(sys.inputs.row))\n#let inputs = json(bytes(sys.inputs.inputs))\n\n"
            b"= Statement of #inputs.month\n\nDear #row.customer,\n\n"
            b"#row.open EUR are open since #row.due_on.\n",
        ),
        "files.customers": (
            "customers.csv", b"customer,open,due_on\nAcme,1200.50,2026-06-30\nDupont,80.00,2026-07-05\n",
        ),
        "parameters.month": "2026-07",
    },
    targets={"results.letters": OutputTarget(type="File")},
    expected={"results.letters": {"statement-Acme.pdf": b"%PDF-", "statement-Dupont.pdf": b"%PDF-"}},
    message="2 documents written to step.zip",
)  # fmt: skip

ACTION = Action(
    kind="document",
    effect=Effect.PURE,
    title="Make PDFs from a template",
    settings=DocumentSettings,
    run=run,
    reads=document_settings.reads,
    writes=document_settings.writes,
    relations=document_settings.files_read,
    tables=document_settings.tables,
    examples=(EXAMPLE,),
    check=document_settings.check,
)
