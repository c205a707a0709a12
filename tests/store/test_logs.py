"""What every store of step logs behind the port keeps."""

from __future__ import annotations

import pytest

from procession.store.step_logs import PIECE_BYTES, StepLogs, pieces


def stored(logs: StepLogs) -> list[int]:
    return [attempt for part in logs.parts() for attempt in logs.stored(part)]


def test_a_log_grows_and_is_read_from_any_place(logs: StepLogs) -> None:
    assert logs.append(7, b"one\n") == 4
    logs.append(7, "zw\u00f6lf\n".encode())

    assert logs.read(7, 0) == "one\nzw\u00f6lf\n".encode()
    assert logs.read(7, 4, 3) == "zw\u00f6".encode()[:3]
    assert (logs.read(7, 10), logs.read(7, 99), logs.size_bytes(7)) == (b"\n", b"", 11)


def test_an_attempt_that_said_nothing_has_an_empty_log(logs: StepLogs) -> None:
    assert (logs.read(1, 0), logs.size_bytes(1), stored(logs)) == (b"", 0, [])
    assert list(pieces(logs, 1, 0, 100)) == []


def test_logs_of_many_attempts_stay_apart(logs: StepLogs) -> None:
    numbers = [1, 999, 1000, 1001, 12_345_678]
    for number in numbers:
        logs.append(number, str(number).encode())

    assert sorted(stored(logs)) == numbers
    assert [logs.read(number, 0) for number in numbers] == [str(number).encode() for number in numbers]


def test_a_removed_log_is_gone_and_may_be_removed_again(logs: StepLogs) -> None:
    logs.append(1, b"a")
    logs.append(2, b"b")
    logs.remove(1)
    logs.remove(1)

    assert (stored(logs), logs.read(1, 0), logs.read(2, 0)) == ([2], b"", b"b")


@pytest.mark.parametrize(("start", "length"), [(0, 3 * PIECE_BYTES), (5, 7), (PIECE_BYTES - 1, PIECE_BYTES + 2)])
def test_a_long_log_is_read_in_pieces(logs: StepLogs, start: int, length: int) -> None:
    text = b"0123456789abcde\n" * (2 * PIECE_BYTES // 16) + b"the end"
    logs.append(1, text)

    found = list(pieces(logs, 1, start, length))

    assert b"".join(found) == text[start : start + length]
    assert max(map(len, found)) <= PIECE_BYTES


def test_bytes_that_are_no_text_are_kept(logs: StepLogs) -> None:
    logs.append(1, b"\xff\x00\r\n")

    assert logs.read(1, 0) == b"\xff\x00\r\n"
