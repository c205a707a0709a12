"""What is reached of what docs/figures.md asks; with --against, of what an earlier commit reached in the same run."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from bench import (
    figures,
    hostile,
    isolation,
    r12_shortages,
    sides,
    tables,
    turns,
    w01_short_steps,
    w02_long_steps,
    w04_reads,
    w05_restart,
    w06_cancel,
    w07_crash,
    w09_visibility,
    w10_first_page,
    w11_reconcile,
    w12_transfers,
    w13_throughput,
    w14_reading,
    w15_pages,
    w16_rows,
    w17_reports,
    writing,
)
from bench.bars import (
    r04_ready,
    r06_killers,
    r07_cancels,
    r08_limits,
    r09_sigterm,
    r10_starts,
    r15_clocks,
    r16_queue,
    r17_pollers,
    s03_generated,
    s04_hostile_files,
    s05_injections,
    s06_secrets,
    s07_slow,
    s08_grants,
)
from bench.figures import Report
from bench.peers import session
from bench.peers.session import Session

WORKS: dict[str, Callable[..., Report]] = {
    "W1": w01_short_steps.measure,
    "W2": w02_long_steps.measure,
    "W4": w04_reads.measure,
    "W5": w05_restart.measure,
    "W6": w06_cancel.measure,
    "W7": w07_crash.measure,
    "W9": w09_visibility.measure,
    "W10": w10_first_page.measure,
    "W11": w11_reconcile.measure,
    "W12": w12_transfers.measure,
    "W13": w13_throughput.measure,
    "W14": w14_reading.measure,
    "W15": w15_pages.measure,
    "W16": w16_rows.measure,
    "W17": w17_reports.measure,
    "R12": r12_shortages.measure,
    "hostile": hostile.measure,
    "isolation": isolation.measure,
    "tables": tables.measure,
    "writing": writing.measure,
}
BARS: dict[str, Callable[..., Report]] = {
    "R4": r04_ready.measure,
    "R6": r06_killers.measure,
    "R7": r07_cancels.measure,
    "R8": r08_limits.measure,
    "R9": r09_sigterm.measure,
    "R10": r10_starts.measure,
    "R15": r15_clocks.measure,
    "R16": r16_queue.measure,
    "R17": r17_pollers.measure,
    "S3": s03_generated.measure,
    "S4": s04_hostile_files.measure,
    "S5": s05_injections.measure,
    "S6": s06_secrets.measure,
    "S7": s07_slow.measure,
    "S8": s08_grants.measure,
}
CONTESTS: dict[str, Callable[[], turns.Contest]] = {
    "W1": w01_short_steps.contest,
    "W4": w04_reads.contest,
    "W10": w10_first_page.contest,
    "W12": w12_transfers.contest,
    "W13": w13_throughput.contest,
}


def main() -> None:
    """One after the other: they would disturb each other."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = (
        f"of {' '.join(WORKS)}, by default all of these, or of {' '.join(BARS)}, or peers: {' '.join(session.NAMES)}"
    )
    parser.add_argument("works", nargs="*", metavar="WORK", help=names)
    parser.add_argument(
        "--full", action="store_true", help="as often as it takes to be sure (W6: 200 cancels, W7: 40 kills)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--against", metavar="COMMIT", help=f"turn by turn with that commit: {' '.join(CONTESTS)}")
    parser.add_argument(
        "--folder", type=Path, help="where the earlier commit, or the peers, get their environment; kept"
    )
    arguments = parser.parse_args()
    if arguments.against and not arguments.folder:
        parser.error("--against needs --folder")
    known: Iterable[str] = CONTESTS if arguments.against else [*WORKS, *BARS, *session.NAMES]
    works = session.expanded(arguments.works)
    if unknown := [work for work in works if work not in known]:
        parser.error(f"there is no {', '.join(unknown)}; there are {' '.join(known)}")
    if not arguments.folder and any(work in session.NAMES for work in works):
        parser.error("peers need --folder")
    peers = Session(arguments.folder or Path())
    measure = _contests(arguments) if arguments.against else partial(_measured, peers=peers, full=arguments.full)
    _print(works or (CONTESTS if arguments.against else WORKS), measure, as_json=arguments.json)
    if not arguments.json and (table := peers.table()):
        print("\n" + table)


def _contests(arguments: argparse.Namespace) -> Callable[[str], Report]:
    old = sides.earlier(arguments.against, arguments.folder)
    return lambda work: turns.hold(CONTESTS[work](), old, full=arguments.full)


def _measured(work: str, *, peers: Session, full: bool) -> Report:
    if work in session.NAMES:
        return peers.measure(work, full=full)
    return {**WORKS, **BARS}[work](full=full)


def _print(works: Iterable[str], measure: Callable[[str], Report], *, as_json: bool) -> None:
    machine, reports = figures.machine(), list[Report]()
    if not as_json:
        print("  ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    for work in works:
        reports.append(measure(work))
        if not as_json:
            print("\n" + figures.as_text(reports[-1]), flush=True)
    if as_json:
        print(json.dumps({"machine": machine, "reports": [figures.as_json(report) for report in reports]}, indent=2))


if __name__ == "__main__":
    main()
