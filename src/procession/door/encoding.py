"""Values as JSON, for every answer of every door."""

from __future__ import annotations

import msgspec

# Amounts leave as JSON numbers, digit by digit as they were given: 0.10 stays 0.10.
_encoder = msgspec.json.Encoder(decimal_format="number")
encode = _encoder.encode
