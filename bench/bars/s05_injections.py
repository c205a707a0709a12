"""S5: texts that break out, in every place of openapi.json, of process files, and of files: what traps see of them."""

from __future__ import annotations

from bench.figures import Figure, Report, count
from bench.server import folder, serving

SECONDS_MAX = 10.0


def measure(*, full: bool) -> Report:
    """The operations are asked within this process, which sees every statement; the runs are those of a real server."""
    from tests.fuzz import injecting, poisoned
    from tests.fuzz.injections import KINDS, every, trap

    with folder() as place, trap(place) as made:
        weak, texts = injecting.into_weak(made), every(made)
    with folder() as place:
        tally = injecting.into_operations(place, texts_max=len(texts))
    with folder() as place, trap(place) as made, serving(workers_max=2) as server:
        runs = poisoned.poison(server, made, every(made))
    return Report(
        work="S5",
        title=f"{len(texts)} texts of {len(KINDS)} kinds in every place of every operation, and in {runs.tried} runs",
        figures=(
            count("requests", tally.asked + len(runs.statuses)),
            count("of them done", tally.of_class(2) + sum(status == 200 for status in runs.statuses)),
            count("refused", tally.of_class(4) + sum(400 <= status < 500 for status in runs.statuses)),
            count("5xx", tally.of_class(5) + runs.errors, at_most=0),
            count("undocumented statuses", tally.undocumented, at_most=0),
            count("hits", len(tally.hits) + len(runs.hits), at_most=0),
            count("processes or files that were refused", runs.refused),
            Figure(name="longest", unit="s", values=(tally.longest_seconds,), at_most=SECONDS_MAX),
            Figure(
                name=f"kinds of hits that the traps see on a weak server, of {len(KINDS)}",
                unit="",
                values=(sum(weak[kind] > 0 for kind in KINDS),),
                at_least=len(KINDS),
            ),
        ),
        remarks=(*tally.failures[:10], *runs.hits[:10], *(f"weak server: {kind}: {weak[kind]} hits" for kind in KINDS)),
    )
