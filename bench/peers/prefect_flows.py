"""The flows of Prefect: imported when its settings are in the environment, and run as a program to serve one."""

from __future__ import annotations

from prefect import flow, task

from bench.peers import work
from bench.peers.contract import STEPS, Work


@task
def nothing() -> int:
    return 1


@task
def tell_time(path: str) -> None:
    work.tell_time(path)


@task
def resist(names: str) -> None:
    work.resist(names)


@flow
def steps(text: str) -> int:
    return sum(nothing() for _ in range(STEPS))


@flow
def first(text: str) -> None:
    tell_time(text)


@flow
def stubborn(text: str) -> None:
    resist(text)


FLOWS = {Work.STEPS: steps, Work.FIRST: first}

if __name__ == "__main__":
    stubborn.serve(name="bench")
