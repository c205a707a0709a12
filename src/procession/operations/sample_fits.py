"""Which of the first rows of a file fit what is declared of its columns, for whoever declares them."""

from __future__ import annotations

from functools import partial

from procession.actions.reading.options import FileOptions
from procession.actions.tables.contract import FIT_KIND, FitSettings, SampleFit
from procession.model.errors import Invalid, NotFound
from procession.model.files import File
from procession.operations import table_jobs
from procession.operations.previews import SIZE_BYTES_MAX
from procession.operations.resources import Resources
from procession.operations.table_jobs import TableJob

ROWS = 1_000
SECONDS_MAX = 10.0  # somebody types meanwhile


def look(
    resources: Resources, file: File, options: FileOptions, *, proposes: tuple[str, ...] | None = None
) -> SampleFit:
    """For a thread that may wait: seconds. Raises Unavailable where nobody can look."""
    assert file.sha256 is not None
    if file.size_bytes > SIZE_BYTES_MAX:
        return SampleFit(problem="the sample is too large to be looked at here")
    try:
        path = resources.blobs.fetch(file.sha256)
    except NotFound as error:
        return SampleFit(problem=error.message)
    settings = FitSettings(request=str(path), name=file.name or "file", options=options, rows=ROWS, proposes=proposes)
    job = partial(TableJob, kind=FIT_KIND, settings=settings, what="the sample was not read", seconds_max=SECONDS_MAX)
    try:
        return table_jobs.look(resources, job, SampleFit)
    except Invalid as error:
        return SampleFit(problem=error.message.removesuffix("; nothing was changed"))
