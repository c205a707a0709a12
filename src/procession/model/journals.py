"""What a step records of its effects outside, and how much."""

from __future__ import annotations

RECORDS_MAX = 100_000  # of a step, over all its tries
RECORD_CHARS_MAX = 200
RECORDS_BYTES_MAX = 8 * 2**20  # of all of them, in UTF-8: they come with the job, in one message
