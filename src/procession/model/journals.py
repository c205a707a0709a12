"""What a step records of its effects outside, and how much."""

from __future__ import annotations

# Entries that no action may use for anything else: a restart reads the one and writes the other.
IN_DOUBT = "in doubt"  # the step has failed, as it cannot tell whether an earlier try has done it
RELEASED = "released"  # a person has released it by name since
RECORDS_MAX = 100_000  # of a step, over all its tries
RECORD_CHARS_MAX = 200
RECORDS_BYTES_MAX = 8 * 2**20  # of all of them, in UTF-8: they come with the job, in one message
