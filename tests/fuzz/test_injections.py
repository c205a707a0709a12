"""SQL, templates, formulas, paths, addresses and commands in every place of every operation: 0 hits (S5)."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.server import Server

from tests.fuzz import injecting
from tests.fuzz.injections import KINDS, every, texts, trap
from tests.fuzz.poisoned import poison

# Of each place; all texts take their turn.
TEXTS, TEXTS_THOROUGH = 2, 1_000
RUNS = 5


def test_no_text_breaks_out_of_its_place(tmp_path: Path, is_thorough: bool) -> None:
    tally = injecting.into_operations(tmp_path, texts_max=TEXTS_THOROUGH if is_thorough else TEXTS)

    assert tally.failures == []
    assert tally.asked > 300


@pytest.mark.acceptance
def test_no_text_breaks_out_of_a_run(tmp_path: Path, is_thorough: bool) -> None:
    server = Server(home=tmp_path / "home", workers_max=2)
    tmp_path.chmod(0o755)
    server.start()
    try:
        server.sign_in()
        with trap(tmp_path) as made:
            chosen = tuple(listed[0] for listed in texts(made).values())[:RUNS]
            found = poison(server, made, every(made) if is_thorough else chosen)
    finally:
        server.end()

    assert found.hits == []
    assert (found.refused, found.errors) == (0, 0)


def test_the_traps_see_every_kind_of_hit(tmp_path: Path) -> None:
    with trap(tmp_path) as made:
        hits = injecting.into_weak(made)

    assert {hit for hit in hits if hits[hit]} == set(KINDS)


def test_texts_that_nobody_pastes_are_no_hits(tmp_path: Path) -> None:
    with trap(tmp_path) as made:
        assert list(made.elsewhere()) == []
