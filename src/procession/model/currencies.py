"""How many decimals amounts in a currency have, by ISO 4217."""

from __future__ import annotations

# All others have two.
_NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE, _FOUR = "BHD IQD JOD KWD LYD OMR TND", "CLF UYW"
_DECIMALS = {name: count for names, count in ((_NONE, 0), (_THREE, 3), (_FOUR, 4)) for name in names.split()}


def decimals_of(currency: str) -> int:
    """0 to 4."""
    return _DECIMALS.get(currency, 2)
