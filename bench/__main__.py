"""python -m bench [W1 ... isolation tables writing] [--full] [--json]: what is reached of what docs/figures.md asks."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable

from bench import (
    figures,
    isolation,
    tables,
    w01_short_steps,
    w02_long_steps,
    w04_reads,
    w05_restart,
    w06_cancel,
    w07_crash,
    w09_visibility,
    w10_first_page,
    w12_transfers,
    w13_throughput,
    w14_reading,
    writing,
)
from bench.figures import Report

WORKS: dict[str, Callable[..., Report]] = {
    "W1": w01_short_steps.measure,
    "W2": w02_long_steps.measure,
    "W4": w04_reads.measure,
    "W5": w05_restart.measure,
    "W6": w06_cancel.measure,
    "W7": w07_crash.measure,
    "W9": w09_visibility.measure,
    "W10": w10_first_page.measure,
    "W12": w12_transfers.measure,
    "W13": w13_throughput.measure,
    "W14": w14_reading.measure,
    "isolation": isolation.measure,
    "tables": tables.measure,
    "writing": writing.measure,
}


def main() -> None:
    """One after the other: they would disturb each other."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("works", nargs="*", metavar="WORK", help=f"of {' '.join(WORKS)}; default: all")
    parser.add_argument(
        "--full", action="store_true", help="as often as it takes to be sure (W6: 200 cancels, W7: 40 kills)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    unknown = [work for work in arguments.works if work not in WORKS]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {' '.join(WORKS)}")
    machine, reports = figures.machine(), list[Report]()
    if not arguments.json:
        print("  ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    for work in arguments.works or WORKS:
        reports.append(WORKS[work](full=arguments.full))
        if not arguments.json:
            print("\n" + figures.as_text(reports[-1]), flush=True)
    if arguments.json:
        print(json.dumps({"machine": machine, "reports": [figures.as_json(report) for report in reports]}, indent=2))


if __name__ == "__main__":
    main()
