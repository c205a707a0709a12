"""What the columns of a sample are proposed as: nothing that would lose a digit, and nothing that can be read in two ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from procession.actions.tables import proposing
from procession.actions.tables.contract import ProposedColumn

CASES: dict[str, tuple[Sequence[str | None], dict[str, Any]]] = {
    # supabase/supabase#12666, proompteng/bilig#28: accounts and postal codes lost their zeros.
    "zeros": (["0600000", "10", "0042"], {"type": "Text", "note": "zeros at the front would be lost in a number"}),
    # OpenRefine/OpenRefine#906: 2E4 became 2000.
    "exponents": (["2E4", "3A1"], {"type": "Text"}),
    # energy-data/energydata.info#1: 00:10 became a date of today.
    "clocks": (["00:10", "00:20"], {"type": "Text"}),
    # Markenson/csv-metabase-driver#3, dbeaver/dbeaver#2022: days and months were taken for each other.
    "days": (["03/04/2026", "05/06/2026"], {"type": "Text", "note": "“03/04/2026” can be two days (%d/%m/%Y and %m/%d/%Y); say which"}),
    "told days": (["03/04/2026", "25/06/2026"], {"type": "Date", "pattern": "%d/%m/%Y"}),
    "ISO days": (["2026-01-31", " 2026-02-28 "], {"type": "Date"}),
    "moments": (["2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z"], {"type": "Datetime"}),
    "impossible days": (["2026-02-31", "31.02.2026"], {"type": "Text"}),
    "one mark": (["1.234", "5.678"], {"type": "Text", "note": "“1.234” can be two numbers; say which"}),
    "both marks": (["1.234,50", "7,00-"], {"type": "Money", "decimal": ",", "thousands": "."}),
    "blanks": (["1 234,5", "12,25"], {"type": "Money", "decimal": ",", "thousands": " "}),
    # They told nobody apart: a blank is no decimal mark.
    "whole with blanks": (["1 234", "12 000", "7"], {"type": "Number", "thousands": " "}),
    "whole": (["1", "22", "-3"], {"type": "Number"}),
    "rates": (["1.08455", "24.2"], {"type": "Number"}),
    "IBAN": (["1234567890123456"], {"type": "Text", "note": "so many digits are a name, and no amount"}),
    "mostly": (["1.50"] * 30 + ["n/a"], {"type": "Money"}),
    "truths": (["true", "FALSE"], {"type": "TrueFalse"}),
    "nothing": (["", None, "  "], {"type": "Text", "note": "it has no value in the sample"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_column_is_proposed_as_what_all_its_values_are_in_one_way(name: str) -> None:
    values, expected = CASES[name]

    assert proposing.propose("Column", values) == ProposedColumn(heading="Column", **expected)
